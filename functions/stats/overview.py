"""GET /api/v1/stats/overview: what is disclosed altogether."""

from typing import Annotated

from fastapi import Query, Request
from starlette.responses import Response

from quant.db import session
from quant.stats import overview
from quant_http.app import RouteApp
from quant_http.models import QueryModel
from quant_http.responses import CACHE_HEADERS, document_entity
from stats._models import Overview

app = RouteApp("stats.overview")


@app.endpoint(
    summary="Count what is disclosed",
    model=Overview,
    errors=(422,),
    headers=CACHE_HEADERS,
    tags=["stats"],
)
async def show(
    request: Request,
    query: Annotated[QueryModel, Query()],  # noqa: ARG001 - refuses unknown parameters
) -> Response:
    """Totals, how much the other statistics can use, first and last days, counts by group."""
    return document_entity(request, lambda: session.read(overview.read))


handler = app.handler

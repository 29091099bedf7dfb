"""GET /api/v1/stats/sectors: trades by sector."""

from typing import Annotated

from fastapi import Query, Request
from starlette.responses import Response

from quant.db import session
from quant.stats import sectors
from quant_http.app import RouteApp
from quant_http.responses import CACHE_HEADERS, document_entity
from stats._models import SectorList, SelectionQuery

app = RouteApp("stats.sectors")


@app.endpoint(
    summary="Count trades by sector",
    model=SectorList,
    errors=(422,),
    headers=CACHE_HEADERS,
    tags=["stats"],
)
async def show(request: Request, query: Annotated[SelectionQuery, Query()]) -> Response:
    """GICS sectors with their trades; those whose sector is unknown are a row of their own."""
    return document_entity(
        request,
        lambda: session.read(lambda connection: sectors.read(connection, query.selection())),
    )


handler = app.handler

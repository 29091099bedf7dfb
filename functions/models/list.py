"""GET /api/v1/models: the models, and whether they predict."""

from typing import Annotated

from fastapi import Query, Request
from starlette.responses import Response

from models._models import ModelList
from quant.db import session
from quant.ml.serving import cards, states
from quant_http.app import RouteApp
from quant_http.models import QueryModel
from quant_http.responses import CACHE_HEADERS, document_entity

app = RouteApp("models.list")


@app.endpoint(
    summary="List models", model=ModelList, errors=(422,), headers=CACHE_HEADERS, tags=["models"]
)
async def list_(
    request: Request,
    query: Annotated[QueryModel, Query()],  # noqa: ARG001 - refuses unknown parameters
) -> Response:
    """All models, those that predict nothing as well, each with its record so far."""
    return document_entity(
        request,
        lambda: session.read(cards.model_list),
        state=session.read(states.last_event),
    )


handler = app.handler

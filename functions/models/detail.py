"""GET /api/v1/models/{name}: the card of a model."""

from typing import Annotated

from fastapi import Query, Request
from starlette.responses import Response

from models._models import ModelCardAnswer
from quant.db import session
from quant.ml.serving import cards, states
from quant_http.app import RouteApp
from quant_http.models import QueryModel
from quant_http.prediction_models import ModelPath
from quant_http.responses import CACHE_HEADERS, document_entity

app = RouteApp("models.detail")


@app.endpoint(
    summary="Get a model card",
    model=ModelCardAnswer,
    errors=(404, 422),
    headers=CACHE_HEADERS,
    tags=["models"],
)
async def detail(
    request: Request,
    name: ModelPath,
    query: Annotated[QueryModel, Query()],  # noqa: ARG001 - refuses unknown parameters
) -> Response:
    """What it predicts and against which baselines, its features, metrics by fold, and lineage.

    The evaluation is that of the champion, or of the latest version where none has been promoted.
    """
    return document_entity(
        request,
        lambda: session.read(lambda connection: cards.model_card(connection, name)),
        state=session.read(states.last_event),
    )


handler = app.handler

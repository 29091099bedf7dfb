"""GET /api/v1/models/{name}/scorecard: the record of stored predictions."""

from typing import Annotated

from fastapi import Query, Request
from starlette.responses import Response

from models._models import ScorecardAnswer
from quant.cache import ENTRY_TTL_S
from quant.db import session
from quant.ml.monitoring import scorecard
from quant.ml.serving import states
from quant_http.app import RouteApp
from quant_http.models import QueryModel
from quant_http.prediction_models import ModelPath
from quant_http.responses import CACHE_HEADERS, report_entity

app = RouteApp("models.scorecard")


@app.endpoint(
    summary="Get a model's scorecard",
    model=ScorecardAnswer,
    errors=(404, 422),
    headers=CACHE_HEADERS,
    tags=["models"],
)
async def show(
    request: Request,
    name: ModelPath,
    query: Annotated[QueryModel, Query()],  # noqa: ARG001 - refuses unknown parameters
) -> Response:
    """How the predictions turned out that were stored before their outcome was known.

    Also of a model that is switched off: what it said stays on record.
    """
    return report_entity(
        request,
        lambda: session.read(lambda connection: scorecard.scorecard(connection, name)),
        ttl_s=ENTRY_TTL_S,
        state=session.read(states.last_event),
    )


handler = app.handler

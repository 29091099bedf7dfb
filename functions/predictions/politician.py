"""GET /api/v1/predictions/{politician_id}: the models applied to one politician."""

from typing import Annotated

from fastapi import Path, Query, Request
from starlette.responses import Response

from predictions._models import PoliticianPredictionsAnswer
from quant.db import session
from quant.ml import objects
from quant.ml.serving import politician, states
from quant_http.app import RouteApp
from quant_http.models import POLITICIAN_ID_PATTERN, QueryModel
from quant_http.responses import CACHE_HEADERS, document_entity

app = RouteApp("predictions.politician")


@app.endpoint(
    summary="Predict of a politician",
    model=PoliticianPredictionsAnswer,
    errors=(404, 422),
    headers=CACHE_HEADERS,
    tags=["models"],
)
async def show(
    request: Request,
    politician_id: Annotated[
        str,
        Path(
            description="Identifier (UUID) or bioguide id.",
            pattern=POLITICIAN_ID_PATTERN,
            examples=["W000779"],
        ),
    ],
    query: Annotated[QueryModel, Query()],  # noqa: ARG001 - refuses unknown parameters
) -> Response:
    """The champion of each model, applied now to what is known of the politician.

    Where a champion's artifact is missing or damaged the champion before it predicts, and
    `skipped` says so. A model that is switched off or has no champion predicts nothing, and
    `reason` says why.
    """
    return document_entity(
        request,
        lambda: politician.politician_document(
            session.read(lambda connection: politician.known_of(connection, politician_id)),
            objects.MlBucket.from_environment(),
        ),
        state=session.read(states.last_event),
    )


handler = app.handler

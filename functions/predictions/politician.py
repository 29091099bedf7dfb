"""GET /api/v1/predictions/{politician_id}: the models applied to one politician."""

from typing import Annotated

from fastapi import Path, Query, Request
from starlette.responses import Response

from predictions._models import PoliticianPredictionsAnswer
from quant.db.session import read
from quant.ml.objects import MlBucket
from quant.ml.serving.politician import known_of, politician_document
from quant.ml.serving.states import last_event
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
async def politician(
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
        lambda: politician_document(
            read(lambda connection: known_of(connection, politician_id)),
            MlBucket.from_environment(),
        ),
        state=read(last_event),
    )


handler = app.handler

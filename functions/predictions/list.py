"""GET /api/v1/predictions: predictions stored before their outcome was known."""

from typing import Annotated

from fastapi import Query, Request
from starlette.responses import Response

from predictions._models import PredictionPage, PredictionsQuery
from quant.db import session
from quant.ml.serving import listing, states
from quant_http.app import RouteApp
from quant_http.responses import CACHE_HEADERS, document_entity

app = RouteApp("predictions.list")


@app.endpoint(
    summary="List predictions",
    model=PredictionPage,
    errors=(422,),
    headers=CACHE_HEADERS,
    tags=["models"],
)
async def list_(request: Request, query: Annotated[PredictionsQuery, Query()]) -> Response:
    """Each with interval, baselines and attributions, and its outcome once that is known.

    Newest first, of every version that predicted; page through the list with `cursor`. A model
    that is switched off or has no champion has no rows: `models` says why.
    """
    return document_entity(
        request,
        lambda: session.read(
            lambda connection: listing.prediction_page(
                connection, query.filters(), limit=query.limit, cursor=query.cursor
            )
        ),
        state=session.read(states.last_event),
    )


handler = app.handler

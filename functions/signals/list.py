"""GET /api/v1/signals: the latest prediction of each ticker by each model."""

from typing import Annotated

from fastapi import Query, Request
from starlette.responses import Response

from quant.db import session
from quant.ml.serving import signals, states
from quant_http.app import RouteApp
from quant_http.responses import CACHE_HEADERS, document_entity
from signals._models import SignalPage, SignalsQuery

app = RouteApp("signals.list")


@app.endpoint(
    summary="List signals",
    model=SignalPage,
    errors=(422,),
    headers=CACHE_HEADERS,
    tags=["models"],
)
async def list_(request: Request, query: Annotated[SignalsQuery, Query()]) -> Response:
    """The latest prediction of each ticker and model whose outcome is not yet known.

    Of the champion, or of the champion before it where that one predicted instead. `models` has the
    record so far, and says why a model has no signals. Page through the list with `cursor`.
    """
    return document_entity(
        request,
        lambda: session.read(
            lambda connection: signals.signal_page(
                connection, query.filters(), limit=query.limit, cursor=query.cursor
            )
        ),
        state=session.read(states.last_event),
    )


handler = app.handler

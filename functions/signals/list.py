"""GET /api/v1/signals: the latest prediction of each ticker by each model."""

from typing import Annotated

from fastapi import Query, Request
from starlette.responses import Response

from quant.db.session import read
from quant.ml.serving.signals import signal_page
from quant.ml.serving.states import last_event
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
        lambda: read(
            lambda connection: signal_page(
                connection, query.filters(), limit=query.limit, cursor=query.cursor
            )
        ),
        state=read(last_event),
    )


handler = app.handler

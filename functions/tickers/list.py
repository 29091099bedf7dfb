"""GET /api/v1/tickers: tickers that members trade."""

from typing import Annotated

from fastapi import Query, Request
from starlette.responses import Response

from quant import tickers
from quant.db import session
from quant_http.app import RouteApp
from quant_http.responses import CACHE_HEADERS, page_entity
from tickers._models import TickerPage, TickersQuery

app = RouteApp("tickers.list")


@app.endpoint(
    summary="List tickers",
    model=TickerPage,
    errors=(422,),
    headers=CACHE_HEADERS,
    tags=["tickers"],
)
async def list_(request: Request, query: Annotated[TickersQuery, Query()]) -> Response:
    """Tickers that were traded, each with counts and the sum of the disclosed ranges.

    Page through the list with `cursor`; filters and sort must stay the same.
    """
    return page_entity(
        request,
        lambda: session.read(
            lambda connection: tickers.list_tickers(
                connection, query.filters(), limit=query.limit, cursor=query.cursor
            )
        ),
    )


handler = app.handler

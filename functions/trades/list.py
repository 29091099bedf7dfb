"""GET /api/v1/trades: disclosed trades, filtered, sorted and paged."""

from typing import Annotated

from fastapi import Query, Request
from starlette.responses import Response

from quant import trades
from quant_http.app import RouteApp
from quant_http.responses import CACHE_HEADERS, page_entity
from trades._models import TradePage, TradesQuery

app = RouteApp("trades.list")


@app.endpoint(
    summary="List disclosed trades",
    model=TradePage,
    errors=(422,),
    headers=CACHE_HEADERS,
    tags=["trades"],
)
async def list_(request: Request, query: Annotated[TradesQuery, Query()]) -> Response:
    """Trades as disclosed in periodic transaction reports, each with its source filing.

    Page through the list with `cursor`; filters and sort must stay the same.
    """
    return page_entity(
        request,
        lambda: trades.list_trades(query.filters(), limit=query.limit, cursor=query.cursor),
    )


handler = app.handler

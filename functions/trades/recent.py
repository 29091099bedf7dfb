"""GET /api/v1/trades/recent: the trades disclosed last."""

from typing import Annotated

from fastapi import Query, Request
from starlette.responses import Response

from quant import trades
from quant_http.app import RouteApp
from quant_http.responses import CACHE_HEADERS, page_entity
from trades._models import RecentTradesQuery, TradePage

app = RouteApp("trades.recent")


@app.endpoint(
    summary="List the trades disclosed last",
    model=TradePage,
    errors=(422,),
    headers=CACHE_HEADERS,
    tags=["trades"],
)
async def recent(request: Request, query: Annotated[RecentTradesQuery, Query()]) -> Response:
    """The newest disclosures first, in one page; trades of unknown disclosure date are left out."""
    return page_entity(
        request,
        lambda: trades.recent_trades(chamber=query.chamber, limit=query.limit),
    )


handler = app.handler

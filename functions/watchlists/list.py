"""GET /api/v1/watchlists: the caller's watchlists."""

from typing import Annotated

from fastapi import Query, Request
from starlette.responses import Response

from quant.alerts import watchlists
from quant_http.app import RouteApp
from quant_http.caller import caller
from quant_http.models import PageQuery
from quant_http.responses import CACHE_HEADERS
from watchlists._answers import own_page
from watchlists._models import WatchlistPage

app = RouteApp("watchlists.list")


@app.endpoint(
    summary="List one's watchlists",
    model=WatchlistPage,
    errors=(422,),
    headers=CACHE_HEADERS,
    tags=["watchlists"],
)
async def list_(request: Request, query: Annotated[PageQuery, Query()]) -> Response:
    """The newest first, without their webhooks' secrets; page through them with `cursor`."""
    page = watchlists.list_watchlists(
        caller(request).account_id, limit=query.limit, cursor=query.cursor
    )
    return own_page(request, page)


handler = app.handler

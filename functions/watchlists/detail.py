"""GET /api/v1/watchlists/{watchlist_id}: one of the caller's watchlists."""

from typing import Annotated

from fastapi import Query, Request
from starlette.responses import Response

from quant.alerts import watchlists
from quant_http.app import RouteApp
from quant_http.caller import caller
from quant_http.json import dump_json
from quant_http.models import QueryModel
from quant_http.responses import CACHE_HEADERS, entity
from watchlists._models import Watchlist, WatchlistId

app = RouteApp("watchlists.detail")


@app.endpoint(
    summary="Get a watchlist",
    model=Watchlist,
    errors=(404, 422),
    headers=CACHE_HEADERS,
    tags=["watchlists"],
)
async def detail(
    request: Request,
    watchlist_id: WatchlistId,
    query: Annotated[QueryModel, Query()],  # noqa: ARG001 - refuses unknown parameters
) -> Response:
    """One of the caller's own, with the health of its webhook. Another account's is a 404."""
    watchlist = watchlists.get_watchlist(caller(request).account_id, watchlist_id)
    return entity(request, dump_json(watchlist))


handler = app.handler

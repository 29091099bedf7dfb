"""PUT /api/v1/watchlists/{watchlist_id}: replace what a watchlist says."""

from fastapi import Request
from starlette.responses import Response

from quant.alerts import watchlists
from quant_http.app import RouteApp
from quant_http.caller import caller, origin
from quant_http.responses import NO_STORE_HEADERS, private_json
from watchlists._models import NewWatchlist, Watchlist, WatchlistId

app = RouteApp("watchlists.update")


@app.endpoint(
    summary="Replace a watchlist",
    model=Watchlist,
    errors=(404, 422),
    headers=NO_STORE_HEADERS,
    tags=["watchlists"],
)
async def update(request: Request, watchlist_id: WatchlistId, body: NewWatchlist) -> Response:
    """The secret stays; a webhook that was turned off is turned on again.

    Alerts on their way still go to the old address.
    """
    changed = watchlists.replace(
        caller(request).account_id, watchlist_id, body.content(), origin(request)
    )
    return private_json(changed)


handler = app.handler

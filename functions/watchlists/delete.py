"""DELETE /api/v1/watchlists/{watchlist_id}: delete a watchlist."""

from fastapi import Request
from starlette.responses import Response

from quant.alerts import watchlists
from quant_http.app import RouteApp
from quant_http.caller import caller, origin
from quant_http.responses import NO_STORE, NO_STORE_HEADERS
from watchlists._models import WatchlistId

app = RouteApp("watchlists.delete")


@app.endpoint(
    summary="Delete a watchlist",
    status=204,
    errors=(404, 422),
    headers=NO_STORE_HEADERS,
    tags=["watchlists"],
)
async def delete(request: Request, watchlist_id: WatchlistId) -> Response:
    """With the record of its deliveries. Alerts on their way may still arrive."""
    watchlists.remove(caller(request).account_id, watchlist_id, origin(request))
    return Response(status_code=204, headers=NO_STORE)


handler = app.handler

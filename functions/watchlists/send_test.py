"""POST /api/v1/watchlists/{watchlist_id}/test: send a test to the webhook."""

from fastapi import Request
from starlette.responses import Response

from quant.alerts import deliveries
from quant_http.app import RouteApp
from quant_http.caller import caller
from quant_http.responses import NO_STORE_HEADERS, private_json
from watchlists._models import Delivery, WatchlistId

app = RouteApp("watchlists.send_test")


@app.endpoint(
    summary="Test a webhook",
    model=Delivery,
    status=202,
    errors=(404, 409, 422),
    headers=NO_STORE_HEADERS,
    tags=["watchlists"],
)
async def test(request: Request, watchlist_id: WatchlistId) -> Response:
    """A `webhook.test` is on its way; the list of deliveries tells what became of it."""
    return private_json(deliveries.send_test(caller(request).account_id, watchlist_id), status=202)


handler = app.handler

"""POST /api/v1/watchlists/{watchlist_id}/rotate-secret: replace the webhook's secret."""

from fastapi import Request
from starlette.responses import Response

from quant.alerts import watchlists
from quant_http.app import RouteApp
from quant_http.caller import caller, origin
from quant_http.responses import NO_STORE_HEADERS, private_json
from watchlists._models import WatchlistId, WebhookSecret

app = RouteApp("watchlists.rotate_secret")


@app.endpoint(
    summary="Replace a webhook's secret",
    model=WebhookSecret,
    errors=(404, 422),
    headers=NO_STORE_HEADERS,
    tags=["watchlists"],
)
async def rotate(request: Request, watchlist_id: WatchlistId) -> Response:
    """The new secret is shown in this answer and never again.

    For 24 hours webhooks are signed with the old one as well, so that none is lost on the way.
    """
    secret = watchlists.rotate_secret(caller(request).account_id, watchlist_id, origin(request))
    return private_json({"webhook_secret": secret})


handler = app.handler

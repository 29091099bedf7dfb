"""GET /api/v1/watchlists/{watchlist_id}/deliveries: what became of a watchlist's alerts."""

from typing import Annotated

from fastapi import Query, Request
from starlette.responses import Response

from quant.alerts import deliveries
from quant_http.app import RouteApp
from quant_http.caller import caller
from quant_http.responses import CACHE_HEADERS
from watchlists._answers import own_page
from watchlists._models import DeliveriesQuery, DeliveryPage, WatchlistId

app = RouteApp("watchlists.list_deliveries")


@app.endpoint(
    summary="List a watchlist's deliveries",
    model=DeliveryPage,
    errors=(404, 422),
    headers=CACHE_HEADERS,
    tags=["watchlists"],
)
async def list_(
    request: Request, watchlist_id: WatchlistId, query: Annotated[DeliveriesQuery, Query()]
) -> Response:
    """Alerts of the last 90 days, the newest first; filters must stay the same between pages."""
    page = deliveries.list_deliveries(
        caller(request).account_id,
        watchlist_id,
        state=query.state,
        limit=query.limit,
        cursor=query.cursor,
    )
    return own_page(request, page)


handler = app.handler

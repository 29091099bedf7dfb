"""POST /api/v1/watchlists/unsubscribe: stop the digests of whom a mail went to (RFC 8058)."""

from typing import Annotated

from fastapi import Query, Request
from starlette.responses import Response

from quant.alerts import signing, watchlists
from quant_http.app import RouteApp
from quant_http.caller import origin
from quant_http.responses import NO_STORE_HEADERS
from watchlists._models import UnsubscribeQuery
from watchlists._page import html_page

app = RouteApp("watchlists.unsubscribe")


@app.endpoint(
    summary="Stop one's digests",
    media_type="text/html",
    errors=(404, 422),
    headers=NO_STORE_HEADERS,
    tags=["watchlists"],
)
async def unsubscribe(request: Request, query: Annotated[UnsubscribeQuery, Query()]) -> Response:
    """Digests of all watchlists of the account are turned off; webhooks go on."""
    watchlists.stop_digests(signing.unsubscribing_account(query.token), origin(request))
    return html_page("<p>You get no more daily mails. A watchlist can ask for them again.</p>")


handler = app.handler

"""GET /api/v1/watchlists/unsubscribe: the page that a digest's link opens."""

from typing import Annotated

from fastapi import Query
from starlette.responses import Response

from quant_http.app import RouteApp
from quant_http.responses import NO_STORE_HEADERS
from watchlists._models import UnsubscribeQuery
from watchlists._page import html_page

app = RouteApp("watchlists.unsubscribe_page")


@app.endpoint(
    summary="Open the link of a digest",
    media_type="text/html",
    errors=(422,),
    headers=NO_STORE_HEADERS,
    tags=["watchlists"],
)
async def page(
    query: Annotated[UnsubscribeQuery, Query()],  # noqa: ARG001 - refuses a link cut short
) -> Response:
    """A page with a button: a mail filter that opens links must not stop anybody's mails."""
    # A form without an address posts to the page's own, token and all.
    return html_page(
        "<p>Stop the daily mails of all your watchlists?</p>\n"
        '<form method="post"><button>Stop them</button></form>'
    )


handler = app.handler

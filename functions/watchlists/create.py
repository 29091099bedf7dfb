"""POST /api/v1/watchlists: make a watchlist."""

from fastapi import Request
from starlette.responses import Response

from quant.alerts import watchlists
from quant_http.app import RouteApp
from quant_http.caller import caller, origin
from quant_http.responses import NO_STORE_HEADERS, private_json
from watchlists._models import CreatedWatchlist, NewWatchlist

app = RouteApp("watchlists.create")


@app.endpoint(
    summary="Make a watchlist",
    model=CreatedWatchlist,
    status=201,
    errors=(404, 409, 422),
    headers=NO_STORE_HEADERS,
    tags=["watchlists"],
)
async def create_watchlist(request: Request, body: NewWatchlist) -> Response:
    """The webhook's secret is shown in this answer and never again.

    Where an account has as many watchlists as its tier allows, the answer is a 409.
    """
    made = watchlists.create(caller(request).account_id, body.content(), origin(request))
    return private_json(made, status=201)


handler = app.handler

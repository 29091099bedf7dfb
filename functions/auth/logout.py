"""POST /api/v1/auth/logout: end the caller's own session."""

from fastapi import Request
from starlette.responses import Response

from quant.accounts import sessions
from quant_http.app import RouteApp
from quant_http.caller import caller, origin
from quant_http.responses import NO_STORE_HEADERS, no_content

app = RouteApp("auth.logout")


@app.endpoint(
    summary="Log out",
    status=204,
    headers=NO_STORE_HEADERS,
    tags=["auth"],
)
async def logout(request: Request) -> Response:
    """Ends the session; its access token stops working within a minute."""
    who = caller(request)
    if who.session_id is not None:
        sessions.logout(who.account_id, who.session_id, origin(request))
    return no_content()


handler = app.handler

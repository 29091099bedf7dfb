"""GET /api/v1/auth/sessions: the caller's live sessions."""

from fastapi import Request
from starlette.responses import Response

from auth._models import SessionList
from quant.accounts import sessions
from quant_http.app import RouteApp
from quant_http.caller import caller
from quant_http.responses import NO_STORE_HEADERS, private_json

app = RouteApp("auth.list_sessions")


@app.endpoint(
    summary="List one's sessions",
    model=SessionList,
    headers=NO_STORE_HEADERS,
    tags=["auth"],
)
async def list_sessions(request: Request) -> Response:
    """Live sessions, the most recently used first; at most 100."""
    who = caller(request)
    return private_json({"data": sessions.list_sessions(who.account_id, who.session_id)})


handler = app.handler

"""GET /api/v1/auth/me: the caller's account."""

from fastapi import Request
from starlette.responses import Response

from quant.accounts import profile
from quant_http.app import RouteApp
from quant_http.caller import caller
from quant_http.models import Account
from quant_http.responses import NO_STORE_HEADERS, private_json

app = RouteApp("auth.me")


@app.endpoint(
    summary="Get one's own account",
    model=Account,
    errors=(404,),
    headers=NO_STORE_HEADERS,
    tags=["auth"],
)
async def me(request: Request) -> Response:
    """The account the access token was issued to."""
    return private_json(profile.get_account(caller(request).account_id))


handler = app.handler

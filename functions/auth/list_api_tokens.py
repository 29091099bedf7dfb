"""GET /api/v1/auth/tokens: the caller's live API tokens."""

from fastapi import Request
from starlette.responses import Response

from auth._models import ApiTokenList
from quant.accounts import api_tokens
from quant_http.app import RouteApp
from quant_http.caller import caller
from quant_http.responses import NO_STORE_HEADERS, private_json

app = RouteApp("auth.list_api_tokens")


@app.endpoint(
    summary="List one's API tokens",
    model=ApiTokenList,
    headers=NO_STORE_HEADERS,
    tags=["auth"],
)
async def list_api_tokens(request: Request) -> Response:
    """Live API tokens, the newest first, without the tokens themselves."""
    return private_json({"data": api_tokens.list_tokens(caller(request).account_id)})


handler = app.handler

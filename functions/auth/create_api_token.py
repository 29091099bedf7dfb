"""POST /api/v1/auth/tokens: a long-lived token for a machine."""

from datetime import timedelta

from fastapi import Request
from starlette.responses import Response

from auth._models import CreatedApiToken, NewApiToken
from quant.accounts import api_tokens
from quant_http.app import RouteApp
from quant_http.caller import caller, origin
from quant_http.responses import NO_STORE_HEADERS, private_json

app = RouteApp("auth.create_api_token")


@app.endpoint(
    summary="Make an API token",
    model=CreatedApiToken,
    status=201,
    errors=(404, 409, 422),
    headers=NO_STORE_HEADERS,
    tags=["auth"],
)
async def create_api_token(request: Request, body: NewApiToken) -> Response:
    """The token is shown in this answer and never again. An account has at most 50."""
    made = api_tokens.create(
        caller(request).account_id,
        name=body.name,
        scopes=body.scopes,
        lifetime=timedelta(days=body.expires_in_days),
        origin=origin(request),
    )
    return private_json(made, status=201)


handler = app.handler

"""POST /api/v1/auth/refresh: the next tokens of a session."""

from fastapi import Request
from starlette.responses import Response

from auth._answers import token_pair
from auth._models import RefreshTokenBody, TokenPair
from quant.accounts import refreshes
from quant_http.app import RouteApp
from quant_http.caller import origin
from quant_http.responses import NO_STORE_HEADERS

app = RouteApp("auth.refresh")


@app.endpoint(
    summary="Refresh the tokens",
    model=TokenPair,
    errors=(401, 422, 429),
    headers=NO_STORE_HEADERS,
    tags=["auth"],
)
async def refresh(request: Request, body: RefreshTokenBody) -> Response:
    """Each refresh token works once, within 7 days.

    Presenting one that was used ends its session, since it may have been stolen; so do two
    refreshes with one token at the same time. After an answer that was lost, log in again.
    """
    return token_pair(refreshes.refresh(body.refresh_token.get_secret_value(), origin(request)))


handler = app.handler

"""DELETE /api/v1/auth/tokens/{token_id}: revoke one of the caller's API tokens."""

import uuid
from typing import Annotated

from fastapi import Path, Request
from starlette.responses import Response

from quant.accounts import api_tokens
from quant_http.app import RouteApp
from quant_http.caller import caller, origin
from quant_http.responses import NO_STORE_HEADERS, no_content

app = RouteApp("auth.revoke_api_token")


@app.endpoint(
    summary="Revoke an API token",
    status=204,
    errors=(404, 422),
    headers=NO_STORE_HEADERS,
    tags=["auth"],
)
async def revoke_api_token(
    request: Request,
    token_id: Annotated[
        uuid.UUID,
        Path(
            description="One of the caller's own.",
            examples=["0e2f7a52-8d0b-4a5d-b0b4-7c1d9a5c3e21"],
        ),
    ],
) -> Response:
    """It stops working within a minute. Another account's token is a 404."""
    api_tokens.revoke(caller(request).account_id, token_id, origin(request))
    return no_content()


handler = app.handler

"""POST /api/v1/auth/reset-password: the token of a mail sets a new password."""

from fastapi import Request
from starlette.responses import Response

from auth._models import PasswordReset
from quant.accounts import resets
from quant_http.app import RouteApp
from quant_http.caller import origin
from quant_http.responses import NO_STORE_HEADERS, no_content

app = RouteApp("auth.reset_password")


@app.endpoint(
    summary="Set a new password",
    status=204,
    errors=(422, 429),
    headers=NO_STORE_HEADERS,
    tags=["auth"],
)
async def reset_password(request: Request, body: PasswordReset) -> Response:
    """Ends all sessions and revokes all API tokens; both stop working within a minute.

    A token works once. An unknown, used or expired one is a 422 with the code `invalid_token`; a
    password that is refused leaves it usable.
    """
    resets.reset_password(
        body.token.get_secret_value(), body.new_password.get_secret_value(), origin(request)
    )
    return no_content()


handler = app.handler

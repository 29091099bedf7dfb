"""POST /api/v1/auth/verify-email: the token of a mail makes its account usable."""

from fastapi import Request
from starlette.responses import Response

from auth._models import EmailToken
from quant.accounts import registration
from quant_http.app import RouteApp
from quant_http.caller import origin
from quant_http.responses import NO_STORE_HEADERS, no_content

app = RouteApp("auth.verify_email")


@app.endpoint(
    summary="Verify an e-mail address",
    status=204,
    errors=(422, 429),
    headers=NO_STORE_HEADERS,
    tags=["auth"],
)
async def verify_email(request: Request, body: EmailToken) -> Response:
    """Makes the account usable, with the password of the registration the mail belongs to.

    A token works once. An unknown, used or expired one is a 422 with the code `invalid_token`.
    """
    registration.verify_email(body.token.get_secret_value(), origin(request))
    return no_content()


handler = app.handler

"""POST /api/v1/auth/forgot-password: a mail with a link to a new password."""

from fastapi import Request
from starlette.responses import Response

from auth._models import Accepted, EmailAddress
from quant.accounts import resets
from quant_http.app import RouteApp
from quant_http.caller import origin
from quant_http.responses import NO_STORE_HEADERS, private_json

app = RouteApp("auth.forgot_password")


@app.endpoint(
    summary="Ask for a new password",
    model=Accepted,
    status=202,
    errors=(422, 429),
    headers=NO_STORE_HEADERS,
    tags=["auth"],
)
async def forgot_password(request: Request, body: EmailAddress) -> Response:
    """Mails a link that sets a new password, valid for an hour.

    An address without an account gets the same answer, and a mail that says so. At most five mails
    a day go to one address.
    """
    resets.request_reset(body.email, origin(request))
    return private_json(
        {"detail": "if the address is yours, a mail tells you how to go on"}, status=202
    )


handler = app.handler

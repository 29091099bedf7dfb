"""POST /api/v1/auth/register: an account for an e-mail address."""

from fastapi import Request
from starlette.responses import Response

from auth._models import Accepted, Registration
from quant.accounts import registration
from quant_http.app import RouteApp
from quant_http.caller import origin
from quant_http.responses import NO_STORE_HEADERS, private_json

app = RouteApp("auth.register")


@app.endpoint(
    summary="Register an account",
    model=Accepted,
    status=202,
    errors=(422, 429),
    headers=NO_STORE_HEADERS,
    tags=["auth"],
)
async def register(request: Request, body: Registration) -> Response:
    """Mails a link that verifies the address, valid for 24 hours.

    A known address gets the same answer; its owner is mailed that there is an account already. At
    most five mails a day go to one address.
    """
    registration.register(body.email, body.password.get_secret_value(), origin(request))
    return private_json(
        {"detail": "if the address is yours, a mail tells you how to go on"}, status=202
    )


handler = app.handler

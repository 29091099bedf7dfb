"""POST /api/v1/auth/login: a password for the tokens of a new session."""

from fastapi import Request
from starlette.responses import Response

from auth._answers import token_pair
from auth._models import Credentials, TokenPair
from quant.accounts import logins
from quant_http.app import RouteApp
from quant_http.caller import origin
from quant_http.responses import NO_STORE_HEADERS

app = RouteApp("auth.login")


@app.endpoint(
    summary="Log in",
    model=TokenPair,
    errors=(401, 403, 422, 429),
    headers=NO_STORE_HEADERS,
    tags=["auth"],
)
async def login(request: Request, body: Credentials) -> Response:
    """Opens a session of at most 30 days.

    The answer to an unknown address is that to a wrong password. After five failed logins of an
    address, or fifty from a network, further ones are refused with a 429 for 30 seconds, and for
    twice as long after each further failure, up to an hour. A 403 means that the password is
    right, but the address is not verified or the account is disabled.
    """
    return token_pair(logins.login(body.email, body.password.get_secret_value(), origin(request)))


handler = app.handler

"""POST /api/v1/auth/change-password: a new password, and an end to other sessions."""

from fastapi import Request
from starlette.responses import Response

from auth._models import PasswordChange
from quant.accounts import password_changes
from quant_http.app import RouteApp
from quant_http.caller import caller, origin
from quant_http.responses import NO_STORE_HEADERS, no_content

app = RouteApp("auth.change_password")


@app.endpoint(
    summary="Change the password",
    status=204,
    errors=(404, 409, 422),
    headers=NO_STORE_HEADERS,
    tags=["auth"],
)
async def change_password(request: Request, body: PasswordChange) -> Response:
    """Ends all other sessions; their access tokens stop working within a minute. API tokens stay.

    A wrong old password is a 422 with the code `wrong_password`; after five of them further
    changes are refused with a 429, as logins are.
    """
    who = caller(request)
    password_changes.change_password(
        who.account_id,
        who.session_id,
        body.old_password.get_secret_value(),
        body.new_password.get_secret_value(),
        origin(request),
    )
    return no_content()


handler = app.handler

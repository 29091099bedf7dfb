"""DELETE /api/v1/auth/sessions/{session_id}: end one of the caller's sessions."""

import uuid
from typing import Annotated

from fastapi import Path, Request
from starlette.responses import Response

from quant.accounts import sessions
from quant_http.app import RouteApp
from quant_http.caller import caller, origin
from quant_http.responses import NO_STORE_HEADERS, no_content

app = RouteApp("auth.revoke_session")


@app.endpoint(
    summary="End a session",
    status=204,
    errors=(404, 422),
    headers=NO_STORE_HEADERS,
    tags=["auth"],
)
async def revoke_session(
    request: Request,
    session_id: Annotated[
        uuid.UUID,
        Path(
            description="One of the caller's own.",
            examples=["d4b1a7c2-6f0e-4f7c-9a55-3f1a5a2b8e90"],
        ),
    ],
) -> Response:
    """Its access token stops working within a minute. Another account's session is a 404."""
    sessions.revoke_session(caller(request).account_id, session_id, origin(request))
    return no_content()


handler = app.handler

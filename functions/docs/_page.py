"""The HTML page around a documentation viewer; everything it loads is served by this API."""

from typing import Final

from fastapi import Request
from starlette.responses import Response

from quant_http.responses import entity

# Viewers style their elements inline; nothing may come from another origin.
CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; "
    "base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
)

_PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Quant Analytics Platform API</title>
<link rel="icon" href="data:,">
{head}</head>
<body>
{body}</body>
</html>
"""


def page(request: Request, *, head: str, body: str) -> Response:
    """Return a documentation page with a policy that keeps it to this origin."""
    response = entity(
        request, _PAGE.format(head=head, body=body).encode(), media_type="text/html; charset=utf-8"
    )
    response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response

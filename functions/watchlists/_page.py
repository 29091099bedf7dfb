"""The page that a digest's link opens, before and after its button."""

from typing import Final

from starlette.responses import Response

from quant_http.responses import NO_STORE

_PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Daily mails</title>
<link rel="icon" href="data:,">
</head>
<body>
<h1>Quant Analytics Platform</h1>
{content}
</body>
</html>
"""
CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; img-src data:; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
)


def html_page(content: str) -> Response:
    """Return a page with this content, which must be ours alone."""
    return Response(
        _PAGE.format(content=content),
        media_type="text/html",
        headers={**NO_STORE, "Content-Security-Policy": CONTENT_SECURITY_POLICY},
    )

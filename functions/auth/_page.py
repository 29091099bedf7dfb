"""Pages that mailed links open: one script, which the page's policy names by its hash.

The token is in the link's fragment, which browsers send to nobody: it stays out of logs. The script
acts on a click only, since a mail filter that opens links, scripts and all, must not use the token
up.
"""

import base64
import hashlib
from dataclasses import dataclass

from starlette.responses import Response

from quant_http.responses import NO_STORE


@dataclass(frozen=True, slots=True)
class Page:
    """A page with a script of its own.

    Attributes:
        title: Title, plain text.
        content: HTML of the body, below the heading.
        script: JavaScript.
    """

    title: str
    content: str
    script: str

    def answer(self) -> Response:
        """Return the page, which may run and send nothing but its script's own."""
        digest = base64.b64encode(hashlib.sha256(self.script.encode()).digest()).decode()
        policy = (
            f"default-src 'none'; script-src 'sha256-{digest}'; connect-src 'self'; "
            "img-src data:; base-uri 'none'; frame-ancestors 'none'; form-action 'none'"
        )
        html = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{self.title}</title>
<link rel="icon" href="data:,">
</head>
<body>
<h1>Quant Analytics Platform</h1>
{self.content}
<script>{self.script}</script>
</body>
</html>
"""
        headers = {**NO_STORE, "Content-Security-Policy": policy}
        return Response(html, media_type="text/html", headers=headers)

"""GET /api/v1/auth/verify-email: the page that a mailed link opens."""

import base64
import hashlib
from typing import Final

from starlette.responses import Response

from auth._answers import NO_STORE, NO_STORE_HEADERS
from quant_http.app import RouteApp

app = RouteApp("auth.verify_page")

# The token is in the fragment, which browsers send to nobody: it stays out of logs. A button, since
# a mail filter that opens links, scripts and all, must not use the token up.
_SCRIPT: Final = """
const status = document.querySelector("p");
const button = document.querySelector("button");
const token = new URLSearchParams(location.hash.slice(1)).get("token");
history.replaceState(null, "", location.pathname);
if (!token) {
  status.textContent = "This link is not complete. Copy all of it from the mail.";
} else {
  button.hidden = false;
}
button.addEventListener("click", async () => {
  button.disabled = true;
  try {
    const answer = await fetch(location.pathname, {
      method: "POST",
      headers: {"Content-Type": "application/json"},
      body: JSON.stringify({token}),
    });
    if (answer.status === 204) {
      button.hidden = true;
      status.textContent = "Your address is confirmed. You can log in now.";
    } else if (answer.status === 422) {
      button.hidden = true;
      status.textContent = "This link was used, or is older than 24 hours. Register again.";
    } else {
      throw new Error(answer.status);
    }
  } catch {
    button.disabled = false;
    status.textContent = "That did not work just now. Try again in a minute.";
  }
});
"""
_PAGE: Final = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Confirm your e-mail address</title>
<link rel="icon" href="data:,">
</head>
<body>
<h1>Quant Analytics Platform</h1>
<p role="status">Confirm that the address this mail went to is yours.</p>
<button hidden>Confirm</button>
<noscript>Send the token of the mail with POST to this page's address.</noscript>
<script>{_SCRIPT}</script>
</body>
</html>
"""
_SCRIPT_HASH: Final = base64.b64encode(hashlib.sha256(_SCRIPT.encode()).digest()).decode()
CONTENT_SECURITY_POLICY: Final = (
    f"default-src 'none'; script-src 'sha256-{_SCRIPT_HASH}'; connect-src 'self'; "
    "img-src data:; base-uri 'none'; frame-ancestors 'none'; form-action 'none'"
)


@app.endpoint(
    summary="Open the link of a mail",
    media_type="text/html",
    headers=NO_STORE_HEADERS,
    tags=["auth"],
)
async def verify_page() -> Response:
    """A page with a button that posts the token in its fragment to this path."""
    return Response(
        _PAGE,
        media_type="text/html",
        headers={**NO_STORE, "Content-Security-Policy": CONTENT_SECURITY_POLICY},
    )


handler = app.handler

"""GET /api/v1/auth/verify-email: the page that a mailed link opens."""

from typing import Final

from starlette.responses import Response

from auth._page import Page
from quant_http.app import RouteApp
from quant_http.responses import NO_STORE_HEADERS

app = RouteApp("auth.verify_page")

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
_PAGE: Final = Page(
    "Confirm your e-mail address",
    """<p role="status">Confirm that the address this mail went to is yours.</p>
<button hidden>Confirm</button>
<noscript>Send the token of the mail with POST to this page's address.</noscript>""",
    _SCRIPT,
)


@app.endpoint(
    summary="Open the link of a mail",
    media_type="text/html",
    headers=NO_STORE_HEADERS,
    tags=["auth"],
)
async def verify_page() -> Response:
    """A page with a button that posts the token in its fragment to this path."""
    return _PAGE.answer()


handler = app.handler

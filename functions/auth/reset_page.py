"""GET /api/v1/auth/reset-password: the page that the link to a new password opens."""

from typing import Final

from starlette.responses import Response

from auth._page import Page
from quant.accounts.lengths import MAX_PASSWORD, MIN_PASSWORD
from quant_http.app import RouteApp
from quant_http.responses import NO_STORE_HEADERS

app = RouteApp("auth.reset_page")

_SCRIPT: Final = """
const status = document.querySelector("p");
const form = document.querySelector("form");
const field = document.querySelector("input");
const button = document.querySelector("button");
const token = new URLSearchParams(location.hash.slice(1)).get("token");
history.replaceState(null, "", location.pathname);
if (!token) {
  status.textContent = "This link is not complete. Copy all of it from the mail.";
} else {
  form.hidden = false;
}
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  button.disabled = true;
  try {
    const answer = await fetch(location.pathname, {
      method: "POST",
      headers: {"Content-Type": "application/json"},
      body: JSON.stringify({token, new_password: field.value}),
    });
    if (answer.status === 204) {
      form.hidden = true;
      status.textContent = "Your password is changed. You can log in now.";
    } else if (answer.status === 422) {
      const [error] = (await answer.json()).errors;
      if (error.code === "invalid_token") {
        form.hidden = true;
        status.textContent = "This link was used, or is older than an hour. Ask for another.";
      } else {
        status.textContent = error.message;
      }
    } else {
      throw new Error(answer.status);
    }
  } catch {
    status.textContent = "That did not work just now. Try again in a minute.";
  }
  button.disabled = false;
});
"""
_PAGE: Final = Page(
    "Choose a new password",
    f"""<p role="status">Choose a new password of {MIN_PASSWORD} characters or more.</p>
<form hidden>
<label>New password
<input type="password" autocomplete="new-password" required minlength="{MIN_PASSWORD}"
maxlength="{MAX_PASSWORD}"></label>
<button>Change</button>
</form>
<noscript>Send token and new_password with POST to this page's address.</noscript>""",
    _SCRIPT,
)


@app.endpoint(
    summary="Open the link to a new password",
    media_type="text/html",
    headers=NO_STORE_HEADERS,
    tags=["auth"],
)
async def reset_page() -> Response:
    """A page with a form that posts the token in its fragment, and a password, to this path."""
    return _PAGE.answer()


handler = app.handler

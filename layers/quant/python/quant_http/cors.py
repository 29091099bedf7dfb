"""Cross-origin requests: what pages of the allowed origins may send and read.

The gateway answers preflight requests itself, from these constants. Standard library only, so
that CDK can import it. Tokens travel in ``Authorization`` and never in cookies, so credentials
mode is not allowed at all.

Source: https://fetch.spec.whatwg.org/#http-cors-protocol
"""

from typing import Final

# Request headers that are not safelisted by the standard.
ALLOWED_HEADERS: Final = ("Authorization", "Content-Type", "If-None-Match", "Prefer")
# Response headers a page may read besides the safelisted ones.
EXPOSED_HEADERS: Final = (
    "Content-Disposition",
    "ETag",
    "Location",
    "Preference-Applied",
    "RateLimit-Limit",
    "RateLimit-Remaining",
    "RateLimit-Reset",
    "Repr-Digest",
    "Retry-After",
    "WWW-Authenticate",
    "X-RateLimit-Limit",
    "X-RateLimit-Remaining",
    "X-RateLimit-Reset",
    "X-Request-Id",
)
# Seconds a browser keeps a preflight's answer; two hours is the most Chromium does.
MAX_AGE_S: Final = 7200


def answer_headers(origin: str) -> dict[str, str]:
    """Return what an answer to a page of an allowed origin has besides ``Vary: Origin``."""
    return {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Expose-Headers": ", ".join(EXPOSED_HEADERS),
    }

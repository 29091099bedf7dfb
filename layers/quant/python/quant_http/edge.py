"""Headers that every answer has, errors included: security, CORS, and what may be kept.

Source: https://cheatsheetseries.owasp.org/cheatsheets/REST_Security_Cheat_Sheet.html
"""

from typing import Final

from starlette.datastructures import Headers, MutableHeaders

from quant.settings import EdgeSettings, Environment
from quant.tiers import EndpointClass
from quant_http import cors
from quant_http.routes import Route

# An answer of the API is never a document: nothing in it may run, load or be framed.
CONTENT_SECURITY_POLICY: Final = "default-src 'none'; frame-ancestors 'none'"
# Two years, in seconds.
STRICT_TRANSPORT_SECURITY: Final = "max-age=63072000; includeSubDomains"


def finish(
    answer: MutableHeaders, *, status: int, request: Headers, route: Route, settings: EdgeSettings
) -> None:
    """Add to an answer's headers what every answer has.

    Args:
        answer: Headers of the answer; changed.
        status: Status of the answer.
        request: Headers of the request.
        route: The route that answers.
        settings: The environment's settings.
    """
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Referrer-Policy"] = "no-referrer"
    answer.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
    if settings.environment is not Environment.LOCAL:
        answer["Strict-Transport-Security"] = STRICT_TRANSPORT_SECURITY
    if route.endpoint_class is EndpointClass.AUTH:
        answer["Cache-Control"] = "no-store"
    elif status >= 400:
        # Some errors may be kept unless they say otherwise (RFC 9111, section 4.2.2).
        answer.setdefault("Cache-Control", "no-store")
    if settings.cors_origins:
        answer.add_vary_header("Origin")
        origin = request.get("origin")
        if origin in settings.cors_origins:
            answer.update(cors.answer_headers(origin))

"""What the OpenAPI document says of a route's operation; a function makes none of it."""

from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from pydantic import BaseModel
from starlette.responses import JSONResponse, Response

from quant_http.problems import MEDIA_TYPE, Problem
from quant_http.responses import LOCATION_HEADERS
from quant_http.routes import Access, Route

_REQUEST_ID: Final = {
    "description": "Id of the request; in every log line about it.",
    "schema": {"type": "string"},
    "example": "4d1e3f6a-6a52-4f0e-9d5b-0a1f2b3c4d5e",
}
_RETRY_AFTER: Final = {
    "description": "Seconds to wait before trying again (RFC 9110, section 10.2.3).",
    "schema": {"type": "integer", "minimum": 0},
    "example": 5,
}
_RESPONSE_HEADERS: Final[dict[str, Any]] = {"X-Request-Id": _REQUEST_ID}

_LIMIT_FIELDS: Final = {
    "Limit": ("Requests that may pass in any 60 s, of the limit that binds first.", 60),
    "Remaining": ("Requests of it that are left now.", 42),
    "Reset": ("Seconds until the oldest request that counts no longer does.", 17),
}
_LIMIT_HEADERS: Final[dict[str, Any]] = {
    f"{prefix}{name}": {
        "description": description,
        "schema": {"type": "integer", "minimum": 0},
        "example": example,
    }
    for prefix in ("RateLimit-", "X-RateLimit-")
    for name, (description, example) in _LIMIT_FIELDS.items()
}

_METHODS_WITH_BODY: Final = {"POST", "PUT", "PATCH"}


def operation(
    route: Route,
    *,
    summary: str,
    model: type[BaseModel] | None,
    status: int,
    media_type: str,
    files: Mapping[str, Any] | None,
    accepted: type[BaseModel] | None,
    errors: Sequence[int],
    headers: Mapping[str, Any] | None,
    tags: Sequence[str],
) -> dict[str, Any]:
    """Return what ``FastAPI.add_api_route`` takes only for the OpenAPI document.

    Arguments besides the route are as of ``RouteApp.endpoint``.
    """
    shared = {**_RESPONSE_HEADERS, **(_LIMIT_HEADERS if route.is_limited else {})}
    content: dict[str, Any] = {}
    if files is not None:
        content = {"content": {name: {"schema": schema} for name, schema in files.items()}}
    elif model is None and status != 204:
        kind = "object" if media_type == "application/json" else "string"
        content = {"content": {media_type: {"schema": {"type": kind}}}}
    success = {"description": summary, "headers": {**shared, **(headers or {})}}
    responses: dict[int | str, dict[str, Any]] = {status: {**success, **content}}
    if accepted is not None:
        responses[202] = {
            "description": "It is made later",
            "headers": {**shared, **LOCATION_HEADERS},
            "model": accepted,
        }
    responses |= _error_responses(_error_statuses(route, errors), shared)
    return {
        "operation_id": route.name.replace(".", "_"),
        "summary": summary,
        "response_model": model,
        # Of the class only the documentation takes note: the endpoint's response is final.
        "response_class": JSONResponse if model else Response,
        "responses": responses,
        "tags": list(tags),
        "openapi_extra": {
            "security": [{"accessToken": []}] if route.access is Access.TOKEN else []
        },
    }


def _error_statuses(route: Route, errors: Sequence[int]) -> set[int]:
    """Return the statuses of errors that a route answers with, its own among them."""
    statuses = {*errors, 500}
    if route.access is Access.TOKEN:
        statuses |= {401, 403, 429, 504}
    if route.stores:
        statuses.add(503)
    if route.is_limited:
        statuses.add(429)
    if route.method in _METHODS_WITH_BODY:
        statuses |= {400, 413, 415, 422}
    return statuses


def _error_responses(
    statuses: Iterable[int], shared_headers: Mapping[str, Any]
) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI response objects of these error statuses.

    Args:
        statuses: HTTP status codes.
        shared_headers: Headers of every answer of the route, unless the gateway gives it.
    """
    described: dict[int | str, dict[str, Any]] = {}
    for status in sorted(statuses):
        phrase = HTTPStatus(status).phrase
        headers = dict(shared_headers)
        if status in {429, 503, 504}:
            headers["Retry-After"] = _RETRY_AFTER
        described[status] = {
            "description": phrase,
            "headers": headers,
            "content": {
                MEDIA_TYPE: {
                    "schema": {"$ref": f"#/components/schemas/{Problem.__name__}"},
                    "example": {
                        "type": "about:blank",
                        "title": phrase,
                        "status": status,
                        "request_id": _REQUEST_ID["example"],
                    },
                }
            },
        }
    return described

"""Errors as RFC 9457 problem details, each with the request's id.

Source: https://www.rfc-editor.org/rfc/rfc9457
"""

import math
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from quant.errors import (
    ConflictError,
    ForbiddenError,
    InvalidCursorError,
    InvalidInputError,
    NotFoundError,
    StoreUnavailableError,
    TooManyAttemptsError,
    UnauthorizedError,
)
from quant_http.json import dump_json

MEDIA_TYPE: Final = "application/problem+json"
# Seconds a client should wait before it tries again when a data store is away.
RETRY_AFTER_S: Final = 5


class InvalidField(BaseModel):
    """One thing wrong with a request."""

    location: str = Field(description="Where it is, outermost first.", examples=["query.limit"])
    message: str = Field(examples=["Input should be less than or equal to 100"])
    code: str = Field(description="Stable name of the rule broken.", examples=["less_than_equal"])


class Problem(BaseModel):
    """Problem details (RFC 9457)."""

    type: str = Field(
        description="URI of the kind of problem; `about:blank` means the status says it all.",
        examples=["about:blank"],
    )
    title: str = Field(description="The status in words.", examples=["Not Found"])
    status: int = Field(description="HTTP status code.", examples=[404])
    detail: str | None = Field(
        default=None,
        description="What went wrong with this request.",
        examples=["there is no politician Z000000"],
    )
    request_id: str | None = Field(
        default=None,
        description="Quote this when you report the problem.",
        examples=["4d1e3f6a-6a52-4f0e-9d5b-0a1f2b3c4d5e"],
    )
    errors: list[InvalidField] | None = Field(
        default=None, description="What is wrong with each field, on a 422."
    )


def problem(
    request: Request,
    status: int,
    detail: str | None = None,
    *,
    headers: dict[str, str] | None = None,
    **extensions: Any,
) -> Response:
    """Return a problem details response to ``request``.

    Args:
        request: The request it answers.
        status: HTTP status code.
        detail: What went wrong with this request.
        headers: Response headers.
        extensions: Further members of the problem (RFC 9457, section 3.2).
    """
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
    }
    if detail is not None:
        body["detail"] = detail
    body |= {"request_id": request.state.request_id, **extensions}
    return Response(dump_json(body), status, media_type=MEDIA_TYPE, headers=headers)


def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - narrows for the type checker
    # The offending input itself is left out: it may hold what must not be echoed.
    errors = [
        {
            "location": ".".join(str(part) for part in entry["loc"]),
            "message": entry["msg"],
            "code": entry["type"],
        }
        for entry in error.errors()
    ]
    return problem(request, 422, "the request is not valid", errors=errors)


def _invalid_cursor(request: Request, error: Exception) -> Response:
    wrong = {"location": "query.cursor", "message": str(error), "code": "invalid_cursor"}
    return problem(request, 422, "the request is not valid", errors=[wrong])


def _invalid_input(request: Request, error: Exception) -> Response:
    assert isinstance(error, InvalidInputError)  # noqa: S101 - narrows for the type checker
    wrong = {"location": f"body.{error.field}", "message": str(error), "code": error.code}
    return problem(request, 422, "the request is not valid", errors=[wrong])


def _says(status: int) -> Callable[[Request, Exception], Response]:
    return lambda request, error: problem(request, status, str(error))


def _unauthorized(request: Request, error: Exception) -> Response:
    return problem(request, 401, str(error), headers={"WWW-Authenticate": "Bearer"})


def _too_many_attempts(request: Request, error: Exception) -> Response:
    assert isinstance(error, TooManyAttemptsError)  # noqa: S101 - narrows for the type checker
    retry_after = str(max(1, math.ceil(error.retry_after_s)))
    return problem(request, 429, str(error), headers={"Retry-After": retry_after})


def _unavailable(request: Request, error: Exception) -> Response:
    return problem(request, 503, str(error), headers={"Retry-After": str(RETRY_AFTER_S)})


def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - narrows for the type checker
    return problem(request, error.status_code, error.detail, headers=dict(error.headers or {}))


_ANSWERS: Final[Mapping[type[Exception], Callable[[Request, Exception], Response]]] = {
    RequestValidationError: _invalid,
    HTTPException: _http,
    InvalidCursorError: _invalid_cursor,
    InvalidInputError: _invalid_input,
    NotFoundError: _says(404),
    ConflictError: _says(409),
    UnauthorizedError: _unauthorized,
    ForbiddenError: _says(403),
    TooManyAttemptsError: _too_many_attempts,
    StoreUnavailableError: _unavailable,
}


def answer(request: Request, error: Exception) -> Response:
    """Return the problem that says ``error``, for what FastAPI does not see.

    Raises:
        Exception: ``error``, if it is not one that clients are told of.
    """
    for kind in type(error).__mro__:
        if kind in _ANSWERS:
            return _ANSWERS[kind](request, error)
    raise error


def _at_once(
    handler: Callable[[Request, Exception], Response],
) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def handle(request: Request, error: Exception) -> Response:
        return handler(request, error)

    return handle


def install(app: FastAPI) -> None:
    """Make ``app`` answer every expected error with problem details."""
    for kind, handler in _ANSWERS.items():
        # What is not ``async`` would run in a thread.
        app.add_exception_handler(kind, _at_once(handler))

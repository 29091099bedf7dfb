"""Responses every route shares: JSON with an entity tag."""

import hashlib
from collections.abc import Callable, Mapping
from typing import Any, Final

from fastapi import Request
from starlette.responses import Response

from quant.cache import AnswerCache
from quant.paging import Page
from quant_http.json import dump_json
from quant_http.telemetry import note_lookup

# Answers depend on who asks only through authorisation, but shared caches must not keep them.
PRIVATE: Final = "private, no-cache"

NO_STORE: Final = {"Cache-Control": "no-store"}
NO_STORE_HEADERS: Final[dict[str, Any]] = {
    "Cache-Control": {
        "description": "Must not be kept.",
        "schema": {"type": "string"},
        "example": "no-store",
    }
}

CACHE_HEADERS: Final[dict[str, Any]] = {
    "ETag": {
        "description": "Entity tag; send it back as `If-None-Match` (RFC 9110, section 8.8.3).",
        "schema": {"type": "string"},
        "example": 'W/"5f2b1c0d9e8a7b6c"',
    },
    "Cache-Control": {
        "description": "May be kept by the client, and asked about before each use.",
        "schema": {"type": "string"},
        "example": PRIVATE,
    },
}

# Reports are dear to compute, and a new data version replaces them at once.
REPORT_TTL_S: Final = 86_400
# Of a 202: where to look for what will be.
LOCATION_HEADERS: Final[dict[str, Any]] = {
    "Location": {
        "description": "Where to ask how far it is, relative to the request (RFC 9110, section "
        "10.2.2).",
        "schema": {"type": "string"},
        "example": "../jobs/3f0e2c0a-0a52-5f0e-9d5b-1b2a6c1f7a10",
    }
}

_cache: Final = AnswerCache(on_lookup=note_lookup)


def entity(
    request: Request,
    body: bytes,
    *,
    media_type: str = "application/json",
    cache_control: str = PRIVATE,
) -> Response:
    """Return ``body`` with an entity tag, or 304 if the client has it already."""
    # Weak: the tag is the same for the compressed and the plain form.
    tag = f'W/"{hashlib.sha256(body).hexdigest()[:16]}"'
    headers = {"ETag": tag, "Cache-Control": cache_control}
    if matches(request.headers.get("if-none-match"), tag):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type=media_type, headers=headers)


def matches(if_none_match: str | None, tag: str) -> bool:
    """Say whether a client has what this entity tag is of (RFC 9110, section 13.1.2)."""
    if if_none_match is None:
        return False
    if if_none_match.strip() == "*":
        return True
    opaque = tag.removeprefix("W/")
    return any(
        candidate.strip().removeprefix("W/") == opaque for candidate in if_none_match.split(",")
    )


def page_entity(request: Request, read: Callable[[], Page]) -> Response:
    """Return a page of a list, from the cache where it holds the page.

    Args:
        request: The request.
        read: Reads the page.
    """

    def body() -> tuple[bytes, int]:
        page = read()
        document = {
            "data": page.rows,
            "page": {"count": len(page.rows), "next_cursor": page.next_cursor},
            "data_version": page.data_version,
        }
        return dump_json(document), page.data_version

    return entity(request, _cache.get_or_read(_query(request), body))


def private_json(document: Any, status: int = 200) -> Response:
    """Return a document that no cache may keep."""
    return Response(dump_json(document), status, media_type="application/json", headers=NO_STORE)


def no_content() -> Response:
    """Return an empty answer that no cache may keep."""
    return Response(status_code=204, headers=NO_STORE)


def report_entity(
    request: Request,
    read: Callable[[], Mapping[str, Any]],
    *,
    ttl_s: int = REPORT_TTL_S,
    state: int | None = None,
) -> Response:
    """Return a report, from the cache where it holds the report at the present data version.

    Args:
        request: The request.
        read: Computes the document, or reads it where a batch has; it has a ``data_version``.
        ttl_s: How long the cache keeps it, seconds.
        state: Number of what else it depends on, where that is more than request and data.
    """

    def body() -> tuple[bytes, int | None]:
        # Imported here: routes of lists have no NumPy.
        from quant.reports.documents import dump_document  # noqa: PLC0415

        document = read()
        return dump_document(document), _version_kept(document)

    return entity(request, _cache.get_or_read(_query(request, state), body, ttl_s=ttl_s))


def document_entity(
    request: Request, read: Callable[[], Mapping[str, Any]], *, state: int | None = None
) -> Response:
    """Return a document without arrays, from the cache like a report.

    Args:
        request: The request.
        read: Reads the document; it has a ``data_version``.
        state: Number of what else it depends on, where that is more than request and data.
    """

    def body() -> tuple[bytes, int | None]:
        document = read()
        return dump_json(document), _version_kept(document)

    return entity(request, _cache.get_or_read(_query(request, state), body))


def _query(request: Request, state: int | None = None) -> str:
    """Name a request by its path and its parameters, as the client wrote them, in any order."""
    parameters = b"&".join(sorted(request.scope["query_string"].split(b"&"))).decode("latin-1")
    return f"{parameters}\n{state}\n{request.scope['path']}"


def _version_kept(document: Mapping[str, Any]) -> int | None:
    """Return the version to keep a document under, None for one that is not of the present data."""
    return document["data_version"] if document.get("is_current", True) else None

"""Responses every route shares: JSON with an entity tag."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from fastapi import Request
from starlette.responses import Response

from quant.cache import ENTRY_TTL_S
from quant.observability import tracing
from quant.paging import Page
from quant_http.answers import PRIVATE, KeptAnswer, Lookup, cache, entity_tag, matches
from quant_http.json import dump_json
from quant_http.telemetry import note_lookup

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


def entity(
    request: Request,
    body: bytes,
    *,
    media_type: str = "application/json",
    cache_control: str = PRIVATE,
) -> Response:
    """Return ``body`` with an entity tag, or 304 if the client has it already."""
    tag = entity_tag(body)
    headers = {"ETag": tag, "Cache-Control": cache_control}
    if matches(request.headers.get("if-none-match"), tag):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type=media_type, headers=headers)


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

    return _kept_or_read(request, body)


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

    return _kept_or_read(request, body, ttl_s=ttl_s, state=state)


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

    return _kept_or_read(request, body, state=state)


def _kept_or_read(
    request: Request,
    read: Callable[[], tuple[bytes, int | None]],
    *,
    ttl_s: int = ENTRY_TTL_S,
    state: int | None = None,
) -> Response:
    """Return the answer that the guard has found in the cache, or read it and keep it.

    Args:
        request: The request; its route is one whose answers are cached.
        read: Reads the answer and the data version it was read at; None for an answer that is
            not of the present version, which is not kept.
        ttl_s: How long the answer is kept, seconds.
        state: Number of what else it depends on.
    """
    lookup: Lookup = request.state.lookup
    is_hit = lookup.found is not None and lookup.found.state == state
    note_lookup(is_hit)
    if lookup.found is not None and is_hit:
        return lookup.found.response(request)
    document, version = read()
    answer = KeptAnswer.of(document, state, request)
    if version is not None:
        with tracing.part("cache"):
            cache.keep(lookup.query, answer.dump(), version, ttl_s=ttl_s)
    return answer.response(request)


def _version_kept(document: Mapping[str, Any]) -> int | None:
    """Return the version to keep a document under, None for one that is not of the present data."""
    return document["data_version"] if document.get("is_current", True) else None

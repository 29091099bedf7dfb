"""Answers that several watchlist routes give."""

from typing import Any, Final

from fastapi import Request
from starlette.responses import Response

from quant.paging import Page
from quant_http.json import dump_json
from quant_http.responses import entity

NO_STORE: Final = {"Cache-Control": "no-store"}
NO_STORE_HEADERS: Final[dict[str, Any]] = {
    "Cache-Control": {
        "description": "Must not be kept.",
        "schema": {"type": "string"},
        "example": "no-store",
    }
}


def unkept_json(document: Any, status: int = 200) -> Response:
    """Return a document that no cache may keep."""
    return Response(dump_json(document), status, media_type="application/json", headers=NO_STORE)


def own_page(request: Request, page: Page) -> Response:
    """Return a page of the caller's own: with an entity tag, and never from the shared cache."""
    document = {
        "data": page.rows,
        "page": {"count": len(page.rows), "next_cursor": page.next_cursor},
    }
    return entity(request, dump_json(document))

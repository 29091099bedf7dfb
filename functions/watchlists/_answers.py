"""The answer that several watchlist routes give."""

from fastapi import Request
from starlette.responses import Response

from quant.paging import Page
from quant_http.json import dump_json
from quant_http.responses import entity


def own_page(request: Request, page: Page) -> Response:
    """Return a page of the caller's own: with an entity tag, and never from the shared cache."""
    document = {
        "data": page.rows,
        "page": {"count": len(page.rows), "next_cursor": page.next_cursor},
    }
    return entity(request, dump_json(document))

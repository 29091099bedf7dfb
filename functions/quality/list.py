"""GET /api/v1/quality: what became of each processed document."""

from typing import Annotated

from fastapi import Query, Request
from starlette.responses import Response

from quality._models import QualityPage, QualityQuery
from quant.db import session
from quant.pipeline import quality
from quant_http.app import RouteApp
from quant_http.json import dump_json
from quant_http.responses import CACHE_HEADERS, entity

app = RouteApp("quality.list")


@app.endpoint(
    summary="List quality reports",
    model=QualityPage,
    errors=(422,),
    headers=CACHE_HEADERS,
    tags=["service"],
)
async def list_(request: Request, query: Annotated[QualityQuery, Query()]) -> Response:
    """Processed documents with their rows, rejects and unmatched names, the newest first.

    Page through the list with `cursor`; filters must stay the same.
    """
    # Not from the cache: a document that is rejected changes no disclosed data.
    page = session.read(
        lambda connection: quality.list_reports(
            connection, query.filters(), limit=query.limit, cursor=query.cursor
        )
    )
    document = {
        "data": page.rows,
        "page": {"count": len(page.rows), "next_cursor": page.next_cursor},
    }
    return entity(request, dump_json(document))


handler = app.handler

"""GET /api/v1/stats/sectors: trades by sector."""

from typing import Annotated

from fastapi import Query, Request
from starlette.responses import Response

from quant.db.session import read
from quant.stats.sectors import sectors as read_sectors
from quant_http.app import RouteApp
from quant_http.responses import CACHE_HEADERS, document_entity
from stats._models import SectorList, SelectionQuery

app = RouteApp("stats.sectors")


@app.endpoint(
    summary="Count trades by sector",
    model=SectorList,
    errors=(422,),
    headers=CACHE_HEADERS,
    tags=["stats"],
)
async def sectors(request: Request, query: Annotated[SelectionQuery, Query()]) -> Response:
    """GICS sectors with their trades; those whose sector is unknown are a row of their own."""
    return document_entity(
        request,
        lambda: read(lambda connection: read_sectors(connection, query.selection())),
    )


handler = app.handler

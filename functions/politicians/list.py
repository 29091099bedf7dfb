"""GET /api/v1/politicians: members of Congress and other filers, with trade counts."""

from typing import Annotated

from fastapi import Query, Request
from starlette.responses import Response

from politicians._models import PoliticianPage, PoliticiansQuery
from quant import politicians
from quant_http.app import RouteApp
from quant_http.responses import CACHE_HEADERS, page_entity

app = RouteApp("politicians.list")


@app.endpoint(
    summary="List politicians",
    model=PoliticianPage,
    errors=(422,),
    headers=CACHE_HEADERS,
    tags=["politicians"],
)
async def list_(request: Request, query: Annotated[PoliticiansQuery, Query()]) -> Response:
    """Members of Congress and other filers, each with the number of trades held.

    Page through the list with `cursor`; filters and sort must stay the same.
    """
    return page_entity(
        request,
        lambda: politicians.list_politicians(
            query.filters(), limit=query.limit, cursor=query.cursor
        ),
    )


handler = app.handler

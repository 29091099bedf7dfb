"""GET /api/v1/patterns/politicians: who has enough trades to look for patterns in."""

from typing import Annotated

from fastapi import Query, Request
from starlette.responses import Response

from patterns import _answers as answers
from patterns._parameters import CandidatesQuery
from quant.db import session
from quant.reports import patterns_politicians
from quant_http.app import RouteApp
from quant_http.responses import CACHE_HEADERS, page_entity

app = RouteApp("patterns.politicians")


@app.endpoint(
    summary="List politicians by what their trades suffice for",
    model=lambda: answers.CandidatePage,
    errors=(422,),
    headers=CACHE_HEADERS,
    tags=["patterns"],
)
async def politicians(request: Request, query: Annotated[CandidatesQuery, Query()]) -> Response:
    """Politicians with trades, each with the analyses of patterns that there is enough for.

    Page through the list with `cursor`; filters and sort must stay the same.
    """
    return page_entity(
        request,
        lambda: session.read(
            lambda connection: patterns_politicians.list_candidates(
                connection, query.filters(), limit=query.limit, cursor=query.cursor
            )
        ),
    )


handler = app.handler

"""GET /api/v1/stats/late-filings: trades disclosed after their deadline."""

from typing import Annotated

from fastapi import Query, Request
from starlette.responses import Response

from quant.db import session
from quant.stats import late_filings
from quant_http.app import RouteApp
from quant_http.responses import CACHE_HEADERS, document_entity
from stats._models import LateFilingsQuery, LateTradePage

app = RouteApp("stats.late_filings")


@app.endpoint(
    summary="List late trades",
    model=LateTradePage,
    errors=(422,),
    headers=CACHE_HEADERS,
    tags=["stats"],
)
async def show(request: Request, query: Annotated[LateFilingsQuery, Query()]) -> Response:
    """Trades disclosed more than 45 days after the transaction, disclosed last first.

    Trades whose disclosure date is unknown are not among them. A late trade says nothing about
    why: an ethics office may have granted an extension. Page through the list with `cursor`;
    filters must stay the same.
    """
    return document_entity(
        request,
        lambda: session.read(
            lambda connection: late_filings.read(
                connection,
                query.selection(),
                min_days=query.min_days,
                limit=query.limit,
                cursor=query.cursor,
            )
        ),
    )


handler = app.handler

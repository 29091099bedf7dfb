"""GET /api/v1/analytics/network/analysis: who trades the same stocks in the same windows."""

from typing import Annotated

from fastapi import Query, Request
from starlette.responses import Response

from analytics import _relations_answers as answers
from analytics._relations_parameters import NetworkQuery
from quant.db import session
from quant.reports import relations
from quant_http.app import RouteApp
from quant_http.responses import CACHE_HEADERS, report_entity

app = RouteApp("analytics.network")


@app.endpoint(
    summary="Analyse the co-trading network",
    model=lambda: answers.NetworkAnswer,
    errors=(422,),
    headers=CACHE_HEADERS,
    tags=["analytics"],
)
async def network(request: Request, query: Annotated[NetworkQuery, Query()]) -> Response:
    """Validated links, centralities, communities, and trades under the members' committees.

    Every link has common trades with their source filings. The network of all trades is computed
    ahead, and `is_current` says whether it is of the present data; with `as_of` it is computed for
    the request.
    """
    return report_entity(
        request,
        lambda: session.read(
            lambda connection: relations.network_report(connection, query.window, query.as_of)
        ),
    )


handler = app.handler

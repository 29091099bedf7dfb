"""GET /api/v1/analytics/correlation/pairwise: whose weeks are alike, and who comes first."""

from typing import Annotated

from fastapi import Query, Request
from starlette.responses import Response

from analytics import _relations_answers as answers
from analytics._relations_parameters import PairwiseQuery
from quant.db import session
from quant.reports import relations_pairs
from quant_http.app import RouteApp
from quant_http.responses import CACHE_HEADERS, report_entity

app = RouteApp("analytics.pairwise_correlation")


@app.endpoint(
    summary="Correlate when politicians trade",
    model=lambda: answers.PairwiseAnswer,
    errors=(404, 422),
    headers=CACHE_HEADERS,
    tags=["analytics"],
)
async def pairwise_correlation(
    request: Request, query: Annotated[PairwiseQuery, Query()]
) -> Response:
    """Each pair's weekly series, and whether one trades the same stocks some weeks before.

    Both tests compare with surrogates that keep what successive weeks of a member have in common,
    and are corrected for the pairs of the answer, each by itself.
    """
    return report_entity(
        request,
        lambda: session.read(
            lambda connection: relations_pairs.pairs_report(connection, query.domain())
        ),
    )


handler = app.handler

"""GET /api/v1/patterns/compare: how alike several politicians trade in time."""

from typing import Annotated

from fastapi import Query, Request
from starlette.responses import Response

from patterns import _answers as answers
from patterns._parameters import ComparisonQuery
from quant.db import session
from quant.reports import patterns_compare
from quant_http.app import RouteApp
from quant_http.responses import CACHE_HEADERS, report_entity

app = RouteApp("patterns.compare")


@app.endpoint(
    summary="Compare when politicians trade",
    model=lambda: answers.ComparisonAnswer,
    errors=(404, 422),
    headers=CACHE_HEADERS,
    tags=["patterns"],
)
async def compare(request: Request, query: Annotated[ComparisonQuery, Query()]) -> Response:
    """Each pair's weeks by dynamic time warping, and each politician's cycle and regimes.

    All tests of the answer are corrected together.
    """
    return report_entity(
        request,
        lambda: session.read(
            lambda connection: patterns_compare.comparison_report(
                connection, query.politicians.split(","), query.as_of
            )
        ),
    )


handler = app.handler

"""GET /api/v1/analytics/insights/{politician_id}: what tests of the trades support."""

from typing import Annotated

from fastapi import Path, Query, Request
from starlette.responses import Response

from analytics import _anomaly_answers as answers
from analytics._politician_parameters import AsOfQuery
from quant.db import session
from quant.reports import insights
from quant_http.app import RouteApp
from quant_http.models import POLITICIAN_ID_PATTERN
from quant_http.responses import CACHE_HEADERS, report_entity

app = RouteApp("analytics.insights")


@app.endpoint(
    summary="Say what the data support",
    model=lambda: answers.InsightAnswer,
    errors=(404, 422),
    headers=CACHE_HEADERS,
    tags=["analytics"],
)
async def show(
    request: Request,
    politician_id: Annotated[
        str,
        Path(
            description="Identifier (UUID) or bioguide id.",
            pattern=POLITICIAN_ID_PATTERN,
            examples=["W000779"],
        ),
    ],
    query: Annotated[AsOfQuery, Query()],
) -> Response:
    """Facts about a politician's trades: those that their tests support, and those not.

    Each statement has its number, its test, and the trades behind it with their source filings.
    """
    return report_entity(
        request,
        lambda: session.read(
            lambda connection: insights.insight_report(connection, politician_id, query.as_of)
        ),
    )


handler = app.handler

"""GET /api/v1/analytics/anomaly-detection/{politician_id}: a politician's unusual trades."""

from typing import Annotated

from fastapi import Path, Query, Request
from starlette.responses import Response

from analytics import _anomaly_answers as answers
from analytics._politician_parameters import AsOfQuery
from quant.db import session
from quant.reports import anomalies
from quant_http.app import RouteApp
from quant_http.models import POLITICIAN_ID_PATTERN
from quant_http.responses import CACHE_HEADERS, report_entity

app = RouteApp("analytics.anomaly_detection")


@app.endpoint(
    summary="Find a politician's unusual trades",
    model=lambda: answers.AnomalyAnswer,
    errors=(404, 422),
    headers=CACHE_HEADERS,
    tags=["analytics"],
)
async def anomaly_detection(
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
    """Size, timing, clustering, lateness and committees, each against its null hypothesis.

    Every finding has the trades behind it with their source filings. A small p-value says that
    numbers differ from what the null hypothesis leaves to chance, never why.
    """
    return report_entity(
        request,
        lambda: session.read(
            lambda connection: anomalies.anomaly_report(connection, politician_id, query.as_of)
        ),
    )


handler = app.handler

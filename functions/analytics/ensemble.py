"""GET /api/v1/analytics/ensemble/{politician_id}: a politician's pooled forecast of trades."""

from typing import Annotated

from fastapi import Path, Query, Request
from starlette.responses import Response

from analytics import _anomaly_answers as answers
from analytics._politician_parameters import AsOfQuery
from quant.db import session
from quant.reports import ensemble
from quant_http.app import RouteApp
from quant_http.models import POLITICIAN_ID_PATTERN
from quant_http.responses import CACHE_HEADERS, report_entity

app = RouteApp("analytics.ensemble")


@app.endpoint(
    summary="Forecast a politician's trade count",
    model=lambda: answers.EnsembleAnswer,
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
    """Trades disclosed within the next 4 and 12 weeks, with the record of past forecasts.

    Where the pool of components does not beat the historical mean out of sample, the answer
    says so, and the historical mean is the forecast.
    """
    return report_entity(
        request,
        lambda: session.read(
            lambda connection: ensemble.ensemble_report(connection, politician_id, query.as_of)
        ),
    )


handler = app.handler

"""GET /api/v1/analytics/performance/{politician_id}: abnormal returns of a politician's trades."""

from typing import Annotated

from fastapi import Path, Query, Request
from starlette.responses import Response

from analytics import _performance_answers as answers
from analytics._performance_parameters import PerformanceQuery
from quant.db import session
from quant.reports import performance
from quant_http.app import RouteApp
from quant_http.models import POLITICIAN_ID_PATTERN
from quant_http.responses import CACHE_HEADERS, report_entity

app = RouteApp("analytics.politician_performance")


@app.endpoint(
    summary="Measure a politician's abnormal returns",
    model=lambda: answers.PerformanceAnswer,
    errors=(404, 422),
    headers=CACHE_HEADERS,
    tags=["analytics"],
)
async def politician_performance(
    request: Request,
    politician_id: Annotated[
        str,
        Path(
            description="Identifier (UUID) or bioguide id.",
            pattern=POLITICIAN_ID_PATTERN,
            examples=["W000779"],
        ),
    ],
    query: Annotated[PerformanceQuery, Query()],
) -> Response:
    """What the stock traded returned beyond what was expected, after disclosure or transaction.

    Event study (CAR and BHAR) of purchases, of sales and of their difference, and alphas of
    calendar-time portfolios; q-values are over all politicians, as the last batch tested them.
    Where nothing can be measured the answer says why.
    """
    return report_entity(
        request,
        lambda: session.read(
            lambda connection: performance.politician_report(
                connection,
                politician_id,
                query.configuration(),
                horizon=query.horizon,
                as_of=query.as_of,
            )
        ),
    )


handler = app.handler

"""GET /api/v1/analytics/performance: abnormal returns of groups, and politicians ranked."""

from typing import Annotated

from fastapi import Query, Request
from starlette.responses import Response

from analytics import _performance_answers as answers
from analytics._performance_parameters import PopulationQuery
from quant.db import session
from quant.reports import performance
from quant_http.app import RouteApp
from quant_http.responses import CACHE_HEADERS, report_entity

app = RouteApp("analytics.performance")


@app.endpoint(
    summary="Measure abnormal returns by group",
    model=lambda: answers.PopulationAnswer,
    errors=(422,),
    headers=CACHE_HEADERS,
    tags=["analytics"],
)
async def show(request: Request, query: Annotated[PopulationQuery, Query()]) -> Response:
    """What the stock traded returned beyond what was expected, by party, chamber or committee.

    With the differences between the groups, and the politicians ranked, q-values beside. Computed
    ahead when the data change: `is_current` says whether they have changed since.
    """
    return report_entity(
        request,
        lambda: session.read(
            lambda connection: performance.population_report(
                connection,
                query.by,
                query.configuration(),
                horizon=query.horizon,
                limit=query.limit,
                as_of=query.as_of,
            )
        ),
    )


handler = app.handler

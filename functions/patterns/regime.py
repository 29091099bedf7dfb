"""GET /api/v1/patterns/analyze/{politician_id}/regime: spells of high and of low activity."""

from typing import Annotated

from fastapi import Path, Query, Request
from starlette.responses import Response

from patterns import _answers as answers
from patterns._parameters import PatternQuery
from quant.db import session
from quant.reports import patterns
from quant.reports.patterns_query import Analysis
from quant_http.app import RouteApp
from quant_http.models import POLITICIAN_ID_PATTERN
from quant_http.responses import CACHE_HEADERS, report_entity

app = RouteApp("patterns.regime")


@app.endpoint(
    summary="Find the regimes of a politician's activity",
    model=lambda: answers.RegimesAnswer,
    errors=(404, 422),
    headers=CACHE_HEADERS,
    tags=["patterns"],
)
async def regime(
    request: Request,
    politician_id: Annotated[
        str,
        Path(
            description="Identifier (UUID) or bioguide id.",
            pattern=POLITICIAN_ID_PATTERN,
            examples=["W000779"],
        ),
    ],
    query: Annotated[PatternQuery, Query()],
) -> Response:
    """Poisson hidden Markov model of weekly trades: states by BIC, tested for persistence.

    Only `latest` uses no count after its week; `spells` are known in retrospect.
    """
    return report_entity(
        request,
        lambda: session.read(
            lambda connection: patterns.pattern_report(
                connection, Analysis.REGIMES, politician_id, query.as_of
            )
        ),
    )


handler = app.handler

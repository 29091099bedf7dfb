"""GET /api/v1/patterns/analyze/{politician_id}/comprehensive: all analyses of patterns at once."""

from typing import Annotated

from fastapi import Path, Query, Request
from starlette.responses import Response

from patterns import _answers as answers
from patterns._parameters import PatternQuery
from quant.db import session
from quant.reports import patterns
from quant_http.app import RouteApp
from quant_http.models import POLITICIAN_ID_PATTERN
from quant_http.responses import CACHE_HEADERS, report_entity

app = RouteApp("patterns.comprehensive")


@app.endpoint(
    summary="Run all analyses of a politician's patterns",
    model=lambda: answers.PatternsAnswer,
    errors=(404, 422),
    headers=CACHE_HEADERS,
    tags=["patterns"],
)
async def comprehensive(
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
    """Cycles, regimes, repetitions and changes of the rate, their tests corrected together.

    `summary` says in words what holds after the correction, and where nothing does.
    """
    return report_entity(
        request,
        lambda: session.read(
            lambda connection: patterns.comprehensive_report(connection, politician_id, query.as_of)
        ),
    )


handler = app.handler

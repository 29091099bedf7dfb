"""GET /api/v1/patterns/analyze/{politician_id}/fourier: cycles in which trades recur."""

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

app = RouteApp("patterns.fourier")


@app.endpoint(
    summary="Find the cycles of a politician's trades",
    model=lambda: answers.CyclesAnswer,
    errors=(404, 422),
    headers=CACHE_HEADERS,
    tags=["patterns"],
)
async def fourier(
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
    """Lomb-Scargle periodogram of the trades on each weekday, with false-alarm probabilities.

    A cycle is found only if it beats its null: days in random order, or, where activity comes and
    goes, busy days that lump together. Where none does, the answer says so.
    """
    return report_entity(
        request,
        lambda: session.read(
            lambda connection: patterns.pattern_report(
                connection, Analysis.CYCLES, politician_id, query.as_of
            )
        ),
    )


handler = app.handler

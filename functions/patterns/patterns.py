"""GET /api/v1/patterns/analyze/{politician_id}/patterns: past quarters that resemble the latest."""

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

app = RouteApp("patterns.patterns")


@app.endpoint(
    summary="Find past quarters that resemble the latest",
    model=lambda: answers.RepetitionsAnswer,
    errors=(404, 422),
    headers=CACHE_HEADERS,
    tags=["patterns"],
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
    query: Annotated[PatternQuery, Query()],
) -> Response:
    """Dynamic time warping of the latest 13 weekly counts against the past.

    The distance is held against pasts drawn anew: in random order or, where busy weeks are found to
    lump together, drawn so that they do.
    """
    return report_entity(
        request,
        lambda: session.read(
            lambda connection: patterns.pattern_report(
                connection, Analysis.REPETITIONS, politician_id, query.as_of
            )
        ),
    )


handler = app.handler

"""GET /api/v1/stats/leaderboard: politicians ranked by what they disclosed."""

from typing import Annotated

from fastapi import Query, Request
from starlette.responses import Response

from quant.db import session
from quant.stats import leaderboard
from quant_http.app import RouteApp
from quant_http.responses import CACHE_HEADERS, document_entity
from stats._models import Leaderboard, LeaderboardQuery

app = RouteApp("stats.leaderboard")


@app.endpoint(
    summary="Rank politicians",
    model=Leaderboard,
    errors=(422,),
    headers=CACHE_HEADERS,
    tags=["stats"],
)
async def show(request: Request, query: Annotated[LeaderboardQuery, Query()]) -> Response:
    """Politicians by abnormal return, volume, number of trades or timeliness.

    Periods are of disclosure dates. Estimates rank by the end of their interval that is worse for
    the politician, so that few trades lead nowhere; somebody comes first even where nobody has
    skill.
    """
    return document_entity(
        request,
        lambda: session.read(
            lambda connection: leaderboard.read(
                connection, query.by, query.selection(), limit=query.limit
            )
        ),
    )


handler = app.handler

"""GET /api/v1/analytics/backtest: what copying disclosed trades would have done."""

from typing import Annotated

from fastapi import Query, Request
from starlette.responses import Response

from analytics import _backtest_answers as answers
from analytics._backtest_parameters import BacktestParameters
from quant.db import session
from quant.reports import backtest
from quant_http.app import RouteApp
from quant_http.responses import CACHE_HEADERS, report_entity

app = RouteApp("analytics.backtest")


@app.endpoint(
    summary="Backtest copying disclosed trades",
    model=lambda: answers.BacktestAnswer,
    errors=(404, 422),
    headers=CACHE_HEADERS,
    tags=["analytics"],
)
async def show(request: Request, query: Annotated[BacktestParameters, Query()]) -> Response:
    """What one dollar did that copied the trades of a group after each was disclosed.

    Without `politician`, `committee`, `party` and `chamber` everybody's trades are copied; with
    several of them, those of the members who have all.
    """
    return report_entity(
        request,
        lambda: session.read(
            lambda connection: backtest.backtest_report(connection, query.domain())
        ),
    )


handler = app.handler

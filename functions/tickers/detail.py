"""GET /api/v1/tickers/{symbol}: one ticker, by quarter and by who trades it."""

from typing import Annotated

from fastapi import Path, Query, Request
from starlette.responses import Response

from quant import tickers
from quant.db import session
from quant_http.app import RouteApp
from quant_http.json import dump_json
from quant_http.models import QueryModel
from quant_http.responses import CACHE_HEADERS, entity
from tickers._models import TickerDetail

app = RouteApp("tickers.detail")


@app.endpoint(
    summary="Get a ticker",
    model=TickerDetail,
    errors=(404, 422),
    headers=CACHE_HEADERS,
    tags=["tickers"],
)
async def detail(
    request: Request,
    symbol: Annotated[
        str, Path(description="Symbol.", pattern=r"^[A-Za-z0-9.^-]{1,24}$", examples=["MSFT"])
    ],
    query: Annotated[QueryModel, Query()],  # noqa: ARG001 - refuses unknown parameters
) -> Response:
    """One ticker with its trades by quarter, the politicians who trade it, and its latest price."""
    found = session.read(lambda connection: tickers.get_ticker(connection, symbol.upper()))
    return entity(request, dump_json(found))


handler = app.handler

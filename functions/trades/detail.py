"""GET /api/v1/trades/{trade_id}: one trade with its source row."""

import uuid
from typing import Annotated

from fastapi import Path, Query, Request
from starlette.responses import Response

from quant import trade_details
from quant.db import session
from quant_http.app import RouteApp
from quant_http.json import dump_json
from quant_http.models import QueryModel
from quant_http.responses import CACHE_HEADERS, entity
from trades._models import TradeDetail

app = RouteApp("trades.detail")


@app.endpoint(
    summary="Get a trade",
    model=TradeDetail,
    errors=(404, 422),
    headers=CACHE_HEADERS,
    tags=["trades"],
)
async def detail(
    request: Request,
    trade_id: Annotated[uuid.UUID, Path(description="Identifier of the trade.")],
    query: Annotated[QueryModel, Query()],  # noqa: ARG001 - refuses unknown parameters
) -> Response:
    """One trade, with its raw source row and the other filings that report it."""
    found = session.read(lambda connection: trade_details.get_trade(connection, trade_id))
    return entity(request, dump_json(found))


handler = app.handler

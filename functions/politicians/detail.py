"""GET /api/v1/politicians/{politician_id}: one politician with committee seats."""

from typing import Annotated

from fastapi import Path, Query, Request
from starlette.responses import Response

from politicians._models import PoliticianDetail
from quant import politician_details
from quant.db import session
from quant_http.app import RouteApp
from quant_http.json import dump_json
from quant_http.models import POLITICIAN_ID_PATTERN, QueryModel
from quant_http.responses import CACHE_HEADERS, entity

app = RouteApp("politicians.detail")


@app.endpoint(
    summary="Get a politician",
    model=PoliticianDetail,
    errors=(404, 422),
    headers=CACHE_HEADERS,
    tags=["politicians"],
)
async def detail(
    request: Request,
    politician_id: Annotated[
        str,
        Path(
            description="Identifier (UUID) or bioguide id.",
            pattern=POLITICIAN_ID_PATTERN,
            examples=["W000779"],
        ),
    ],
    query: Annotated[QueryModel, Query()],  # noqa: ARG001 - refuses unknown parameters
) -> Response:
    """One politician, with present committee seats and the number of trades held."""
    found = session.read(
        lambda connection: politician_details.get_politician(connection, politician_id)
    )
    return entity(request, dump_json(found))


handler = app.handler

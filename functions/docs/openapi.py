"""GET /api/v1/openapi.json: the OpenAPI document, merged from all routes at build time."""

from pathlib import Path

from fastapi import Request
from starlette.responses import Response

from quant_http.app import RouteApp
from quant_http.responses import CACHE_HEADERS, entity

app = RouteApp("docs.openapi")

# The build packs the merged document at the root of the function's code.
_DOCUMENT = Path(__file__).parent.parent / "openapi.json"


@app.endpoint(
    summary="Get the OpenAPI document",
    media_type="application/json",
    headers=CACHE_HEADERS,
    tags=["documentation"],
)
async def openapi(request: Request) -> Response:
    """The OpenAPI 3.1 document of the whole API."""
    return entity(request, _DOCUMENT.read_bytes())


handler = app.handler

"""GET /api/v1/redoc: the API in ReDoc."""

from fastapi import Request
from starlette.responses import Response

from docs._page import page
from quant_http.app import RouteApp
from quant_http.responses import CACHE_HEADERS

app = RouteApp("docs.redoc")

_BODY = (
    '<redoc spec-url="openapi.json"></redoc>\n'
    '<script src="docs/assets/redoc.standalone.js"></script>\n'
)


@app.endpoint(
    summary="Browse the API in ReDoc",
    media_type="text/html",
    headers=CACHE_HEADERS,
    tags=["documentation"],
)
async def redoc(request: Request) -> Response:
    """ReDoc, to read and print."""
    return page(request, head="", body=_BODY)


handler = app.handler

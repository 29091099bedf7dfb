"""GET /api/v1/docs: the API in Swagger UI."""

from fastapi import Request
from starlette.responses import Response

from docs._page import page
from quant_http.app import RouteApp
from quant_http.responses import CACHE_HEADERS

app = RouteApp("docs.swagger")

# Paths are relative to this page, so that they hold below any stage or custom domain.
_HEAD = '<link rel="stylesheet" href="docs/assets/swagger-ui.css">\n'
_BODY = (
    '<div id="swagger-ui"></div>\n'
    '<script src="docs/assets/swagger-ui-bundle.js"></script>\n'
    '<script src="docs/assets/swagger-init.js"></script>\n'
)


@app.endpoint(
    summary="Browse the API in Swagger UI",
    media_type="text/html",
    headers=CACHE_HEADERS,
    tags=["documentation"],
)
async def swagger(request: Request) -> Response:
    """Swagger UI, with a box to paste an access token into."""
    return page(request, head=_HEAD, body=_BODY)


handler = app.handler

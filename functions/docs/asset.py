"""GET /api/v1/docs/assets/{name}: the scripts and styles of the documentation pages."""

from pathlib import Path as FilePath
from typing import Annotated, Literal

from fastapi import Path, Request
from starlette.responses import Response

from quant.errors import NotFoundError
from quant_http.app import RouteApp
from quant_http.responses import CACHE_HEADERS, entity

app = RouteApp("docs.asset")

# The build packs the viewers' released files at the root of the function's code.
_ASSETS = FilePath(__file__).parent.parent / "docs-assets"
_MEDIA_TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}

AssetName = Literal[
    "redoc.standalone.js", "swagger-init.js", "swagger-ui-bundle.js", "swagger-ui.css"
]


@app.endpoint(
    summary="Get an asset of the documentation pages",
    media_type="*/*",
    errors=(404, 422),
    headers=CACHE_HEADERS,
    tags=["documentation"],
)
async def asset(
    request: Request, name: Annotated[AssetName, Path(description="File name.")]
) -> Response:
    """A script or style sheet of Swagger UI or ReDoc, as released by its project."""
    file = _ASSETS / name
    if not file.is_file():
        msg = f"there is no asset {name}"
        raise NotFoundError(msg)
    return entity(
        request,
        file.read_bytes(),
        media_type=_MEDIA_TYPES[file.suffix],
        cache_control="public, max-age=3600",
    )


handler = app.handler

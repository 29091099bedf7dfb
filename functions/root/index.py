"""GET /: what this service is and where its documentation stands."""

from fastapi import Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from quant import __version__
from quant_http.app import RouteApp
from quant_http.json import dump_json
from quant_http.responses import CACHE_HEADERS, entity
from quant_http.routes import route

app = RouteApp("root.index")


class Index(BaseModel):
    """The service and the paths to start from, relative to the stage."""

    name: str = Field(examples=["Quant Analytics Platform"])
    version: str = Field(examples=["0.1.0"])
    openapi: str = Field(examples=["/api/v1/openapi.json"])
    docs: str = Field(examples=["/api/v1/docs"])
    redoc: str = Field(examples=["/api/v1/redoc"])
    health: str = Field(examples=["/health"])


@app.endpoint(summary="Describe the service", model=Index, headers=CACHE_HEADERS, tags=["service"])
async def index(request: Request) -> Response:
    """The service's name and version, and the paths to start from."""
    document = {
        "name": "Quant Analytics Platform",
        "version": __version__,
        "openapi": route("docs.openapi").path,
        "docs": route("docs.swagger").path,
        "redoc": route("docs.redoc").path,
        "health": route("health.live").path,
    }
    return entity(request, dump_json(document))


handler = app.handler

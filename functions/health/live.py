"""GET /health: the service answers."""

from typing import Literal

from pydantic import BaseModel, Field
from starlette.responses import Response

from quant_http.app import RouteApp
from quant_http.json import dump_json

app = RouteApp("health.live")


class Liveness(BaseModel):
    """The service answers; nothing is said of what it depends on."""

    status: Literal["ok"] = Field(examples=["ok"])


@app.endpoint(summary="Check liveness", model=Liveness, tags=["service"])
async def live() -> Response:
    """Answers as long as the gateway and a function run; asks no data store."""
    return Response(
        dump_json({"status": "ok"}),
        media_type="application/json",
        headers={"Cache-Control": "no-store"},
    )


handler = app.handler

"""GET /health/ready: whether Postgres, Valkey and the schema are as the code needs them."""

from typing import Literal

from fastapi import Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from quant import readiness
from quant_http.app import RouteApp
from quant_http.json import dump_json
from quant_http.problems import RETRY_AFTER_S, problem

app = RouteApp("health.ready")


class Dependency(BaseModel):
    """State of one dependency."""

    name: Literal["postgres", "schema", "valkey"] = Field(examples=["postgres"])
    ok: bool = Field(examples=[True])
    required: bool = Field(
        description="Whether requests fail without it; without the others they are slower.",
        examples=[True],
    )
    latency_ms: float = Field(description="Time the check took, milliseconds.", examples=[1.8])
    detail: str | None = Field(
        description="What is wrong; null when it is well.", examples=["unavailable"]
    )


class Readiness(BaseModel):
    """State of every dependency."""

    status: Literal["ready", "degraded"] = Field(
        description="`degraded`: reads are answered, but more slowly.", examples=["ready"]
    )
    dependencies: list[Dependency]


@app.endpoint(summary="Check readiness", model=Readiness, tags=["service"])
async def ready(request: Request) -> Response:
    """Each dependency's state and latency; a problem with the same members when not ready."""
    found = readiness.check_readiness()
    headers = {"Cache-Control": "no-store"}
    if found["status"] == "unavailable":
        headers["Retry-After"] = str(RETRY_AFTER_S)
        return problem(
            request,
            503,
            "a required dependency is not well",
            headers=headers,
            dependencies=found["dependencies"],
        )
    return Response(dump_json(found), media_type="application/json", headers=headers)


handler = app.handler

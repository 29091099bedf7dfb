"""GET /api/v1/usage: the caller's tier, its limits, and what is used of them."""

from typing import Annotated

from fastapi import Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from quant.limits import WindowState, account_windows, limiter
from quant.tiers import TIERS, EndpointClass
from quant_http.app import RouteApp
from quant_http.caller import caller
from quant_http.json import dump_json
from quant_http.limits import account_subject
from quant_http.models import QueryModel

app = RouteApp("usage.show")


class WindowUsage(BaseModel):
    """Where the account stands in one window."""

    name: str = Field(
        description="`tier` counts every request; the others count those of an endpoint class.",
        examples=["tier"],
    )
    limit: int = Field(description="Requests that may pass in any window.", examples=[60])
    window_s: float = Field(description="Length of the window, seconds.", examples=[60])
    used: int = Field(description="Requests of the last window that passed.", examples=[3])
    remaining: int = Field(description="Requests that are left now.", examples=[57])
    reset_s: int = Field(
        description="Seconds until the oldest of those used no longer counts; 0 if none is used.",
        examples=[41],
    )


class Usage(BaseModel):
    """What an account may use and has used."""

    tier: str = Field(examples=["basic"])
    windows: list[WindowUsage]
    exact: bool = Field(
        description="False while the counters are away and each server counts a share alone.",
        examples=[True],
    )
    burst: int = Field(description="Requests the gateway takes at once.", examples=[60])
    monthly_quota: int = Field(description="Requests in a calendar month.", examples=[100000])


@app.endpoint(summary="Get the usage of the limits", model=Usage, errors=(422,), tags=["service"])
async def show(
    request: Request,
    query: Annotated[QueryModel, Query()],  # noqa: ARG001 - refuses unknown parameters
) -> Response:
    """The account's limits and where it stands; this request has counted once, in `tier`."""
    account = caller(request)
    tier = TIERS[account.tier]
    decision = limiter().check(
        account_subject(account), account_windows(tier.name, *EndpointClass), count=False
    )
    document = {
        "tier": tier.name,
        "windows": [_window(state) for state in decision.states],
        "exact": decision.exact,
        "burst": tier.burst,
        "monthly_quota": tier.monthly_quota,
    }
    return Response(
        dump_json(document),
        media_type="application/json",
        headers={"Cache-Control": "no-store"},
    )


def _window(state: WindowState) -> dict[str, object]:
    return {
        "name": state.window.name,
        "limit": state.window.limit,
        "window_s": state.window.seconds,
        "used": state.used,
        "remaining": state.remaining,
        "reset_s": state.reset,
    }


handler = app.handler

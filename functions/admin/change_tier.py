"""PUT /api/v1/admin/accounts/{account_id}/tier: give an account a tier."""

import uuid
from typing import Annotated

from fastapi import Path, Request
from pydantic import AfterValidator
from starlette.responses import Response

from quant.accounts import profile
from quant.tiers import TIERS
from quant_http.app import RouteApp
from quant_http.caller import caller, origin
from quant_http.json import dump_json
from quant_http.models import Account, BodyModel, TierName

app = RouteApp("admin.change_tier")


def _known(tier: str) -> str:
    if tier not in TIERS:
        msg = f"there is no such tier; choose one of {', '.join(TIERS)}"
        raise ValueError(msg)
    return tier


class TierChange(BodyModel):
    """The tier an account gets."""

    tier: Annotated[TierName, AfterValidator(_known)]


@app.endpoint(summary="Change an account's tier", model=Account, errors=(404, 422), tags=["admin"])
async def change_tier(
    request: Request,
    account_id: Annotated[
        uuid.UUID,
        Path(description="The account.", examples=["5b0c6f1e-58f2-4c0e-8f64-0c9e0a3a2c11"]),
    ],
    body: TierChange,
) -> Response:
    """The account's next access token carries the tier; those it has keep theirs."""
    account = profile.change_tier(
        account_id, body.tier, actor=caller(request).account_id, origin=origin(request)
    )
    return Response(
        dump_json(account), media_type="application/json", headers={"Cache-Control": "no-store"}
    )


handler = app.handler

"""POST /api/v1/models/{name}/promote: make a version the champion."""

from fastapi import Request
from starlette.responses import Response

from models._models import ChampionAnswer, Promotion
from quant.ml.serving import administration
from quant_http.app import RouteApp
from quant_http.caller import caller, origin
from quant_http.prediction_models import ModelPath
from quant_http.responses import NO_STORE_HEADERS, private_json

app = RouteApp("models.promote")


@app.endpoint(
    summary="Promote a version",
    model=ChampionAnswer,
    errors=(404, 409, 422),
    headers=NO_STORE_HEADERS,
    tags=["admin"],
)
async def promote(request: Request, name: ModelPath, body: Promotion) -> Response:
    """The version predicts from now on; one that was refused needs `force`.

    Recorded with the reason. A version that is the champion already stays, and nothing is recorded.
    """
    by = administration.Administrator(caller(request).account_id, origin(request))
    return private_json(
        administration.promote(name, body.version, body.reason, force=body.force, by=by)
    )


handler = app.handler

"""POST /api/v1/models/{name}/rollback: back to the champion before."""

from fastapi import Request
from starlette.responses import Response

from models._models import ChampionAnswer, Rollback
from quant.ml.serving import administration
from quant_http.app import RouteApp
from quant_http.caller import caller, origin
from quant_http.prediction_models import ModelPath
from quant_http.responses import NO_STORE_HEADERS, private_json

app = RouteApp("models.rollback")


@app.endpoint(
    summary="Roll back a model",
    model=ChampionAnswer,
    errors=(404, 409, 422),
    headers=NO_STORE_HEADERS,
    tags=["admin"],
)
async def rollback(request: Request, name: ModelPath, body: Rollback) -> Response:
    """The champion before `version` predicts again, and `version` no more.

    Recorded with the reason. Where `version` is not the champion nothing changes.
    """
    by = administration.Administrator(caller(request).account_id, origin(request))
    return private_json(administration.rollback(name, body.version, body.reason, by=by))


handler = app.handler

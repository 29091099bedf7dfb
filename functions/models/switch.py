"""PUT /api/v1/models/{name}/switch: the kill switch of a model."""

from fastapi import Request
from starlette.responses import Response

from models._models import ChampionAnswer, Switch
from quant.ml.serving import administration
from quant_http.app import RouteApp
from quant_http.caller import caller, origin
from quant_http.prediction_models import ModelPath
from quant_http.responses import NO_STORE_HEADERS, private_json

app = RouteApp("models.switch")


@app.endpoint(
    summary="Switch a model off or on",
    model=ChampionAnswer,
    errors=(404, 422),
    headers=NO_STORE_HEADERS,
    tags=["admin"],
)
async def switch(request: Request, name: ModelPath, body: Switch) -> Response:
    """While it is off nothing of the model is served; answers say so, with the reason.

    Recorded with the reason. The switch stays where it is when the champion changes.
    """
    by = administration.Administrator(caller(request).account_id, origin(request))
    return private_json(administration.switch(name, body.reason, disabled=body.disabled, by=by))


handler = app.handler

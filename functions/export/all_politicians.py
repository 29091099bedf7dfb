"""POST /api/v1/export/batch/all-politicians: what all politicians have, in one file."""

from fastapi import Request
from starlette.responses import Response

from export._answers import job_answer
from export._models import ExportJobStatus, NewBatchExport
from quant.exports import selections
from quant.exports.requests import ExportRequest
from quant.vocabulary import ExportKind
from quant_http.app import RouteApp
from quant_http.responses import LOCATION_HEADERS, NO_STORE_HEADERS

app = RouteApp("export.all_politicians")


@app.endpoint(
    summary="Export all politicians",
    model=ExportJobStatus,
    status=202,
    errors=(409, 422),
    headers={**NO_STORE_HEADERS, **LOCATION_HEADERS},
    tags=["export"],
)
async def all_politicians(request: Request, body: NewBatchExport) -> Response:
    """One file, made by a job; asking for the same again finds the same job.

    An account may have ten exports that are not finished; one more is a 409.
    """
    filters = body.filters.model_dump(mode="json", exclude_none=True)
    selections.check_filters(body.what, filters)
    parameters = {"format": body.format.value, "what": body.what.value, "filters": filters}
    return job_answer(request, ExportRequest(ExportKind.ALL_POLITICIANS, parameters))


handler = app.handler

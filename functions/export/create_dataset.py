"""POST /api/v1/export/research-dataset: have the present version of the dataset made."""

from fastapi import Request
from starlette.responses import Response

from export._answers import job_answer
from export._models import ExportJobStatus, NewDataset
from quant.exports.requests import ExportRequest
from quant.vocabulary import ExportKind
from quant_http.app import RouteApp
from quant_http.responses import LOCATION_HEADERS, NO_STORE_HEADERS

app = RouteApp("export.create_dataset")


@app.endpoint(
    summary="Make the research dataset",
    model=ExportJobStatus,
    status=202,
    errors=(409, 422),
    headers={**NO_STORE_HEADERS, **LOCATION_HEADERS},
    tags=["export"],
)
async def create(request: Request, body: NewDataset) -> Response:
    """Every table in one format, with its data dictionary, checksums and manifest.

    A version is made once and kept; its job ends at once where it is there already.
    """
    parameters = {"format": body.format.value}
    return job_answer(request, ExportRequest(ExportKind.RESEARCH_DATASET, parameters))


handler = app.handler

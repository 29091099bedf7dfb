"""GET /api/v1/export/jobs/{job_id}: how far an export is."""

from typing import Annotated

from fastapi import Query, Request
from starlette.responses import Response

from export._answers import shown_job
from export._models import ExportJobStatus, JobId
from quant.exports import jobs
from quant_http.app import RouteApp
from quant_http.caller import caller
from quant_http.models import QueryModel
from quant_http.responses import NO_STORE_HEADERS, private_json

app = RouteApp("export.job")


@app.endpoint(
    summary="Get an export",
    model=ExportJobStatus,
    errors=(404, 422),
    headers=NO_STORE_HEADERS,
    tags=["export"],
)
async def job(
    request: Request,
    job_id: JobId,
    query: Annotated[QueryModel, Query()],  # noqa: ARG001 - refuses unknown parameters
) -> Response:
    """One of the caller's own, with links to its files. Another account's is a 404."""
    return private_json(shown_job(jobs.get_job(caller(request).account_id, job_id)))


handler = app.handler

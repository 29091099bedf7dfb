"""GET /api/v1/export/jobs: the caller's exports."""

from typing import Annotated

from fastapi import Query, Request
from starlette.responses import Response

from export._answers import shown_job
from export._models import ExportJobPage
from quant.exports import jobs
from quant_http.app import RouteApp
from quant_http.caller import caller
from quant_http.models import PageQuery
from quant_http.responses import NO_STORE_HEADERS, private_json

app = RouteApp("export.list_jobs")


@app.endpoint(
    summary="List one's exports",
    model=ExportJobPage,
    errors=(422,),
    headers=NO_STORE_HEADERS,
    tags=["export"],
)
async def list_(request: Request, query: Annotated[PageQuery, Query()]) -> Response:
    """The newest first, with links to their files; page through them with `cursor`."""
    page = jobs.list_jobs(caller(request).account_id, limit=query.limit, cursor=query.cursor)
    return private_json(
        {
            "data": [shown_job(job) for job in page.rows],
            "page": {"count": len(page.rows), "next_cursor": page.next_cursor},
        }
    )


handler = app.handler

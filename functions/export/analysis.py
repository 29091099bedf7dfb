"""GET /api/v1/export/analysis/{politician_id}: the reports on a politician as a file."""

from typing import TYPE_CHECKING, Annotated, Final

from fastapi import Query, Request
from starlette.responses import Response

from export._answers import FILE_HEADERS, FILE_SCHEMAS, file_or_job, politician_request
from export._models import AnalysisExportQuery, ExportJobStatus, PoliticianId, Prefer
from quant.db import session
from quant.exports import inline, selections
from quant.exports.requests import MEDIA_TYPES
from quant.vocabulary import ExportFormat, ExportKind
from quant_http.app import RouteApp

if TYPE_CHECKING:
    from sqlalchemy import Connection

app = RouteApp("export.analysis", compresses=False)

# The reports by name, not rows.
_SCHEMAS: Final = {**FILE_SCHEMAS, MEDIA_TYPES[ExportFormat.JSON]: {"type": "object"}}


@app.endpoint(
    summary="Export what the analytics say of a politician",
    files=_SCHEMAS,
    accepted=ExportJobStatus,
    errors=(404, 409, 422),
    headers=FILE_HEADERS,
    tags=["export"],
)
async def analysis(
    request: Request,
    politician_id: PoliticianId,
    query: Annotated[AnalysisExportQuery, Query()],
    prefer: Prefer = None,
) -> Response:
    """Performance, patterns and unusual trades: in JSON the reports as their routes answer them.

    CSV and Parquet have a row for each number, with its interval, its p-value and q-value, the
    observations it rests on and its method. Reports that take too long are made by a job instead,
    which the 202 names.
    """
    subject = session.read(lambda connection: selections.subject_of(connection, politician_id))

    def make(connection: "Connection") -> inline.InlineFile | None:
        return inline.inline_analysis(connection, subject, query.format)

    wanted = politician_request(ExportKind.ANALYSIS, str(subject.id), query.format)
    return file_or_job(request, wanted, str(subject.id), prefer, make)


handler = app.handler

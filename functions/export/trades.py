"""GET /api/v1/export/trades/{politician_id}: a politician's trades as a file."""

from typing import TYPE_CHECKING, Annotated

from fastapi import Query, Request
from starlette.responses import Response

from export._answers import FILE_HEADERS, FILE_SCHEMAS, file_or_job, politician_request
from export._models import ExportJobStatus, PoliticianId, Prefer, TradesExportQuery
from quant.db import session
from quant.exports import inline, selections
from quant.vocabulary import ExportKind
from quant_http.app import RouteApp

if TYPE_CHECKING:
    from sqlalchemy import Connection

app = RouteApp("export.trades", compresses=False)


@app.endpoint(
    summary="Export a politician's trades",
    files=FILE_SCHEMAS,
    accepted=ExportJobStatus,
    errors=(404, 409, 422),
    headers=FILE_HEADERS,
    tags=["export"],
)
async def trades(
    request: Request,
    politician_id: PoliticianId,
    query: Annotated[TradesExportQuery, Query()],
    prefer: Prefer = None,
) -> Response:
    """All trades of a politician, one row each, with the columns of the data dictionary.

    More than 5,000 rows or 4 MiB are made by a job instead, which the 202 names.
    """
    subject = session.read(lambda connection: selections.subject_of(connection, politician_id))

    def make(connection: "Connection") -> inline.InlineFile | None:
        return inline.inline_file(
            connection, selections.trades_of(subject), query.format, subject.label
        )

    wanted = politician_request(ExportKind.TRADES, str(subject.id), query.format)
    return file_or_job(request, wanted, str(subject.id), prefer, make)


handler = app.handler

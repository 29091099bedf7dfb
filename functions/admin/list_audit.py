"""GET /api/v1/admin/audit: the audit log, for administrators."""

from typing import TYPE_CHECKING, Annotated

from fastapi import Query, Request
from starlette.responses import Response

from admin._models import AuditPage, AuditQuery
from quant import audit
from quant.audit import listing
from quant.db import session
from quant.paging import Page
from quant.vocabulary import AuditEvent
from quant_http.app import RouteApp
from quant_http.caller import caller, origin
from quant_http.json import dump_json

if TYPE_CHECKING:
    from sqlalchemy import Connection

app = RouteApp("admin.list_audit")


@app.endpoint(summary="List the audit log", model=AuditPage, errors=(422,), tags=["admin"])
async def list_(request: Request, query: Annotated[AuditQuery, Query()]) -> Response:
    """Entries, newest first; each answer is itself on record as `admin_read`.

    Page through the list with `cursor`; filters must stay the same.
    """

    def read(connection: "Connection") -> Page:
        page = listing.list_entries(
            connection, query.filters(), limit=query.limit, cursor=query.cursor
        )
        audit.record(
            connection,
            AuditEvent.ADMIN_READ,
            actor=caller(request).account_id,
            target="audit_log",
            origin=origin(request),
            details={
                "filters": query.model_dump(
                    mode="json", exclude_none=True, exclude={"limit", "cursor"}, by_alias=True
                ),
                "rows": len(page.rows),
            },
        )
        return page

    page = session.write(read)
    document = {
        "data": page.rows,
        "page": {"count": len(page.rows), "next_cursor": page.next_cursor},
    }
    return Response(
        dump_json(document),
        media_type="application/json",
        headers={"Cache-Control": "no-store"},
    )


handler = app.handler

"""Answers that several export routes give."""

import base64
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from fastapi import Request
from starlette.responses import Response

from quant import audit
from quant.db import session
from quant.exports import jobs, objects
from quant.exports.requests import MEDIA_TYPES, ExportRequest
from quant.vocabulary import AuditEvent, ExportFormat, ExportKind, ExportState
from quant_http.answers import PRIVATE, matches
from quant_http.caller import caller, origin
from quant_http.json import dump_json
from quant_http.responses import CACHE_HEADERS, NO_STORE

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from quant.exports.inline import InlineFile

_RESPOND_ASYNC: Final = "respond-async"

FILE_SCHEMAS: Final[dict[str, Any]] = {
    MEDIA_TYPES[ExportFormat.CSV].partition(";")[0]: {"type": "string"},
    MEDIA_TYPES[ExportFormat.JSON]: {"type": "array", "items": {"type": "object"}},
    MEDIA_TYPES[ExportFormat.PARQUET]: {"type": "string", "format": "binary"},
}
FILE_HEADERS: Final[dict[str, Any]] = {
    **CACHE_HEADERS,
    "Content-Disposition": {
        "description": "What to save the file as.",
        "schema": {"type": "string"},
        "example": 'attachment; filename="trades-W000779-v7.csv"',
    },
    "Repr-Digest": {
        "description": "SHA-256 of the file (RFC 9530).",
        "schema": {"type": "string"},
        "example": "sha-256=:n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=:",
    },
}


def prefers_job(prefer: str | None) -> bool:
    """Say whether a request's ``Prefer`` asks for an answer later (RFC 7240, section 4.1)."""
    preferences = (prefer or "").split(",")
    return _RESPOND_ASYNC in {part.partition(";")[0].strip().lower() for part in preferences}


def file_or_job(
    request: Request,
    wanted: ExportRequest,
    target: str,
    prefer: str | None,
    make: "Callable[[Connection], InlineFile | None]",
) -> Response:
    """Return a file, or the job that makes it where it is large or the client prefers one.

    Args:
        request: The request.
        wanted: What the job would make.
        target: Identifier of what is exported.
        prefer: The request's ``Prefer``.
        make: Makes the file; None if it is too large for an answer.
    """
    if prefers_job(prefer):
        return job_answer(request, wanted, {"Preference-Applied": _RESPOND_ASYNC})
    file = session.read(make)
    if file is None:
        return job_answer(request, wanted)
    response = _file_answer(request, file)
    if response.status_code == 200:
        audit.record_or_queue(
            AuditEvent.EXPORTED,
            actor=caller(request).account_id,
            target=target,
            origin=origin(request),
            details={
                "kind": wanted.kind.value,
                "parameters": wanted.parameters,
                "rows": file.rows,
                "sha256": file.sha256,
            },
        )
    return response


def _file_answer(request: Request, file: "InlineFile") -> Response:
    digest = base64.b64encode(bytes.fromhex(file.sha256)).decode()
    # Strong: the bytes are never encoded otherwise.
    tag = f'"{file.sha256[:32]}"'
    headers = {"ETag": tag, "Cache-Control": PRIVATE, "Repr-Digest": f"sha-256=:{digest}:"}
    if matches(request.headers.get("if-none-match"), tag):
        return Response(status_code=304, headers=headers)
    headers["Content-Disposition"] = f'attachment; filename="{file.name}"'
    # The media type with its parameters, to which nothing must be added.
    headers["Content-Type"] = file.media_type
    return Response(file.content, headers=headers)


def job_answer(
    request: Request, wanted: ExportRequest, headers: dict[str, str] | None = None
) -> Response:
    """Return the job that makes what is wanted, as a 202 that says where it is."""
    job = jobs.ask(caller(request).account_id, wanted, origin(request))
    # The path below ``/export``: relative, it leads there from behind any stage or domain.
    depth = request.url.path.partition("/export/")[2].count("/")
    location = f"{'../' * depth}jobs/{job['id']}"
    return Response(
        dump_json(shown_job(job)),
        202,
        media_type="application/json",
        headers={**NO_STORE, "Location": location, **(headers or {})},
    )


def shown_job(job: dict[str, Any]) -> dict[str, Any]:
    """Return a job with links to its files, for as long as they are there."""
    there = job["state"] is ExportState.SUCCEEDED
    return {**job, "files": shown_files(job["files"]) if there else []}


def shown_files(files: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return files with links instead of their keys."""
    if not files:
        return []
    bucket = objects.ExportBucket.from_environment()
    shown = []
    for file in files:
        url = bucket.link(file["key"])
        shown.append({**file, "url": url})
        del shown[-1]["key"]
    return shown


def politician_request(kind: ExportKind, politician_id: str, form: ExportFormat) -> ExportRequest:
    """Return the request of an export of one politician."""
    return ExportRequest(kind, {"politician_id": politician_id, "format": form.value})

"""Export jobs as whoever asks for them knows them: asked for, shown, listed.

A job's identifier is that of its account, kind, parameters and the data version it was asked for
at: who asks twice asks for the same job.
"""

import uuid
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from quant import audit
from quant.db.export_models import ExportJob
from quant.db.keyset import SortKey, data_version, fetch_page
from quant.db.session import read, write
from quant.errors import ConflictError, NotFoundError
from quant.exports import queue
from quant.exports.leases import STATE
from quant.exports.requests import ExportRequest
from quant.origin import Origin
from quant.paging import DEFAULT_LIMIT, Page
from quant.vocabulary import AuditEvent, ExportState

# Jobs are forgotten after this.
RETENTION: Final = timedelta(days=90)
# Jobs of an account that wait or run at a time.
MAX_UNFINISHED: Final = 10
# A job that has waited for longer is queued once more when it is asked for again: its message may
# be lost. Two messages of a job do no harm.
_QUEUED_ANEW_AFTER: Final = timedelta(hours=1)

_SHOWN: Final = (
    ExportJob.id,
    ExportJob.kind,
    ExportJob.parameters,
    STATE.label("state"),
    ExportJob.progress,
    ExportJob.rows,
    ExportJob.bytes,
    ExportJob.sha256,
    # The page's own data version has that name.
    ExportJob.data_version.label("version_read"),
    ExportJob.files,
    ExportJob.created_at,
    ExportJob.started_at,
    ExportJob.finished_at,
    ExportJob.expires_at,
    ExportJob.detail,
)
_SORT_KEYS: Final = {
    "created_at": SortKey(ExportJob.created_at, ExportJob.id, datetime.fromisoformat)
}
_AGAIN: Final = {
    "state": ExportState.QUEUED,
    "attempts": 0,
    "progress": 0.0,
    "detail": None,
    "queued_at": None,
    "lease_holder": None,
    "lease_until": None,
    "started_at": None,
    "finished_at": None,
    "expires_at": None,
    "files": [],
}


def ask(account_id: uuid.UUID, request: ExportRequest, origin: Origin) -> dict[str, Any]:
    """Make a job, or find the one there is, have it queued, and return it.

    One that failed or expired begins anew.

    Raises:
        ConflictError: The account has as many unfinished jobs as it may have.
        StoreUnavailableError: Postgres or the queue cannot be reached.
    """

    def query(connection: Connection) -> tuple[dict[str, Any], bool]:
        job_id = request.job_id(account_id, data_version(connection))
        _lock(connection, account_id)
        row = _find(connection, account_id, job_id)
        if row is not None and row.state not in {ExportState.FAILED, ExportState.EXPIRED}:
            return _shape(row), row.state is ExportState.QUEUED and row.is_waiting
        _require_room(connection, account_id)
        connection.execute(
            insert(ExportJob)
            .values(
                id=job_id,
                account_id=account_id,
                kind=request.kind,
                parameters=request.parameters,
            )
            .on_conflict_do_update(index_elements=[ExportJob.id], set_=_AGAIN)
        )
        row = _find(connection, account_id, job_id)
        if row is None:
            raise AssertionError
        audit.record(
            connection,
            AuditEvent.EXPORTED,
            actor=account_id,
            target=str(job_id),
            origin=origin,
            details={"kind": request.kind.value, "parameters": request.parameters},
        )
        return _shape(row), True

    # The message leaves after the commit: a worker must find the job it is about.
    job, waits = write(query)
    if waits:
        queue.send(job["id"])
        write(
            lambda connection: connection.execute(
                update(ExportJob).where(ExportJob.id == job["id"]).values(queued_at=func.now())
            )
        )
    return job


def get_job(account_id: uuid.UUID, job_id: uuid.UUID) -> dict[str, Any]:
    """Return one of an account's jobs.

    Raises:
        NotFoundError: The account has no such job.
        StoreUnavailableError: Postgres cannot be reached.
    """
    row = read(lambda connection: _find(connection, account_id, job_id))
    if row is None:
        msg = f"you have no export {job_id}"
        raise NotFoundError(msg)
    return _shape(row)


def list_jobs(
    account_id: uuid.UUID, *, limit: int = DEFAULT_LIMIT, cursor: str | None = None
) -> Page:
    """Return one page of an account's jobs, the newest first.

    Raises:
        InvalidCursorError: The cursor is malformed or another account's.
        StoreUnavailableError: Postgres cannot be reached.
    """
    return read(
        lambda connection: fetch_page(
            connection,
            select(*_SHOWN).where(ExportJob.account_id == account_id),
            _shape,
            sort_keys=_SORT_KEYS,
            sort="-created_at",
            filters={"account": account_id},
            limit=limit,
            cursor=cursor,
        )
    )


def purge(connection: Connection) -> int:
    """Delete jobs older than ``RETENTION`` and return how many those were."""
    deleted = connection.execute(
        delete(ExportJob).where(ExportJob.created_at < func.now() - RETENTION)
    )
    return deleted.rowcount


def _lock(connection: Connection, account_id: uuid.UUID) -> None:
    # Requests at the same time must not exceed the number together.
    key = func.hashtextextended(f"export_jobs {account_id}", 0)
    connection.execute(select(func.pg_advisory_xact_lock(key)))


def _require_room(connection: Connection, account_id: uuid.UUID) -> None:
    unfinished = connection.scalar(
        select(func.count())
        .select_from(ExportJob)
        .where(
            ExportJob.account_id == account_id,
            STATE.in_([ExportState.QUEUED, ExportState.RUNNING]),
        )
    )
    if (unfinished or 0) >= MAX_UNFINISHED:
        msg = f"{MAX_UNFINISHED} of your exports are not finished; wait for one"
        raise ConflictError(msg)


def _find(
    connection: Connection, account_id: uuid.UUID, job_id: uuid.UUID
) -> Row[*tuple[Any, ...]] | None:
    waiting = func.coalesce(ExportJob.queued_at < func.now() - _QUEUED_ANEW_AFTER, True)
    return connection.execute(
        select(*_SHOWN, waiting.label("is_waiting")).where(
            ExportJob.id == job_id, ExportJob.account_id == account_id
        )
    ).one_or_none()


def _shape(row: Any) -> dict[str, Any]:
    shown = {column.key: getattr(row, column.key) for column in _SHOWN}
    return {**shown, "data_version": shown.pop("version_read")}

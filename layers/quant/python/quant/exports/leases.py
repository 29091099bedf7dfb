"""Who makes an export job: taken up under a lease, renewed, ended.

A worker holds a lease, which it renews as it goes on; another one takes up a job whose lease ran
out, and whoever lost a lease changes nothing any more.
"""

import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, case, func, literal, select, update

from quant.db.export_models import ExportJob
from quant.db.session import write
from quant.errors import QuantError
from quant.exports.requests import ExportRequest
from quant.vocabulary import ExportState

# As often as the queue delivers a message before it sets it aside (infra/batch_functions.py).
MAX_ATTEMPTS: Final = 3
# Longer than any step between two renewals: the upload of a file and its conversion to Parquet.
LEASE: Final = timedelta(minutes=5)
# As long as the bucket keeps the files of jobs.
KEPT: Final = timedelta(days=7)
_MAX_DETAIL: Final = 500


class LostLeaseError(QuantError):
    """Another worker has taken up the job."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A job taken up by this worker.

    Attributes:
        job_id: The job.
        holder: This worker's attempt.
        attempt: Counted from 1.
        request: What to export.
    """

    job_id: uuid.UUID
    holder: uuid.UUID
    attempt: int
    request: ExportRequest

    @property
    def is_last(self) -> bool:
        """Whether there is no other attempt after this one."""
        return self.attempt >= MAX_ATTEMPTS


@dataclass(frozen=True, slots=True)
class Busy:
    """A job that another worker holds.

    Attributes:
        seconds: Until its lease runs out.
    """

    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a job made.

    Attributes:
        rows: Rows in all files.
        bytes: Size of all files.
        sha256: Of the file, or of a dataset's SHA256SUMS.
        data_version: Version of the data that was read.
        files: ``name``, ``key``, ``bytes``, ``sha256`` and ``rows`` of each.
        kept: Whether the files never expire.
    """

    rows: int
    bytes: int
    sha256: str
    data_version: int
    files: list[dict[str, Any]]
    kept: bool = False


# What whoever asks is told: a job that ended well is expired once its files are deleted, and one
# whose last attempt never came to an end has failed.
STATE: Final[ColumnElement[ExportState]] = case(
    (
        (ExportJob.state == ExportState.SUCCEEDED) & (ExportJob.expires_at < func.now()),
        literal(ExportState.EXPIRED, ExportJob.state.type),
    ),
    (
        (ExportJob.state == ExportState.RUNNING)
        & (ExportJob.attempts >= MAX_ATTEMPTS)
        & (ExportJob.lease_until < func.now()),
        literal(ExportState.FAILED, ExportJob.state.type),
    ),
    else_=ExportJob.state,
)


def claim(job_id: uuid.UUID) -> Claim | Busy | None:
    """Take up a job, if it is to be done and nobody else does it.

    One that failed is taken up as well, and from the first attempt on: an operator had its message
    delivered again.

    Returns:
        The claim; who else is busy with the job; or None where there is nothing to do.

    Raises:
        StoreUnavailableError: Postgres cannot be reached.
    """
    holder = uuid.uuid4()

    def query(connection: Connection) -> Claim | Busy | None:
        row = connection.execute(
            select(
                ExportJob.kind,
                ExportJob.parameters,
                STATE.label("state"),
                ExportJob.attempts,
                func.extract("epoch", ExportJob.lease_until - func.now()).label("seconds"),
            )
            .where(ExportJob.id == job_id)
            .with_for_update()
        ).one_or_none()
        if row is None or row.state in {ExportState.SUCCEEDED, ExportState.EXPIRED}:
            return None
        if row.state is ExportState.RUNNING and row.seconds is not None and row.seconds > 0:
            return Busy(float(row.seconds))
        attempt = 1 if row.state is ExportState.FAILED else row.attempts + 1
        connection.execute(
            update(ExportJob)
            .where(ExportJob.id == job_id)
            .values(
                state=ExportState.RUNNING,
                attempts=attempt,
                lease_holder=holder,
                lease_until=func.now() + LEASE,
                started_at=func.now(),
                finished_at=None,
                progress=0.0,
                rows=None,
                detail=None,
            )
        )
        return Claim(job_id, holder, attempt, ExportRequest(row.kind, row.parameters))

    return write(query)


def renew(claimed: Claim, *, progress: float, rows: int) -> None:
    """Say how far a job is, and keep others from taking it up.

    Raises:
        LostLeaseError: Another worker has taken it up.
        StoreUnavailableError: Postgres cannot be reached.
    """
    _change(
        claimed,
        progress=min(max(progress, 0.0), 1.0),
        rows=rows,
        lease_until=func.now() + LEASE,
    )


def succeed(claimed: Claim, result: Result) -> None:
    """End a job with what it made.

    Raises:
        LostLeaseError: Another worker has taken it up.
        StoreUnavailableError: Postgres cannot be reached.
    """
    _change(
        claimed,
        state=ExportState.SUCCEEDED,
        progress=1.0,
        rows=result.rows,
        bytes=result.bytes,
        sha256=result.sha256,
        data_version=result.data_version,
        files=result.files,
        finished_at=func.now(),
        expires_at=None if result.kept else func.now() + KEPT,
        lease_holder=None,
        lease_until=None,
    )


def fail(claimed: Claim, detail: str, *, final: bool) -> None:
    """End an attempt that made nothing.

    Args:
        claimed: The job.
        detail: Why; shown to whoever asked.
        final: Whether the job has failed, rather than to be tried again.

    Raises:
        LostLeaseError: Another worker has taken it up.
        StoreUnavailableError: Postgres cannot be reached.
    """
    _change(
        claimed,
        state=ExportState.FAILED if final else ExportState.QUEUED,
        detail=detail[:_MAX_DETAIL],
        finished_at=func.now() if final else None,
        lease_holder=None,
        lease_until=None,
    )


def _change(claimed: Claim, **values: Any) -> None:
    changed = write(
        lambda connection: (
            connection.execute(
                update(ExportJob)
                .where(ExportJob.id == claimed.job_id, ExportJob.lease_holder == claimed.holder)
                .values(**values)
            ).rowcount
        )
    )
    if not changed:
        raise LostLeaseError(str(claimed.job_id))

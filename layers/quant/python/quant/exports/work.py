"""Do an export job: read, write, store, and say so; once, however often it is asked for."""

import logging
import tempfile
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from quant.db.keyset import data_version
from quant.errors import NotFoundError, QuantError, StoreUnavailableError
from quant.exports import analysis, datasets, leases, rows
from quant.exports.dictionary import ANALYSIS
from quant.exports.formats import Written, write_file
from quant.exports.leases import Busy, Claim, LostLeaseError, Result
from quant.exports.objects import JOB_PREFIX, ChangedObjectError, ExportBucket, ExportFile
from quant.exports.requests import MEDIA_TYPES, Batch
from quant.exports.rows import Selection
from quant.exports.selections import batch_of, stem, subject_of, trades_of
from quant.vocabulary import ExportFormat, ExportKind

# How often a job says how far it is.
_RENEWED_EVERY_S: Final = 2.0
# Of the progress, what is left for conversion and upload.
_READING_SHARE: Final = 0.9
# How long a job that could not be done now is left alone.
_RETRY_AFTER: Final = timedelta(seconds=30)

_logger: Final = logging.getLogger("quant")


class OutOfTimeError(QuantError):
    """The job takes longer than its worker may."""


@dataclass(frozen=True, slots=True)
class Done:
    """There is nothing more to do for a job."""


@dataclass(frozen=True, slots=True)
class Again:
    """A job is to be taken up again.

    Attributes:
        seconds: After how long.
    """

    seconds: float


class _Progress:
    """Renews the lease of a job while its rows are read, at most every two seconds."""

    def __init__(self, claimed: Claim, deadline: float) -> None:
        self._claimed = claimed
        self._deadline = deadline
        self._renewed = time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if now > self._deadline:
            msg = "the export takes longer than it may"
            raise OutOfTimeError(msg)
        if now - self._renewed >= _RENEWED_EVERY_S:
            self._renewed = now
            leases.renew(self._claimed, progress=_READING_SHARE * done / max(total, 1), rows=done)


@dataclass(frozen=True, slots=True)
class _Workplace:
    """What a job is made with."""

    claimed: Claim
    bucket: ExportBucket
    directory: Path
    progress: _Progress

    @property
    def form(self) -> ExportFormat:
        return ExportFormat(self.claimed.request.parameters["format"])


def run(job_id: uuid.UUID, bucket: ExportBucket, *, seconds: float) -> Done | Again:
    """Do a job, unless it is done or another worker does it.

    Args:
        job_id: The job.
        bucket: Where files of exports go.
        seconds: How long it may take.

    Returns:
        Whether it is to be taken up again.

    Raises:
        StoreUnavailableError: Postgres cannot be reached.
    """
    claimed = leases.claim(job_id)
    if claimed is None:
        return Done()
    if isinstance(claimed, Busy):
        # Not done with: if that worker dies, this message is what brings another one.
        return Again(claimed.seconds)
    started = time.monotonic()
    try:
        with tempfile.TemporaryDirectory() as directory:
            progress = _Progress(claimed, started + seconds)
            place = _Workplace(claimed, bucket, Path(directory), progress)
            result = _MAKERS[claimed.request.kind](place)
        leases.succeed(claimed, result)
    except LostLeaseError:
        _logger.warning("another worker has taken up the export %s", job_id)
        return Again(leases.LEASE.total_seconds())
    except Exception as error:  # noqa: BLE001 - whatever it is, whoever asked is told
        return _failed(claimed, error)
    return Done()


def _failed(claimed: Claim, error: Exception) -> Done | Again:
    # Gone, or published already as something else: another attempt would not change that.
    hopeless = isinstance(error, NotFoundError | ChangedObjectError)
    detail = str(error) if isinstance(error, QuantError) else "an unexpected error; it was logged"
    _logger.error(
        "attempt %d of the export %s failed",
        claimed.attempt,
        claimed.job_id,
        exc_info=not isinstance(error, QuantError),
    )
    try:
        leases.fail(claimed, detail, final=hopeless or claimed.is_last)
    except LostLeaseError:
        return Again(leases.LEASE.total_seconds())
    except StoreUnavailableError:
        # The lease runs out by itself.
        return Again(leases.LEASE.total_seconds())
    return Done() if hopeless else Again(_RETRY_AFTER.total_seconds())


def _make_trades(place: _Workplace) -> Result:
    with rows.snapshot() as connection:
        subject = subject_of(connection, place.claimed.request.parameters["politician_id"])
    return _make_file(place, trades_of(subject), subject.label)


def _make_batch(place: _Workplace) -> Result:
    parameters = place.claimed.request.parameters
    selection = batch_of(Batch(parameters["what"]), parameters["filters"])
    return _make_file(place, selection, "all")


def _make_dataset(place: _Workplace) -> Result:
    return datasets.make(place.bucket, place.form, place.directory, place.progress)


def _make_analysis(place: _Workplace) -> Result:
    with rows.snapshot() as connection:
        version = data_version(connection)
        subject = subject_of(connection, place.claimed.request.parameters["politician_id"])
        found = analysis.documents(connection, subject)
    written = analysis.write(found, subject, place.form, place.directory)
    return _store(place, written, stem(ANALYSIS.name, subject.label, version), version)


def _make_file(place: _Workplace, selection: Selection, label: str) -> Result:
    with rows.snapshot() as connection:
        version = data_version(connection)
        total = rows.count(connection, selection)
        written = write_file(
            connection,
            selection,
            place.form,
            place.directory,
            progress=lambda done: place.progress(done, total),
        )
    return _store(place, written, stem(selection.table.name, label, version), version)


def _store(place: _Workplace, written: Written, name: str, version: int) -> Result:
    claimed = place.claimed
    leases.renew(claimed, progress=_READING_SHARE, rows=written.rows)
    name = f"{name}.{place.form}"
    # A key of each attempt: one that lost its lease must not write over what another one made.
    key = f"{JOB_PREFIX}{claimed.job_id}/{claimed.holder}/{name}"
    place.bucket.put(ExportFile(key, written.path, written.sha256, MEDIA_TYPES[place.form]))
    file = {
        "name": name,
        "key": key,
        "bytes": written.bytes,
        "sha256": written.sha256,
        "rows": written.rows,
    }
    return Result(
        rows=written.rows,
        bytes=written.bytes,
        sha256=written.sha256,
        data_version=version,
        files=[file],
    )


_MAKERS: Final[Mapping[ExportKind, Callable[[_Workplace], Result]]] = {
    ExportKind.TRADES: _make_trades,
    ExportKind.ANALYSIS: _make_analysis,
    ExportKind.ALL_POLITICIANS: _make_batch,
    ExportKind.RESEARCH_DATASET: _make_dataset,
}

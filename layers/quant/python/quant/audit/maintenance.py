"""What the owner of the audit log does: verify it, make its months, drop those that expired."""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

from sqlalchemy import Connection, Engine, text

from quant.audit.chain import Anchor, Verified, head, start, verify
from quant.audit.entries import Entry
from quant.audit.log import append
from quant.audit.retention import RETENTION_DAYS, Tag
from quant.errors import QuantError
from quant.origin import Origin
from quant.vocabulary import AuditEvent

# A purge must rather fail than keep everyone from appending.
LOCK_TIMEOUT: Final = "5s"

_MONTHS: Final = text(
    "select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid"
    " where i.inhparent = 'audit_log'::regclass order by c.relname"
)


class PurgeRefusedError(QuantError):
    """Entries cannot be dropped now; the message says why."""


@dataclass(frozen=True, slots=True)
class Purge:
    """What a purge dropped.

    Attributes:
        months: First days of the dropped months, oldest first.
        anchor: The last entry dropped, ``None`` if the months were empty.
    """

    months: tuple[date, ...]
    anchor: Anchor | None


def verify_log(engine: Engine, known: tuple[Anchor, ...] = ()) -> Verified:
    """Verify the chain in one snapshot.

    Raises:
        ChainBrokenError: The log was changed.
    """
    with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
        return verify(connection, known)


def current_anchor(engine: Engine) -> Anchor:
    """Return the chain's head, to be kept where the database's administrators cannot write."""
    with engine.connect() as connection:
        return head(connection)


def create_months(engine: Engine, ahead: int, today: date | None = None) -> int:
    """Make the partitions of this month and the ``ahead`` next; return how many were missing."""
    first = (today or datetime.now(UTC).date()).replace(day=1)
    last = first
    for _ in range(ahead):
        last = _next_month(last)
    with _transaction(engine) as connection:
        made: int = connection.execute(
            text("select create_audit_months(:first, :last)"), {"first": first, "last": last}
        ).scalar_one()
    return made


def purge(engine: Engine, before: date, now: datetime | None = None) -> Purge:
    """Drop the oldest months whose every entry has outlived the longest of its retentions.

    Whole months from the oldest on, so that the rest is an unbroken chain; the last entry dropped
    stays as an anchor, and the purge itself is appended to the log.

    Args:
        engine: Engine with the rights of the log's owner.
        before: Months from this one on are kept.
        now: The time retention is reckoned to.

    Raises:
        ChainBrokenError: The log was changed; what is evidence is not dropped.
        PurgeRefusedError: Entries of the months to drop are in the default partition.
    """
    now = now or datetime.now(UTC)
    verify_log(engine)
    with _transaction(engine) as connection:
        # Before any lock on the tables: in the order in which appending takes them.
        connection.execute(text("select from audit_chain_head for update"))
        months = _expired(connection, before, now)
        if not months:
            return Purge((), None)
        anchor = _drop(connection, months)
        if anchor is not None:
            append(connection, _purge_entry(months, anchor), live=True)
    return Purge(tuple(months), anchor)


@contextmanager
def _transaction(engine: Engine) -> Iterator[Connection]:
    connection = engine.connect().execution_options(isolation_level="READ COMMITTED")
    with connection, connection.begin():
        connection.execute(text(f"set local lock_timeout = '{LOCK_TIMEOUT}'"))
        yield connection


def _expired(connection: Connection, before: date, now: datetime) -> list[date]:
    months = []
    for name in connection.scalars(_MONTHS):
        parts = re.fullmatch(r"audit_log_(\d{4})_(\d{2})", name)
        if parts is None:
            continue
        month = date(int(parts[1]), int(parts[2]), 1)
        tags = connection.scalars(text(f"select distinct unnest(tags) from {name}")).all()  # noqa: S608
        if month >= before or not _outlived(month, tags, now):
            break
        months.append(month)
    return months


def _outlived(month: date, tags: Iterable[str], now: datetime) -> bool:
    days = [RETENTION_DAYS[Tag(tag)] for tag in tags]
    end = _next_month(month)
    kept_until = datetime(end.year, end.month, 1, tzinfo=UTC) + timedelta(days=max(days, default=0))
    return kept_until <= now


def _drop(connection: Connection, months: list[date]) -> Anchor | None:
    end = _next_month(months[-1])
    if connection.scalar(
        text("select exists (select from audit_log_default where recorded_at < :end)"),
        {"end": datetime(end.year, end.month, 1, tzinfo=UTC)},
    ):
        msg = "entries of these months are in the default partition; run `quant audit months`"
        raise PurgeRefusedError(msg)
    last = connection.execute(
        text(
            "select sequence, hash, recorded_at from audit_log where recorded_at < :end"
            " order by sequence desc limit 1"
        ),
        {"end": datetime(end.year, end.month, 1, tzinfo=UTC)},
    ).one_or_none()
    for month in months:
        name = f"audit_log_{month:%Y_%m}"
        connection.execute(text(f"alter table audit_log detach partition {name}"))
        connection.execute(text(f"drop table {name}"))
    if last is None:
        return None
    connection.execute(
        text(
            "insert into audit_anchors (sequence, hash, recorded_at)"
            " values (:sequence, :hash, :recorded_at)"
        ),
        {"sequence": last.sequence, "hash": last.hash, "recorded_at": last.recorded_at},
    )
    return start(connection)


def _purge_entry(months: list[date], anchor: Anchor) -> Entry:
    return Entry.of(
        AuditEvent.AUDIT_PURGED,
        actor=None,
        target="audit_log",
        origin=Origin(),
        details={
            "sequence": anchor.sequence,
            "hash": anchor.hash.hex(),
            "months": [f"{month:%Y-%m}" for month in months],
        },
    )


def _next_month(month: date) -> date:
    return (month.replace(day=1) + timedelta(days=32)).replace(day=1)

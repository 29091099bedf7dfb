"""Verify the audit log's hash chain, with nothing but its rows and the rules of docs/audit.md."""

import hashlib
import json
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

from sqlalchemy import Connection, text

from quant.errors import QuantError
from quant.vocabulary import AuditEvent

FORMAT: Final = "quant-audit-1"
BATCH_ROWS: Final = 2000


class ChainBrokenError(QuantError):
    """The log is not what was appended.

    Attributes:
        sequence: The first entry that is missing, changed or not ours.
        reason: What is wrong with it.
    """

    def __init__(self, sequence: int, reason: str) -> None:
        super().__init__(f"entry {sequence}: {reason}")
        self.sequence = sequence
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Anchor:
    """An entry's place in the chain; whoever knows it can tell whether all before it is unchanged.

    Attributes:
        sequence: The entry's number; 0 stands before the first.
        hash: The entry's hash, 32 bytes.
    """

    sequence: int
    hash: bytes

    def __str__(self) -> str:
        return f"{self.sequence}:{self.hash.hex()}"

    @classmethod
    def parse(cls, value: str) -> Self:
        """Read the form that ``str`` writes.

        Raises:
            ValueError: It is of another form.
        """
        sequence, _, digest = value.partition(":")
        anchor = cls(int(sequence), bytes.fromhex(digest))
        if anchor.sequence < 0 or len(anchor.hash) != hashlib.sha256().digest_size:
            msg = "an anchor is <sequence>:<64 hex digits>"
            raise ValueError(msg)
        return anchor


GENESIS: Final = Anchor(0, bytes(32))


@dataclass(frozen=True, slots=True)
class Verified:
    """A chain found whole.

    Attributes:
        start: What the first entry present continues: the genesis, or the newest purge.
        end: The last entry.
    """

    start: Anchor
    end: Anchor

    @property
    def entries(self) -> int:
        """Number of entries verified."""
        return self.end.sequence - self.start.sequence


def field(value: object) -> bytes:
    """Return one field of the canonical form: its length, four bytes big-endian, and its UTF-8.

    ``None`` is the length -1 alone.
    """
    if value is None:
        return struct.pack(">i", -1)
    encoded = str(value).encode()
    return struct.pack(">i", len(encoded)) + encoded


def entry_hash(previous: bytes, row: Any) -> bytes:
    """Return the hash an entry must have.

    Args:
        previous: Hash of the entry before.
        row: The entry, every column as text but ``sequence`` and ``tags``.
    """
    fields: list[object] = [
        FORMAT,
        row.sequence,
        row.entry_id,
        row.recorded_at,
        row.occurred_at,
        row.event,
        row.actor,
        row.target,
        row.request_id,
        row.user_agent_hash,
        row.network,
        len(row.tags),
        *row.tags,
        row.details,
    ]
    return hashlib.sha256(previous + b"".join(map(field, fields))).digest()


# As text, so that no value a row may have been changed to can keep it from being read.
_TIME: Final = "to_char({0} at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') as {0}"
_ROWS: Final = text(
    "select sequence, recorded_at::text as position, entry_id::text, event, actor::text, target,"  # noqa: S608 - constants
    f" {_TIME.format('recorded_at')}, {_TIME.format('occurred_at')},"
    " request_id, user_agent_hash, network, tags, details::text, previous_hash, hash"
    " from audit_log"
    " where (sequence, recorded_at) > (:sequence, cast(:position as timestamptz))"
    " order by audit_log.sequence, audit_log.recorded_at limit :rows"
)


def _rows(connection: Connection) -> Iterator[Any]:
    last: dict[str, object] = {"sequence": -(2**63), "position": "-infinity"}
    while rows := connection.execute(_ROWS, {**last, "rows": BATCH_ROWS}).all():
        yield from rows
        last = {"sequence": rows[-1].sequence, "position": rows[-1].position}


def head(connection: Connection) -> Anchor:
    """Return where the chain says that it ends."""
    row = connection.execute(text("select sequence, hash from audit_chain_head")).one_or_none()
    if row is None:
        raise ChainBrokenError(0, "the chain's head is missing")
    return Anchor(row.sequence, bytes(row.hash))


def start(connection: Connection) -> Anchor:
    """Return what the oldest entry continues: the newest purge, or the genesis."""
    row = connection.execute(
        text("select sequence, hash from audit_anchors order by sequence desc limit 1")
    ).one_or_none()
    return GENESIS if row is None else Anchor(row.sequence, bytes(row.hash))


def _check(last: Anchor, row: Any) -> Anchor:
    """Return the place of ``row`` if it continues ``last``."""
    expected = last.sequence + 1
    if row.sequence > expected:
        raise ChainBrokenError(expected, "is missing")
    if row.sequence < expected:
        raise ChainBrokenError(row.sequence, "is there twice, or was purged and is back")
    digest = entry_hash(last.hash, row)
    if bytes(row.hash) != digest or bytes(row.previous_hash) != last.hash:
        raise ChainBrokenError(row.sequence, "is not what was appended")
    return Anchor(row.sequence, digest)


def verify(connection: Connection, known: Sequence[Anchor] = ()) -> Verified:
    """Recompute the whole chain, in constant memory.

    Args:
        connection: Connection in one snapshot (REPEATABLE READ), with the right to read the log.
        known: Anchors kept elsewhere. Only they show a log that was written anew as a whole, or
            cut off at its end together with the head; those of purged entries say nothing.

    Raises:
        ChainBrokenError: The log was changed; the error names the first bad entry.
    """
    end = head(connection)
    first = last = start(connection)
    hashes = {anchor.sequence: anchor.hash for anchor in known}
    if hashes.get(first.sequence, first.hash) != first.hash:
        raise ChainBrokenError(first.sequence, "has another hash than the anchor kept elsewhere")
    purges: set[tuple[object, object]] = set()
    for row in _rows(connection):
        last = _check(last, row)
        if last.sequence > end.sequence:
            raise ChainBrokenError(last.sequence, "was not appended: the chain's head is before it")
        if hashes.get(last.sequence, last.hash) != last.hash:
            raise ChainBrokenError(last.sequence, "has another hash than the anchor kept elsewhere")
        if row.event == AuditEvent.AUDIT_PURGED:
            details = json.loads(row.details)
            purges.add((details.get("sequence"), details.get("hash")))
    expected = max([end.sequence, *hashes])
    if last.sequence < expected:
        raise ChainBrokenError(last.sequence + 1, f"is missing: the log reached {expected}")
    if last.hash != end.hash:
        raise ChainBrokenError(last.sequence, "has another hash than the chain's head")
    if first != GENESIS and (first.sequence, first.hash.hex()) not in purges:
        raise ChainBrokenError(first.sequence, "was removed without a purge on record")
    return Verified(first, last)

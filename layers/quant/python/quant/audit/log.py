"""Append to the audit log."""

import logging
import uuid
from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from quant.audit.entries import Entry
from quant.audit.queue import QueueUnavailableError, send
from quant.db.session import write
from quant.errors import StoreUnavailableError
from quant.origin import Origin
from quant.vocabulary import AuditEvent

_APPEND: Final = text(
    "select append_audit_entry(cast(:entry_id as uuid), cast(:occurred_at as timestamptz),"
    " :event, cast(:actor as uuid), cast(:target as text), cast(:request_id as text),"
    " cast(:user_agent_hash as text), cast(:network as text), cast(:tags as text[]),"
    " cast(:details as json))"
)
# The SQLSTATE of a chain head that stays locked.
_LOCK_NOT_AVAILABLE: Final = "55P03"

_logger = logging.getLogger("quant")


def append(connection: Connection, entry: Entry, *, live: bool = False) -> int | None:
    """Append an entry in the transaction of ``connection``.

    The chain's head stays locked until that transaction ends, so append last.

    Args:
        connection: Connection with a transaction open.
        entry: What to append.
        live: Whether it happens in this very transaction: the database then gives the time, and
            need not look for an earlier copy.

    Returns:
        The entry's sequence number, or ``None`` if it was there already.

    Raises:
        StoreUnavailableError: Others keep the chain's head locked.
    """
    parameters = {
        "entry_id": None if live else entry.entry_id,
        "occurred_at": None if live else entry.occurred_at,
        "event": entry.event.value,
        "actor": entry.actor,
        "target": entry.target,
        "request_id": entry.request_id,
        "user_agent_hash": entry.user_agent_hash,
        "network": entry.network,
        "tags": list(entry.tags),
        "details": entry.details,
    }
    try:
        sequence: int | None = connection.scalar(_APPEND, parameters)
    except DBAPIError as error:
        answer = error.orig.args[0] if error.orig and error.orig.args else None
        if isinstance(answer, dict) and answer.get("C") == _LOCK_NOT_AVAILABLE:
            raise StoreUnavailableError("postgres") from error
        raise
    return sequence


def record(
    connection: Connection,
    event: AuditEvent,
    *,
    actor: uuid.UUID | None,
    target: str | None = None,
    origin: Origin,
    details: Mapping[str, Any] | None = None,
) -> None:
    """Append to the audit log in the caller's transaction: both are committed, or neither.

    Make it the last statement of the transaction: it locks the chain's head until the commit, and
    a transaction that waits for another row while it holds that lock can deadlock.

    Args:
        connection: Connection with the transaction open.
        event: What happened.
        actor: Account that did it, ``None`` if unknown.
        target: Identifier of what it was done to; never a secret, an address or a name.
        origin: Where the request came from.
        details: What else matters; JSON without secrets or personal data.

    Raises:
        StoreUnavailableError: Others keep the chain's head locked.
    """
    entry = Entry.of(event, actor=actor, target=target, origin=origin, details=details)
    append(connection, entry, live=True)


def record_or_queue(
    event: AuditEvent,
    *,
    actor: uuid.UUID | None,
    target: str | None = None,
    origin: Origin,
    details: Mapping[str, Any] | None = None,
) -> None:
    """Append to the audit log in a transaction of its own, or queue what Postgres cannot take.

    The arguments are those of ``record``. An entry whose commit was not acknowledged is queued as
    well, under the same id, and appended once.

    Raises:
        StoreUnavailableError: Neither Postgres nor the queue took the entry; it is in the
            function's log.
    """
    entry = Entry.of(event, actor=actor, target=target, origin=origin, details=details)
    try:
        write(lambda connection: append(connection, entry))
    except (StoreUnavailableError, SQLAlchemyError) as failure:
        # Also where Postgres refuses it, such as code that is ahead of the schema.
        _logger.warning("audit entry queued: %s", type(failure).__name__)
        try:
            send(entry)
        except QueueUnavailableError as error:
            _logger.critical("audit entry not stored: %s", entry.to_json())
            raise StoreUnavailableError("postgres") from error

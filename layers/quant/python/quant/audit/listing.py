"""Read the audit log, newest entries first."""

import uuid
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, select

from quant.db.audit_models import AuditEntry
from quant.db.keyset import SortKey, fetch_page
from quant.paging import DEFAULT_LIMIT, Page
from quant.vocabulary import AuditEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilters:
    """Which entries to list; ``None`` does not filter.

    Attributes:
        occurred_from: First time, inclusive.
        occurred_to: Last time, exclusive.
    """

    event: AuditEvent | None = None
    actor: uuid.UUID | None = None
    target: str | None = None
    network: str | None = None
    request_id: str | None = None
    occurred_from: datetime | None = None
    occurred_to: datetime | None = None


_SORT_KEYS: Final = {"sequence": SortKey(AuditEntry.sequence, AuditEntry.entry_id, int)}

_COLUMNS: Final = (
    AuditEntry.sequence,
    AuditEntry.entry_id,
    AuditEntry.occurred_at,
    AuditEntry.recorded_at,
    AuditEntry.event,
    AuditEntry.actor,
    AuditEntry.target,
    AuditEntry.request_id,
    AuditEntry.user_agent_hash,
    AuditEntry.network,
    AuditEntry.tags,
    AuditEntry.details,
    AuditEntry.hash,
)


def _shape(row: Any) -> dict[str, Any]:
    return {
        **{column.key: getattr(row, column.key) for column in _COLUMNS},
        "hash": bytes(row.hash).hex(),
    }


def _conditions(filters: AuditFilters) -> list[ColumnElement[bool]]:
    conditions = [
        getattr(AuditEntry, name) == value
        for name, value in asdict(filters).items()
        if value is not None and not name.startswith("occurred_")
    ]
    if filters.occurred_from is not None:
        conditions.append(AuditEntry.occurred_at >= filters.occurred_from)
        # Never recorded before it occurred: the months before are not even looked at.
        conditions.append(AuditEntry.recorded_at >= filters.occurred_from)
    if filters.occurred_to is not None:
        conditions.append(AuditEntry.occurred_at < filters.occurred_to)
    return conditions


def list_entries(
    connection: Connection,
    filters: AuditFilters,
    *,
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
) -> Page:
    """Return one page of entries, the highest sequence number first.

    Raises:
        InvalidCursorError: The cursor is malformed or belongs to other filters.
    """
    return fetch_page(
        connection,
        select(*_COLUMNS).where(*_conditions(filters)),
        _shape,
        sort_keys=_SORT_KEYS,
        sort="-sequence",
        filters=asdict(filters),
        limit=limit,
        cursor=cursor,
    )

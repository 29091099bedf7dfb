"""Read the audit log, newest entries first."""

from dataclasses import asdict
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, select

from quant.audit.filters import AuditFilters
from quant.db.audit_models import AuditEntry
from quant.db.keyset import SortKey, fetch_page
from quant.paging import DEFAULT_LIMIT, Page

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

"""Quality reports: what became of each processed document, and of the rows in it."""

import operator
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, select

from quant.db.keyset import SortKey, fetch_page
from quant.db.pipeline_models import RawDocumentRecord
from quant.paging import DEFAULT_LIMIT, Page
from quant.pipeline.quality_filters import QualityFilters
from quant.pipeline.raw import parse_key

_COLUMNS: Final = (
    RawDocumentRecord.key,
    RawDocumentRecord.kind,
    RawDocumentRecord.collected_on,
    RawDocumentRecord.url,
    RawDocumentRecord.source,
    RawDocumentRecord.doc_id,
    RawDocumentRecord.outcome,
    RawDocumentRecord.parser,
    RawDocumentRecord.reason,
    RawDocumentRecord.detail,
    RawDocumentRecord.rows,
    RawDocumentRecord.accepted,
    RawDocumentRecord.rejected,
    RawDocumentRecord.reject_reasons,
    RawDocumentRecord.unmatched_names,
    RawDocumentRecord.unmatched_tickers,
    RawDocumentRecord.counts,
    RawDocumentRecord.processed_at,
)


def _time(text: str) -> datetime:
    time = datetime.fromisoformat(text)
    if time.tzinfo is None:
        raise ValueError(text)
    return time


def _key(text: str) -> str:
    parse_key(text)
    return text


_SORT_KEYS: Final = {
    "processed_at": SortKey(RawDocumentRecord.processed_at, RawDocumentRecord.key, _time, _key)
}


def _shape(row: Any) -> dict[str, Any]:
    return {column.key: getattr(row, column.key) for column in _COLUMNS}


def list_reports(
    connection: Connection,
    filters: QualityFilters,
    *,
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
) -> Page:
    """Return one page of reports, the document processed last first.

    Raises:
        InvalidCursorError: The cursor is malformed or belongs to other filters.
    """
    statement = select(*_COLUMNS)
    for column, compare, value in (
        (RawDocumentRecord.kind, operator.eq, filters.kind),
        (RawDocumentRecord.outcome, operator.eq, filters.outcome),
        (RawDocumentRecord.collected_on, operator.ge, filters.collected_from),
        (RawDocumentRecord.collected_on, operator.le, filters.collected_to),
    ):
        if value is not None:
            statement = statement.where(compare(column, value))
    return fetch_page(
        connection,
        statement,
        _shape,
        sort_keys=_SORT_KEYS,
        sort="-processed_at",
        filters=asdict(filters),
        limit=limit,
        cursor=cursor,
    )

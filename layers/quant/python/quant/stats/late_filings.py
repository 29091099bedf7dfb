"""Trades disclosed after their deadline, and the share of such trades."""

from datetime import date
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Date, cast, func, literal, select

from quant.db.expressions import days_late_of_trade
from quant.db.keyset import SortKey, fetch_page
from quant.db.models import Politician, Trade
from quant.methods import stats as methods
from quant.paging import DEFAULT_LIMIT
from quant.stats.measures import timeliness, timeliness_columns
from quant.stats.scope import settle
from quant.stats.selection import Selection
from quant.stock_act import FIRST_TRANSACTION_DATE, days_late
from quant.trade_details import COLUMNS, joined, shape

_SORT: Final = "-disclosure_date"
# The same expression as the index on trades has.
_DISCLOSED: Final[ColumnElement[date]] = func.coalesce(
    Trade.disclosure_date, cast(literal("0001-01-01", literal_execute=True), Date)
)
_SORT_KEYS: Final = {"disclosure_date": SortKey(_DISCLOSED, Trade.id, date.fromisoformat)}

_SHOWN: Final = (
    "id",
    "politician",
    "owner",
    "asset",
    "ticker",
    "operation",
    "transaction_date",
    "notification_date",
    "disclosure_date",
    "amount_min",
    "amount_max",
    "filing",
)


def read(
    connection: Connection,
    selection: Selection,
    *,
    min_days: int = 1,
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
) -> dict[str, Any]:
    """Return one page of late trades, disclosed last first, and what share of all trades is late.

    A trade whose disclosure date is unknown is never late.

    Args:
        connection: Connection to read from.
        selection: Whose trades; periods are not looked at.
        min_days: Least number of days after the deadline, at least 1; the summary disregards it.
        limit: Rows on a page.
        cursor: Cursor of the page before.

    Raises:
        InvalidCursorError: The cursor is malformed or belongs to other filters.
    """
    late = joined(*COLUMNS).where(
        *settle(connection, selection).of,
        Trade.transaction_date >= FIRST_TRANSACTION_DATE,
        days_late_of_trade() >= min_days,
    )
    page = fetch_page(
        connection,
        late,
        shape,
        sort_keys=_SORT_KEYS,
        sort=_SORT,
        filters={
            "politician": selection.politician,
            "chamber": selection.chamber,
            "party": selection.party,
            "transaction_from": FIRST_TRANSACTION_DATE,
            "days_late_min": min_days,
            "sort": _SORT,
        },
        limit=limit,
        cursor=cursor,
    )
    return {
        "data": [
            {
                **{name: row[name] for name in _SHOWN},
                "days_late": days_late(row["transaction_date"], row["disclosure_date"]),
            }
            for row in page.rows
        ],
        "page": {"count": len(page.rows), "next_cursor": page.next_cursor},
        "summary": summary(connection, selection),
        "methods": [methods.TIMELINESS.reference()],
        "data_version": page.data_version,
    }


def summary(connection: Connection, selection: Selection) -> dict[str, Any]:
    """Return how many trades are late, in time, and unknown, and the share of late ones."""
    scope = settle(connection, selection)
    by_filing = (
        select(*timeliness_columns())
        .select_from(Trade)
        .join(Politician, Politician.id == Trade.politician_id)
        .where(*scope.conditions)
        .group_by(Trade.politician_id, Trade.filing_id)
        .subquery()
    )
    summed = (func.coalesce(func.sum(column), 0).label(column.key) for column in by_filing.c)
    squares = func.sum(by_filing.c.known * by_filing.c.known).label("known_squares")
    return timeliness(connection.execute(select(*summed, squares)).mappings().one())

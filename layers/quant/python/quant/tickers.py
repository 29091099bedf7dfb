"""Tickers that members trade: list, look up."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, func, select, text
from sqlalchemy.sql.elements import Label

from quant.db.keyset import SortKey, data_version, fetch_page
from quant.db.models import Politician, Price, Ticker, Trade
from quant.errors import NotFoundError
from quant.paging import DEFAULT_LIMIT, Page
from quant.politicians import escape_like
from quant.ticker_filters import MOST_POLITICIANS, TickerFilters
from quant.vocabulary import Operation

_SALES: Final = (Operation.SALE, Operation.SALE_FULL, Operation.SALE_PARTIAL)


# An index holds tickers by date: counting reads no row of the table itself.
_COUNTS: Final = (
    select(Trade.ticker, func.count().label("trade_count"))
    .where(Trade.ticker.is_not(None))
    .group_by(Trade.ticker)
    .subquery("counts")
)
_SORT_KEYS: Final = {
    "symbol": SortKey(Ticker.symbol, Ticker.symbol, str, str),
    "trade_count": SortKey(_COUNTS.c.trade_count, Ticker.symbol, int, str),
}


def _activity() -> tuple[Label[Any], ...]:
    """Return what is counted of the trades in a group."""
    return (
        func.count().label("trade_count"),
        func.count().filter(Trade.operation == Operation.PURCHASE).label("purchases"),
        func.count().filter(Trade.operation.in_(_SALES)).label("sales"),
        func.count(Trade.politician_id.distinct()).label("politicians"),
        func.sum(Trade.amount_min).label("amount_min"),
        # A range without an upper end makes the sum a lower bound of the upper end.
        func.sum(func.coalesce(Trade.amount_max, Trade.amount_min)).label("amount_max"),
        func.count().filter(Trade.amount_max.is_(None)).label("unbounded"),
        func.min(Trade.transaction_date).label("first_transaction"),
        func.max(Trade.transaction_date).label("last_transaction"),
    )


def _volume(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row with its sums of ranges as one member."""
    rest = {
        name: value
        for name, value in row.items()
        if name not in {"amount_min", "amount_max", "unbounded"}
    }
    volume = {name: row[name] for name in ("amount_min", "amount_max", "unbounded")}
    return {**rest, "volume": volume}


def list_tickers(
    connection: Connection,
    filters: TickerFilters,
    *,
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
) -> Page:
    """Return one page of traded tickers, each with its trades counted and their ranges summed.

    Raises:
        InvalidCursorError: The cursor is malformed or belongs to other filters.
    """
    statement: Select[*tuple[Any, ...]] = select(Ticker.symbol, Ticker.name, Ticker.sector).join(
        _COUNTS, _COUNTS.c.ticker == Ticker.symbol
    )
    statement = statement.where(*_conditions(filters))
    page = fetch_page(
        connection,
        statement,
        lambda row: {"symbol": row.symbol, "name": row.name, "sector": row.sector},
        sort_keys=_SORT_KEYS,
        sort=filters.sort,
        filters=asdict(filters),
        limit=limit,
        cursor=cursor,
    )
    activity = _activity_of(connection, [row["symbol"] for row in page.rows])
    # A trade amended between the two queries may have left a ticker without any.
    rows = [{**row, **activity[row["symbol"]]} for row in page.rows if row["symbol"] in activity]
    return replace(page, rows=rows)


def _conditions(filters: TickerFilters) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if filters.search is not None:
        pattern = f"%{escape_like(filters.search)}%"
        conditions.append(
            Ticker.symbol.ilike(pattern, escape="\\") | Ticker.name.ilike(pattern, escape="\\")
        )
    if filters.sector is not None:
        conditions.append(Ticker.sector == filters.sector)
    return conditions


def _activity_of(connection: Connection, symbols: Sequence[str]) -> dict[str, dict[str, Any]]:
    rows = connection.execute(
        select(Trade.ticker.label("symbol"), *_activity())
        .where(Trade.ticker.in_(symbols))
        .group_by(Trade.ticker)
    ).mappings()
    return {row["symbol"]: _volume(dict(row)) for row in rows}


def get_ticker(connection: Connection, symbol: str) -> dict[str, Any]:
    """Return one traded ticker: its trades by quarter, who trades it, its prices.

    Raises:
        NotFoundError: No disclosed trade has this ticker.
    """
    version = data_version(connection)
    ticker = connection.execute(
        select(Ticker.symbol, Ticker.name, Ticker.sector).where(Ticker.symbol == symbol)
    ).one_or_none()
    activity = _activity_of(connection, [symbol]).get(symbol)
    if ticker is None or activity is None:
        msg = f"no disclosed trade has the ticker {symbol}"
        raise NotFoundError(msg)
    return {
        "data": {
            **ticker._mapping,
            **activity,
            "quarters": _quarters(connection, symbol),
            "traded_by": _traded_by(connection, symbol),
            "prices": _prices(connection, symbol),
        },
        "data_version": version,
    }


def _quarters(connection: Connection, symbol: str) -> list[dict[str, Any]]:
    # A literal: the statement groups by the very expression that it selects.
    first_day = func.date_trunc(text("'quarter'"), Trade.transaction_date).cast(
        Trade.transaction_date.type
    )
    quarter = first_day.label("quarter")
    rows = connection.execute(
        select(quarter, *_activity())
        .where(Trade.ticker == symbol)
        .group_by(quarter)
        .order_by(quarter)
    ).mappings()
    return [_volume(dict(row)) for row in rows]


def _traded_by(connection: Connection, symbol: str) -> list[dict[str, Any]]:
    counted = (
        select(Trade.politician_id, *_activity())
        .where(Trade.ticker == symbol)
        .group_by(Trade.politician_id)
        .subquery()
    )
    person = (
        Politician.id,
        Politician.bioguide_id,
        Politician.full_name,
        Politician.chamber,
        Politician.party,
        Politician.state,
        Politician.synthetic,
    )
    names = {column.key for column in person}
    rows = connection.execute(
        select(*person, counted)
        .join(counted, counted.c.politician_id == Politician.id)
        .order_by(counted.c.trade_count.desc(), Politician.id)
        .limit(MOST_POLITICIANS)
    ).mappings()
    return [
        {
            "politician": {name: row[name] for name in names},
            **_volume(
                {
                    name: value
                    for name, value in row.items()
                    if name not in {*names, "politician_id", "politicians"}
                }
            ),
        }
        for row in rows
    ]


def _prices(connection: Connection, symbol: str) -> dict[str, Any] | None:
    latest = connection.execute(
        select(Price.day, Price.close, Price.source)
        .where(Price.ticker == symbol)
        .order_by(Price.day.desc())
        .limit(1)
    ).one_or_none()
    if latest is None:
        return None
    first = connection.scalar(select(func.min(Price.day)).where(Price.ticker == symbol))
    return {
        "first_day": first,
        "last_day": latest.day,
        "last_close": latest.close,
        "source": latest.source,
    }

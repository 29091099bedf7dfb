"""Disclosed trades: list, look up, most recently disclosed."""

import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    Date,
    Integer,
    Select,
    func,
    literal,
    select,
    type_coerce,
)
from sqlalchemy import cast as sql_cast

from quant.db.keyset import SortKey, fetch_page
from quant.db.models import Filing, Politician, Trade, TradeDuplicate
from quant.db.pipeline_models import FilingLine
from quant.errors import NotFoundError
from quant.paging import DEFAULT_LIMIT, Page
from quant.politicians import identified_by
from quant.stock_act import FILING_DEADLINE_DAYS
from quant.vocabulary import AssetType, Chamber, LineOutcome, Operation, Owner, Party


class TradeSort(StrEnum):
    """Order of a list of trades; a leading minus sign means descending.

    Trades whose disclosure date is unknown sort as the earliest disclosed.
    """

    DISCLOSURE_DATE = "disclosure_date"
    DISCLOSURE_DATE_DESC = "-disclosure_date"
    TRANSACTION_DATE = "transaction_date"
    TRANSACTION_DATE_DESC = "-transaction_date"
    AMOUNT = "amount"
    AMOUNT_DESC = "-amount"


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeFilters:
    """Which trades to list; ``None`` does not filter. Date and amount bounds are inclusive.

    Attributes:
        politician: Identifier or bioguide id.
        ticker: Exchange symbol, upper case.
        amount_min: Lower bound, US dollars, for the lower end of the disclosed range.
        amount_max: Upper bound, US dollars, for the upper end of the disclosed range.
        days_late_min: Least number of days by which the disclosure missed its deadline.
    """

    politician: str | None = None
    ticker: str | None = None
    chamber: Chamber | None = None
    party: Party | None = None
    operation: Operation | None = None
    owner: Owner | None = None
    asset_type: AssetType | None = None
    amount_min: int | None = None
    amount_max: int | None = None
    transaction_from: date | None = None
    transaction_to: date | None = None
    disclosure_from: date | None = None
    disclosure_to: date | None = None
    days_late_min: int | None = None
    sort: TradeSort = TradeSort.DISCLOSURE_DATE_DESC


# The same expression as the indexes on trades have.
_DISCLOSED: Final[ColumnElement[date]] = func.coalesce(
    Trade.disclosure_date, sql_cast(literal("0001-01-01", literal_execute=True), Date)
)

_SORT_KEYS: Final = {
    "disclosure_date": SortKey(_DISCLOSED, Trade.id, date.fromisoformat),
    "transaction_date": SortKey(Trade.transaction_date, Trade.id, date.fromisoformat),
    "amount": SortKey(Trade.amount_min, Trade.id, Decimal),
}

_COLUMNS: Final = (
    Trade.id,
    Trade.owner,
    Trade.asset,
    Trade.ticker,
    Trade.asset_type,
    Trade.operation,
    Trade.transaction_date,
    Trade.notification_date,
    Trade.disclosure_date,
    Trade.amount_min,
    Trade.amount_max,
    Trade.capital_gains_over_200,
    Trade.comment,
    Trade.status,
    Trade.ticker_confidence,
    Trade.subholding_of,
    Trade.option_type,
    Trade.option_strike,
    Trade.option_expires,
    Trade.option_contracts,
    Trade.option_shares,
    Trade.option_exercised,
    Trade.notes,
    Politician.id.label("politician_id"),
    Politician.bioguide_id,
    Politician.full_name,
    Politician.chamber,
    Politician.party,
    Politician.state,
    Politician.synthetic,
    Filing.source,
    Filing.doc_id,
    Filing.url,
    Filing.filed_date,
)


def days_late_of_trade() -> ColumnElement[int]:
    """Return the days by which a disclosure missed the 45 days, as ``quant.stock_act.days_late``.

    Null where the disclosure date is.
    """
    # Postgres subtracts dates to an integer.
    delay = type_coerce(Trade.disclosure_date - Trade.transaction_date, Integer)
    return delay - FILING_DEADLINE_DAYS


def _shape(row: Any) -> dict[str, Any]:
    return {
        "id": row.id,
        "politician": {
            "id": row.politician_id,
            "bioguide_id": row.bioguide_id,
            "full_name": row.full_name,
            "chamber": row.chamber,
            "party": row.party,
            "state": row.state,
            "synthetic": row.synthetic,
        },
        "owner": row.owner,
        "asset": row.asset,
        "ticker": row.ticker,
        "ticker_confidence": row.ticker_confidence,
        "asset_type": row.asset_type,
        "operation": row.operation,
        "transaction_date": row.transaction_date,
        "notification_date": row.notification_date,
        "disclosure_date": row.disclosure_date,
        "amount_min": row.amount_min,
        "amount_max": row.amount_max,
        "capital_gains_over_200": row.capital_gains_over_200,
        "comment": row.comment,
        "filing_status": row.status,
        "subholding_of": row.subholding_of,
        "option": _option(row),
        "notes": row.notes,
        "filing": {
            "source": row.source,
            "doc_id": row.doc_id,
            "url": row.url,
            "filed_date": row.filed_date,
        },
    }


def _option(row: Any) -> dict[str, Any] | None:
    """Return the terms of an option, None where the trade has none."""
    # Set, true or false, wherever a description has terms.
    if row.option_exercised is None:
        return None
    return {
        "type": row.option_type,
        "strike": row.option_strike,
        "expires": row.option_expires,
        "contracts": row.option_contracts,
        "shares": row.option_shares,
        "exercised": row.option_exercised,
    }


def _joined(*columns: Any) -> Select[*tuple[Any, ...]]:
    return (
        select(*columns)
        .select_from(Trade)
        .join(Politician, Politician.id == Trade.politician_id)
        .join(Filing, Filing.id == Trade.filing_id)
    )


def _conditions(filters: TradeFilters) -> list[ColumnElement[bool]]:
    bounds: list[tuple[object, Callable[[], ColumnElement[bool]]]] = [
        (
            filters.politician,
            # A subquery, so that the planner sees one politician and uses that index.
            lambda: (
                Trade.politician_id
                == select(Politician.id)
                .where(identified_by(filters.politician or ""))
                .scalar_subquery()
            ),
        ),
        (filters.ticker, lambda: Trade.ticker == filters.ticker),
        (filters.chamber, lambda: Politician.chamber == filters.chamber),
        (filters.party, lambda: Politician.party == filters.party),
        (filters.operation, lambda: Trade.operation == filters.operation),
        (filters.owner, lambda: Trade.owner == filters.owner),
        (filters.asset_type, lambda: Trade.asset_type == filters.asset_type),
        (filters.amount_min, lambda: Trade.amount_min >= filters.amount_min),
        (filters.amount_max, lambda: Trade.amount_max <= filters.amount_max),
        (filters.transaction_from, lambda: Trade.transaction_date >= filters.transaction_from),
        (filters.transaction_to, lambda: Trade.transaction_date <= filters.transaction_to),
        (filters.disclosure_from, lambda: Trade.disclosure_date >= filters.disclosure_from),
        (filters.disclosure_to, lambda: Trade.disclosure_date <= filters.disclosure_to),
        (
            filters.days_late_min,
            lambda: days_late_of_trade() >= filters.days_late_min,
        ),
    ]
    return [condition() for value, condition in bounds if value is not None]


def list_trades(
    connection: Connection,
    filters: TradeFilters,
    *,
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
) -> Page:
    """Return one page of trades, each with its politician and source filing.

    Raises:
        InvalidCursorError: The cursor is malformed or belongs to other filters.
    """
    return fetch_page(
        connection,
        _joined(*_COLUMNS).where(*_conditions(filters)),
        _shape,
        sort_keys=_SORT_KEYS,
        sort=filters.sort,
        filters=asdict(filters),
        limit=limit,
        cursor=cursor,
    )


def recent_trades(
    connection: Connection, *, chamber: Chamber | None = None, limit: int = DEFAULT_LIMIT
) -> Page:
    """Return the trades disclosed last, newest first, leaving out unknown disclosure dates."""
    latest = list_trades(
        connection,
        TradeFilters(chamber=chamber, disclosure_from=date.min),
        limit=limit,
    )
    return replace(latest, next_cursor=None)


def get_trade(connection: Connection, trade_id: uuid.UUID) -> dict[str, Any]:
    """Return one trade with its raw source row, its history and the other filings that report it.

    Raises:
        NotFoundError: There is no trade with this identifier.
    """
    row = connection.execute(
        _joined(*_COLUMNS, Trade.line_number, Trade.raw).where(Trade.id == trade_id)
    ).one_or_none()
    if row is None:
        msg = f"there is no trade {trade_id}"
        raise NotFoundError(msg)
    repeats = connection.execute(
        select(Filing.source, Filing.doc_id, Filing.url, Filing.filed_date)
        .join(TradeDuplicate, TradeDuplicate.filing_id == Filing.id)
        .where(TradeDuplicate.trade_id == trade_id)
        .order_by(Filing.doc_id)
    )
    return {
        **_shape(row),
        "line_number": row.line_number,
        "also_reported_in": [dict(repeat._mapping) for repeat in repeats],
        "replaces": _replaced(connection, trade_id),
        "raw": row.raw,
    }


def _replaced(connection: Connection, trade_id: uuid.UUID) -> list[dict[str, Any]]:
    """Return the lines that a trade replaced, and those that they had replaced, latest first."""
    replaced = (
        select(FilingLine, literal(1).label("depth"))
        .where(FilingLine.counterpart_id == trade_id, _IS_SUPERSEDED)
        .cte("replaced", recursive=True)
    )
    replaced = replaced.union_all(
        select(FilingLine, replaced.c.depth + 1)
        .join(replaced, FilingLine.counterpart_id == replaced.c.trade_id)
        .where(_IS_SUPERSEDED)
    )
    lines = connection.execute(
        select(
            replaced.c.trade_id.label("id"),
            replaced.c.owner,
            replaced.c.asset,
            func.coalesce(replaced.c.ticker, replaced.c.resolved_ticker).label("ticker"),
            replaced.c.asset_type,
            replaced.c.operation,
            replaced.c.transaction_date,
            replaced.c.amount_min,
            replaced.c.amount_max,
            replaced.c.description.label("comment"),
            Filing.source,
            Filing.doc_id,
            Filing.url,
            Filing.filed_date,
        )
        .join(Filing, Filing.id == replaced.c.filing_id)
        .order_by(replaced.c.depth, Filing.doc_id, replaced.c.line_number)
    )
    filing = ("source", "doc_id", "url", "filed_date")
    return [
        {
            **{name: value for name, value in line._mapping.items() if name not in filing},
            "filing": {name: line._mapping[name] for name in filing},
        }
        for line in lines
    ]


_IS_SUPERSEDED: Final = FilingLine.outcome == LineOutcome.SUPERSEDED

"""Disclosed trades: list, most recently disclosed."""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from quant.db import pages
from quant.db.pages import Bounds, Condition, Part, SortKey
from quant.paging import DEFAULT_LIMIT, Page
from quant.trade_ranges import DISCLOSED, IS_DISCLOSED, KNOWN, bounds_of, parts_of
from quant.vocabulary import AssetType, Chamber, Operation, Owner, Party


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
    sort: TradeSort = TradeSort.DISCLOSURE_DATE_DESC


# As in the answer, and in ``quant.trade_details``.
_ITEM: Final = """(select row_to_json(item) from (select
    t.id,
    (select row_to_json(person) from (
        select id, bioguide_id, full_name, chamber, party, state, synthetic
        from politicians where id = t.politician_id
    ) person) as politician,
    t.owner, t.asset, t.ticker, t.ticker_confidence, t.asset_type, t.operation,
    t.transaction_date, t.notification_date, t.disclosure_date, t.amount_min, t.amount_max,
    t.capital_gains_over_200, t.comment, t.status as filing_status, t.subholding_of,
    case when t.option_exercised is not null then (select row_to_json(terms) from (select
        t.option_type as type, t.option_strike as strike, t.option_expires as expires,
        t.option_contracts as contracts, t.option_shares as shares,
        t.option_exercised as exercised
    ) terms) end as option,
    t.notes,
    (select row_to_json(filing) from (
        select source, doc_id, url, filed_date from filings where id = t.filing_id
    ) filing) as filing
) item)"""

_CONDITIONS: Final = {
    "ticker": "t.ticker = {}",
    "chamber": "t.chamber = {}",
    "party": "t.party = {}",
    "operation": "t.operation = {}",
    "owner": "t.owner = {}",
    "asset_type": "t.asset_type = {}",
    "amount_min": "t.amount_min >= {}",
    "amount_max": "t.amount_max <= {}",
    "transaction_from": "t.transaction_date >= {}",
    "transaction_to": "t.transaction_date <= {}",
    "disclosure_from": f"{DISCLOSED} >= {{}} and {IS_DISCLOSED}",
    "disclosure_to": f"{DISCLOSED} <= {{}} and {IS_DISCLOSED}",
}


def _amount(text: str) -> Decimal:
    value = Decimal(text)
    if not value.is_finite() or value.adjusted() > _MOST_DIGITS:
        raise ValueError(text)
    return value


# Before the point; the column has 14.
_MOST_DIGITS: Final = 16

_SORT_KEYS: Final = {
    "disclosure_date": SortKey(DISCLOSED, "date", "t.id", date.fromisoformat),
    "transaction_date": SortKey("t.transaction_date", "date", "t.id", date.fromisoformat),
    "amount": SortKey("t.amount_min", "numeric", "t.id", _amount),
}


def list_trades(
    filters: TradeFilters, *, limit: int = DEFAULT_LIMIT, cursor: str | None = None
) -> Page:
    """Return one page of trades, each with its politician and source filing, as JSON.

    Raises:
        InvalidCursorError: The cursor is malformed or belongs to other filters.
        StoreUnavailableError: Postgres cannot be reached.
    """
    given = _given(filters)
    sort = filters.sort.removeprefix("-")
    bounds, names = bounds_of(given, sort)
    conditions = [condition for name, condition in _conditions(given) if name not in names]
    return _page(
        filters,
        conditions,
        limit=limit,
        cursor=cursor,
        bounds=bounds,
        # One filter or the bounds of one range: an index for each sort serves them.
        keep=len({name.partition("_")[0] for name in given}) <= 1,
        parts=parts_of(given, conditions, sort, descending=filters.sort != sort),
    )


def recent_trades(*, chamber: Chamber | None = None, limit: int = DEFAULT_LIMIT) -> Page:
    """Return the trades disclosed last, newest first, leaving out unknown disclosure dates.

    Raises:
        StoreUnavailableError: Postgres cannot be reached.
    """
    filters = TradeFilters(chamber=chamber)
    conditions = [condition for _, condition in _conditions(_given(filters))]
    latest = _page(
        filters,
        conditions,
        limit=limit,
        cursor=None,
        bounds=KNOWN,
        keep=True,
        parts=[Part(conditions, bounds=KNOWN)] if conditions else (),
    )
    return replace(latest, next_cursor=None)


def _page(
    filters: TradeFilters,
    conditions: Sequence[Condition],
    *,
    limit: int,
    cursor: str | None,
    bounds: Bounds,
    keep: bool,
    parts: Sequence[Part],
) -> Page:
    return pages.read_page(
        _ITEM,
        "trades t",
        conditions,
        sort_keys=_SORT_KEYS,
        sort=filters.sort,
        filters=asdict(filters),
        limit=limit,
        cursor=cursor,
        bounds=bounds,
        keep=keep,
        parts=parts,
    )


def _given(filters: TradeFilters) -> dict[str, Any]:
    """Return the values of what is filtered by."""
    return {
        field.name: value
        for field in fields(filters)
        if field.name != "sort" and (value := getattr(filters, field.name)) is not None
    }


def _conditions(given: Mapping[str, Any]) -> Iterator[tuple[str, Condition]]:
    for name, value in given.items():
        yield name, _of(value) if name == "politician" else Condition(_CONDITIONS[name], (value,))


def _of(politician: str) -> Condition:
    """Return the condition that a trade is of a politician, in a form that its indexes serve."""
    try:
        return Condition("t.politician_id = {}", (uuid.UUID(politician),))
    except ValueError:
        bioguide_id = politician.upper()
    found = "(select id from politicians where bioguide_id = {})"
    return Condition(f"t.politician_id = {found}", (bioguide_id,))

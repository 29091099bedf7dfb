"""Politicians with enough trades to look for patterns in."""

from dataclasses import asdict
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    Date,
    Integer,
    Subquery,
    and_,
    cast,
    func,
    select,
)

from quant.db.keyset import SortKey, fetch_page
from quant.db.models import Politician, PoliticianActivity, Trade
from quant.paging import DEFAULT_LIMIT, Page
from quant.reports.patterns_query import Analysis, CandidateFilters
from quant.reports.patterns_series import REQUIREMENTS

_SORT_KEYS: Final = {
    "name": SortKey(Politician.sort_name, Politician.id, str),
    "trade_count": SortKey(PoliticianActivity.trade_count, PoliticianActivity.politician_id, int),
}


def list_candidates(
    connection: Connection,
    filters: CandidateFilters,
    *,
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
) -> Page:
    """Return one page of politicians with trades, each with the analyses these suffice for.

    Raises:
        InvalidCursorError: The cursor is malformed or belongs to other filters.
    """
    extent = _extent()
    statement = (
        select(
            Politician.id,
            Politician.bioguide_id,
            Politician.full_name,
            Politician.chamber,
            Politician.party,
            Politician.state,
            Politician.synthetic,
            *extent.c,
            *(_suffices(extent, analysis).label(analysis.value) for analysis in Analysis),
        )
        .join(PoliticianActivity, PoliticianActivity.politician_id == Politician.id)
        .join(extent, extent.c.politician_id == Politician.id)
    )
    if filters.analysis is not None:
        statement = statement.where(_suffices(extent, filters.analysis))
    if filters.chamber is not None:
        statement = statement.where(Politician.chamber == filters.chamber)
    if filters.party is not None:
        statement = statement.where(Politician.party == filters.party)
    return fetch_page(
        connection,
        statement,
        _shape,
        sort_keys=_SORT_KEYS,
        sort=filters.sort,
        filters=asdict(filters),
        limit=limit,
        cursor=cursor,
    )


def _extent() -> Subquery:
    """Return trades, days and weeks of each politician, as ``Subject`` counts them."""
    first, last = func.min(Trade.transaction_date), func.max(Trade.transaction_date)
    monday = (cast(func.date_trunc("week", day), Date) for day in (last, first))
    return (
        select(
            Trade.politician_id,
            func.count().label("trades"),
            func.count(Trade.transaction_date.distinct()).label("days"),
            cast((next(monday) - next(monday)) / 7 + 1, Integer).label("weeks"),
            first.label("first_transaction"),
            last.label("last_transaction"),
        )
        .group_by(Trade.politician_id)
        .subquery()
    )


def _suffices(extent: Subquery, analysis: Analysis) -> ColumnElement[bool]:
    least = REQUIREMENTS[analysis]
    return and_(
        extent.c.trades >= least.trades,
        extent.c.days >= least.days,
        extent.c.weeks >= least.weeks,
    )


def _shape(row: Any) -> dict[str, Any]:
    return {
        "politician": {
            "id": row.id,
            "bioguide_id": row.bioguide_id,
            "full_name": row.full_name,
            "chamber": row.chamber,
            "party": row.party,
            "state": row.state,
            "synthetic": row.synthetic,
        },
        "trades": row.trades,
        "days": row.days,
        "weeks": row.weeks,
        "first_transaction": row.first_transaction,
        "last_transaction": row.last_transaction,
        "analyses": [analysis for analysis in Analysis if getattr(row, analysis.value)],
    }

"""The trades of a selection as SQL conditions, and what an answer says of them."""

import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, and_, func, select

from quant.db.expressions import identified_by
from quant.db.models import Politician, Trade
from quant.stats.selection import Period, Selection

_DAYS: Final = {
    Period.DAYS_30: 30,
    Period.DAYS_90: 90,
    Period.YEAR: 365,
    Period.YEARS_3: 3 * 365,
}


@dataclass(frozen=True, slots=True)
class Scope:
    """A selection whose days are settled.

    Attributes:
        of: Conditions on who traded; for a query that joins ``politicians``.
        within: Conditions on the day of disclosure. With any of them a trade whose disclosure date
            is unknown is left out.
        period: What an answer says of them.
    """

    of: tuple[ColumnElement[bool], ...]
    within: tuple[ColumnElement[bool], ...]
    period: dict[str, Any]

    @property
    def conditions(self) -> tuple[ColumnElement[bool], ...]:
        """All conditions."""
        return (*self.of, *self.within)


def settle(connection: Connection, selection: Selection) -> Scope:
    """Return the conditions of a selection.

    A period ends with the newest disclosure that is known, not today, so that the same data give
    the same answer.
    """
    first, last = selection.disclosed_from, selection.disclosed_to
    name: Period | None = selection.period
    if first is not None or last is not None:
        name = None
    elif selection.period in _DAYS:
        last = connection.scalar(select(func.max(Trade.disclosure_date)))
        if last is not None:
            first = last - timedelta(days=_DAYS[selection.period] - 1)
    within: list[ColumnElement[bool]] = []
    if first is not None:
        within.append(Trade.disclosure_date >= first)
    if last is not None:
        within.append(Trade.disclosure_date <= last)
    return Scope(
        of=tuple(_who(selection)),
        within=tuple(within),
        period={"name": name, "disclosed_from": first, "disclosed_to": last},
    )


def _who(selection: Selection) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if selection.politician is not None:
        # A subquery, so that the planner sees one politician and uses that index.
        found = select(Politician.id).where(identified_by(selection.politician))
        conditions.append(Trade.politician_id == found.scalar_subquery())
    if selection.chamber is not None:
        conditions.append(Politician.chamber == selection.chamber)
    if selection.party is not None:
        conditions.append(Politician.party == selection.party)
    return conditions


def sample_of(connection: Connection, scope: Scope) -> dict[str, Any]:
    """Return what an answer says of the trades it rests on."""
    used = and_(True, *scope.within)
    row = connection.execute(
        select(
            func.count().label("trades"),
            func.count().filter(used).label("used"),
            func.count().filter(Trade.disclosure_date.is_(None)).label("undated"),
            func.count(Trade.politician_id.distinct()).filter(used).label("politicians"),
            func.min(Trade.transaction_date).filter(used).label("first_transaction"),
            func.max(Trade.transaction_date).filter(used).label("last_transaction"),
            func.coalesce(func.bool_or(Politician.synthetic).filter(used), False).label(
                "synthetic"
            ),
        )
        .select_from(Trade)
        .join(Politician, Politician.id == Trade.politician_id)
        .where(*scope.of)
    ).one()
    excluded: dict[str, int] = {}
    if scope.within:
        excluded = {
            "no_disclosure_date": row.undated,
            "outside_period": row.trades - row.used - row.undated,
        }
    return {
        "trades": row.trades,
        "used": row.used,
        "excluded": {reason: count for reason, count in excluded.items() if count},
        "politicians": row.politicians,
        "first_transaction": row.first_transaction,
        "last_transaction": row.last_transaction,
        "synthetic": row.synthetic,
    }


PERSON: Final = (
    Politician.id,
    Politician.bioguide_id,
    Politician.full_name,
    Politician.chamber,
    Politician.party,
    Politician.state,
    Politician.synthetic,
)


def people(connection: Connection, ids: list[uuid.UUID]) -> dict[uuid.UUID, dict[str, Any]]:
    """Return what an answer says of politicians, by identifier."""
    rows = connection.execute(select(*PERSON).where(Politician.id.in_(ids))).mappings()
    return {row["id"]: dict(row) for row in rows}

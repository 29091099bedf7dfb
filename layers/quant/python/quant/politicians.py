"""Members of Congress and other filers: list, look up."""

import uuid
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, select

from quant.db.keyset import SortKey, fetch_page
from quant.db.models import (
    Committee,
    CommitteeMembership,
    Politician,
    PoliticianActivity,
)
from quant.errors import NotFoundError
from quant.paging import DEFAULT_LIMIT, Page
from quant.vocabulary import Chamber, Party


class PoliticianSort(StrEnum):
    """Order of a list of politicians; a leading minus sign means descending."""

    NAME = "name"
    NAME_DESC = "-name"
    TRADE_COUNT = "trade_count"
    TRADE_COUNT_DESC = "-trade_count"


@dataclass(frozen=True, slots=True, kw_only=True)
class PoliticianFilters:
    """Which politicians to list; ``None`` does not filter.

    Attributes:
        state: Two-letter postal code, upper case.
        search: Text the full name contains, in any case.
    """

    chamber: Chamber | None = None
    party: Party | None = None
    state: str | None = None
    in_office: bool | None = None
    search: str | None = None
    sort: PoliticianSort = PoliticianSort.NAME


_COLUMNS: Final = (
    Politician.id,
    Politician.bioguide_id,
    Politician.full_name,
    Politician.chamber,
    Politician.party,
    Politician.state,
    Politician.district,
    Politician.in_office,
    Politician.synthetic,
    PoliticianActivity.trade_count,
)
_SORT_KEYS: Final = {
    "name": SortKey(Politician.sort_name, Politician.id, str),
    "trade_count": SortKey(PoliticianActivity.trade_count, PoliticianActivity.politician_id, int),
}


def identified_by(identifier: str) -> ColumnElement[bool]:
    """Return the condition that a politician has this identifier (UUID) or bioguide id."""
    try:
        return Politician.id == uuid.UUID(identifier)
    except ValueError:
        return Politician.bioguide_id == identifier.upper()


def _shape(row: Any) -> dict[str, Any]:
    return {column.key: getattr(row, column.key) for column in _COLUMNS}


def escape_like(text: str) -> str:
    """Return ``text`` as a LIKE pattern that matches it alone, with the backslash as escape."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def list_politicians(
    connection: Connection,
    filters: PoliticianFilters,
    *,
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
) -> Page:
    """Return one page of politicians, each with its number of trades.

    Raises:
        InvalidCursorError: The cursor is malformed or belongs to other filters.
    """
    statement: Select[*tuple[Any, ...]] = select(*_COLUMNS).join(
        PoliticianActivity, PoliticianActivity.politician_id == Politician.id
    )
    for column, value in (
        (Politician.chamber, filters.chamber),
        (Politician.party, filters.party),
        (Politician.state, filters.state),
        (Politician.in_office, filters.in_office),
    ):
        if value is not None:
            statement = statement.where(column == value)
    if filters.search is not None:
        pattern = f"%{escape_like(filters.search)}%"
        statement = statement.where(Politician.full_name.ilike(pattern, escape="\\"))
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


def get_politician(connection: Connection, identifier: str) -> dict[str, Any]:
    """Return one politician with present committee seats.

    Args:
        connection: Connection to read from.
        identifier: Identifier (UUID) or bioguide id.

    Raises:
        NotFoundError: There is no such politician.
    """
    row = connection.execute(
        select(*_COLUMNS)
        .join(PoliticianActivity, PoliticianActivity.politician_id == Politician.id)
        .where(identified_by(identifier))
    ).one_or_none()
    if row is None:
        msg = f"there is no politician {identifier}"
        raise NotFoundError(msg)
    seats = connection.execute(
        select(
            Committee.id,
            Committee.name,
            Committee.parent_id,
            CommitteeMembership.title,
            CommitteeMembership.rank,
            CommitteeMembership.side,
        )
        .join(Committee, Committee.id == CommitteeMembership.committee_id)
        .where(CommitteeMembership.politician_id == row.id)
        .order_by(Committee.id)
    )
    return {**_shape(row), "committees": [dict(seat._mapping) for seat in seats]}

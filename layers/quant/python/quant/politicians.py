"""Members of Congress and other filers: list."""

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Final

from quant.db import pages
from quant.db.pages import Condition, SortKey
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


# As in the answer, and in ``quant.politician_details``.
_ITEM: Final = """(select row_to_json(item) from (select
    p.id, p.bioguide_id, p.full_name, p.chamber, p.party, p.state, p.district, p.in_office,
    p.synthetic, a.trade_count
) item)"""
_SOURCE: Final = "politicians p join politician_activity a on a.politician_id = p.id"

_CONDITIONS: Final = {
    "chamber": "p.chamber = {}",
    "party": "p.party = {}",
    "state": "p.state = {}",
    "in_office": "p.in_office = {}",
}


def _count(text: str) -> int:
    value = int(text)
    if not 0 <= value < 2**63:
        raise ValueError(text)
    return value


_SORT_KEYS: Final = {
    "name": SortKey("p.sort_name", "text", "p.id", str),
    "trade_count": SortKey("a.trade_count", "bigint", "a.politician_id", _count),
}


def escape_like(text: str) -> str:
    """Return ``text`` as a LIKE pattern that matches it alone, with the backslash as escape."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def list_politicians(
    filters: PoliticianFilters, *, limit: int = DEFAULT_LIMIT, cursor: str | None = None
) -> Page:
    """Return one page of politicians, each with its number of trades, as JSON.

    Raises:
        InvalidCursorError: The cursor is malformed or belongs to other filters.
        StoreUnavailableError: Postgres cannot be reached.
    """
    conditions = [
        Condition(sql, (value,))
        for name, sql in _CONDITIONS.items()
        if (value := getattr(filters, name)) is not None
    ]
    if filters.search is not None:
        pattern = f"%{escape_like(filters.search)}%"
        conditions.append(Condition("p.full_name ilike {}", (pattern,)))
    return pages.read_page(
        _ITEM,
        _SOURCE,
        conditions,
        sort_keys=_SORT_KEYS,
        sort=filters.sort,
        filters=asdict(filters),
        limit=limit,
        cursor=cursor,
        keep=not conditions,
    )

"""Pages of lists whose rows Postgres writes as JSON; the cursors are those of ``quant.paging``.

Making Python objects of rows only to write them as JSON again is most of what a page costs. Every
other list is read through ``quant.db.keyset``.
"""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import orjson

from quant.db import prepared
from quant.errors import InvalidCursorError
from quant.paging import MAX_LIMIT, Page, decode_cursor, encode_cursor, query_digest

# JSON has no line break outside of strings, and an escaped one in them.
_BETWEEN: Final = "\n"

# Pages of all sizes are one statement, so their size is a parameter; a planner takes that for a
# tenth of all rows, unless a constant below it says how many there are at most. One row comes back
# in any case: an empty page has its data version too.
_STATEMENT: Final = """
select (select version from data_version), string_agg(item, chr(10)), string_agg(position, chr(10))
from (
    select * from (
        select {item}::text as item, json_build_array(({key})::text, {row_id})::text as position
        from {source}
        where {conditions}
        order by {key} {direction}, {row_id} {direction}
        limit {most}
    ) listed limit $1
) page
"""

# What a page is merged from is read in full, hence not more of each part than is on the page.
_MERGED: Final = """(
    select key, id from ({parts}) part order by key {direction}, id {direction} limit {page}
) found join {source} on {row_id} = found.id"""
_PART: Final = """(select * from (
    select {key} as key, {row_id} as id from {source}
    where {conditions} order by {key} {direction}, {row_id} {direction} limit {most}
) most limit {limit})"""
# Of many classes a few rows each tell where the page ends at the latest, hence of which there may
# be more on it: about thrice a page in all, so that mostly it is of none.
_CLASSES: Final = """(
    with class as materialized (
        select *, row_number() over () as class_number, least(
            {page}, greatest({few_rows}, {few_pages} * {page} / count(*) over ())
        )::int as few_rows from {classes}
    ),
    few as materialized (
        select class_number, few_rows, first.* from class cross join lateral ({few}) first
    ),
    bound as (
        select key, id from few order by key {direction}, id {direction} offset {page} - 1 limit 1
    ),
    more as materialized (
        select class_number from few where few_rows < {page}
        group by class_number, few_rows having count(*) = few_rows
        and bool_and((key, id) {until} (select key, id from bound)) is not false
    )
    select key, id from few where class_number not in (select class_number from more)
    union all
    select first.* from class join more using (class_number) cross join lateral ({rows}) first
)"""
_FEW_ROWS: Final = 4
_FEW_PAGES: Final = 3
# The rest is not run where what comes before it fills the page.
_THEN: Final = """(
    with before as materialized ({before})
    select * from before union all
    select * from {rest} rest where (select count(*) from before) < {page}
)"""
# Rows of a class are in the order of their identifiers where all have one key. Classes that a
# cursor has passed have none left, and of one that it has not reached all are.
_AFTER_IN_CLASS: Final = (
    "{key_of_class} {beyond}= {{}} and {row_id} {beyond}"
    " case when {key_of_class} = {{}} then {{}}::uuid else '{first_id}'::uuid end"
)
# How a planner that is to make one plan for all values is not shown one: else it compares what it
# expects of both plans, and may plan anew for each page, which takes longer than to read it.
_PAGE: Final = "(select $1::int)"
_AFTER: Final = "({key}, {row_id}) {beyond} ((select {{}}::{type}), (select {{}}::uuid))"
_LEAST: Final = "{key} >= (select {{}}::{type})"
_MOST: Final = "{key} <= (select {{}}::{type})"
_ASCENDING: Final = {
    "direction": "asc",
    "until": "<=",
    "beyond": ">",
    "first_id": str(uuid.UUID(int=0)),
}
_DESCENDING: Final = {
    "direction": "desc",
    "until": ">=",
    "beyond": "<",
    "first_id": str(uuid.UUID(int=2**128 - 1)),
}


class Condition(NamedTuple):
    """A condition on rows.

    Attributes:
        sql: Its text, with ``{}`` for each value, whose type Postgres takes from the column it is
            compared with.
        values: The values.
    """

    sql: str
    values: tuple[object, ...] = ()


class Bounds(NamedTuple):
    """Least and greatest value of the sort key; ``None`` does not bound."""

    least: Any = None
    most: Any = None


UNBOUNDED: Final = Bounds()


@dataclass(frozen=True, slots=True)
class Classes:
    """Classes that rows are cut into, of each of which an index has the rows in a list's order.

    Attributes:
        listed: SQL of them, as behind ``from``, called ``class``.
        rows: Conditions on the rows of a class, for each kind of classes: no rows of other kinds.
        key: SQL of the sort key, where it is the same for all rows of a class.
    """

    listed: Condition
    rows: Sequence[Sequence[Condition]]
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of a list that an index has in its order, or those of classes.

    Attributes:
        rows: Conditions on the rows, or what they are cut into.
        bounds: Of the sort key.
        is_rest: Whether all its rows come after those of the parts before.
    """

    rows: Sequence[Condition] | Classes
    bounds: Bounds = UNBOUNDED
    is_rest: bool = False


@dataclass(frozen=True, slots=True)
class SortKey:
    """What a list may be sorted by, in SQL.

    Attributes:
        key: Expression sorted by; never null.
        type: Its type.
        row_id: Identifier (UUID) that breaks ties, of the table whose index holds both.
        parse: Reads a cursor's text back into a value of ``key``; ``ValueError`` where it is none.
    """

    key: str
    type: str
    row_id: str
    parse: Callable[[str], object]


def read_page(
    item: str,
    source: str,
    conditions: Sequence[Condition],
    *,
    sort_keys: Mapping[str, SortKey],
    sort: str,
    filters: Mapping[str, object],
    limit: int,
    cursor: str | None,
    bounds: Bounds = UNBOUNDED,
    keep: bool = False,
    parts: Sequence[Part] = (),
) -> Page:
    """Return the page of a list that follows ``cursor``, in one round trip.

    Args:
        item: SQL of a row's JSON.
        source: SQL of the tables, as behind ``from``.
        conditions: Which rows.
        sort_keys: Names of the sort keys on offer.
        sort: Name of the sort key; a leading minus sign means descending.
        filters: The query's filters and sort; a cursor serves only the query it was issued for.
        limit: Rows on a page, at most ``MAX_LIMIT``.
        cursor: Cursor of the page before, or ``None`` for the first page.
        bounds: Of the sort key.
        keep: Whether the best plan is the same for all values, and to be kept. With conditions
            that no index serves together it depends on how many rows each leaves.
        parts: What the page is merged from, in place of the rows that ``conditions`` and ``bounds``
            tell.

    Raises:
        InvalidCursorError: The cursor is malformed or belongs to other filters.
        StoreUnavailableError: Postgres cannot be reached.
    """
    digest = query_digest(filters)
    descending = sort.startswith("-")
    key = sort_keys[sort.removeprefix("-")]
    after = None if cursor is None else _position(key, decode_cursor(cursor, digest))
    # One row more than asked for tells whether there is a next page.
    values: list[object] = [limit + 1]
    names = {
        "source": source,
        "key": key.key,
        "type": key.type,
        "row_id": key.row_id,
        "page": _PAGE,
        "most": str(MAX_LIMIT + 1),
        **(_DESCENDING if descending else _ASCENDING),
    }
    if parts:
        merged = _merged(parts, after, values, names)
        conditions = ()
        names |= {"source": _MERGED.format(**names, parts=merged), "key": "found.key"}
    else:
        conditions = [*conditions, *_between(bounds, after, names)]
    statement = _STATEMENT.format(**names, item=item, conditions=_numbered(conditions, values))
    [[version, items, positions]] = prepared.rows(statement, values, keep=keep)
    rows = items.split(_BETWEEN) if items else []
    return Page(
        rows=[orjson.Fragment(row) for row in rows[:limit]],
        next_cursor=_cursor(digest, positions, limit) if len(rows) > limit else None,
        data_version=version,
    )


def _position(key: SortKey, texts: tuple[str, str]) -> tuple[Any, uuid.UUID]:
    text_key, text_id = texts
    try:
        return key.parse(text_key), uuid.UUID(text_id)
    except (ValueError, ArithmeticError) as error:
        msg = "the cursor is malformed"
        raise InvalidCursorError(msg) from error


def _between(
    bounds: Bounds, after: tuple[Any, uuid.UUID] | None, names: Mapping[str, str]
) -> list[Condition]:
    """Return the conditions that a key is within bounds, and after the position of a cursor.

    There is one at each end: of two, Postgres may begin at the wider one.
    """
    least, most = bounds
    found = []
    if after is not None:
        position = Condition(_AFTER.format(**names), after)
        if names["direction"] == "desc" and (most is None or after[0] <= most):
            most = None
            found.append(position)
        elif names["direction"] == "asc" and (least is None or after[0] >= least):
            least = None
            found.append(position)
    if least is not None:
        found.append(Condition(_LEAST.format(**names), (least,)))
    if most is not None:
        found.append(Condition(_MOST.format(**names), (most,)))
    return found


def _merged(
    parts: Sequence[Part],
    after: tuple[Any, uuid.UUID] | None,
    values: list[object],
    names: Mapping[str, str],
) -> str:
    merged = ""
    for part in parts:
        rows = _part(part, after, values, names)
        if not merged:
            merged = rows
        elif part.is_rest:
            merged = _THEN.format(**names, before=merged, rest=rows)
        else:
            merged = f"{merged} union all {rows}"
    return merged


def _part(
    part: Part,
    after: tuple[Any, uuid.UUID] | None,
    values: list[object],
    names: Mapping[str, str],
) -> str:
    if not isinstance(part.rows, Classes):
        conditions = _numbered([*part.rows, *_between(part.bounds, after, names)], values)
        return _PART.format(**names, conditions=conditions, limit=_PAGE)
    classes = part.rows
    listed = _numbered([classes.listed], values)
    if classes.key is None:
        within = _between(part.bounds, after, names)
    else:
        within = [] if after is None else [_after_in_class(classes.key, after, names)]
    kinds = [_numbered([*kind, *within], values) for kind in classes.rows]
    few, rows = (
        " union all ".join(_PART.format(**names, conditions=kind, limit=limit) for kind in kinds)
        for limit in ("class.few_rows", _PAGE)
    )
    return _CLASSES.format(
        **names,
        classes=listed,
        few=few,
        few_rows=_FEW_ROWS,
        few_pages=_FEW_PAGES,
        rows=rows,
    )


def _after_in_class(
    key_of_class: str, after: tuple[Any, uuid.UUID], names: Mapping[str, str]
) -> Condition:
    key, row_id = after
    return Condition(_AFTER_IN_CLASS.format(**names, key_of_class=key_of_class), (key, key, row_id))


def _numbered(conditions: Sequence[Condition], values: list[object]) -> str:
    """Return the conditions with numbers for their values, which are appended to ``values``."""
    texts: list[str] = []
    for condition in conditions:
        first = len(values) + 1
        values.extend(condition.values)
        numbers = range(first, len(values) + 1)
        texts.append(condition.sql.format(*(f"${number}" for number in numbers)))
    return " and ".join(texts) or "true"


def _cursor(digest: str, positions: str, limit: int) -> str:
    key, row_id = orjson.loads(positions.split(_BETWEEN)[limit - 1])
    return encode_cursor(digest, key, row_id)

"""Ranges of trades in the order of something else, without a look at all of the range.

An index in a list's order does not tell where the rows of a range are, and an index of the range
has them in another order. So a range is cut into classes, each of which an index has in the list's
order. The page is among the first rows of each class, and these are all that is read, however many
there are. Classes of days are 24 weeks each, and four weeks at the ends of a range; those of
amounts are the forms' categories: of ranges, and of the exact amounts that a few filings have.
"""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final

from quant.db.pages import Bounds, Classes, Condition, Part

# The same expression as the indexes on trades have.
DISCLOSED: Final = "coalesce(t.disclosure_date, date '0001-01-01')"
# What an unknown disclosure date is not, as a condition that those indexes serve.
IS_DISCLOSED: Final = f"{DISCLOSED} > date '0001-01-01'"
_UNKNOWN: Final = date.min
# Bounds of what is not unknown.
KNOWN: Final = Bounds(_UNKNOWN + timedelta(days=1))

_TRANSACTION: Final = ("transaction_from", "transaction_to")
_DISCLOSURE: Final = ("disclosure_from", "disclosure_to")
_AMOUNT: Final = ("amount_min", "amount_max")
# What bounds a sort key.
_RANGES: Final = {
    "disclosure_date": _DISCLOSURE,
    "transaction_date": _TRANSACTION,
    "amount": ("amount_min", ""),
}
# Each of few values.
_KINDS: Final = ("chamber", "party", "operation", "owner", "asset_type")

# Days of a class, counted from the year 2000, of the long ones and of the short ones.
_LONG: Final = 168
_SHORT: Final = 28
_SHORT_OF_LONG: Final = _LONG // _SHORT
# Of an array the planner expects ten members, of a series a thousand: by so many a statement comes
# near the cost that it is compiled for, which takes longer than to run it.
_NUMBERS: Final = "unnest(array(select generate_series({}, {}))) number"
# Those of a range, as far as there are trades: short ones up to the first long one that is all in
# it, and from the last. (Of the days before 2000 all are short, since it divides towards zero.)
# Unknown days of disclosure are in none.
_WEEKS: Final = f"""(
    with ends as materialized (
        select (
            greatest({{{{}}}}::date, (select min({{key}}) from trades t where {{known}}))
            - '2000-01-01'
        ) / {_SHORT} as first, (
            least({{{{}}}}::date, (select max({{key}}) from trades t where {{known}}))
            - '2000-01-01'
        ) / {_SHORT} as last
    ),
    long as materialized (
        select greatest(first / {_SHORT_OF_LONG} + 1, 1) as first,
        last / {_SHORT_OF_LONG} - 1 as last from ends
    )
    select {_LONG} as days, number from long, {_NUMBERS.format("first", "last")}
    union all
    select {_SHORT}, number from ends, long,
    {_NUMBERS.format("ends.first", f"least(ends.last, long.first * {_SHORT_OF_LONG} - 1)")}
    union all
    select {_SHORT}, number from ends, long,
    {_NUMBERS.format(f"greatest(long.first, long.last + 1) * {_SHORT_OF_LONG}", "ends.last")}
) class"""  # noqa: S608 (constants)
_IN_WEEKS: Final = "class.days = {days} and ({column} - '2000-01-01') / {days} = class.number"
# Of the weeks at an end. A sum is nothing that the planner could look for in another index, nor
# think rare in addition to the weeks.
_FROM: Final = "{column} + 0 >= {{}}"
_TO: Final = "{column} + 0 <= {{}}"

_IS_RANGE: Final = "t.amount_max is distinct from t.amount_min"
_UPPER: Final = "coalesce(t.amount_max, 'Infinity')"
# Each step finds what comes next in the index.
_CATEGORIES: Final = f"""(
    with recursive category as (
        (select t.amount_min as lower, {_UPPER} as upper from trades t
        where {_IS_RANGE} order by t.amount_min, {_UPPER} limit 1)
        union all
        select following.* from category cross join lateral (
            select t.amount_min, {_UPPER} from trades t
            where {_IS_RANGE} and (t.amount_min, {_UPPER}) > (category.lower, category.upper)
            order by t.amount_min, {_UPPER} limit 1
        ) following
    )
    select lower, upper from category where lower >= coalesce({{}}::numeric, 0)
    and upper <= coalesce({{}}::numeric, 'Infinity')
) class"""  # noqa: S608 (constants)
_IN_CATEGORY: Final = f"{_IS_RANGE} and t.amount_min = class.lower and {_UPPER} = class.upper"

# With equal ends, of which the lower one is in the indexes; by the category that it is in.
_IS_EXACT: Final = "t.amount_max = t.amount_min"
_EXACT_BOUNDS: Final = {"amount_min": "t.amount_min >= {}", "amount_max": "t.amount_min <= {}"}
_CATEGORY_OF: Final = (
    "width_bucket({}, array[1001, 15001, 50001, 100001, 250001, 500001, 1000001, 5000001, 25000001,"
    " 50000001]::numeric[])"
)
_EXACT_CATEGORIES: Final = f"""(
    select number from generate_series(0, 10) number
    where number between {_CATEGORY_OF.format("coalesce({}::numeric, 0)")}
    and {_CATEGORY_OF.format("coalesce({}::numeric, 'Infinity')")}
) class"""  # noqa: S608 (constants)
_IN_EXACT_CATEGORY: Final = f"{_CATEGORY_OF.format('t.amount_min')} = class.number"


def bounds_of(given: Mapping[str, Any], sort: str) -> tuple[Bounds, set[str]]:
    """Return the bounds of the sort key, and which of the filters they are.

    Args:
        given: Values of the filters by their names in ``quant.trades.TradeFilters``.
        sort: Name of the sort key.
    """
    first, last = _RANGES[sort]
    names = {first, last} & given.keys()
    least, most = given.get(first), given.get(last)
    if names and sort == "disclosure_date":
        least = max(least or _UNKNOWN, KNOWN.least)
    return Bounds(least, most), names


def parts_of(
    given: Mapping[str, Any], conditions: Sequence[Condition], sort: str, *, descending: bool
) -> list[Part]:
    """Return what a page is merged from; nothing where an index has the rows in the list's order.

    That is so for a range in its own order. Of several filters the planner makes what it can.

    Args:
        given: Values of the filters by their names in ``quant.trades.TradeFilters``.
        conditions: What they are.
        sort: Name of the sort key.
        descending: Whether the list begins with the greatest.
    """
    if not given or given.keys() <= {*_RANGES[sort]}:
        return []
    if len(given) == 1 and given.keys() <= {*_KINDS}:
        # Identifiers alone, which the filter's index has: from one in the list's order the planner
        # would expect such rows to be soon found. But a value may be one of other times.
        return [Part(conditions)]
    if given.keys() <= {*_TRANSACTION}:
        return _transacted(given, sort, descending=descending)
    if given.keys() <= {*_DISCLOSURE}:
        return _disclosed(given, sort)
    if given.keys() <= {*_AMOUNT}:
        return _of_amounts(given, sort)
    return []


def _transacted(given: Mapping[str, Any], sort: str, *, descending: bool) -> list[Part]:
    column = "t.transaction_date"
    weeks = _weeks(column, given, _TRANSACTION, key=column, known="true")
    if sort != "disclosure_date":
        return [Part(weeks)]
    # What is disclosed is so after the transaction: nothing before has to be passed.
    known = Bounds(max(given.get("transaction_from", _UNKNOWN), KNOWN.least))
    ascending = [Bounds(_UNKNOWN, _UNKNOWN), known]
    first, rest = reversed(ascending) if descending else ascending
    return [Part(weeks, first), Part(weeks, rest, is_rest=True)]


def _disclosed(given: Mapping[str, Any], sort: str) -> list[Part]:
    weeks = _weeks("t.disclosure_date", given, _DISCLOSURE, key=DISCLOSED, known=IS_DISCLOSED)
    last = given.get("disclosure_to") if sort == "transaction_date" else None
    return [Part(weeks, Bounds(most=last))]


def _weeks(
    column: str, given: Mapping[str, Any], names: tuple[str, str], *, key: str, known: str
) -> Classes:
    first, last = names
    return Classes(
        Condition(_WEEKS.format(key=key, known=known), _ends(given, names)),
        [
            [Condition(_IN_WEEKS.format(column=column, days=_LONG))],
            [
                Condition(_IN_WEEKS.format(column=column, days=_SHORT)),
                *_of(given, first, _FROM.format(column=column)),
                *_of(given, last, _TO.format(column=column)),
            ],
        ],
    )


def _of_amounts(given: Mapping[str, Any], sort: str) -> list[Part]:
    ends = _ends(given, _AMOUNT)
    categories, of_range = Condition(_CATEGORIES, ends), [[Condition(_IN_CATEGORY)]]
    is_exact = Condition(_IS_EXACT)
    if sort == "amount":
        return [
            Part(Classes(categories, of_range, key="class.lower")),
            Part([is_exact], Bounds(*ends)),
        ]
    exact = [Condition(_IN_EXACT_CATEGORY), is_exact]
    for name, sql in _EXACT_BOUNDS.items():
        exact += _of(given, name, sql)
    return [
        Part(Classes(categories, of_range)),
        Part(Classes(Condition(_EXACT_CATEGORIES, ends), [exact])),
    ]


def _of(given: Mapping[str, Any], name: str, sql: str) -> list[Condition]:
    """Return a filter as this condition, if it is given."""
    return [Condition(sql, (given[name],))] if name in given else []


def _ends(given: Mapping[str, Any], names: tuple[str, str]) -> tuple[object, object]:
    first, last = names
    return given.get(first), given.get(last)

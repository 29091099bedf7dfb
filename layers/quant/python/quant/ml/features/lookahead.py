"""The check for look-ahead: no row may move when everything after its day is changed.

For each subject the cut is the last day of a row up to the day of the check, so that even a look at
the very next day shows. After the cut every trade is disclosed three times, with another side and
amount and once by somebody else of another ticker; every price is multiplied by a number of its
own, and one day in seven has none; no term begins. The last day of a disclosure stays: it says how
far the data go, which the list of rows depends on.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Final

from quant.errors import QuantError
from quant.ml.catalogue import KEYS, Subject
from quant.ml.features.declared import FEATURES
from quant.ml.features.engine import derive, opened
from quant.ml.features.feature import Feature
from quant.ml.features.rows import ROWS
from quant.ml.features.statement import RESULT, compute
from quant.ml.objects import Objects

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# What the error names where rows came or went.
ROW_LIST: Final = "rows"

_CHANGES: Final = (
    "create or replace table trades as with others as (select *,"
    " coalesce(lead(politician_id) over everything, first_value(politician_id) over everything)"
    " as next_politician,"
    " coalesce(lead(ticker, 7) over everything, ticker) as next_ticker"
    " from kept_trades window everything as (order by disclosure_date, politician_id, ticker,"
    " transaction_date, side, amount))"
    " select * from kept_trades where disclosure_date <= $cut union all by name"
    " select * exclude (next_politician, next_ticker, copy) replace ("
    " if(copy = 0, next_politician, politician_id) as politician_id,"
    " if(copy = 0, next_ticker, ticker) as ticker,"
    " if(side = 0, 1, -side) as side, 3 * amount + copy as amount)"
    " from others, range(3) copies (copy) where disclosure_date > $cut",
    "create or replace table prices as select * from kept_prices where day <= $cut union all"
    " select ticker, day, close * (1.5 + hash(ticker, day) % 1000 / 1000) from kept_prices"
    " where day > $cut and (day - date '1970-01-01') % 7 <> 3",
    "create or replace table terms as select * from kept_terms where start <= $cut",
)


class LookAheadError(QuantError):
    """Features know what was not public at their day.

    Attributes:
        moved: Names by subject.
    """

    def __init__(self, moved: dict[str, tuple[str, ...]]):
        self.moved = moved
        named = "; ".join(f"{subject}: {', '.join(names)}" for subject, names in moved.items())
        super().__init__(f"these columns look ahead: {named}")


def check(
    objects: Objects,
    dataset: str,
    at: date,
    *,
    features: Mapping[Subject, Sequence[Feature]] = FEATURES,
) -> None:
    """Change all data after a day, and require that no row up to the day moves.

    Args:
        objects: Holds the snapshot.
        dataset: Identifier of the dataset.
        at: The day.
        features: By subject; those that are declared.

    Raises:
        LookAheadError: A feature, an outcome that was known, or the list of rows moved.
        NotFoundError: There is no such snapshot.
    """
    moved: dict[str, tuple[str, ...]] = {}
    with opened(objects, dataset) as database:
        for table in ("trades", "prices", "terms"):
            database.execute(f"create table kept_{table} as from {table}")
        for subject, declared in features.items():
            if names := _moved(database, subject, declared, at):
                moved[subject.value] = names
    if moved:
        raise LookAheadError(moved)


def _moved(
    database: "DuckDBPyConnection", subject: Subject, features: Sequence[Feature], at: date
) -> tuple[str, ...]:
    """Return the columns of a subject that move."""
    _restore(database)
    compute(database, subject, features, until=at)
    cut = (database.execute(f"select max(as_of) from {RESULT}").fetchone() or (None,))[0]
    if cut is None:
        return ()
    database.execute(f"create or replace table expected as from {RESULT}")
    for statement in _CHANGES:
        # A statement takes no parameter in its definition of a table.
        database.execute(statement.replace("$cut", f"date '{cut}'"))
    derive(database)
    compute(database, subject, features, until=cut)
    return _differences(database, subject, features, cut)


def _restore(database: "DuckDBPyConnection") -> None:
    for table in ("trades", "prices", "terms"):
        database.execute(f"create or replace table {table} as from kept_{table}")
    derive(database)


def _differences(
    database: "DuckDBPyConnection", subject: Subject, features: Sequence[Feature], cut: date
) -> tuple[str, ...]:
    columns = {
        feature.name: f"e.{feature.name} is distinct from f.{feature.name}" for feature in features
    }
    for label in ROWS[subject].labels:
        columns[label] = (
            f"e.{label}_known_on <= date '{cut}' and (e.{label} is distinct from f.{label}"
            f" or e.{label}_known_on is distinct from f.{label}_known_on)"
        )
    present = "e.as_of is not null and f.as_of is not null"
    counted = ", ".join(f"count_if({present} and ({test}))" for test in columns.values())
    counts = database.execute(
        f"select {counted}, count_if(not ({present})) from expected e"
        f" full join {RESULT} f using ({', '.join([*KEYS[subject], 'as_of'])})"
    ).fetchone()
    names = (*columns, ROW_LIST)
    return tuple(name for name, n in zip(names, counts or (), strict=True) if n)

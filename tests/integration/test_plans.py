"""Lists of trades read about a page, whatever they are filtered and sorted by; indexes see to it.

What is looked at is how many rows Postgres reads by its own plans, not how long that takes.
"""

import json
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from typing import Any

import pytest
from scale_support import cases, fill_skewed
from sqlalchemy import Connection, create_engine, event
from sqlalchemy.pool import NullPool

from quant import tickers
from quant.db import prepared
from quant.stats import late_filings
from quant.stats.selection import Selection
from quant.tickers import TickerFilters
from quant.trades import TradeFilters, TradeSort, list_trades, recent_trades

ROWS = 30_000
LIMIT = 10
# A range of years is merged from a few rows of each of its classes, and a page of some of them.
MOST_READ = ROWS // 25
# Postgres compiles what it expects to cost more (jit_above_cost), which takes 50 ms.
COMPILED_ABOVE = 100_000
SORTS = tuple(TradeSort)
# Where the second page begins, in the midst of all trades.
MIDDLE = {"disclosure_date": "2020-06-30", "transaction_date": "2020-06-01", "amount": "15001.00"}
MIDDLE_ID = str(uuid.UUID(int=2**127))


@dataclass(frozen=True)
class Statement:
    """A statement that a list has sent.

    Attributes:
        sql: its text.
        values: of its parameters.
        kept: whether Postgres is to keep a plan of it for all values.
    """

    sql: str
    values: tuple[object, ...]
    kept: bool


class Planner:
    """A session of the superuser that tells how Postgres runs statements."""

    def __init__(self, connection):
        self._connection = connection

    def run(self, sql):
        return self._connection.run(sql)

    def rows(self, statement: Statement) -> list[list[Any]]:
        with self._prepared(statement) as execute:
            return self.run(execute)

    def plans(self, statement: Statement) -> list[dict]:
        """The plan for these values, and the one for all values where that would be kept."""
        found = []
        with self._prepared(statement) as execute:
            for kind in ("custom", "generic") if statement.kept else ("custom",):
                self.run(f"set plan_cache_mode = force_{kind}_plan")
                [[plan]] = self.run(f"explain (analyze, timing off, format json) {execute}")
                found.append(plan[0]["Plan"])
        return found

    @contextmanager
    def _prepared(self, statement: Statement) -> Iterator[str]:
        self.run(f"prepare listed as {statement.sql}")
        values = ", ".join("null" if value is None else f"'{value}'" for value in statement.values)
        yield f"execute listed ({values})"
        self.run("deallocate listed")


def nodes(plan: dict) -> Iterator[dict]:
    """What a plan consists of, without what was not needed when it was run."""
    if plan["Actual Loops"]:
        yield plan
        for part in plan.get("Plans", ()):
            yield from nodes(part)


def indexes_of(plan: dict) -> set[str]:
    return {node["Index Name"] for node in nodes(plan) if "Index Name" in node}


def rows_read(plan: dict) -> float:
    """Rows of trades, or entries of their indexes, that were looked at."""
    counts = ("Actual Rows", "Rows Removed by Filter", "Rows Removed by Index Recheck")
    return sum(
        sum(node.get(count, 0) for count in counts) * node["Actual Loops"]
        for node in nodes(plan)
        if node.get("Relation Name") == "trades" or "_trades" in node.get("Index Name", "")
    )


def flaws(plan: dict) -> list[str]:
    """What a plan does that no page should need."""
    found = [
        node["Node Type"]
        for node in nodes(plan)
        if node.get("Relation Name") == "trades" and node["Node Type"].endswith("Seq Scan")
    ]
    if (read := rows_read(plan)) > MOST_READ:
        found.append(f"{read:.0f} rows read")
    if plan["Total Cost"] > COMPILED_ABOVE:
        found.append(f"compiled, for a cost of {plan['Total Cost']:.0f}")
    return found


@pytest.fixture(scope="module")
def filled(database):
    engine = create_engine(database.superuser_url, poolclass=NullPool)
    fill_skewed(engine, ROWS)
    return engine


@pytest.fixture(scope="module")
def planner(filled, database, postgres):
    connection = postgres.connect(database.name, timeout=60)
    yield Planner(connection)
    connection.close()


@pytest.fixture(scope="module")
def statements():
    """By case and sort, the statements of a first page and of one from the middle."""
    sent = defaultdict(list)
    key = None

    def rows(sql, values=(), *, keep=False):
        sent[key].append(Statement(sql, tuple(values), keep))
        position = json.dumps([MIDDLE[key[1].removeprefix("-")], MIDDLE_ID])
        return [[1, "\n".join(["{}"] * (LIMIT + 1)), "\n".join([position] * (LIMIT + 1))]]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prepared, "rows", rows)
        for key in product(cases(), SORTS):
            filters = TradeFilters(**cases()[key[0]], sort=key[1])
            first = list_trades(filters, limit=LIMIT)
            list_trades(filters, limit=LIMIT, cursor=first.next_cursor)
        key = ("recent", TradeSort.DISCLOSURE_DATE_DESC)
        recent_trades(limit=LIMIT)
        recent_trades(chamber="senate", limit=LIMIT)
    return dict(sent)


@pytest.fixture(scope="module")
def plans(planner, statements):
    """By case and sort, the plans of the statements."""
    return {
        place: [plan for page in pages for plan in planner.plans(page)]
        for place, pages in statements.items()
    }


# Said without regard to indexes.
OF_POLITICIAN = "politician_id in (select id from politicians where {} = '{{}}')"
CONDITIONS = {
    "politician": OF_POLITICIAN.format("bioguide_id"),
    "chamber": OF_POLITICIAN.format("chamber"),
    "party": OF_POLITICIAN.format("party"),
    **{name: f"{name} = '{{}}'" for name in ("ticker", "operation", "owner", "asset_type")},
    **{f"{kind}_from": f"{kind}_date >= '{{}}'" for kind in ("transaction", "disclosure")},
    **{f"{kind}_to": f"{kind}_date <= '{{}}'" for kind in ("transaction", "disclosure")},
    "amount_min": "amount_min >= {}",
    "amount_max": "amount_max <= {}",
}
KEYS = {
    "disclosure_date": "coalesce(disclosure_date, '0001-01-01')",
    "transaction_date": "transaction_date",
    "amount": "amount_min",
}


@pytest.mark.parametrize("name", cases())
def test_a_page_has_the_trades_that_a_look_at_all_finds(planner, statements, name):
    conditions = [CONDITIONS[each].format(value) for each, value in cases()[name].items()]
    for sort in SORTS:
        key, order = sort.removeprefix("-"), "desc" if sort.startswith("-") else "asc"
        beyond = "<" if order == "desc" else ">"
        after = f"({KEYS[key]}, id) {beyond} ('{MIDDLE[key]}', '{MIDDLE_ID}')"
        for page, of_page in zip(statements[name, sort], ("true", after), strict=True):
            expected = planner.run(
                f"select id::text from trades where {' and '.join([of_page, *conditions])}"
                f" order by {KEYS[key]} {order}, id {order} limit {LIMIT + 1}"
            )
            [[_, items, _]] = planner.rows(page)
            found = [[json.loads(item)["id"]] for item in (items or "").splitlines()]
            assert found == expected, sort


@pytest.mark.parametrize("name", [*cases(), "recent"])
def test_a_page_reads_about_a_page(plans, name):
    found = {
        place[1]: flaw
        for place, made in plans.items()
        if place[0] == name
        for plan in made
        for flaw in flaws(plan)
    }
    assert found == {}


def test_without_any_of_the_indexes_a_list_reads_more(planner, statements, plans):
    indexes = planner.run(
        "select indexrelid::regclass::text from pg_index"
        " where indrelid = 'trades'::regclass and not indisunique"
    )
    needless = set()
    for [index] in indexes:
        planner.run("begin")
        planner.run(f"drop index {index}")
        instead = (
            plan
            for place, made in plans.items()
            if any(index in indexes_of(plan) for plan in made)
            for page in statements[place]
            for plan in planner.plans(page)
        )
        if not any(map(flaws, instead)):
            needless.add(index)
        planner.run("rollback")
    # Of so few trades, those of exact amounts are not more than a page.
    assert {name for name in needless if not name.startswith("ix_trades_exact_")} == set()


@pytest.fixture(scope="module")
def explained(filled, database):
    """Runs a query on a connection of the application; gives the plans of its statements."""

    def explain(query: Callable[[Connection], object]) -> list[dict]:
        engine = create_engine(database.url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
        sent: list[tuple[str, Any]] = []
        with engine.connect() as connection:
            event.listen(
                connection,
                "before_cursor_execute",
                lambda _c, _cursor, sql, values, *_: sent.append((sql, values)),
            )
            query(connection)
            return [
                connection.exec_driver_sql(
                    f"explain (analyze, timing off, format json) {sql}", values
                ).scalar_one()[0]["Plan"]
                for sql, values in [*sent]
            ]

    return explain


@pytest.mark.parametrize(
    "selection",
    [
        Selection(),
        Selection(politician="Z000001"),
        Selection(chamber="house"),
        Selection(party="democrat"),
    ],
    ids=str,
)
@pytest.mark.parametrize("min_days", [1, 300])
def test_late_trades_are_read_by_the_page(explained, selection, min_days):
    page, *_ = explained(
        lambda connection: late_filings.read(connection, selection, min_days=min_days, limit=LIMIT)
    )
    assert flaws(page) == []


def test_tickers_are_counted_by_an_index_alone(explained):
    page, *_ = explained(lambda connection: tickers.list_tickers(connection, TickerFilters()))
    scans = {node["Node Type"] for node in nodes(page) if node.get("Relation Name") == "trades"}
    assert scans == {"Index Only Scan"}


@pytest.fixture(scope="module")
def priced(filled):
    """Closes of three years."""
    with filled.begin() as connection:
        connection.exec_driver_sql(
            "insert into prices (ticker, day, close, adjusted_close, source)"
            " select 'SYN' || n, day, 1, 1, 'synthetic' from generate_series(1, 100) n,"
            " generate_series('2019-01-01'::timestamp, '2021-12-31', '1 day') day"
        )
        connection.exec_driver_sql("analyze prices")


def partitions(plan: dict) -> set[str]:
    """The years of prices that are read."""
    names = (node.get("Relation Name", "") for node in nodes(plan))
    return {name.removeprefix("prices_") for name in names if name.startswith("prices_")}


def test_a_year_of_prices_is_one_partition(planner, priced):
    statement = "select sum(close) from prices where day between $1 and $2"
    [plan] = planner.plans(Statement(statement, ("2020-01-01", "2020-12-31"), kept=False))
    assert partitions(plan) == {"2020"}


def test_a_tickers_last_price_is_one_row_of_an_index(explained, priced):
    plans = explained(lambda connection: tickers.get_ticker(connection, "SYN1"))
    scans = [
        node
        for plan in plans
        for node in nodes(plan)
        if node.get("Relation Name") in {"prices_2019", "prices_2020", "prices_2021"}
    ]
    assert scans
    assert {(node["Node Type"].endswith("Seq Scan"), node["Actual Rows"]) for node in scans} == {
        (False, 1)
    }

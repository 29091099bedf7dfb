"""What a page of a list takes, of ten thousand to ten million trades; what its indexes cost."""

import json
import os
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import psutil
from environment import Environment
from limit_support import connect
from packaged import handlers
from report import Report, Sample, sample
from scale_report import LATER, Measured, report
from scale_support import POLITICIANS, RAREST_ROWS, TICKERS, cases, fill_skewed
from scale_worker import BLOCKS, FORGET, LIMIT, Question, Worker
from sqlalchemy import create_engine, text
from stores import Stores, new_database, stores
from supervisor.servers import PostgresServer
from support import Database
from tests.integration.conftest import rest_api_event

from quant.trades import TradeSort

SIZES = (10_000, 100_000, 1_000_000, 10_000_000)
# Request by request of each size, so that a slow moment meets all of them; and of all pages in each
# round, so that it is not all that one page gets.
ROUNDS, REQUESTS = 6, 8
# Until Postgres keeps a plan, and what is read is in memory.
WARM_UP = 6
LATER_PAGE = 4
STATISTICS: Mapping[str, Mapping[str, Any]] = {
    "/politicians": {"search": "member 12"},
    "/tickers": {"search": "syn12"},
    "/stats/leaderboard": {},
    "/stats/overview": {},
}
# Statistics are asked as often as this long takes.
STATISTICS_S = 20.0
INSERTED, INSERT_ROUNDS, INSERT_INTO = 20_000, 5, 1_000_000
# The newest once more: as an import writes them, in one statement.
INSERT = (
    "insert into trades (id, politician_id, filing_id, line_hash, owner, asset, ticker,"
    " asset_type, operation, transaction_date, disclosure_date, amount_min, amount_max, notes, raw)"
    " select gen_random_uuid(), politician_id, filing_id, substr(md5(random()::text), 1, 16),"
    " owner, asset, ticker, asset_type, operation, transaction_date, disclosure_date, amount_min,"
    f" amount_max, notes, raw from trades order by transaction_date desc limit {INSERTED}"
)
# Indexes that there were before every filter had one for each sort.
BEFORE = {
    *(f"ix_trades_{sort}" for sort in ("disclosure", "transaction", "amount")),
    *(
        f"ix_trades_{column}_{sort}"
        for column in ("politician", "ticker")
        for sort in ("disclosure", "transaction")
    ),
}
METHOD = (
    "Synthetic trades that are distributed as the real ones are: "
    f"{POLITICIANS:,} politicians, of whom the most active files a sixth of a chamber's, and "
    f"{TICKERS:,} tickers, whatever the number of trades; the same fourteen years; the Senate's "
    f"end before the House's have begun for long; rarest values have {RAREST_ROWS} rows. Each list "
    f"is asked for a page of {LIMIT} by all sorts in both directions, and for page "
    f"{LATER_PAGE + 1} by its cursor: `GET /trades`, the whole function in AWS's runtime client, "
    f"without an answer in Valkey, {ROUNDS * REQUESTS} times of each number of trades, by turns of "
    f"these, in {ROUNDS} rounds of all pages, each time after {WARM_UP} that are not counted. "
    "Statistics are asked for without a function around them. Blocks are those of tables and "
    "indexes that Postgres looks at. Growth is from the fewest trades of which the page has as "
    "many, in the order in which it is greatest. Everything is on one machine; Postgres has a "
    "quarter of its memory for its buffers."
)
ALL, FEWER = "with all indexes", "without those added"

type Query = Mapping[str, Any]


def run() -> Report:
    measured = Measured()
    with stores() as servers:
        _configure(servers.postgres)
        databases = {rows: _database(servers, rows, measured) for rows in SIZES}
        measured.inserts = _inserts(servers.postgres, databases[INSERT_INTO])
        with _workers(servers, databases) as workers:
            pages = _pages(workers, measured)
            _ask_for_statistics(workers, measured)
        # All that was written is to be on the disk before anything is timed.
        os.sync()
        _ask_for_lists(servers, databases, pages, measured)
    return report(measured, METHOD)


def _configure(postgres: PostgresServer) -> None:
    """Give Postgres a quarter of the memory, as RDS does, and less to do for its safety."""
    connection = postgres.connect()
    megabytes = psutil.virtual_memory().total // 4 >> 20
    for setting in (
        f"shared_buffers = '{megabytes}MB'",
        "max_wal_size = '8GB'",
        "fsync = off",
        "autovacuum = off",
    ):
        connection.run(f"alter system set {setting}")
    connection.close()
    postgres.stop()
    postgres.start()
    postgres.wait_ready(120)


def _database(servers: Stores, rows: int, measured: Measured) -> Database:
    database = new_database(servers.postgres, f"scale_{rows}", servers.passwords)
    engine = create_engine(database.superuser_url)
    fill_skewed(engine, rows)
    with engine.connect() as connection:
        measured.version = str(connection.scalar(text("show server_version")))
        found = connection.execute(
            text(
                "select relname, pg_table_size(oid) from pg_class where relname = 'trades'"
                " or oid in (select indexrelid from pg_index where indrelid = 'trades'::regclass)"
            )
        )
        measured.sizes |= {(rows, name): size for name, size in found}
    engine.dispose()
    return database


@contextmanager
def _workers(servers: Stores, databases: Mapping[int, Database]) -> Iterator[dict[int, Worker]]:
    workers = {
        rows: Worker(servers.variables(database), database.superuser_url)
        for rows, database in databases.items()
    }
    try:
        yield workers
    finally:
        for worker in workers.values():
            worker.close()


def _pages(workers: Mapping[int, Worker], measured: Measured) -> dict[str, dict[int, Query]]:
    """By name and number of trades, what to ask for; notes the blocks that Postgres looks at."""
    pages: dict[str, dict[int, Query]] = {}
    for name, filters in cases().items():
        for sort in TradeSort:
            query = {**filters, "sort": sort}
            page = f"{name} by {sort}"
            for rows, worker in workers.items():
                worker.ask(Question(FORGET, {}), 1)
                measured.blocks[page, rows] = worker.ask(Question(BLOCKS, query), 1).rows
            pages[page] = dict.fromkeys(workers, query)
            pages[page + LATER] = {
                rows: {**query, "cursor": cursor}
                for rows, worker in workers.items()
                if (cursor := _later_cursor(worker, Question("/trades", query))) is not None
            }
    return pages


def _later_cursor(worker: Worker, question: Question) -> str | None:
    """The cursor of a later page; None where there is none."""
    cursor = None
    for _ in range(LATER_PAGE):
        parameters = {**question.parameters, "cursor": cursor}
        cursor = worker.ask(Question(question.name, parameters), 1).cursor
        if cursor is None:
            return None
    return cursor


def _ask_for_statistics(workers: Mapping[int, Worker], measured: Measured) -> None:
    for name, parameters in STATISTICS.items():
        for rows, worker in workers.items():
            [first] = worker.ask(Question(name, parameters), 1).seconds
            times = max(3, min(50, int(STATISTICS_S / first)))
            taken = worker.ask(Question(name, parameters), times)
            measured.seconds[name, rows] += taken.seconds
            measured.rows[name, rows] = taken.rows


def _ask_for_lists(
    servers: Stores,
    databases: Mapping[int, Database],
    pages: Mapping[str, Mapping[int, Query]],
    measured: Measured,
) -> None:
    """Ask whole functions in AWS's runtime client, without an answer in Valkey."""
    with handlers() as code, ExitStack() as stack:
        client = stack.enter_context(connect(servers.valkey))
        functions = {
            rows: stack.enter_context(
                Environment(
                    "trades.list.handler",
                    variables={
                        **servers.variables(database),
                        "POWERTOOLS_SERVICE_NAME": "trades.list",
                    },
                    layers=("quant", "api"),
                    code=code,
                )
            )
            for rows, database in databases.items()
        }
        for _ in range(ROUNDS):
            for name, queries in pages.items():
                for number in range(WARM_UP + REQUESTS):
                    for rows, query in queries.items():
                        client.flushdb()
                        seconds, answered = _request(functions[rows], query)
                        if number >= WARM_UP:
                            measured.seconds[name, rows].append(seconds)
                            measured.rows[name, rows] = answered


def _request(function: Environment, query: Query) -> tuple[float, int]:
    """Seconds until the answer, and how many trades are in it."""
    # Each of an account of its own: no limit holds it back.
    parameters = {name: str(value) for name, value in query.items()}
    event = rest_api_event("/api/v1/trades", {**parameters, "limit": LIMIT})
    answer = function.invoke(json.dumps(event).encode())
    if answer.is_error or answer.document["statusCode"] != 200:
        msg = f"{query}: {answer.document}"
        raise AssertionError(msg)
    return answer.seconds, len(json.loads(answer.document["body"])["data"])


def _inserts(postgres: PostgresServer, database: Database) -> dict[str, Sample]:
    """Rows a second that are inserted with all indexes, and without those added for the lists."""
    copies = {ALL: f"{database.name}_all", FEWER: f"{database.name}_fewer"}
    superuser = postgres.connect(timeout=600)
    for name in copies.values():
        superuser.run(f"create database {name} template {database.name}")
    opened = {kind: postgres.connect(name, timeout=600) for kind, name in copies.items()}
    indexes = opened[FEWER].run(
        "select indexrelid::regclass::text from pg_index"
        " where indrelid = 'trades'::regclass and not indisunique"
    )
    added = {name for [name] in indexes} - BEFORE
    opened[FEWER].run(f"drop index {', '.join(added)}")
    opened[FEWER].run("drop trigger trades_note_politician on trades")
    rates = defaultdict(list)
    for _ in range(INSERT_ROUNDS):
        for kind, connection in opened.items():
            started = time.perf_counter()
            connection.run(INSERT)
            rates[kind].append(INSERTED / (time.perf_counter() - started))
    for kind, connection in opened.items():
        connection.close()
        superuser.run(f"drop database {copies[kind]} with (force)")
    superuser.close()
    return {kind: sample(values) for kind, values in rates.items()}

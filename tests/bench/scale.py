"""What a page of a list takes, of ten thousand to ten million trades; what its indexes cost."""

import json
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
# By turns, so that a slow moment meets all sizes.
ROUNDS, REQUESTS = 12, 5
# Until Postgres keeps a plan, and what is read is in memory.
WARM_UP = 8
LATER_PAGE = 4
STATISTICS: Mapping[str, Mapping[str, Any]] = {
    "/politicians": {"search": "member 12"},
    "/tickers": {"search": "syn12"},
    "/stats/leaderboard": {},
    "/stats/overview": {},
}
# Statistics are asked as often as this long takes.
STATISTICS_S = 20.0
FUNCTIONS: Mapping[str, Mapping[str, Any]] = {
    "none": {},
    "chamber, early": {"chamber": "senate"},
    "owner, rarest": {"owner": "dependent_child", "sort": "-transaction_date"},
    "transaction, year": {"transaction_from": "2019-01-01", "transaction_to": "2019-12-31"},
    "amount_min, between": {"amount_min": 15_000, "sort": "transaction_date"},
}
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
    f"{LATER_PAGE + 1} by its cursor: {ROUNDS * REQUESTS} times of each number of trades, by "
    f"turns, after {WARM_UP} that are not counted. What is asked is `quant.trades.list_trades`, on "
    "one kept connection; `function` is the whole handler in AWS's runtime client, without an "
    "answer in Valkey. Growth is from the fewest trades of which the page has as many, in the "
    "order in which it is greatest. Everything is on one machine; Postgres has a quarter of its "
    "memory for its buffers."
)
ALL, FEWER = "with all indexes", "without those added"


def run() -> Report:
    measured = Measured()
    with stores() as servers:
        _configure(servers.postgres)
        databases = {rows: _database(servers, rows, measured) for rows in SIZES}
        measured.inserts = _inserts(servers.postgres, databases[INSERT_INTO])
        with _workers(servers, databases) as workers:
            _ask_for_lists(workers, measured)
            _ask_for_statistics(workers, measured)
        _ask_functions(servers, databases, measured)
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


def _ask_for_lists(workers: Mapping[int, Worker], measured: Measured) -> None:
    for name, filters in cases().items():
        for sort in TradeSort:
            question = Question("/trades", {**filters, "sort": sort})
            page = f"{name} by {sort}"
            for rows, worker in workers.items():
                worker.ask(Question(FORGET, {}), 1)
                asked = Question(BLOCKS, question.parameters)
                measured.blocks[page, rows] = worker.ask(asked, 1).rows
            _by_turns(page, dict.fromkeys(workers, question), workers, measured)
            later = {
                rows: Question("/trades", {**question.parameters, "cursor": cursor})
                for rows, worker in workers.items()
                if (cursor := _later_cursor(worker, question)) is not None
            }
            _by_turns(page + LATER, later, workers, measured)


def _later_cursor(worker: Worker, question: Question) -> str | None:
    """The cursor of a later page; None where there is none."""
    cursor = None
    for _ in range(LATER_PAGE):
        parameters = {**question.parameters, "cursor": cursor}
        cursor = worker.ask(Question(question.name, parameters), 1).cursor
        if cursor is None:
            return None
    return cursor


def _by_turns(
    name: str,
    questions: Mapping[int, Question],
    workers: Mapping[int, Worker],
    measured: Measured,
) -> None:
    for number in range(ROUNDS + 1):
        for rows, question in questions.items():
            taken = workers[rows].ask(question, REQUESTS if number else WARM_UP)
            if number:
                measured.seconds[name, rows] += taken.seconds
                measured.rows[name, rows] = taken.rows


def _ask_for_statistics(workers: Mapping[int, Worker], measured: Measured) -> None:
    for name, parameters in STATISTICS.items():
        for rows, worker in workers.items():
            [first] = worker.ask(Question(name, parameters), 1).seconds
            times = max(3, min(50, int(STATISTICS_S / first)))
            taken = worker.ask(Question(name, parameters), times)
            measured.seconds[name, rows] += taken.seconds
            measured.rows[name, rows] = taken.rows


def _ask_functions(servers: Stores, databases: Mapping[int, Database], measured: Measured) -> None:
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
        for name, query in FUNCTIONS.items():
            for number in range(ROUNDS + 1):
                for rows, function in functions.items():
                    for _ in range(REQUESTS if number else WARM_UP):
                        client.flushdb()
                        seconds, answered = _request(function, query)
                        if number:
                            measured.seconds[f"function: {name}", rows].append(seconds)
                            measured.rows[f"function: {name}", rows] = answered


def _request(function: Environment, query: Mapping[str, Any]) -> tuple[float, int]:
    """Seconds until the answer, and how many trades are in it."""
    # Each of an account of its own: no limit holds it back.
    event = rest_api_event("/api/v1/trades", {**query, "limit": LIMIT})
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

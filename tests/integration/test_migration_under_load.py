"""A schema change while fifty requests a second are answered: none fails.

The handlers run in processes of their own, as Lambda runs them, each with a connection of its own,
on real Postgres and Valkey. No gateway is between: LocalStack's takes 60 to 120 ms of a processor
for each request, so that it could not send fifty a second. The driver is open-loop: a request is
due when the schedule says so, whether or not those before it were answered, and its latency counts
from then.
"""

import multiprocessing
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from account_support import account_service
from alert_support import WATCHLISTS, alert_service
from migration_support import write_migrations
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.pool import NullPool
from tests.integration.conftest import reset_process

from quant.db.migrate import Outcome, upgrade
from quant.db.schema import SCHEMA_REVISION

RATE = 50
WORKERS = 4
WRITERS = 8
TRADES = 20_000
# How long requests go on alone, and after the change has ended, seconds.
ALONE_S = 5.0
AFTER_S = 1.0
# How long a report reads in one transaction, which the change has to give way to, seconds.
REPORT_S = 2.5

# What the release before has left: a column of each table that the present code does not use.
BEFORE = """
for table in ("trades", "watchlists"):
    op.add_column(table, sa.Column("remark", sa.Text(), nullable=True, server_default="old"))
"""
EXPAND = """
for table in ("trades", "watchlists"):
    op.add_column(table, sa.Column("remark_code", sa.Text(), nullable=True), if_not_exists=True)
    online.update_in_batches(
        table, "id", "remark_code = remark", where="remark_code is distinct from remark", size=500
    )
    online.create_index(f"ix_{table}_remark_code", table, ["remark_code"])
    online.replace_check(f"ck_{table}_remark_code", table, "remark_code in ('old', 'new')")
"""
CONTRACT = """
for table in ("trades", "watchlists"):
    op.drop_column(table, "remark")
"""


@dataclass(frozen=True)
class Answered:
    """A request that was answered: when it was due, how long that took, how it ended."""

    due: float
    latency_s: float
    what: str


class Load:
    """Requests at a constant rate to handlers in processes of their own, forked when it is made.

    Args:
        logins: Who write; each has a watchlist, whose path goes with it.
        api: The handlers.
    """

    def __init__(self, logins: Sequence[tuple[Any, str]], api: Any) -> None:
        fork = multiprocessing.get_context("fork")
        self._jobs, self._answers = fork.SimpleQueue(), fork.SimpleQueue()
        self._logins, self._api = logins, api
        self._random = random.Random(7)
        self._workers = [fork.Process(target=self._work, daemon=True) for _ in range(WORKERS)]
        for worker in self._workers:
            worker.start()

    def _work(self) -> None:
        reset_process()
        while (job := self._jobs.get()) is not None:
            due, kind, choice = job
            time.sleep(max(0.0, due - time.monotonic()))
            try:
                what = f"{kind} {self._send(kind, choice)}"
            except Exception as error:  # noqa: BLE001 - counted as what failed
                what = f"{kind} {error!r}"
            self._answers.put(Answered(due, time.monotonic() - due, what))

    def _send(self, kind: str, choice: int) -> int:
        if kind == "write":
            login, path = self._logins[choice % len(self._logins)]
            body = {"name": f"list {choice}", "tickers": ["AAA"], "digest": True}
            return int(login.call("PUT", path, body).status)
        # No two alike, or answers would come from the cache.
        since = {"transaction_from": str(date(2012, 1, 1) + timedelta(days=choice)), "limit": 50}
        if kind == "trades":
            return int(self._api.get("/api/v1/trades", since).status)
        search = {"limit": 1 + choice % 100, "search": f"{choice:04x}"}
        return int(self._api.get("/api/v1/politicians", search).status)

    def warm_up(self) -> None:
        """Have every process import what it serves."""
        now = time.monotonic()
        for number in range(WORKERS * 6):
            self._put(now, number)
        for _ in range(WORKERS * 6):
            assert self._answers.get().what.endswith(" 200")

    def _put(self, due: float, number: int) -> None:
        kind = ("trades", "politicians", "trades", "politicians", "write")[number % 5]
        self._jobs.put((due, kind, self._random.randrange(4000)))

    @contextmanager
    def running(self) -> Iterator[list[Answered]]:
        """Send requests meanwhile; the list has all answers afterwards."""
        answers: list[Answered] = []
        ended = threading.Event()

        def drive() -> None:
            start, number = time.monotonic(), 0
            while not ended.is_set():
                while start + number / RATE < time.monotonic() + 0.2:
                    self._put(start + number / RATE, number)
                    number += 1
                time.sleep(0.05)
            answers.extend(self._answers.get() for _ in range(number))

        with ThreadPoolExecutor(1) as pool:
            driver = pool.submit(drive)
            try:
                yield answers
            finally:
                ended.set()
            driver.result()

    def stop(self) -> None:
        for _ in self._workers:
            self._jobs.put(None)
        for worker in self._workers:
            worker.join(10)
            worker.kill()


@pytest.fixture(scope="module")
def owner(database) -> Iterator[Engine]:
    engine = create_engine(database.owner_url, poolclass=NullPool)
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def load(api, database, disclosures, owner) -> Iterator[Load]:
    with owner.begin() as connection:
        connection.execute(
            text(
                "insert into trades (id, politician_id, filing_id, line_hash, asset, operation,"
                " transaction_date, disclosure_date, amount_min, raw)"
                " select gen_random_uuid(), f.politician_id, f.id, n::text, 'Asset ' || n,"
                " 'purchase', date '2012-01-01' + mod(n, 4000), date '2012-02-01' + mod(n, 4000),"
                " 1001, '{}' from generate_series(1, :n) n"
                " cross join (select * from filings order by id limit 1) f"
            ),
            {"n": TRADES},
        )
    with account_service(api, database) as accounts, alert_service():
        logins = []
        for _ in range(WRITERS):
            login = accounts.sign_in(accounts.person(tier="premium"))
            made = login.call("POST", WATCHLISTS, {"name": "x", "tickers": ["AAA"], "digest": True})
            assert made.status == 201, made.body
            logins.append((login, f"{WATCHLISTS}/{made.json['id']}"))
        reset_process()  # no connection may be open when processes are forked
        load = Load(logins, api)
        try:
            load.warm_up()
            yield load
        finally:
            load.stop()


def _report(name: str, answers: Sequence[Answered]) -> None:
    latencies = np.array([answer.latency_s for answer in answers]) * 1000
    p50, p95, p99 = np.percentile(latencies, [50, 95, 99])
    print(  # noqa: T201 - the report, shown with -s
        f"\n{name}: {len(answers)} requests, p50 {p50:.0f} ms, p95 {p95:.0f} ms, p99 {p99:.0f} ms,"
        f" longest {latencies.max():.0f} ms",
        end="",
    )


def _check(answers: Sequence[Answered], least_s: float) -> None:
    """All were answered as they should be, as many as the rate says."""
    assert Counter(answer.what for answer in answers).keys() == {
        "trades 200",
        "politicians 200",
        "write 200",
    }
    first = min(answer.due for answer in answers)
    scheduled = max(answer.due for answer in answers) - first
    finished = max(answer.due + answer.latency_s for answer in answers) - first
    assert scheduled >= least_s
    assert len(answers) >= RATE * scheduled
    # The rate was reached, and not only asked for.
    assert len(answers) / finished > 0.8 * RATE


def test_no_request_fails_while_the_schema_changes(load, owner, tmp_path: Path) -> None:
    scripts = write_migrations(
        tmp_path / "migrations",
        {"8001": BEFORE, "8002": EXPAND, "8003": CONTRACT},
        after=SCHEMA_REVISION,
    )
    upgrade(owner, "8001", scripts=scripts)
    with load.running() as alone:
        time.sleep(ALONE_S)

    outcomes: list[Outcome] = []
    with load.running() as beside:
        time.sleep(AFTER_S)
        with ThreadPoolExecutor(1) as pool:
            with owner.begin() as connection:
                connection.execute(text("select count(*) from trades"))
                expanding = pool.submit(upgrade, owner, "8002", scripts=scripts)
                time.sleep(REPORT_S)
                assert not expanding.done()
            outcomes.append(expanding.result())
        outcomes.append(upgrade(owner, "8003", scripts=scripts))
        time.sleep(AFTER_S)

    _report("alone", alone)
    _report("beside the change", beside)
    assert [outcome.after for outcome in outcomes] == ["8002", "8003"]
    # It gave way to the report, instead of having everybody else wait behind it.
    assert outcomes[0].waits > 0
    with owner.connect() as connection:
        for table in ("trades", "watchlists"):
            columns = set(connection.scalars(text(COLUMNS), {"table": table}))
            assert "remark_code" in columns
            assert "remark" not in columns
        left = "select count(*) from trades where remark_code is distinct from 'old'"
        assert connection.scalar(text(left)) == 0
    _check(alone, ALONE_S - 1)
    _check(beside, REPORT_S + 2 * AFTER_S - 1)


COLUMNS = "select column_name from information_schema.columns where table_name = :table"

"""What more or less memory does to a function: time, and dollars for a million requests."""

import itertools
import json
import math
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from statistics import fmean

import valkey
from api_latency import percentile
from bulk_support import fill_prices, fill_trades
from environment import MB_OF_ONE_CPU, Environment
from infra.all_functions import FUNCTIONS
from infra.costs.prices import PRICES
from packaged import handlers
from report import Report, package_versions, short
from sqlalchemy import create_engine, text
from stores import Stores, new_database, stores
from supervisor.servers import VALKEY_USER
from tests.integration.conftest import rest_api_event

MEMORIES_MB = (256, 512, 1024, MB_OF_ONE_CPU)
WARMED_UP, REQUESTS = 10, 120
TRADES, POLITICIANS, TICKERS = 50_000, 300, 200
MILLION = 1_000_000


@dataclass(frozen=True, eq=False)
class Case:
    """A function, what it is asked, and whether Valkey may have the answer."""

    function: str
    label: str
    path: str
    query: dict[str, object]
    cached: bool


CASES = (
    Case("trades.list", "`/trades`, cached", "/api/v1/trades", {}, cached=True),
    Case("trades.list", "`/trades`, uncached", "/api/v1/trades", {}, cached=False),
    Case("politicians.list", "`/politicians`, uncached", "/api/v1/politicians", {}, cached=False),
    Case(
        "stats.leaderboard",
        "`/stats/leaderboard`, uncached",
        "/api/v1/stats/leaderboard",
        {"by": "trade_count"},
        cached=False,
    ),
    Case(
        "analytics.politician_performance",
        "`/analytics/performance/{id}`, uncached",
        "/api/v1/analytics/performance/Z900001",
        {},
        cached=False,
    ),
)
# Its requests take seconds on a share of a processor.
FEW = {"analytics.politician_performance": 24, "stats.leaderboard": 60}


def run() -> Report:
    times: dict[tuple[Case, int], tuple[float, ...]] = {}
    with stores() as servers, handlers() as code, ExitStack() as stack:
        database = new_database(servers.postgres, "bench", servers.passwords)
        engine = create_engine(servers.postgres.url(database.name))
        fill_trades(engine, TRADES, politicians=POLITICIANS, tickers=TICKERS)
        fill_prices(engine)
        with engine.connect() as connection:
            version = str(connection.scalar(text("show server_version")))
        engine.dispose()
        answers = stack.enter_context(_client(servers))
        for case in CASES:
            for memory in MEMORIES_MB:
                environment = Environment(
                    f"{case.function}.handler",
                    variables=servers.variables(database),
                    layers=FUNCTIONS[case.function].layers,
                    code=code,
                    memory_mb=memory,
                )
                with environment:
                    times[case, memory] = tuple(_measure(environment, case, answers))
    return _report(times, version)


def _client(servers: Stores) -> valkey.Valkey:
    return valkey.Valkey(
        port=servers.valkey.port, username=VALKEY_USER, password=servers.valkey.password
    )


def _measure(environment: Environment, case: Case, answers: valkey.Valkey) -> Iterator[float]:
    """Milliseconds of warm requests, each of an account of its own."""
    answers.flushdb()
    for number in range(WARMED_UP + FEW.get(case.function, REQUESTS)):
        if not case.cached:
            answers.flushdb()
        answer = environment.invoke(json.dumps(rest_api_event(case.path, case.query)).encode())
        document = answer.document
        if answer.is_error or document["statusCode"] != 200:
            msg = f"{case.path}: {document}"
            raise AssertionError(msg)
        if number >= WARMED_UP:
            yield answer.seconds * 1000


def dollars(milliseconds: float, memory_mb: int) -> float:
    """Dollars that a million requests of so many billed milliseconds cost at Lambda."""
    compute = milliseconds / 1000 * memory_mb / 1024 * PRICES["Lambda compute"].dollars
    return MILLION * (compute + PRICES["Lambda requests"].dollars)


def _report(times: dict[tuple[Case, int], tuple[float, ...]], version: str) -> Report:
    rows = []
    for case, group in itertools.groupby(times, key=lambda place: place[0]):
        whole = percentile(times[case, MB_OF_ONE_CPU], 95)
        for _, memory in group:
            taken = times[case, memory]
            billed = fmean(math.ceil(value) for value in taken)
            rows.append(
                (
                    case.label,
                    f"{memory:,}"
                    + (" (now)" if memory == FUNCTIONS[case.function].memory_mb else ""),
                    short(percentile(taken, 50)),
                    short(percentile(taken, 95)),
                    f"{percentile(taken, 95) / whole:.2f}",
                    short(billed),
                    f"{dollars(billed, memory):.2f}",
                )
            )
    return Report(
        title="Memory of a function",
        method=(
            "Warm requests to functions in AWS's runtime client, each process in a cgroup with the "
            f"share of a processor that its memory has at Lambda, all of one at {MB_OF_ONE_CPU:,} "
            f"MB; {REQUESTS} requests of each ({FEW['stats.leaderboard']} of the leaderboard, "
            f"{FEW['analytics.politician_performance']} of a politician's performance), one at a "
            f"time, Postgres and Valkey beside it on the same machine. Synthetic data: {TRADES:,} "
            f"trades, {POLITICIANS} politicians, {TICKERS} tickers, ten years of prices. Billed "
            "are whole milliseconds, rounded up; dollars are of Lambda alone (arm64, list price of "
            "us-east-1), for a million such requests. Lambda hands a share out in slices of 20 ms: "
            "whoever needs less than a slice may have it at once, so that short requests are "
            "hardly slower with less memory until they use their slice up."
        ),
        columns=(
            "",
            "memory, MB",
            "p50, ms",
            "p95, ms",
            "p95 to that of a whole processor",
            "billed, ms",
            "dollars a million",
        ),
        rows=tuple(rows),
        versions={
            "PostgreSQL": version,
            **package_versions("awslambdaric", "fastapi", "pg8000", "valkey"),
        },
        measurements={
            f"{case.label.replace('`', '')}, {memory} MB, ms": tuple(
                round(value, 3) for value in taken
            )
            for (case, memory), taken in times.items()
        },
    )

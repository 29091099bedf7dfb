"""Many environments at once, on Postgres itself and through a pooler."""

import itertools
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final

from api_latency import fill_larger, percentile
from environment import Environment
from place import Place
from pooler import BORROW_S, PgBouncer
from report import Report, package_versions, short
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.pool import NullPool
from stores import new_database, stores
from supervisor.servers import free_port
from support import server_directory
from tests.integration.conftest import authorizer_context
from traffic import Request, rest, status

from quant.tiers import TIERS

LEVELS: Final = (1, 2, 4, 8, 16, 32, 64)
# Direct and pooled by turns, so often and so long each.
ROUNDS: Final = 3
ROUND_S: Final = 1.5
CROWD_S: Final = 3.0
SAMPLE_S: Final = 0.25
# More than environments, as on AWS: the sum of all concurrencies is below what the proxy may open.
POOL: Final = 80
# Fewer: what is then?
SMALL_POOL, CROWD = 16, 32
OWNERS: Final = 20_000
LISTED: Final = "trades.list"
BY_SQLALCHEMY: Final = "tickers.list"
WRITTEN: Final = "watchlists.create"


@dataclass(frozen=True)
class Level:
    """What some environments did at once.

    Attributes:
        seconds: For how long.
        taken: Seconds of each request.
        statuses: What was answered.
        connections: The most that Postgres had of functions.
        waited: The longest that a client waited for one at the pooler, seconds.
    """

    seconds: float
    taken: tuple[float, ...]
    statuses: Counter[int]
    connections: int
    waited: float = 0.0

    @property
    def rate(self) -> float:
        return len(self.taken) / self.seconds

    @property
    def errors(self) -> str:
        """How many answers of 400 and more, and which."""
        found = {code: count for code, count in self.statuses.items() if code >= 400}
        return ", ".join(f"{count:,} x {code}" for code, count in sorted(found.items())) or "0"

    def percentile_ms(self, share: int) -> float:
        return percentile(self.taken, share) * 1000


def run() -> Report:
    with stores() as stored, server_directory("pooler") as folder:
        database = new_database(stored.postgres, "concurrency", stored.passwords)
        engine = create_engine(database.superuser_url, poolclass=NullPool)
        fill_larger(engine)
        place = Place(stored, database, engine, folder, free_port())
        levels: dict[tuple[str, str, int], Level] = {}
        crowded: dict[tuple[str, str], Level] = {}
        versions = {}
        for function, request in _requests(engine).items():
            with ExitStack() as stack:
                pooler = stack.enter_context(place.pooler("session", POOL))
                versions["PgBouncer"] = pooler.version()
                direct, pooled = (
                    stack.enter_context(place.environments(function, max(LEVELS), port, request))
                    for port in (stored.postgres.port, place.port)
                )
                for number in LEVELS:
                    both = _by_turns(place, direct[:number], pooled[:number], request, pooler)
                    for where, level in both.items():
                        levels[function, where, number] = level
                pooler.stop()
                for mode in ("session", "transaction"):
                    with place.pooler(mode, SMALL_POOL) as small:
                        crowded[function, mode] = _measure(
                            place, pooled[:CROWD], request, CROWD_S, small
                        )
        with engine.connect() as connection:
            versions["PostgreSQL"] = str(connection.scalar(text("show server_version")))
    return _report(levels, crowded, versions)


def _requests(engine: Engine) -> dict[str, Callable[[], Request]]:
    """Requests that no answer in the cache serves, each of an account of its own."""
    numbers = itertools.count(1)
    owners = [uuid.uuid4() for _ in range(OWNERS)]
    with engine.begin() as connection:
        connection.execute(
            text(
                "insert into accounts (id, email, password_hash, email_verified_at)"
                " select id, id || '@example.org', '', now()"
                " from unnest(cast(:owners as uuid[])) id"
            ),
            {"owners": owners},
        )
        [ticker] = connection.scalars(text("select ticker from trades limit 1")).all()
    turns = iter([owner for owner in owners for _ in range(TIERS["free"].watchlists)])
    content = {"name": "mine", "tickers": [ticker], "digest": True}
    return {
        LISTED: lambda: rest("list", "/trades", {"amount_max": 10**6 + next(numbers)}),
        BY_SQLALCHEMY: lambda: rest("list", "/tickers", _some_tickers(next(numbers))),
        WRITTEN: lambda: rest(
            "new",
            "/watchlists",
            document=content,
            statuses=(201,),
            authorizer=authorizer_context(next(turns), tier="free"),
        ),
    }


def _some_tickers(number: int) -> dict[str, object]:
    return {"search": f"SYN{number // 100 % 10}", "limit": 1 + number % 100}


def _by_turns(
    place: Place,
    direct: list[Environment],
    pooled: list[Environment],
    request: Callable[[], Request],
    pooler: PgBouncer,
) -> dict[str, Level]:
    """Measure environments that connect directly, and as many others through the pooler."""
    for environment in (*direct, *pooled):
        environment.invoke(request().event)
    rounds: dict[str, list[Level]] = {"direct": [], "pooled": []}
    for _ in range(ROUNDS):
        rounds["direct"].append(_measure(place, direct, request, ROUND_S))
        rounds["pooled"].append(_measure(place, pooled, request, ROUND_S, pooler))
    return {where: _together(measured) for where, measured in rounds.items()}


def _together(rounds: list[Level]) -> Level:
    return Level(
        sum(each.seconds for each in rounds),
        tuple(itertools.chain.from_iterable(each.taken for each in rounds)),
        sum((each.statuses for each in rounds), Counter()),
        max(each.connections for each in rounds),
        max(each.waited for each in rounds),
    )


def _measure(
    place: Place,
    environments: list[Environment],
    request: Callable[[], Request],
    seconds: float,
    pooler: PgBouncer | None = None,
) -> Level:
    """Have all environments answer one request after the other, at once."""
    place.stored.valkey.clear()
    barrier = threading.Barrier(len(environments) + 1)
    taken: list[float] = []
    statuses: Counter[int] = Counter()
    lock = threading.Lock()

    def serve(environment: Environment) -> None:
        barrier.wait()
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            event = request().event
            started = time.perf_counter()
            found = status(environment.invoke(event))
            with lock:
                taken.append(time.perf_counter() - started)
                statuses[found] += 1

    threads = [threading.Thread(target=serve, args=(each,)) for each in environments]
    for thread in threads:
        thread.start()
    barrier.wait()
    started = time.monotonic()
    connections, waited = 0, 0.0
    while any(thread.is_alive() for thread in threads):
        time.sleep(SAMPLE_S)
        connections = max(connections, place.connections(pooled=pooler is not None))
        if pooler is not None:
            waits = [row["maxwait"] + row["maxwait_us"] / 1e6 for row in pooler.show("pools")]
            waited = max(waited, *waits)
    return Level(time.monotonic() - started, tuple(taken), statuses, connections, waited)


def _report(
    levels: dict[tuple[str, str, int], Level],
    crowded: dict[tuple[str, str], Level],
    versions: dict[str, str],
) -> Report:
    cells = []
    for function in (LISTED, BY_SQLALCHEMY, WRITTEN):
        for number in LEVELS:
            row = [function, str(number)]
            places = [levels[function, place, number] for place in ("direct", "pooled")]
            for level in places:
                row += [
                    short(level.rate),
                    *(short(level.percentile_ms(share)) for share in (50, 99)),
                    level.errors,
                    str(level.connections),
                ]
            ratio = places[1].percentile_ms(50) / places[0].percentile_ms(50)
            cells.append((*row, short(places[1].waited * 1000), f"{ratio:.2f}"))
    return Report(
        title="Environments at once",
        method=(
            f"Up to {max(LEVELS)} environments, each of which answers one request after the other, "
            f"all at once, {ROUNDS} times {ROUND_S:g} s: a list by a prepared statement, one by "
            "SQLAlchemy, and a transaction that takes its turn at the audit log. No answer is in "
            "the cache. Direct: they connect to Postgres. Pooled: others, by turns with these, to "
            "PgBouncer in session mode, with "
            f"{POOL} connections at most, more than there are environments, as at our RDS Proxy "
            "(docs/adr/0023); a client keeps its connection, as if all were pinned. Connections "
            f"are the most that Postgres had of functions, counted each {SAMPLE_S * 1000:g} ms; "
            "waited is the longest that a client waited for one, ms, as PgBouncer says. "
            "Environments, Postgres and pooler share the cores of one machine, so that beyond "
            "as many environments as cores each more waits for a core, at either place. Errors "
            "are answers of 400 and more. Times in ms; the last column is of the medians."
        ),
        columns=(
            "function",
            "environments",
            *("direct, requests/s", "p50", "p99", "errors", "connections"),
            *("pooled, requests/s", "p50", "p99", "errors", "connections", "waited"),
            "p50 pooled to direct",
        ),
        rows=tuple(cells),
        versions=versions | package_versions("fastapi", "mangum", "pg8000"),
        measurements=_measurements(levels, crowded),
        remarks=_crowd(crowded),
    )


def _crowd(crowded: dict[tuple[str, str], Level]) -> str:
    """What became of more environments than connections."""
    lines = [
        f"{CROWD} environments with {SMALL_POOL} connections, for which a client waits "
        f"{BORROW_S} s at the pooler and 2 s in the driver, which tries twice:",
        "",
    ]
    for (function, mode), level in crowded.items():
        answers = ", ".join(f"{count:,} x {code}" for code, count in sorted(level.statuses.items()))
        lines.append(
            f"- {function}, {mode} mode: {answers} in {level.seconds:.1f} s, "
            f"{level.connections} connections, p50 {short(level.percentile_ms(50))} ms, "
            f"the slowest {max(level.taken):.1f} s."
        )
    lines += [
        "",
        "In session mode, as where a proxy pins all, those that come first keep their connections "
        "and the others are told that Postgres is away, which is why the proxy may open one for "
        "each environment that may exist. In transaction mode a statement that is kept costs more "
        "than one that is not: this PgBouncer does not know what it has prepared where, so that "
        "the function finds out, connects anew and runs it without keeping it.",
    ]
    return "\n".join(lines)


def _measurements(
    levels: dict[tuple[str, str, int], Level], crowded: dict[tuple[str, str], Level]
) -> dict[str, tuple[float, ...]]:
    return {
        f"{label}: requests/s, p50 ms, p99 ms, errors, connections, waited ms": (
            round(level.rate, 1),
            *(round(level.percentile_ms(share), 2) for share in (50, 99)),
            sum(count for code, count in level.statuses.items() if code >= 400),
            level.connections,
            round(level.waited * 1000, 1),
        )
        for label, level in {
            **{", ".join(map(str, place)): level for place, level in levels.items()},
            **{
                f"{function}, {mode}, {CROWD} on {SMALL_POOL}": level
                for (function, mode), level in crowded.items()
            },
        }.items()
    }

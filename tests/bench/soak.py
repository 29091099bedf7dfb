"""Half an hour of mixed requests at a fixed rate: does an environment keep anything of them?

``QUANT_SOAK_MINUTES`` makes it shorter or longer.
"""

import itertools
import json
import os
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Final

from account_support import AUDIENCE, ISSUER, Accounts, account_service
from api_latency import percentile
from environment import Environment
from infra.all_functions import FUNCTIONS
from infra.functions import AUTHORIZER
from report import Report, package_versions, short
from soaked import Soaked
from sqlalchemy import Engine, create_engine, text
from stores import Stores, new_database, stores
from support import Database
from tests.integration.conftest import serving
from traffic import Clients
from trend_support import Slope

from quant.cache import AnswerCache
from quant.db import session
from quant.ingest.seed import seed
from quant.keys import KeyRing, published
from quant.tiers import TIERS
from quant.valkey_store import client

MINUTES: Final = float(os.environ.get("QUANT_SOAK_MINUTES", "30"))
# Requests of each function, a second.
RATE: Final = 3.0
SAMPLE_S: Final = 10.0
VERSION_S: Final = 60.0
# Requests to each environment before the clock starts, as fast as they are answered. Everything has
# been loaded then, and Python's free lists are full: it keeps 2,000 freed tuples of each length, of
# which a request may add one.
WARM_UP: Final = 5_000
# What computes an answer is needed after a change of the data only, and is to warm up as well.
WARM_UP_VERSION_S: Final = 1.0
# A refused token is an exception, whose cycle waits for the collector; it comes every 2,000.
WARM_UP_OF_AUTHORIZER: Final = 12_000
# An empty dict takes 64 bytes, the text of a request's identifier 77: whatever is kept of every
# request takes more.
BOUND: Final = 64.0
SOAKED: Final = (
    AUTHORIZER,
    "health.ready",
    "trades.list",
    "politicians.list",
    "stats.leaderboard",
    "patterns.fourier",
    "auth.login",
    "watchlists.create",
)
PERSONS = 20
# Of watchlists: more than there will be requests for new ones.
OWNERS = WARM_UP + round(MINUTES * 60 * RATE)


def run() -> Report:
    with stores() as stored:
        database = new_database(stored.postgres, "soak", stored.passwords)
        engine = create_engine(database.superuser_url)
        seed(engine)
        with serving(database, stored.valkey) as api, account_service(api, database) as accounts:
            ring = KeyRing.generate()
            clients = _clients(engine, accounts, ring)
            session.engine().dispose()
            with _environments(stored, database, ring, clients) as soaked:
                server_side = _soak(soaked, engine)
        with engine.connect() as connection:
            version = str(connection.scalar(text("show server_version")))
        engine.dispose()
    return _report(soaked, server_side, version)


def _clients(engine: Engine, accounts: Accounts, ring: KeyRing) -> Clients:
    with engine.begin() as connection:
        tickers, politicians = (
            list(
                connection.scalars(
                    text(
                        f"select {column} from trades where {column} is not null"
                        " group by 1 order by count(*) desc, 1 limit 10"
                    )
                )
            )
            for column in ("ticker", "politician_id::text")
        )
        owners = [uuid.uuid4() for _ in range(OWNERS)]
        connection.execute(
            text(
                "insert into accounts (id, email, password_hash, email_verified_at)"
                " select id, id || '@example.org', '', now()"
                " from unnest(cast(:owners as uuid[])) id"
            ),
            {"owners": owners},
        )
    full = accounts.person()
    with engine.begin() as connection:
        connection.execute(
            text(
                "insert into watchlists"
                " (id, account_id, name, tickers, politicians, committees, digest)"
                " select gen_random_uuid(), :account, 'mine', array[:ticker], '{}', '{}', true"
                " from generate_series(1, :most)"
            ),
            {"account": full.id, "ticker": tickers[0], "most": TIERS["free"].watchlists},
        )
    return Clients(
        key=ring.current,
        tickers=tickers,
        politicians=politicians,
        persons=[accounts.person() for _ in range(PERSONS)],
        owners=iter(owner for owner in owners for _ in range(TIERS["free"].watchlists)),
        full=full.id,
    )


@contextmanager
def _environments(
    stored: Stores, database: Database, ring: KeyRing, clients: Clients
) -> Iterator[list[Soaked]]:
    jwks = json.dumps({"keys": published([], ring, time.time())})
    stored.secrets.update(
        {"jwks": jwks, "signing-key": ring.to_json(), "webhook": uuid.uuid4().hex}
    )
    stored.secrets.update({f"key-{tier}": tier for tier in TIERS})
    variables = {
        **stored.variables(database),
        "QUANT_TOKEN_ISSUER": ISSUER,
        "QUANT_TOKEN_AUDIENCE": AUDIENCE,
        "QUANT_TOKEN_JWKS_SECRET_ARN": "jwks",
        "QUANT_TOKEN_SIGNING_KEY_SECRET_ARN": "signing-key",
        "QUANT_WEBHOOK_SECRET_ARN": "webhook",
        "QUANT_API_KEY_SECRET_ARNS": json.dumps({tier: f"key-{tier}" for tier in TIERS}),
    }
    with ExitStack() as stack:
        yield [
            Soaked(name, stack.enter_context(_environment(name, variables)), clients.of(name))
            for name in SOAKED
        ]


def _environment(name: str, variables: dict[str, str]) -> Environment:
    # Of two layers that hold the same, the later one counts.
    layers = tuple(reversed(FUNCTIONS[name].layers))
    return Environment(f"{name}.handler", variables=variables, layers=layers, snap_start=True)


@dataclass(frozen=True)
class ServerSide:
    """Connections that the stores counted, one number for each sample."""

    postgres: tuple[int, ...]
    valkey: tuple[int, ...]


def _soak(soaked: list[Soaked], engine: Engine) -> ServerSide:
    with ThreadPoolExecutor(len(soaked)) as pool:
        warming = [pool.submit(_warm_up, each) for each in soaked]
        announced = itertools.cycle((True, False))
        while wait(warming, timeout=WARM_UP_VERSION_S).not_done:
            _change_data(engine, announce=next(announced))
        for warmed in warming:
            warmed.result()
        started = time.monotonic()
        serving_all = [
            pool.submit(
                each.serve,
                started,
                offset=number / RATE / len(soaked),
                rate=RATE,
                seconds=MINUTES * 60,
            )
            for number, each in enumerate(soaked)
        ]
        connections = _look(soaked, engine, started)
        for served in serving_all:
            served.result()
    return connections


def _warm_up(soaked: Soaked) -> None:
    soaked.warm_up(WARM_UP_OF_AUTHORIZER if soaked.name == AUTHORIZER else WARM_UP)


def _look(soaked: list[Soaked], engine: Engine, started: float) -> ServerSide:
    """Note what environments and stores hold, and change the data now and then."""
    postgres, valkey = [], []
    announced, changed = itertools.cycle((True, False)), 0.0
    for moment in itertools.count(1):
        if moment * SAMPLE_S > MINUTES * 60:
            break
        time.sleep(max(started + moment * SAMPLE_S - time.monotonic(), 0.0))
        at = time.monotonic() - started
        for each in soaked:
            each.sample(at)
        postgres.append(_connections(engine))
        valkey.append(int(client().info("clients")["connected_clients"]))
        if at - changed >= VERSION_S:
            _change_data(engine, announce=next(announced))
            changed = at
    return ServerSide(tuple(postgres), tuple(valkey))


def _connections(engine: Engine) -> int:
    """Connections of functions that Postgres has."""
    with engine.connect() as connection:
        return int(
            connection.scalar(
                text(
                    "select count(*) from pg_stat_activity"
                    " where datname = current_database() and usename = 'quant_app'"
                )
            )
            or 0
        )


def _change_data(engine: Engine, *, announce: bool) -> None:
    """Count the data version up, as an import does, which may or may not reach Valkey."""
    with engine.begin() as connection:
        version = connection.scalar(
            text("update data_version set version = version + 1 returning version")
        )
    if announce and version is not None:
        AnswerCache().announce(version)


def _report(soaked: list[Soaked], servers: ServerSide, version: str) -> Report:
    growths = {each.name: each.growth() for each in soaked}
    requests = sum(len(each.outcomes) for each in soaked)
    wrong = {each.name: each.unexpected for each in soaked if each.unexpected}
    return Report(
        title="Soak",
        method=(
            f"{MINUTES:g} minutes of {requests:,} requests to {len(soaked)} environments, "
            f"{RATE:g} a second to each, sent when they are due whether or not the one before is "
            "answered (an open loop; a time counts from when the request was due). The traffic of "
            "each is by turns what is often asked and what is not, invalid, refused, or limited: "
            f"{_mix(soaked)}. The data version changes once a minute, and half of the "
            "changes are announced to Valkey. Postgres, Valkey and all environments share the "
            "machine; environments have no share of a CPU set. Private memory (USS) is "
            f"looked at each {SAMPLE_S:g} s, after a warm-up of {WARM_UP:,} requests to each "
            f"environment ({WARM_UP_OF_AUTHORIZER:,} to the authorizer), sent before as fast as "
            f"they were answered, while the data changed every {WARM_UP_VERSION_S:g} s: Python "
            "keeps 2,000 freed tuples of each length for the next use, and some of these lists "
            "fill by one a request; an exception is a cycle with the frames of the runtime, which "
            "waits for the collector. Environments are restored ones (SnapStart). "
            "Growth is the median of the slopes between all pairs of these values "
            "(Theil-Sen) over the requests of the environment, with its 95 % confidence interval "
            "by a moving block bootstrap of the residuals, a tenth of the series at a time, as "
            "neighbouring values depend on one another. Flat: the upper end of that interval is "
            f"below {BOUND:g} bytes a request, that is {BOUND * 1000 / 1024:g} KiB for 1,000; an "
            "empty dict takes as much, and the text of a request's identifier more, so that "
            "nothing is kept of each request. Connections: Postgres had "
            f"{_range(servers.postgres)} of the functions, Valkey {_range(servers.valkey)} "
            "with that of the benchmark. The JSON file has what was seen each minute. Times in ms."
        ),
        columns=(
            "function",
            "requests",
            "unexpected",
            "private MB, start to end",
            "KiB for 1,000 requests",
            "flat",
            "descriptors",
            "sockets",
            "threads",
            "p50",
            "p99 of the first third",
            "of the last",
        ),
        rows=tuple(_row(each, growths[each.name]) for each in soaked),
        versions={
            "PostgreSQL": version,
            **package_versions("fastapi", "mangum", "numpy", "pg8000", "valkey"),
        },
        measurements=_measurements(soaked, growths, servers),
        remarks=f"Unexpected answers: {wrong}" if wrong else "",
    )


def _row(soaked: Soaked, growth: Slope) -> tuple[str, ...]:
    warm = soaked.samples
    thirds = [
        tuple(
            outcome.taken * 1000
            for outcome in soaked.outcomes
            if place <= outcome.due / (MINUTES * 60) * 3 < place + 1
        )
        for place in range(3)
    ]
    kib = [value * 1000 / 1024 for value in (growth.estimate, growth.low, growth.high)]
    return (
        soaked.name,
        f"{len(soaked.outcomes):,}",
        str(sum(not outcome.expected for outcome in soaked.outcomes)),
        f"{warm[0].private / 2**20:.1f} to {warm[-1].private / 2**20:.1f}",
        f"{kib[0]:.1f} ({kib[1]:.1f} to {kib[2]:.1f})",
        "yes" if growth.high < BOUND else "no",
        _range([sample.descriptors for sample in warm]),
        _range([sample.sockets for sample in warm]),
        _range([sample.threads for sample in warm]),
        short(percentile(tuple(outcome.taken * 1000 for outcome in soaked.outcomes), 50)),
        *(short(percentile(thirds[place], 99)) for place in (0, 2)),
    )


def _range(numbers: Sequence[int]) -> str:
    least, most = min(numbers), max(numbers)
    return str(least) if least == most else f"{least} to {most}"


def _mix(soaked: list[Soaked]) -> str:
    """Shares of the statuses that were answered."""
    found = Counter(outcome.status for each in soaked for outcome in each.outcomes)
    return ", ".join(
        f"{count / found.total():.1%} were answered {number}"
        for number, count in sorted(found.items())
    )


def _measurements(
    soaked: list[Soaked], growths: dict[str, Slope], servers: ServerSide
) -> dict[str, tuple[float, ...]]:
    measured: dict[str, tuple[float, ...]] = {
        "connections of Postgres": servers.postgres[:: round(60 / SAMPLE_S)],
        "connections of Valkey": servers.valkey[:: round(60 / SAMPLE_S)],
    }
    for each in soaked:
        growth = growths[each.name]
        kept = each.samples[:: round(60 / SAMPLE_S)]
        measured |= {
            f"{each.name}, requests": tuple(sample.requests for sample in kept),
            f"{each.name}, private KiB": tuple(sample.private // 1024 for sample in kept),
            f"{each.name}, resident KiB": tuple(sample.resident // 1024 for sample in kept),
            f"{each.name}, descriptors": tuple(sample.descriptors for sample in kept),
            f"{each.name}, bytes a request, estimate and interval": (
                round(growth.estimate, 2),
                round(growth.low, 2),
                round(growth.high, 2),
            ),
        }
    return measured

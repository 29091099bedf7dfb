"""How long the API's routes take, cached and not, from API Gateway's event to its answer."""

import importlib
import itertools
import math
import os
import time
from contextlib import redirect_stdout
from dataclasses import dataclass

from bulk_support import fill_prices, fill_trades
from report import Report, package_versions, short
from sqlalchemy import Engine, create_engine, text
from stores import new_database, servers
from tests.integration.conftest import LambdaContext, rest_api_event, route_name, serving

from quant.cache import AnswerCache
from quant.db.keyset import data_version
from quant.db.session import read
from quant.ingest.seed import seed
from quant.reports import precompute
from quant.valkey_store import client

# Uncached requests of a route: as many as take this long, within these bounds.
BUDGET_S = 20.0
FEWEST, MOST = 20, 200
CACHED = 500
# Different requests of a route, whose answers the cache holds all.
VARIANTS = 5
TRADES, POLITICIANS, TICKERS = 50_000, 300, 200
KEPT_PERCENTILES = (0, 10, 25, 50, 75, 90, 95, 99, 100)

# A line for each request goes here, as to CloudWatch; never closed, since loggers keep it.
LOG = open(os.devnull, "w")  # noqa: SIM115

type Request = tuple[str, dict[str, object]]


@dataclass(frozen=True)
class Latency:
    """Times of one route on one set of data, in ms."""

    uncached: tuple[float, ...]
    cached: tuple[float, ...]


def run() -> Report:
    measured: dict[tuple[str, str], Latency] = {}
    ahead: dict[str, float] = {}
    with servers() as (postgres, valkey, passwords):
        for name, fill in (("sample", seed), ("larger", fill_larger)):
            database = new_database(postgres, f"bench_{name}", passwords)
            engine = create_engine(postgres.url(database.name))
            fill(engine)
            with engine.connect() as connection:
                trades = connection.scalar(text("select count(*) from trades"))
                version = connection.scalar(text("show server_version"))
            label = f"{name}, {trades:,}"
            with serving(database, valkey), redirect_stdout(LOG):
                started = time.perf_counter()
                precompute.run()
                ahead[label] = time.perf_counter() - started
                for route, requests in _requests(engine).items():
                    measured[route, label] = measure(requests)
            engine.dispose()
    return Report(
        title="Latency of the API",
        method=(
            "From the event of API Gateway to the answer for it, in one process that has the "
            "modules loaded, on the machine of its Postgres and its Valkey, one request at a "
            "time: authorizer's verdict, limits, validation, cache, queries, computation, JSON "
            "and compression. Not in it: gateway, authorizer, network, and the start of a "
            "function. All data are synthetic: `sample` is the one of `make run`, `larger` has "
            f"{POLITICIANS} politicians and {TICKERS} tickers with ten years of daily prices; "
            "behind the comma is the number of trades. Each route is asked in "
            f"{VARIANTS} ways by turns (politicians, tickers, lags). Uncached: Valkey is emptied "
            f"before each request; as many requests as take {BUDGET_S:.0f} s, at least {FEWEST} "
            f"and at most {MOST}. Cached: {CACHED} requests whose answers Valkey holds. "
            "Percentiles are of the nearest rank: of fewer than 100 requests the 99th is the "
            "slowest. What concerns everybody (performance of groups, network, q-values) is "
            "computed ahead and read here; the batch took "
            f"{' and '.join(f'{seconds:.0f} s ({label})' for label, seconds in ahead.items())}. "
            "The JSON file has these percentiles of each: "
            f"{', '.join(map(str, KEPT_PERCENTILES))}. Times in ms."
        ),
        columns=(
            "route",
            "data",
            "uncached n",
            "p50",
            "p99",
            "cached n",
            "p50",
            "p99",
            "p50 uncached to cached",
        ),
        rows=tuple(
            latency_row(route, label, measured[route, label])
            for route, label in sorted(measured, key=lambda place: place[0])
        ),
        versions={
            "PostgreSQL": str(version),
            **package_versions("fastapi", "mangum", "numpy", "pg8000", "valkey"),
        },
        measurements={
            f"{route}, {label}, {kind}, ms": tuple(
                round(percentile(getattr(latency, kind), share), 3) for share in KEPT_PERCENTILES
            )
            for (route, label), latency in measured.items()
            for kind in ("uncached", "cached")
        },
    )


def latency_row(route: str, label: str, latency: Latency) -> tuple[str, ...]:
    cells = [f"`{route}`", label]
    for values in (latency.uncached, latency.cached):
        cells += [str(len(values)), *(short(percentile(values, share)) for share in (50, 99))]
    medians = [percentile(values, 50) for values in (latency.uncached, latency.cached)]
    return (*cells, f"{medians[0] / medians[1]:.1f}")


def percentile(values: tuple[float, ...], share: int) -> float:
    return sorted(values)[max(math.ceil(share / 100 * len(values)), 1) - 1]


def fill_larger(engine: Engine) -> None:
    """Fill an empty database with more than the sample data have, and with prices."""
    fill_trades(engine, TRADES, politicians=POLITICIANS, tickers=TICKERS)
    fill_prices(engine)


def _requests(engine: Engine) -> dict[str, list[Request]]:
    """What is asked of each route."""
    with engine.connect() as connection:
        people, tickers = (
            connection.scalars(
                text(
                    f"select {column} from trades t join politicians p on p.id = t.politician_id"
                    f" where {column} is not null group by 1 order by count(*) desc, 1"
                    f" limit {VARIANTS}"
                )
            ).all()
            for column in ("p.bioguide_id", "t.ticker")
        )
    parameters: dict[str, list[dict[str, object]]] = {
        "/trades": [{"ticker": ticker, "sort": "-transaction_date"} for ticker in tickers],
        "/politicians": [
            {"sort": "-trade_count", "limit": 20 + number} for number in range(VARIANTS)
        ],
        "/stats/overview": [{}],
        "/stats/leaderboard": [
            {"by": by, "limit": limit} for by in ("volume", "trade_count") for limit in (20, 50)
        ],
        "/analytics/performance": [{"by": by} for by in ("party", "chamber", "committee")],
        "/analytics/backtest": [{"lag": 1 + number} for number in range(VARIANTS)],
        "/analytics/network/analysis": [{}],
        "/analytics/correlation/pairwise": [
            {"most_active": 10 + number} for number in range(VARIANTS)
        ],
    }
    of_people = (
        "/analytics/performance/{}",
        "/analytics/ensemble/{}",
        "/analytics/anomaly-detection/{}",
        "/patterns/analyze/{}/fourier",
        "/patterns/analyze/{}/comprehensive",
    )
    return {
        **{
            route: [(f"/api/v1{route}", query) for query in queries]
            for route, queries in parameters.items()
        },
        **{
            route.format("{id}"): [(f"/api/v1{route.format(person)}", {}) for person in people]
            for route in of_people
        },
    }


def measure(requests: list[Request]) -> Latency:
    valkey = client()
    ask(requests[0])  # imports the route
    uncached: list[float] = []
    for request in itertools.islice(itertools.cycle(requests), MOST):
        valkey.flushdb()
        uncached.append(ask(request))
        if len(uncached) >= FEWEST and sum(uncached) > BUDGET_S * 1000:
            break
    valkey.flushdb()
    for request in requests:
        ask(request)
    # For a minute the cache answers without a look at Postgres.
    AnswerCache().announce(read(data_version))
    # The answers and the version that they are of.
    held = sum(1 for _ in valkey.scan_iter("{quant:answers}:*"))
    if held != len(requests) + 1:
        msg = f"the cache holds {held - 1} of {len(requests)} answers such as {requests[0]}"
        raise AssertionError(msg)
    cached = [ask(request) for request in itertools.islice(itertools.cycle(requests), CACHED)]
    return Latency(tuple(uncached), tuple(cached))


def ask(request: Request) -> float:
    """Milliseconds until the answer."""
    path, query = request
    # Each of an account of its own: no limit holds it back.
    event = rest_api_event(path, query, {"Accept-Encoding": "gzip"})
    handler = importlib.import_module(route_name("GET", path)).handler
    started = time.perf_counter()
    answer = handler(event, LambdaContext())
    taken = time.perf_counter() - started
    if answer["statusCode"] != 200:
        msg = f"{path} {query}: {answer}"
        raise AssertionError(msg)
    return taken * 1000

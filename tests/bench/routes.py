"""What each route of the API takes: time, and the processor's time in it."""

import importlib
import json
import os
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import ml_serving
import route_requests
from account_support import Accounts, account_service
from alert_support import alert_service
from api_latency import LOG, POLITICIANS, TICKERS, TRADES, fill_larger, new_database, servers
from export_support import export_service
from report import Report, package_versions, short
from sqlalchemy import create_engine, text
from tests.integration.conftest import Api, route_name, serving

from quant.accounts import passwords
from quant.cache import AnswerCache
from quant.db.keyset import data_version
from quant.db.session import read
from quant.ml.objects import Folder, MlBucket
from quant.reports import precompute
from quant.tokens import SigningKey
from quant.valkey_store import client
from quant_http.routes import ROUTES

# Requests of a route that is asked without and with its answer in Valkey.
UNCACHED, CACHED = 4, 20
PROJECT = Path(__file__).resolve().parents[2]

_TOKENS = {
    "QUANT_TOKEN_ISSUER": "https://quant.example",
    "QUANT_TOKEN_AUDIENCE": "quant",
    "QUANT_TOKEN_JWKS_SECRET_ARN": "jwks",
}

# Time and time of the processor, seconds.
type Taken = tuple[float, float]


class TimedApi(Api):
    """Takes the time of what is asked of handlers while ``taken`` is not None.

    Attributes:
        taken: By the route's name.
    """

    taken: dict[str, list[Taken]] | None = None

    def invoke(self, handler: Any, event: dict[str, Any]) -> Any:
        # Of this thread: others of the process are clients and stand-ins.
        started, used = time.perf_counter(), time.thread_time()
        answer = super().invoke(handler, event)
        took = (time.perf_counter() - started, time.thread_time() - used)
        if self.taken is not None and answer["statusCode"] < 400:
            self.taken[route_name(event["httpMethod"], event["path"])].append(took)
        return answer


def run() -> Report:
    uncached: dict[str, list[Taken]] = defaultdict(list)
    cached: dict[str, list[Taken]] = defaultdict(list)
    with servers() as (postgres, valkey, passwords_by_role), redirect_stdout(LOG):
        database = new_database(postgres, "bench", passwords_by_role)
        engine = create_engine(postgres.url(database.name))
        fill_larger(engine)
        with engine.connect() as connection:
            version = str(connection.scalar(text("show server_version")))
        with serving(database, valkey, TimedApi) as api, _packed():
            precompute.run()
            _ask_reads(api, route_requests.reads(engine), uncached, cached)
            with _accounts(api, database) as accounts:
                api.taken = uncached
                route_requests.use_accounts(accounts)
                route_requests.administrate(accounts)
                with alert_service():
                    route_requests.use_watchlists(accounts, engine)
                with export_service() as exports:
                    route_requests.export(api, exports, engine)
                api.taken = None
        engine.dispose()
        models = new_database(postgres, "models", passwords_by_role)
        with TemporaryDirectory() as folder, ExitStack() as stack:
            objects = Folder(Path(folder))
            engine = create_engine(postgres.url(models.name))
            ml_serving.fill(engine, objects)
            api = stack.enter_context(serving(models, valkey, TimedApi))
            stack.enter_context(patch.object(MlBucket, "from_environment", lambda: objects))
            _ask_reads(api, route_requests.reads_of_models(engine), uncached, cached)
            with _accounts(api, models) as accounts:
                api.taken = uncached
                route_requests.decide_on_models(accounts, engine)
                api.taken = None
            engine.dispose()
    missing = {route.name for route in ROUTES} - set(uncached)
    if missing:
        msg = f"nobody asked {', '.join(sorted(missing))}"
        raise AssertionError(msg)
    return _report(uncached, cached, version)


@contextmanager
def _packed() -> Iterator[None]:
    """Let routes find what is packed beside them, and kept for them, where they are deployed."""
    with patch.dict(os.environ, _TOKENS):
        asset, openapi, jwks = map(
            importlib.import_module, ("docs.asset", "docs.openapi", "auth.jwks")
        )
        keys = json.dumps({"keys": [SigningKey.generate().public_jwk()]})
        with (
            patch.object(asset, "_ASSETS", PROJECT / "build/docs-assets"),
            patch.object(openapi, "_DOCUMENT", PROJECT / "build/openapi.json"),
            patch.object(jwks._key_set(), "_fetch", lambda _arn: keys),
        ):
            yield


@contextmanager
def _accounts(api: Api, database: Any) -> Iterator[Accounts]:
    """The routes of accounts, with hashes of passwords as dear as they are on AWS."""
    with account_service(api, database) as accounts:
        dear = {"QUANT_PASSWORD_MEMORY_KIB": "19456", "QUANT_PASSWORD_ITERATIONS": "2"}
        with patch.dict(os.environ, dear):
            passwords._hasher.cache_clear()
            passwords._dummy_hash.cache_clear()
            yield accounts


def _ask_reads(
    api: TimedApi,
    reads: list[route_requests.Read],
    uncached: dict[str, list[Taken]],
    cached: dict[str, list[Taken]],
) -> None:
    for path, query in reads:
        _ask(api, path, query)  # imports the route
        api.taken = uncached
        for _ in range(UNCACHED):
            client().flushdb()
            _ask(api, path, query)
        AnswerCache().announce(read(data_version))
        before = client().info("stats")["keyspace_hits"]
        api.taken = None
        _ask(api, path, query)
        if client().info("stats")["keyspace_hits"] - before >= 2:  # the version and the answer
            api.taken = cached
            for _ in range(CACHED):
                _ask(api, path, query)
        api.taken = None


def _ask(api: Api, path: str, query: dict[str, object]) -> None:
    answer = api.get(path, query, {"Accept-Encoding": "gzip"})
    if answer.status != 200:
        msg = f"{path} {query}: {answer.status} {answer.body[:500]!r}"
        raise AssertionError(msg)


def _report(
    uncached: dict[str, list[Taken]], cached: dict[str, list[Taken]], version: str
) -> Report:
    rows = []
    measurements = {}
    for route in ROUTES:
        cells = [f"`{route.method} {route.path}`"]
        for kind, taken in (("uncached", uncached), ("cached", cached)):
            if route.name not in taken:
                cells += ["", "", ""]
                continue
            means = [fmean(values) * 1000 for values in zip(*taken[route.name], strict=True)]
            measurements[f"{route.name}, {kind}, ms"] = tuple(round(mean, 3) for mean in means)
            cells += [str(len(taken[route.name])), *map(short, means)]
        rows.append(tuple(cells))
    return Report(
        title="What each route takes",
        method=(
            "Mean milliseconds of a request, and of the processor in its thread, of every route "
            "of the API; `docs/costs.md` makes dollars of them. As in the section on the latency "
            "of the API: from the event to the answer, one request at a time, in one process "
            f"beside its Postgres and Valkey. Synthetic data: {TRADES:,} trades of {POLITICIANS} "
            f"politicians in {TICKERS} tickers; models have a database of their own. Passwords are "
            "hashed at the cost that functions on AWS pay. Uncached: Valkey is emptied first. "
            "Calls of S3 and SQS are answered in the process and count as its own. The JSON file "
            "has both numbers of each."
        ),
        columns=("route", "uncached n", "ms", "processor", "cached n", "ms", "processor"),
        rows=tuple(rows),
        versions={
            "PostgreSQL": version,
            **package_versions("fastapi", "mangum", "numpy", "pg8000", "valkey"),
        },
        measurements=measurements,
    )

"""How long predictions take: the routes of models, cached and not, and what starting costs."""

import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

from api_latency import (
    CACHED,
    FEWEST,
    KEPT_PERCENTILES,
    LOG,
    MOST,
    Request,
    ask,
    latency_row,
    measure,
    new_database,
    percentile,
    servers,
)
from ml_feature_support import synthetic_tables, write_snapshot
from ml_serving_support import publish, trained
from report import Report, package_versions, short
from sqlalchemy import Engine, create_engine, func, select, text
from sqlalchemy.orm import Session
from tests.integration.conftest import FUNCTIONS, serving

from quant.db.ml_models import Prediction
from quant.db.models import Politician, Ticker
from quant.ml import artifacts, layout
from quant.ml.catalogue import MODELS
from quant.ml.features.build import build
from quant.ml.features.read import read
from quant.ml.objects import Folder, MlBucket
from quant.ml.pipeline.predict import predict
from quant.ml.serving import arrays, inference
from quant.valkey_store import client

POLITICIANS, TICKERS, TRADES, DAYS = 300, 200, 50_000, 2_500
VARIANTS = 5
FIRST_REQUESTS = 20
STARTS = 9
PROJECT = Path(__file__).resolve().parents[2]
MODEL = "abnormal-return-21"
ONE = "/predictions/{id}"
LISTS: dict[str, list[dict[str, object]]] = {
    "/predictions": [{"limit": 20 + number} for number in range(VARIANTS)],
    "/signals": [{"limit": 20 + number} for number in range(VARIANTS)],
    "/models": [{}],
    f"/models/{MODEL}": [{}],
    f"/models/{MODEL}/scorecard": [{}],
}
STARTED = ("trades.list", "predictions.list", "analytics.performance", "predictions.politician")


def run() -> Report:
    with _served() as (engine, objects, filled):
        with engine.connect() as connection:
            version = str(connection.scalar(text("show server_version")))
            stored = connection.scalar(select(func.count()).select_from(Prediction))
        requests = _requests(engine)
        latencies = {route: measure(asked) for route, asked in requests.items()}
        first = [_first(request) for request in (requests[ONE] * FIRST_REQUESTS)[:FIRST_REQUESTS]]
        sizes = [len(objects.get(key)) for key in objects.keys(layout.ARTIFACTS)]
    starts = _starts()
    label = f"{stored:,}"
    return Report(
        title="Latency of predictions",
        method=(
            "As in the section on the latency of the API, with whose tools the routes are measured "
            f"({FEWEST} to {MOST} uncached requests, {CACHED} cached). All data are synthetic: "
            f"{TRADES:,} trades of {POLITICIANS} politicians in {TICKERS} tickers over {DAYS:,} "
            f"days, of which {filled['rows']:,} rows of features are made; a model of each kind, "
            f"whose artifacts have {min(sizes):,} to {max(sizes):,} bytes; in the second column is "
            "the number of predictions stored. "
            f"`{ONE}` applies all {len(MODELS)} models. Uncached, the process has artifacts and "
            "features already, as after its first request; `first of a process` has neither, and "
            "reads them from a folder: on AWS each of the files takes a request to S3 besides. A "
            "cached answer takes one look at Postgres, for the last event of the registry. "
            f"Starting is the import of a route's module in a fresh interpreter, {STARTS} times in "
            "turns, with files in the page cache. Times in ms."
        ),
        columns=(
            "",
            "predictions",
            "uncached n",
            "p50",
            "p99",
            "cached n",
            "p50",
            "p99",
            "p50 uncached to cached",
        ),
        rows=(
            *(latency_row(route, label, latency) for route, latency in latencies.items()),
            _one_row(f"`{ONE}`, first of a process", label, first),
            *(_one_row(f"import of `{name}`", "", taken) for name, taken in starts.items()),
        ),
        versions={
            "PostgreSQL": version,
            **package_versions("duckdb", "fastapi", "numpy", "pg8000", "valkey"),
        },
        measurements={
            **{
                f"{route}, {kind}, ms": _kept(getattr(latency, kind))
                for route, latency in latencies.items()
                for kind in ("uncached", "cached")
            },
            f"{ONE}, first of a process, ms": tuple(round(value, 3) for value in first),
            **{f"import of {name}, ms": tuple(taken) for name, taken in starts.items()},
            "building features, s": (filled["build_s"],),
            "batch prediction, s": (filled["predict_s"],),
        },
    )


def _one_row(name: str, label: str, values: list[float]) -> tuple[str, ...]:
    middle, late = (short(percentile(tuple(values), share)) for share in (50, 99))
    return (name, label, str(len(values)), middle, late, "", "", "", "")


def _kept(values: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(round(percentile(values, share), 3) for share in KEPT_PERCENTILES)


@contextmanager
def _served() -> Iterator[tuple[Engine, Folder, dict[str, float]]]:
    """The handlers on a database with predictions, and the folder that stands for the bucket."""
    with TemporaryDirectory() as folder, servers() as (postgres, valkey, passwords):
        objects = Folder(Path(folder))
        database = new_database(postgres, "bench", passwords)
        engine = create_engine(postgres.url(database.name))
        filled = fill(engine, objects)
        with (
            serving(database, valkey),
            patch.object(MlBucket, "from_environment", lambda: objects),
            redirect_stdout(LOG),
        ):
            yield engine, objects, filled
        engine.dispose()


def fill(engine: Engine, objects: Folder) -> dict[str, float]:
    """Train a model of each kind on synthetic trades and predict; sizes, and seconds it took."""
    tables = synthetic_tables(politicians=POLITICIANS, tickers=TICKERS, trades=TRADES, days=DAYS)
    dataset = write_snapshot(objects, tables)
    started = time.perf_counter()
    manifest = build(objects, dataset)
    built = time.perf_counter() - started
    arrays.write(objects, dataset)
    with Session(engine) as session:
        session.add_all(
            Politician(
                id=uuid.UUID(row.politician_id),
                full_name=f"Synthetic {place}",
                sort_name=f"synthetic {place}",
                chamber=row.chamber,
                synthetic=True,
            )
            for place, row in enumerate(tables["politicians"].itertuples())
        )
        session.add_all(Ticker(symbol=symbol) for symbol in tables["tickers"].ticker)
        session.commit()
        for model in MODELS:
            _train(session, objects, dataset, model)
        started = time.perf_counter()
        for model in MODELS:
            predict(session.connection(), objects, model, dataset)
        session.commit()
    return {
        "rows": sum(
            file["rows"]
            for subject in manifest["subjects"].values()
            for file in subject["files"].values()
        ),
        "build_s": round(built, 2),
        "predict_s": round(time.perf_counter() - started, 2),
    }


def _train(session: Session, objects: Folder, dataset: str, model: str) -> None:
    artifact = trained(read(objects, dataset, MODELS[model].subject), model, 1)
    content = artifact.dump()
    digest = layout.sha256(content)
    objects.publish(layout.artifact_key(model, digest), content)
    publish(
        session,
        model,
        artifact.run,
        sha256=digest,
        dataset=dataset,
        trained_through=artifact.trained_through,
    )


def _requests(engine: Engine) -> dict[str, list[Request]]:
    with engine.connect() as connection:
        people = connection.scalars(
            select(Prediction.politician_id)
            .group_by(Prediction.politician_id)
            .order_by(func.count().desc(), Prediction.politician_id)
            .limit(VARIANTS)
        ).all()
    return {
        ONE: [(f"/api/v1{ONE.format(id=person)}", {}) for person in people],
        **{
            route: [(f"/api/v1{route}", query) for query in queries]
            for route, queries in LISTS.items()
        },
    }


def _first(request: Request) -> float:
    """Milliseconds of a request that finds neither artifacts nor features in the process."""
    artifacts.forget()
    inference.forget()
    client().flushdb()
    return ask(request)


def _starts() -> dict[str, list[float]]:
    taken: dict[str, list[float]] = {name: [] for name in STARTED}
    for number in range(STARTS + 1):
        for name in STARTED:
            code = (
                "import sys, time; started = time.perf_counter();"
                f" sys.path.insert(0, {str(FUNCTIONS)!r}); import {name};"
                " print((time.perf_counter() - started) * 1e3)"
            )
            done = subprocess.run(
                [sys.executable, "-c", code],
                capture_output=True,
                text=True,
                check=True,
                cwd=PROJECT,
            )
            if number:  # the first one fills the page cache
                taken[name].append(float(done.stdout.splitlines()[-1]))
    return taken

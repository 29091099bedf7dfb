"""Exports of a million trades beside pandas, with the memory that each takes.

Each measurement is a process of its own: ``export.py SUBJECT FORMAT ROWS DIRECTORY``.
"""

import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[2]
ROUNDS = 3
ROWS = 1_000_000
POLITICIANS = 500
TICKERS = 2_000
FORMATS = ("csv", "parquet")
PANDAS = "`pandas.read_sql`, then `to_{}`"
OURS = "this export, {}"
BARE = "bare `COPY`, nothing written"


def run() -> Any:
    from bulk_support import fill_trades
    from report import Report, package_versions, sample
    from sqlalchemy import create_engine
    from supervisor.database import ensure_database, ensure_roles
    from supervisor.servers import PostgresServer
    from support import server_directory

    from quant.db.migrate import upgrade

    password = secrets.token_urlsafe(16)
    taken: dict[tuple[str, int], list[dict[str, float]]] = {}
    with server_directory("bench") as directory:
        server = PostgresServer(directory / "data", secrets.token_urlsafe(16), durable=False)
        server.start()
        try:
            server.wait_ready()
            ensure_roles(server, secrets.token_urlsafe(16), password)
            ensure_database(server, "bench")
            upgrade(server.url("bench"))
            engine = create_engine(server.url("bench"))
            fill_trades(engine, ROWS, politicians=POLITICIANS, tickers=TICKERS)
            subjects = {
                BARE: ("bare", "csv"),
                **{OURS.format(form): ("ours", form) for form in FORMATS},
                **{PANDAS.format(form): ("pandas", form) for form in FORMATS},
            }
            for _ in range(ROUNDS):
                # One after the other within each round, so that a slow moment meets all of them.
                for name, (subject, form) in subjects.items():
                    for rows in (ROWS // 10, ROWS):
                        measured = _measure(engine, password, subject, form, rows)
                        taken.setdefault((name, rows), []).append(measured)
            with engine.connect() as connection:
                version = connection.exec_driver_sql("show server_version").scalar()
            engine.dispose()
        finally:
            server.stop()

    def values(name: str, quantity: str, rows: int = ROWS) -> Any:
        return sample([measured[quantity] for measured in taken[name, rows]])

    def row(name: str, base: str) -> tuple[str, ...]:
        return (
            name,
            str(values(name, "s")),
            values(name, "s").ratio(values(base, "s")),
            str(values(name, "rss_mb")),
            values(name, "rss_mb").ratio(values(base, "rss_mb")),
            values(name, "rss_mb").ratio(values(name, "rss_mb", ROWS // 10)),
            f"{values(name, 'bytes').median / 1e6:.0f}",
        )

    rows = [row(BARE, PANDAS.format("csv"))]
    for form in FORMATS:
        base = PANDAS.format(form)
        rows += [row(OURS.format(form), base), row(base, base)]
    return Report(
        title="Exports",
        method=(
            f"{ROWS:,} synthetic trades with politician and filing, {ROUNDS} rounds, each in a "
            "process of its own on the machine of its Postgres. Memory is the most the process "
            "ever held (`VmHWM`), libraries included; beside it, as a multiple of what a tenth of "
            "the rows took. DuckDB holds a row group of 122,880 rows and has 256 MB for it, while "
            "a tenth of the rows fills none. pandas reads through SQLAlchemy and pg8000, as the "
            "platform does, with the same query; its Parquet is Snappy's, this export's is "
            "Zstandard's. Seconds and megabytes."
        ),
        columns=("", "s", "of pandas", "peak MB", "of pandas", "of a tenth's", "file, MB"),
        rows=tuple(rows),
        versions={
            "PostgreSQL": str(version),
            **package_versions("duckdb", "pandas", "pyarrow", "pg8000"),
        },
        measurements={
            f"{name}, {rows} rows, {quantity}": values(name, quantity, rows).values
            for name, rows in taken
            for quantity in ("s", "rss_mb", "bytes")
        },
    )


def _measure(engine: Any, password: str, subject: str, form: str, rows: int) -> dict[str, float]:
    from pipeline_support import worker_environment

    with tempfile.TemporaryDirectory() as directory:
        finished = subprocess.run(
            [sys.executable, __file__, subject, form, str(rows), directory],
            env={
                **os.environ,
                **worker_environment(engine),
                "PYTHONPATH": str(PROJECT / "tests"),
                "BENCH_DATABASE_PASSWORD": password,
            },
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    measured: dict[str, float] = json.loads(finished.stdout)
    return measured


def _main() -> None:
    from export_memory import peak_mb

    import quant.settings

    secret = {"username": "quant_app", "password": os.environ["BENCH_DATABASE_PASSWORD"]}
    quant.settings.read_secret = lambda _: json.dumps(secret)
    subject, form, rows, directory = sys.argv[1:]
    prepare = {"bare": _bare, "ours": _ours, "pandas": _pandas}[subject]
    work = prepare(form, int(rows), Path(directory))
    started = time.perf_counter()
    path = work()
    taken = time.perf_counter() - started
    print(
        json.dumps(
            {
                "s": taken,
                "rss_mb": peak_mb(),
                "bytes": path.stat().st_size if path else 0,
            }
        )
    )


def _ours(form: str, limit: int, directory: Path) -> Callable[[], Path]:
    import duckdb  # noqa: F401 - pandas is imported beforehand, too

    from quant.exports import rows
    from quant.exports.dictionary import TRADES
    from quant.exports.formats import write_file
    from quant.exports.rows import Selection
    from quant.vocabulary import ExportFormat

    def work() -> Path:
        with rows.snapshot() as connection:
            selection = Selection(TRADES)
            return write_file(
                connection, selection, ExportFormat(form), directory, limit=limit
            ).path

    return work


def _bare(_form: str, limit: int, _directory: Path) -> Callable[[], None]:
    from quant.exports import rows
    from quant.exports.dictionary import TRADES
    from quant.exports.rows import Selection
    from quant.vocabulary import ExportFormat

    class Nothing:
        def write(self, _row: bytes) -> None:
            pass

    def work() -> None:
        with rows.snapshot() as connection:
            rows.copy(connection, Selection(TRADES), Nothing(), ExportFormat.PARQUET, limit=limit)

    return work


def _pandas(form: str, limit: int, directory: Path) -> Callable[[], Path]:
    import pandas as pd
    import pyarrow  # noqa: F401
    from sqlalchemy import text

    from quant.exports import rows
    from quant.exports.dictionary import TRADES

    columns = ", ".join(f"{column.sql} as {column.name}" for column in TRADES.columns)
    query = text(f"select {columns} from {TRADES.source} order by {TRADES.order} limit {limit}")

    def work() -> Path:
        path = directory / f"trades.{form}"
        with rows.snapshot() as connection:
            frame = pd.read_sql(query, connection)
        if form == "csv":
            frame.to_csv(path, index=False)
        else:
            frame.to_parquet(path, index=False)
        return path

    return work


if __name__ == "__main__":
    _main()

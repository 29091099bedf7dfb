"""Exports of a million trades beside pandas, with the memory that each takes.

Each measurement is a process of its own: ``export.py SUBJECT FORMAT DIRECTORY``.
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
    from report import Report, package_versions, sample
    from sqlalchemy import create_engine
    from supervisor.database import ensure_database, ensure_roles
    from supervisor.servers import PostgresServer
    from support import server_directory

    from quant.db.migrate import upgrade

    password = secrets.token_urlsafe(16)
    taken: dict[str, list[dict[str, float]]] = {}
    with server_directory("bench") as directory:
        server = PostgresServer(directory / "data", secrets.token_urlsafe(16), durable=False)
        server.start()
        try:
            server.wait_ready()
            ensure_roles(server, secrets.token_urlsafe(16), password)
            ensure_database(server, "bench")
            upgrade(server.url("bench"))
            engine = create_engine(server.url("bench"))
            _fill(engine)
            subjects = {
                BARE: ("bare", "csv"),
                **{OURS.format(form): ("ours", form) for form in FORMATS},
                **{PANDAS.format(form): ("pandas", form) for form in FORMATS},
            }
            for _ in range(ROUNDS):
                # One after the other within each round, so that a slow moment meets all of them.
                for name, (subject, form) in subjects.items():
                    measured = _measure(engine, password, subject, form)
                    taken.setdefault(name, []).append(measured)
            with engine.connect() as connection:
                version = connection.exec_driver_sql("show server_version").scalar()
            engine.dispose()
        finally:
            server.stop()

    def values(name: str, quantity: str) -> Any:
        return sample([measured[quantity] for measured in taken[name]])

    def row(name: str, base: str) -> tuple[str, ...]:
        return (
            name,
            str(values(name, "s")),
            values(name, "s").ratio(values(base, "s")),
            str(values(name, "rss_mb")),
            values(name, "rss_mb").ratio(values(base, "rss_mb")),
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
            "ever held (`VmHWM`), libraries included. pandas reads through SQLAlchemy and pg8000, "
            "as the platform does, with the same query; its Parquet is Snappy's, this "
            "export's is Zstandard's. Seconds and megabytes."
        ),
        columns=("", "s", "of pandas", "peak MB", "of pandas", "file, MB"),
        rows=tuple(rows),
        versions={
            "PostgreSQL": str(version),
            **package_versions("duckdb", "pandas", "pyarrow", "pg8000"),
        },
        measurements={
            f"{name}, {quantity}": tuple(measured[quantity] for measured in taken[name])
            for name in taken
            for quantity in ("s", "rss_mb", "bytes")
        },
    )


def _fill(engine: Any) -> None:
    statements = (
        # Neither counts nor keys are what is measured.
        "set session_replication_role = replica",
        f"insert into tickers (symbol) select 'SYN' || n from generate_series(1, {TICKERS}) n",
        "insert into politicians (id, full_name, sort_name, chamber, party, state, synthetic)"
        " select md5('p' || n)::uuid, 'Synthetic Member ' || n, 'member ' || n,"
        " case n % 2 when 0 then 'house' else 'senate' end, 'democrat', 'ZZ', true"
        f" from generate_series(1, {POLITICIANS}) n",
        "insert into filings (id, source, doc_id, politician_id, filed_date, url)"
        " select md5('f' || n)::uuid, 'synthetic', n::text,"
        f" md5('p' || 1 + n % {POLITICIANS})::uuid, date '2020-01-01' + n % 2000,"
        f" 'https://example.org/' || n from generate_series(1, {ROWS // 50}) n",
        "insert into trades (id, politician_id, filing_id, line_hash, line_number, owner, asset,"
        " ticker, ticker_confidence, asset_type, operation, transaction_date, disclosure_date,"
        " amount_min, amount_max, capital_gains_over_200, comment, notes, raw)"
        f" select md5('t' || n)::uuid, md5('p' || 1 + (1 + n / 50) % {POLITICIANS})::uuid,"
        " md5('f' || 1 + n / 50)::uuid, substr(md5(n::text), 1, 16), 1 + n % 50,"
        " (array['self', 'spouse', 'joint', null])[1 + n % 4],"
        f" 'Synthetic ' || n % {TICKERS} || ', Inc. Common Stock', 'SYN' || 1 + n % {TICKERS},"
        " 1, 'stock', (array['purchase', 'sale_full', 'sale_partial'])[1 + n % 3],"
        " date '2020-01-01' + n % 2000, date '2020-02-01' + n % 2000, 1001, 15000, n % 2 = 0,"
        " case n % 10 when 0 then 'A comment, \"quoted\"' end,"
        " case n % 20 when 0 then array['disclosure_date_unknown'] else '{}' end, '{}'"
        f" from generate_series(0, {ROWS - 1}) n",
        "set session_replication_role = origin",
    )
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
        connection.exec_driver_sql("vacuum analyze")


def _measure(engine: Any, password: str, subject: str, form: str) -> dict[str, float]:
    from pipeline_support import worker_environment

    with tempfile.TemporaryDirectory() as directory:
        finished = subprocess.run(
            [sys.executable, __file__, subject, form, directory],
            env={
                **os.environ,
                **worker_environment(engine),
                "BENCH_DATABASE_PASSWORD": password,
            },
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    measured: dict[str, float] = json.loads(finished.stdout)
    return measured


def _main() -> None:
    import quant.settings

    secret = {"username": "quant_app", "password": os.environ["BENCH_DATABASE_PASSWORD"]}
    quant.settings.read_secret = lambda _: json.dumps(secret)
    subject, form, directory = sys.argv[1:]
    work = {"bare": _bare, "ours": _ours, "pandas": _pandas}[subject](form, Path(directory))
    started = time.perf_counter()
    path = work()
    taken = time.perf_counter() - started
    print(
        json.dumps(
            {
                "s": taken,
                "rss_mb": _peak_mb(),
                "bytes": path.stat().st_size if path else 0,
            }
        )
    )


def _peak_mb() -> float:
    # Not of ``getrusage``, which counts what the process held before it became this one.
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise LookupError("VmHWM")


def _ours(form: str, directory: Path) -> Callable[[], Path]:
    import duckdb  # noqa: F401 - pandas is imported beforehand, too

    from quant.exports import rows
    from quant.exports.dictionary import TRADES
    from quant.exports.formats import write_file
    from quant.exports.rows import Selection
    from quant.vocabulary import ExportFormat

    def work() -> Path:
        with rows.snapshot() as connection:
            return write_file(connection, Selection(TRADES), ExportFormat(form), directory).path

    return work


def _bare(_form: str, _directory: Path) -> Callable[[], None]:
    from quant.exports import rows
    from quant.exports.dictionary import TRADES
    from quant.exports.rows import Selection
    from quant.vocabulary import ExportFormat

    class Nothing:
        def write(self, _row: bytes) -> None:
            pass

    def work() -> None:
        with rows.snapshot() as connection:
            rows.copy(connection, Selection(TRADES), Nothing(), ExportFormat.PARQUET)

    return work


def _pandas(form: str, directory: Path) -> Callable[[], Path]:
    import pandas as pd
    import pyarrow  # noqa: F401
    from sqlalchemy import text

    from quant.exports import rows
    from quant.exports.dictionary import TRADES

    columns = ", ".join(f"{column.sql} as {column.name}" for column in TRADES.columns)
    query = text(f"select {columns} from {TRADES.source} order by {TRADES.order}")

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

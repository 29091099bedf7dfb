"""Features of a million synthetic trades beside a script in pandas that computes the same.

Each measurement is a process of its own: ``ml_features.py SUBJECT DIRECTORY``. The two results are
compared column by column.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[2]
ROUNDS = 3
TRADES = 1_000_000
POLITICIANS = 500
TICKERS = 2_000
HELD = 60
DAYS = 3_650
FILINGS = 150
PANDAS = "a script in pandas"
OURS = "`build`, subject `disclosure`"
OTHERS = "`build`, subject `{}`"
QUANTITIES = ("s", "cpu_s", "rss_mb")
HEADS = ("s", "processor s", "peak MB")
SUBJECTS = ("politician", "sector_pair", "ticker_pair")


def run() -> Any:
    from ml_feature_support import synthetic_tables, write_snapshot
    from report import Report, package_versions, sample

    from quant.ml.objects import Folder

    taken: dict[str, list[dict[str, float]]] = {}
    with tempfile.TemporaryDirectory(prefix="quant-bench-") as directory:
        root = Path(directory)
        tables = synthetic_tables(
            politicians=POLITICIANS,
            tickers=TICKERS,
            trades=TRADES,
            days=DAYS,
            filings=FILINGS,
            held=HELD,
        )
        prices = len(tables["prices"])
        write_snapshot(Folder(root), tables)
        del tables
        for _ in range(ROUNDS):
            for name, subject in ((OURS, "disclosure"), (PANDAS, "pandas")):
                taken.setdefault(name, []).append(_measure(subject, root))
        columns = _compare(root)
        for subject in SUBJECTS:
            # Too much for three rounds; beside nothing else, hence once.
            taken[OTHERS.format(subject)] = [_measure(subject, root)]

    def values(name: str, quantity: str) -> Any:
        return sample([measured[quantity] for measured in taken[name]])

    def row(name: str, base: str | None) -> tuple[str, ...]:
        return (
            name,
            f"{values(name, 'rows').median:,.0f}",
            *(
                cell
                for quantity in QUANTITIES
                for cell in (
                    str(values(name, quantity)),
                    values(name, quantity).ratio(values(base, quantity)) if base else "",
                )
            ),
        )

    return Report(
        title="Features",
        method=(
            f"{TRADES:,} synthetic trades by {POLITICIANS} politicians of {HELD} tickers each, and "
            f"{prices:,} closes, read from Parquet and written to Parquet, a file a month; "
            f"{ROUNDS} rounds, each in a process of its own. The script computes the same rows of "
            f"the subject `disclosure`, and its {columns} columns were equal to 1e-6 in this run. "
            "DuckDB may take 2 GB and a thread for each core, pandas what memory it needs and one "
            "thread, hence the time of the processor besides. The other subjects were built once. "
            "Memory is the most the process ever held (`VmHWM`). Seconds and megabytes."
        ),
        columns=("", "rows", *(cell for name in HEADS for cell in (name, "of pandas"))),
        rows=(
            row(OURS, PANDAS),
            row(PANDAS, PANDAS),
            *(row(OTHERS.format(subject), None) for subject in SUBJECTS),
        ),
        versions=package_versions("duckdb", "pandas", "pyarrow", "numpy"),
        measurements={
            f"{name}, {quantity}": values(name, quantity).values
            for name in taken
            for quantity in (*QUANTITIES, "rows")
        },
    )


def _measure(subject: str, root: Path) -> dict[str, float]:
    finished = subprocess.run(
        [sys.executable, __file__, subject, str(root)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(_paths())},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    measured: dict[str, float] = json.loads(finished.stdout)
    return measured


def _paths() -> list[str]:
    return [str(PROJECT / "tests"), str(PROJECT / "layers" / "quant" / "python")]


def _main() -> None:
    import duckdb  # noqa: F401 - as pandas is imported beforehand, too
    import pandas as pd  # noqa: F401
    import pyarrow.parquet  # noqa: F401
    from export_memory import peak_mb

    subject, root = sys.argv[1], Path(sys.argv[2])
    work = _pandas if subject == "pandas" else _ours
    started, used = time.perf_counter(), time.process_time()
    rows = work(subject, root)
    taken, cpu = time.perf_counter() - started, time.process_time() - used
    print(json.dumps({"s": taken, "cpu_s": cpu, "rss_mb": peak_mb(), "rows": rows}))


def _ours(subject: str, root: Path) -> int:
    from ml_feature_support import DATASET

    from quant.ml.catalogue import Subject
    from quant.ml.features.build import build
    from quant.ml.objects import Folder

    shutil.rmtree(root / "features", ignore_errors=True)
    manifest = build(Folder(root), DATASET, subjects=[Subject(subject)])
    return sum(file["rows"] for file in manifest["subjects"][subject]["files"].values())


def _pandas(_subject: str, root: Path) -> int:
    from ml_feature_support import BENCHMARK, DATASET
    from ml_features_pandas import disclosure_features

    target = root / "pandas"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    frame = disclosure_features(root / "snapshots" / DATASET, BENCHMARK)
    for month, rows in frame.groupby(frame.as_of.dt.to_period("M"), sort=True):
        rows.to_parquet(target / f"{month}.parquet", index=False, compression="zstd")
    return len(frame)


def _compare(root: Path) -> int:
    """Require both results to be equal; the number of columns."""
    import duckdb
    import numpy as np

    def read(folder: str) -> Any:
        return duckdb.sql(
            f"from read_parquet('{root}/{folder}/*.parquet') order by as_of, politician_id, ticker"
        ).df()

    from ml_feature_support import DATASET

    ours, theirs = read(f"features/{DATASET}/disclosure"), read("pandas")
    columns = [name for name in ours if name != "synthetic"]
    for name in columns:
        if ours[name].dtype == float:
            np.testing.assert_allclose(ours[name], theirs[name], rtol=1e-6, atol=1e-9, err_msg=name)
        else:
            assert (ours[name].fillna(0) == theirs[name].fillna(0)).all(), name
    return len(columns)


if __name__ == "__main__":
    _main()

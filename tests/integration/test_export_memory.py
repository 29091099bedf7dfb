"""The memory of an export does not grow with its rows."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from bulk_support import fill_trades
from pipeline_support import worker_environment
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool
from supervisor.database import APP_ROLE

from quant.vocabulary import ExportFormat

PROGRAM = Path(__file__).resolve().parents[1] / "export_memory.py"
ROWS = 100_000


@pytest.fixture(scope="module")
def many(database):
    """A hundred thousand trades."""
    engine = create_engine(database.superuser_url, poolclass=NullPool)
    fill_trades(engine, ROWS, politicians=100, tickers=100)
    return engine


def peak_mb(engine, password, form, rows):
    """The most memory that an export of so many rows held, by a process of its own."""
    finished = subprocess.run(
        [sys.executable, str(PROGRAM), form, str(rows)],
        env={**os.environ, **worker_environment(engine), "TEST_DATABASE_PASSWORD": password},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    count, megabytes = finished.stdout.split()
    assert int(count) == rows
    return float(megabytes)


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
# Not Parquet: DuckDB takes what it may have, whatever the rows; see the benchmarks.
@pytest.mark.parametrize("form", [ExportFormat.CSV, ExportFormat.JSON])
def test_ten_times_the_rows_take_the_same_memory(many, role_passwords, form):
    password = role_passwords[APP_ROLE]
    few, all_of_them = (peak_mb(many, password, form, rows) for rows in (ROWS // 10, ROWS))
    assert all_of_them < 1.1 * few

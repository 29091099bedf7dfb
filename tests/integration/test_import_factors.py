"""Factor returns: written once, brought up to date, and a change of data like any other."""

from pathlib import Path

import pytest
from import_support import fresh_engine, scalar
from sqlalchemy import text

from quant.ingest.factors import import_factors
from quant.ingest.files import SourceFile

FILE = """Text

,Mkt-RF,SMB,HML,RF
{}

Copyright
"""
ROWS = "20200102,0.86,-0.97,-0.33,0.006\n20200103,-0.67,0.30,0.00,0.006"


@pytest.fixture
def engine(postgres, migrated_template):
    with fresh_engine(postgres, migrated_template) as engine:
        yield engine


def factors(engine, rows):
    source = SourceFile(Path("factors.csv"), FILE.format(rows).encode(), "0" * 64)
    report = import_factors(engine, source)
    return report.inserted, report.existing, report.updated, report.rejected


def test_importing_again_changes_nothing_and_a_revision_one_row(engine) -> None:
    assert factors(engine, ROWS) == (2, 0, 0, 0)
    version = scalar(engine, "select version from data_version")
    assert factors(engine, ROWS) == (0, 2, 0, 0)
    assert scalar(engine, "select version from data_version") == version
    revised = ROWS.replace("0.30", "0.31") + "\n20200106,-99.99,0,0,0"
    assert factors(engine, revised) == (0, 2, 1, 1)
    assert scalar(engine, "select version from data_version") == version + 1
    with engine.connect() as connection:
        found = connection.execute(text("select * from factor_returns order by day")).all()
        rejects = connection.scalars(text("select reason from rejects")).all()
    assert [row[2:] for row in found] == [
        (0.0086, -0.0097, -0.0033, 0.006 / 100),
        (-0.0067, 0.0031, 0.0, 0.006 / 100),
    ]
    assert rejects == ["factors_missing"]


def test_days_and_months_are_kept_apart(engine) -> None:
    factors(engine, ROWS)
    assert factors(engine, "202001,-0.11,-3.13,-6.25,0.13") == (1, 0, 0, 0)
    assert factors(engine, "20200131,-1.7,-0.1,-0.3,0.006") == (1, 0, 0, 0)
    assert scalar(engine, "select count(distinct frequency) from factor_returns") == 2

from datetime import date
from pathlib import Path

import pytest
from import_support import column, dump, fresh_engine, scalar
from sqlalchemy import create_engine, text
from supervisor.database import APP_ROLE

from quant.ingest.files import SourceFile, UnreadableFileError
from quant.ingest.prices import HEADER, import_prices


@pytest.fixture
def engine(postgres, migrated_template):
    with fresh_engine(postgres, migrated_template) as engine:
        yield engine


def prices(*lines: str) -> SourceFile:
    content = "\n".join([",".join(HEADER), *lines, ""])
    return SourceFile(Path("prices.csv"), content.encode(), "0" * 64)


def test_prices_tickers_and_partitions_are_created(engine) -> None:
    file = prices(
        "2021-01-04,SYN01,10.5,10.25,1000",
        "1995-06-01,SYN02,3,2.5,",
        "01/05/2021,syn01,11,10.75,2000.0",
    )
    report = import_prices(engine, file)
    assert (report.rows, report.inserted, report.changed) == (3, 3, True)
    assert column(engine, "select symbol from tickers order by 1") == ["SYN01", "SYN02"]
    assert column(engine, "select tableoid::regclass::text from prices order by day") == [
        "prices_1995",
        "prices_2021",
        "prices_2021",
    ]
    assert column(engine, "select close from prices order by day") == [3.0, 10.5, 11.0]
    assert column(engine, "select volume from prices order by day") == [None, 1000, 2000]
    before = dump(engine)
    again = import_prices(engine, file)
    assert (again.existing, again.changed) == (3, False)
    assert dump(engine) == before


def test_revised_prices_replace_stored_ones(engine) -> None:
    import_prices(engine, prices("2021-01-04,SYN01,10,10,1"))
    report = import_prices(engine, prices("2021-01-04,SYN01,10,5,1"))
    assert (report.existing, report.updated, report.changed) == (1, 1, True)
    assert column(engine, "select adjusted_close from prices") == [5.0]


def test_repeated_days_and_row_order(postgres, migrated_template) -> None:
    lines = [
        "2021-01-04,SYN01,10,10,1",
        "2021-01-04,SYN01,9,10,1",
        "2021-01-04,SYN01,10,10,1",
        "2021-01-05,SYN01,8,8,1",
    ]
    dumps = []
    for order in (lines, lines[::-1]):
        with fresh_engine(postgres, migrated_template) as engine:
            report = import_prices(engine, prices(*order))
            assert (report.rows, report.inserted, report.duplicates) == (4, 2, 2)
            dumps.append(dump(engine))
    assert dumps[0] == dumps[1]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("2021-02-30,SYN01,1,1,1", "day_unreadable"),
        ("1899-01-01,SYN01,1,1,1", "day_unreadable"),
        ("9999-12-31,SYN01,1,1,1", "day_unreadable"),
        ("2021-01-04,--,1,1,1", "ticker_unreadable"),
        ("2021-01-04,SYN01,0,1,1", "price_unreadable"),
        ("2021-01-04,SYN01,1,-1,1", "price_unreadable"),
        ("2021-01-04,SYN01,nan,1,1", "price_unreadable"),
        ("2021-01-04,SYN01,1,inf,1", "price_unreadable"),
        ("2021-01-04,SYN01,1,,1", "price_unreadable"),
        ("2021-01-04,SYN01,1,1,-1", "price_unreadable"),
        ("2021-01-04,SYN01,1,1,inf", "price_unreadable"),
        ("2021-01-04,SYN01,1,1", "row_malformed"),
        ("2021-01-04,SYN01,1,1,1,1", "row_malformed"),
    ],
)
def test_rejected_prices(database, line, reason) -> None:
    engine = create_engine(database.owner_url)
    try:
        report = import_prices(engine, prices(line))
    finally:
        engine.dispose()
    assert (report.rows, report.rejects) == (1, {reason: 1})


def test_application_role_uses_the_default_partition(database) -> None:
    admin = create_engine(database.superuser_url)
    with admin.begin() as connection:
        connection.execute(text(f"grant temporary on database {database.name} to {APP_ROLE}"))
    engine, owner = create_engine(database.url), create_engine(database.owner_url)
    try:
        import_prices(engine, prices("1993-01-04,SYN03,1,1,1"))
        # The year's rows stay in the default partition, so its own can no longer be made.
        import_prices(owner, prices("1993-01-05,SYN03,1,1,1"))
        where = "select tableoid::regclass::text from prices where ticker = 'SYN03'"
        assert column(owner, where) == ["prices_default"] * 2
        assert scalar(owner, "select max(day) from prices") == date(1993, 1, 5)
    finally:
        for used in (admin, engine, owner):
            used.dispose()


@pytest.mark.parametrize(
    "content", [b"", b"date,ticker\n", b"\xff\xfe", b'date,ticker,close,adjusted_close,volume\n"']
)
def test_files_of_another_format_leave_no_trace(database, content) -> None:
    engine = create_engine(database.owner_url)
    try:
        runs = scalar(engine, "select count(*) from import_runs")
        with pytest.raises(UnreadableFileError):
            import_prices(engine, SourceFile(Path("prices.csv"), content, ""))
        assert scalar(engine, "select count(*) from import_runs") == runs
    finally:
        engine.dispose()

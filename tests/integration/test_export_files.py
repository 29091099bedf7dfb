"""Files of exports, read back by what their users read them with."""

import csv
import io
import json
from datetime import date
from decimal import Decimal

import duckdb
import pandas as pd
import pyarrow.parquet as pq
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool
from tests.integration.conftest import REPRESENTATIVE, SENATOR, make_trade

from quant.db.models import Filing, Politician, Ticker
from quant.exports import rows
from quant.exports.dictionary import DATASET, POLITICIANS, TRADES
from quant.exports.formats import write_file
from quant.exports.rows import Selection
from quant.identity import filing_id, stable_id
from quant.vocabulary import ExportFormat

CSV, JSON, PARQUET = ExportFormat.CSV, ExportFormat.JSON, ExportFormat.PARQUET

SYNTHETIC = stable_id("politician", "senate", "synthetic")
HARD = 'Née "Ünïcødé", 株式会社 𝄞\r\nsecond line\\N'


@pytest.fixture(scope="module")
def hard(api, database, disclosures):
    """Trades whose values are hard to write, of a synthetic politician."""
    filing = filing_id("synthetic", "x-1")
    disclosures.add_all(
        [
            Ticker(symbol="ZZZ"),
            Politician(
                id=SYNTHETIC,
                full_name="=Sum, O'Filer",
                sort_name="o'filer",
                chamber="senate",
                synthetic=True,
            ),
        ]
    )
    disclosures.flush()
    disclosures.add(Filing(id=filing, source="synthetic", doc_id="x-1", politician_id=SYNTHETIC))
    disclosures.flush()
    disclosures.add_all(
        [
            make_trade(
                1000,
                SYNTHETIC,
                filing,
                asset=HARD,
                ticker="ZZZ",
                comment="",
                notes=["disclosure_date_unknown", "second_code"],
                amount_min=Decimal("12345678901234.56"),
                amount_max=None,
                transaction_date=date(1999, 12, 31),
                disclosure_date=None,
                notification_date=None,
                ticker_confidence=Decimal("0.25"),
                capital_gains_over_200=True,
                option_type="call",
                option_strike=Decimal("0.0001"),
                option_expires=date(2030, 2, 28),
                option_contracts=3,
                option_shares=9_000_000_000,
                option_exercised=False,
            ),
            *(
                make_trade(1001 + number, SYNTHETIC, filing, asset=asset, ticker=None, comment=None)
                for number, asset in enumerate(
                    ("=1+1", "+1", "-1", "@x", "\tx", "\rx", "\nx", "'=1", "\uff1d1", "1=1", "")
                )
            ),
        ]
    )
    disclosures.commit()
    return Selection(TRADES, {"politician_id": str(SYNTHETIC)})


@pytest.fixture
def written(hard, tmp_path):
    def write(form, selection=hard, **options):
        with rows.snapshot() as connection:
            return write_file(connection, selection, form, tmp_path, **options)

    return write


def stored(database, table=TRADES):
    """The rows as the driver reads them, in the export's order."""
    columns = ", ".join(f"{column.sql} as {column.name}" for column in table.columns)
    engine = create_engine(database.url, poolclass=NullPool)
    with Session(engine) as session:
        found = session.execute(
            text(
                f"select {columns} from {table.source} where t.politician_id = '{SYNTHETIC}'"
                f" order by {table.order}"
            )
        )
        return [dict(row._mapping) for row in found]


def test_parquet_gives_every_value_back_with_its_type(written, database):
    file = written(PARQUET)
    expected = stored(database)
    assert pq.read_table(file.path).to_pylist() == expected
    with duckdb.connect() as connection:
        result = connection.execute(f"select * from '{file.path}'")
        assert [column[0] for column in result.description] == list(expected[0])
        assert [tuple(row.values()) for row in expected] == result.fetchall()
        types = connection.execute(f"describe select * from '{file.path}'").fetchall()
    assert [row[1] for row in types] == [column.type for column in TRADES.columns]
    assert file.rows == len(expected) == 12


def test_parquet_tells_an_empty_text_from_none(written):
    comments = [row["comment"] for row in pq.read_table(written(PARQUET).path).to_pylist()]
    assert "" in comments
    assert None in comments


def test_json_is_an_array_with_an_object_a_line(written, database):
    file = written(JSON)
    content = file.path.read_text(encoding="utf-8")
    found = json.loads(content, parse_float=Decimal)
    for row, expected in zip(found, stored(database), strict=True):
        for name, value in row.items():
            assert value == (
                expected[name].isoformat() if isinstance(expected[name], date) else expected[name]
            ), name
    lines = content.splitlines()
    assert (lines[0], lines[-1], len(lines)) == ("[", "]", len(found) + 2)


def test_csv_is_of_rfc_4180(written, database):
    file = written(CSV)
    content = file.path.read_bytes()
    assert content.count(b"\r\n") >= file.rows + 1
    parsed = list(csv.reader(io.StringIO(content.decode(), newline="")))
    assert parsed[0] == [column.name for column in TRADES.columns]
    assert {len(row) for row in parsed} == {len(TRADES.columns)}
    expected = stored(database)
    for row, values in zip(parsed[1:], expected, strict=True):
        for column, cell in zip(TRADES.columns, row, strict=True):
            value = values[column.name]
            if isinstance(value, bool):
                assert cell == str(value).lower()
            elif isinstance(value, list):
                assert cell == ";".join(value)
            else:
                assert cell.removeprefix("'") == ("" if value is None else str(value)), column.name


def test_csv_has_no_cell_that_a_spreadsheet_runs(written, database):
    parsed = list(csv.DictReader(io.StringIO(written(CSV).path.read_bytes().decode(), newline="")))
    for row, values in zip(parsed, stored(database), strict=True):
        for name in ("asset", "full_name"):
            assert not row[name].startswith(tuple(rows.FORMULA_STARTS))
            guarded = values[name].startswith((*rows.FORMULA_STARTS, "'"))
            assert row[name] == (f"'{values[name]}" if guarded else values[name])


def test_csv_tells_an_empty_text_from_none(written):
    lines = written(CSV).path.read_bytes()
    assert b',"",' in lines
    assert b",," in lines


def test_pandas_reads_the_csv(written):
    frame = pd.read_csv(written(CSV).path, parse_dates=["transaction_date", "option_expires"])
    assert len(frame) == 12
    assert frame["synthetic"].all()
    assert frame["transaction_date"].min() == pd.Timestamp("1999-12-31")
    assert frame["amount_max"].isna().sum() == 1
    assert HARD in set(frame["asset"])


@pytest.mark.parametrize("form", ExportFormat)
def test_synthetic_rows_say_so_in_every_format(written, form):
    file = written(form, Selection(TRADES))
    readers = {CSV: pd.read_csv, JSON: pd.read_json, PARQUET: pd.read_parquet}
    frame = readers[form](file.path)
    marked = frame[frame["synthetic"]]
    assert set(marked["politician_id"]) == {str(SYNTHETIC)}
    assert len(marked) == 12
    assert len(frame) == 72


@pytest.mark.parametrize("form", ExportFormat)
def test_the_same_rows_give_the_same_bytes(written, form):
    first = written(form, Selection(TRADES))
    content = first.path.read_bytes()
    assert written(form, Selection(TRADES)) == first
    assert first.path.read_bytes() == content
    assert first.bytes == len(content)


@pytest.mark.parametrize("form", ExportFormat)
def test_no_rows_are_a_file_without_rows(written, form):
    file = written(form, Selection(TRADES, {"ticker": "NONE"}))
    assert file.rows == 0
    content = file.path.read_bytes()
    if form is JSON:
        assert json.loads(content) == []
    elif form is CSV:
        assert content.decode() == ",".join(column.name for column in TRADES.columns) + "\r\n"
    else:
        assert pq.read_table(file.path).num_rows == 0


@pytest.mark.parametrize("form", ExportFormat)
@pytest.mark.parametrize("table", DATASET, ids=lambda table: table.name)
def test_every_table_of_the_dataset_can_be_written(written, table, form):
    with rows.snapshot() as connection:
        expected = rows.count(connection, Selection(table))
    assert written(form, Selection(table)).rows == expected


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"politician_id": str(SENATOR)}, 38),
        ({"chamber": "house"}, 20),
        ({"party": "republican", "state": "TX", "in_office": True}, 20),
        ({"chamber": "house", "ticker": "AAA"}, 10),
        ({"operation": "sale_full", "chamber": "house"}, 20),
        ({"owner": "self", "chamber": "house"}, 20),
        ({"asset_type": "fund"}, 0),
        ({"amount_min": 50_000_001, "amount_max": 60_000_000}, 0),
        ({"chamber": "house", "transaction_from": "2020-01-05"}, 14),
        ({"chamber": "house", "transaction_to": "2020-01-04"}, 6),
        ({"chamber": "house", "disclosure_from": "2020-02-05"}, 14),
        ({"chamber": "house", "disclosure_to": "2020-02-04"}, 6),
    ],
)
def test_filters_of_trades(hard, filters, expected):
    with rows.snapshot() as connection:
        assert rows.count(connection, Selection(TRADES, filters)) == expected


def test_filters_of_politicians(hard):
    with rows.snapshot() as connection:
        members = Selection(POLITICIANS, {"in_office": True})
        assert rows.count(connection, members) == 2
        one = Selection(POLITICIANS, {"politician_id": str(REPRESENTATIVE), "chamber": "house"})
        assert rows.count(connection, one) == 1
        with pytest.raises(KeyError):
            rows.count(connection, Selection(POLITICIANS, {"ticker": "AAA"}))


def test_a_filter_is_a_value_and_never_a_statement(hard):
    attack = "x' or true --"
    with rows.snapshot() as connection:
        assert rows.count(connection, Selection(TRADES, {"ticker": attack})) == 0


def test_a_snapshot_sees_no_later_change(hard, disclosures):
    with rows.snapshot() as connection:
        before = rows.count(connection, Selection(POLITICIANS))
        disclosures.add(
            Politician(full_name="New", sort_name="new", chamber="house", id=stable_id("x"))
        )
        disclosures.commit()
        assert rows.count(connection, Selection(POLITICIANS)) == before
    with rows.snapshot() as connection:
        assert rows.count(connection, Selection(POLITICIANS)) == before + 1


def test_progress_is_told_and_what_it_raises_ends_the_copy(hard, disclosures, tmp_path):
    told = []
    with rows.snapshot() as connection:
        file = write_file(connection, hard, CSV, tmp_path, progress=told.append)
    assert told == [file.rows]

    def stop(_rows):
        raise RuntimeError

    with pytest.raises(RuntimeError), rows.snapshot() as connection:
        write_file(connection, hard, CSV, tmp_path, progress=stop)
    with rows.snapshot() as connection:
        assert rows.count(connection, hard) == 12

"""Parts of exports that need neither a database nor a cloud."""

import csv
import hashlib
import json
import uuid
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quant.exports import analysis, dictionary
from quant.exports.dictionary import ANALYSIS, DATASET, POLITICIANS, TRADES, Column, Table
from quant.exports.formats import convert
from quant.exports.requests import ExportRequest
from quant.exports.rows import Selection
from quant.exports.selections import Subject
from quant.vocabulary import ExportFormat, ExportKind

DOCS = Path(__file__).resolve().parents[2] / "docs"
ACCOUNT = uuid.UUID(int=1)

TABLE = Table(
    "things",
    "A thing.",
    tuple(
        Column(name, kind, name, "It.", "somewhere")
        for name, kind in (
            ("words", "VARCHAR"),
            ("codes", "VARCHAR[]"),
            ("day", "DATE"),
            ("count", "BIGINT"),
            ("dollars", "DECIMAL(16,2)"),
            ("flag", "BOOLEAN"),
            ("number", "DOUBLE"),
        )
    ),
    "things",
    "words",
)

# What Postgres can hold: neither NUL nor lone surrogates.
TEXT = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]))
ROWS = st.lists(
    st.tuples(
        st.none() | TEXT,
        st.lists(st.text("abc_", min_size=1), max_size=3),
        st.none() | st.dates(),
        st.none() | st.integers(-(2**63), 2**63 - 1),
        st.none() | st.decimals(-(10**13), 10**13, places=2, allow_nan=False),
        st.none() | st.booleans(),
        st.none() | st.floats(allow_nan=False, allow_infinity=False),
    ),
    max_size=20,
)


def plain(path, rows):
    """Rows as COPY gives them: a null is nothing, an empty text a pair of quotes."""

    def cell(value):
        if value is None:
            return ""
        if isinstance(value, bool):
            return str(value).lower()
        text = ";".join(value) if isinstance(value, list) else str(value)
        special = not text or any(character in text for character in ',"\r\n') or text == "\\."
        return '"' + text.replace('"', '""') + '"' if special else text

    content = "".join(",".join(map(cell, row)) + "\n" for row in rows)
    path.write_bytes(content.encode())
    return path


def converted(folder, rows):
    target = folder / "things.parquet"
    convert(plain(folder / "things.rows", rows), TABLE, target)
    return target


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=ROWS)
def test_any_rows_come_out_of_parquet_as_they_went_in(tmp_path, rows):
    names = [column.name for column in TABLE.columns]
    found = pq.read_table(converted(tmp_path, rows)).to_pylist()
    assert found == [dict(zip(names, row, strict=True)) for row in rows]


def test_rows_beyond_one_buffer_and_one_row_group(tmp_path):
    rows = [
        (f'"{number}"\n' * 5, ["a"], None, number, Decimal(number), number % 2 == 0, 0.5)
        for number in range(150_000)
    ]
    target = converted(tmp_path, rows)
    file = pq.ParquetFile(target)
    groups = [file.metadata.row_group(number).num_rows for number in range(file.num_row_groups)]
    assert groups == [122_880, 27_120]
    assert file.read(["words", "count"]).to_pylist()[::1000] == [
        {"words": row[0], "count": row[3]} for row in rows[::1000]
    ]


def test_bytes_of_parquet_are_those_of_the_schema_version(tmp_path):
    """If this fails after DuckDB was updated, raise SCHEMA_VERSION and put in the new digest."""
    rows = [
        ("x" * number, ["a", "b"], None, number, Decimal("1.50"), True, 0.1)
        for number in range(100)
    ]
    digest = hashlib.sha256(converted(tmp_path, rows).read_bytes()).hexdigest()
    assert (dictionary.SCHEMA_VERSION, digest) == (
        1,
        "bf257b0498ca1847e92605e4d24e114bbc91a23ee3014483fde024f3ac7ff118",
    )


ESTIMATE = {
    "value": 0.02,
    "standard_error": 0.01,
    "low": 0.0,
    "high": 0.04,
    "p_value": 0.05,
    "q_value": None,
    "n": 120,
}
DOCUMENT = {
    "data": {
        "politician": {"id": "x", "p_value": 1},
        "horizons": [
            {"horizon": 21, "car": ESTIMATE, "bhar": {**ESTIMATE, "value": None, "n": 0}},
            {"horizon": 63, "car": {**ESTIMATE, "value": -1e-17}},
        ],
        "size": {"estimate": {**ESTIMATE, "p_value": None}, "p_value": 0.5, "q_value": 0.6},
        "combined": {"p_value": 0.7, "statement": "=1"},
        "evidence": [{"p_value": 0.1}],
        "trades": 7,
    },
    "methods": [{"id": "things.horizons"}, {"id": "things.size"}],
    "data_version": 7,
}
NUMBERS = [
    # metric, horizon, value, p, q, n, method
    ("horizons.21.car", 21, 0.02, 0.05, None, 120, "things.horizons"),
    ("horizons.21.bhar", 21, None, 0.05, None, 0, "things.horizons"),
    ("horizons.63.car", 63, -1e-17, 0.05, None, 120, "things.horizons"),
    ("size", None, 0.02, 0.5, 0.6, 120, "things.size"),
    ("combined", None, None, 0.7, None, None, None),
]


@pytest.mark.parametrize("form", [ExportFormat.CSV, ExportFormat.PARQUET])
def test_numbers_of_a_document_become_rows(tmp_path, form):
    subject = Subject(uuid.UUID(int=5), None, synthetic=True)
    written = analysis.write({"=things": DOCUMENT}, subject, form, tmp_path)
    if form is ExportFormat.PARQUET:
        found = pq.read_table(written.path).to_pylist()
    else:
        with written.path.open(newline="") as file:
            read = csv.DictReader(file)
            found = [
                {name: None if value == "" else value for name, value in row.items()}
                for row in read
            ]
        assert {row["analysis"] for row in found} == {"'=things"}
    assert written.rows == len(found) == len(NUMBERS)
    names = ("metric", "horizon", "value", "p_value", "q_value", "n", "method_id")
    for row, expected in zip(found, NUMBERS, strict=True):
        values = tuple(row[name] for name in names)
        if form is ExportFormat.CSV:
            assert values == tuple(None if value is None else str(value) for value in expected)
        else:
            assert values == expected
    assert {str(row["synthetic"]).lower() for row in found} == {"true"}
    assert {str(row["data_version"]) for row in found} == {"7"}
    assert [column.name for column in ANALYSIS.columns] == list(found[0])


def test_documents_stay_what_they_are_in_json(tmp_path):
    subject = Subject(uuid.UUID(int=5), None, synthetic=True)
    written = analysis.write({"things": DOCUMENT}, subject, ExportFormat.JSON, tmp_path)
    assert json.loads(written.path.read_bytes()) == {"things": DOCUMENT}


def test_a_damaged_row_is_an_error_and_not_left_out(tmp_path):
    import duckdb

    (tmp_path / "things.rows").write_bytes(b"words,a,2020-01-01,1,1.00,true,1\nwords,a\n")
    with pytest.raises(duckdb.Error):
        convert(tmp_path / "things.rows", TABLE, tmp_path / "things.parquet")


def test_the_dictionary_in_the_docs_is_the_declared_one():
    text = (DOCS / "research-dataset.md").read_text()
    _, _, rest = text.partition(dictionary.START)
    shown, _, _ = rest.partition(dictionary.END)
    assert shown.strip() == dictionary.markdown().strip(), (
        "write it anew: python -m quant.exports.dictionary docs/research-dataset.md"
    )


def test_every_column_is_described():
    for table in (*DATASET, TRADES, POLITICIANS):
        names = [column.name for column in table.columns]
        assert len(set(names)) == len(names)
        for column in table.columns:
            assert column.meaning.endswith(".")
            assert column.source
            if column.type.startswith("DECIMAL"):
                assert column.unit
    assert json.loads(json.dumps(dictionary.document())) == dictionary.document()


def test_rows_of_people_and_trades_say_whether_they_are_synthetic():
    for table in (*DATASET, TRADES, POLITICIANS):
        about_people = any(column.name == "politician_id" for column in table.columns)
        assert about_people == any(column.name == "synthetic" for column in table.columns)


def test_a_filter_never_becomes_a_part_of_the_statement():
    selection = Selection(TRADES, {"ticker": "x'; drop table trades"})
    assert "drop" not in selection.where()
    with pytest.raises(KeyError):
        Selection(TRADES, {"1=1; --": "x"}).where()


def test_a_job_is_known_by_what_is_asked_for():
    request = ExportRequest(ExportKind.TRADES, {"politician_id": "W000001", "format": "csv"})
    same = ExportRequest(ExportKind.TRADES, {"format": "csv", "politician_id": "W000001"})
    job = request.job_id(ACCOUNT, 7)
    assert job == same.job_id(ACCOUNT, 7)
    assert job.version == 5
    others = {
        request.job_id(uuid.UUID(int=2), 7),
        request.job_id(ACCOUNT, 8),
        replace(request, kind=ExportKind.ANALYSIS).job_id(ACCOUNT, 7),
        replace(request, parameters={**request.parameters, "format": "json"}).job_id(ACCOUNT, 7),
    }
    assert len(others | {job}) == 5


def test_columns_of_csv_can_be_named(tmp_path):
    """No name needs quoting, in SQL or in a head."""
    for table in (*DATASET, TRADES, POLITICIANS):
        head = ",".join(column.name for column in table.columns)
        assert next(csv.reader([head])) == [column.name for column in table.columns]
        assert all(column.name.isidentifier() for column in table.columns)

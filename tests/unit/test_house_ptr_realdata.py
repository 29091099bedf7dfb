"""The three published House PTRs, against tables read off the rendered pages by eye."""

import csv
import gzip
import json
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from quant.ingest.values import parse_amount, parse_date, parse_operation
from quant.parsers.house_ptr import parse_house_ptr

pytestmark = pytest.mark.realdata

FILES = {
    "20026658": "PTR_sample2.pdf",
    "20027933": "PTR_sample3.pdf",
    "20026590": "P_20026590_real.pdf",
}
LINES = {"20026658": 56, "20027933": 7, "20026590": 9}


def expected():
    tables = defaultdict(list)
    with (Path(__file__).parent / "house_ptr_expected.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            tables[row["doc_id"]].append(row)
    return tables


def as_row(doc_id, line):
    option = line.option
    yes_no = {True: "yes", False: "no"}
    values = {
        "doc_id": doc_id,
        "line": line.line_number,
        "status": line.status,
        "owner": line.owner,
        "asset": line.asset,
        "ticker": line.ticker,
        "asset_code": line.asset_code,
        "operation": line.operation,
        "transaction_date": line.transaction_date,
        "notification_date": line.notification_date,
        "amount_min": line.amount.lower,
        "amount_max": line.amount.upper,
        "capital_gains": yes_no[line.capital_gains_over_200],
        "subholding_of": line.subholding_of,
        "description": line.description,
        "option_type": option and option.option_type,
        "strike": option and option.strike,
        "expires": option and option.expires,
        "contracts": option and option.contracts,
        "shares": option and option.shares,
        "exercised": option and yes_no[option.exercised],
    }
    return {name: "" if value is None else str(value) for name, value in values.items()}


@pytest.mark.parametrize("doc_id", FILES)
def test_every_line_equals_the_table_read_by_eye(data_dir, doc_id):
    content = (data_dir / "house" / "ptr" / FILES[doc_id]).read_bytes()
    filing = parse_house_ptr(content, doc_id=doc_id)
    table = expected()[doc_id]
    assert len(table) == LINES[doc_id]
    assert [as_row(doc_id, line) for line in filing.lines] == table
    assert filing.rejects == ()
    assert {line.notes for line in filing.lines} == {()}


@pytest.mark.parametrize(
    ("doc_id", "name", "state", "district", "signed"),
    [
        ("20026658", "Marjorie Taylor Greene", "GA", 14, "2025-01-27"),
        ("20027933", "Marjorie Taylor Greene", "GA", 14, "2025-03-09"),
        ("20026590", "Nancy Pelosi", "CA", 11, "2025-01-17"),
    ],
)
def test_filer_and_signature(data_dir, doc_id, name, state, district, signed):
    filing = parse_house_ptr((data_dir / "house" / "ptr" / FILES[doc_id]).read_bytes())
    assert filing.doc_id == doc_id
    assert (filing.filer.display_name, filing.filer.state, filing.filer.district) == (
        name,
        state,
        district,
    )
    assert str(filing.signed_date) == signed
    assert not filing.paper


def test_an_independent_scrape_has_no_other_lines(data_dir):
    # House Stock Watcher has 29 lines of these filings: fewer, but none that differs.
    rows = json.loads(
        gzip.decompress((data_dir / "house/house_stock_watcher.json.gz").read_bytes())
    )
    theirs = Counter(
        (
            row["filing_id"],
            row["ticker"],
            row["asset_description"],
            row["owner"].lower(),
            parse_date(row["transaction_date"]),
            parse_date(row["disclosure_date"]),  # of notification: docs/data.md
            parse_operation(row["type"]),
            parse_amount(row["amount"]),
        )
        for row in rows
        if row["filing_id"] in FILES
    )
    ours = Counter(
        (
            doc_id,
            line.ticker,
            line.asset,
            line.owner,
            line.transaction_date,
            line.notification_date,
            line.operation,
            line.amount,
        )
        for doc_id, file in FILES.items()
        for line in parse_house_ptr((data_dir / "house" / "ptr" / file).read_bytes()).lines
    )
    assert theirs.total() == 29
    assert theirs <= ours

import json
from datetime import date

import pytest
from import_support import column, scalar
from pipeline_support import (
    dump_hash,
    empty,
    house_index,
    house_ptr,
    senate_id,
    senate_ptr,
    worker_database,
)
from supervisor.database import APP_ROLE
from synthetic_ptr import PtrLine, scan_pdf
from typer.testing import CliRunner

from quant.cli import app
from quant.pipeline.documents import process
from quant.pipeline.raw import DocumentKind, RawDocument

NAMELESS = PtrLine(asset="Acme Corp. Common Stock [ST]")
TICKERS = "select ticker from trades order by 1"


@pytest.fixture(scope="module")
def shared_engine(postgres, migrated_template, role_passwords):
    with worker_database(postgres, migrated_template, role_passwords[APP_ROLE]) as engine:
        yield engine


@pytest.fixture
def engine(shared_engine):
    empty(shared_engine)
    return shared_engine


def review(*arguments: str, fails: bool = False) -> str:
    result = CliRunner().invoke(app, ["review", *arguments])
    assert (result.exit_code != 0) == fails, result.output
    return result.output


def listed(kind: str) -> list[dict]:
    return [json.loads(line) for line in review("list", kind, "--json").splitlines()]


def test_symbol_decided_once_serves_all_filers_and_later_filings(engine) -> None:
    process(house_ptr("20999001", NAMELESS, NAMELESS))
    process(house_ptr("20999002", PtrLine(asset="ACME Corporation (ACME) [ST]")))
    assert listed("ticker") == [
        {
            "kind": "ticker",
            "subject": "acme corp common stock",
            "summary": "Acme Corp. Common Stock",
            "rows": 2,
        }
    ]
    assert '"candidate": "ACME"' in review("show", "ticker", "acme corp common stock")
    review("accept", "ticker", "acme corp common stock", "--symbol", "ACME")
    assert column(engine, TICKERS) == ["ACME"] * 3
    assert scalar(engine, "select min(ticker_confidence) from trades") == 1
    process(house_ptr("20999003", NAMELESS, name="Hon. Bob Roe"))
    assert column(engine, TICKERS) == ["ACME"] * 4
    assert listed("ticker") == []
    review("reject", "ticker", "acme corp common stock", "--reason", "it is another Acme")
    assert column(engine, TICKERS) == ["ACME", None, None, None]
    assert listed("ticker") == []


def test_decision_made_before_the_documents_or_after_them(engine) -> None:
    first, second = house_ptr("20999001", NAMELESS), house_ptr("20999002", NAMELESS, signed="")
    hashes = []
    for decide_after in (1, 2):
        empty(engine)
        for number, document in enumerate((first, second), start=1):
            process(document)
            if number == decide_after:
                review("accept", "ticker", "acme corp common stock", "--symbol", "ACME")
        hashes.append(dump_hash(engine))
    assert hashes[0] == hashes[1]


def amended(**changes) -> PtrLine:
    return PtrLine(**{"fields": {"Filing Status": "Amended"}, **changes})


def test_amendment_follows_the_decision(engine) -> None:
    lines = PtrLine(amount="$15,001 - $50,000"), PtrLine(amount="$50,001 - $100,000")
    process(house_ptr("20999001", *lines, signed="01/10/2025"))
    process(house_ptr("20999002", amended(), signed="02/10/2025"))
    [item] = listed("amendment")
    rows = [json.loads(line) for line in review("show", "amendment", item["subject"]).splitlines()]
    meant = next(row["trade_id"] for row in rows if row["amount_min"] == "50001.00")
    review("accept", "amendment", item["subject"], "--replaces", meant)
    assert column(engine, "select amount_min::int from trades order by 1") == [1001, 15001]
    assert column(engine, "select distinct notes from trades where status = 'amended'") == [
        ["disclosure_date_unknown"]
    ]
    assert listed("amendment") == []
    review("reject", "amendment", item["subject"])
    assert scalar(engine, "select count(*) from trades") == 3


def test_report_follows_the_decision(engine) -> None:
    process(senate_ptr(1, {"Ticker": "OLD"}))
    process(senate_ptr(2, {"Ticker": "NEW"}, filed="06/15/2026 @ 1:23 PM", amendment=1))
    [item] = listed("amendment")
    assert item["subject"] == f"senate_efd/{senate_id(2)}"
    assert "nothing of this identifier" in review(
        "accept", "amendment", item["subject"], "--amends", senate_id(9), fails=True
    )
    review("accept", "amendment", item["subject"], "--amends", senate_id(1))
    assert column(engine, TICKERS) == ["NEW"]
    review("reject", "amendment", item["subject"])
    assert column(engine, TICKERS) == ["NEW", "OLD"]


def test_scans_and_unreadable_documents_wait_until_somebody_looked(engine) -> None:
    process(
        RawDocument(DocumentKind.HOUSE_PTR, date(2025, 3, 1), scan_pdf(), {"doc-id": "20999001"})
    )
    process(RawDocument(DocumentKind.HOUSE_PTR, date(2025, 3, 1), b"x", {"doc-id": "20999002"}))
    process(house_index({"20999001": "1/28/2025"}))
    [scan] = listed("scan")
    assert (scan["subject"], scan["summary"]) == (
        "house_clerk/20999001",
        "Synthetic Member 2025-01-28",
    )
    [document] = listed("document")
    review("accept", "scan", scan["subject"], "--reason", "seen")
    review("accept", "document", document["subject"])
    assert "nothing is to be decided" in review("list")


@pytest.mark.parametrize(
    "arguments",
    [
        ("accept", "ticker", "unknown asset", "--symbol", "ACME"),
        ("accept", "ticker", "acme corp common stock"),
        ("accept", "ticker", "acme corp common stock", "--symbol", "no symbol"),
        ("accept", "ticker", "acme corp common stock", "--replaces", "ACME"),
        ("accept", "nonsense", "acme corp common stock"),
        ("show", "document", "raw/unknown"),
    ],
)
def test_decisions_without_sense_are_refused(engine, arguments) -> None:
    process(house_ptr("20999001", NAMELESS))
    review(*arguments, fails=True)
    assert scalar(engine, "select count(*) from review_decisions") == 0

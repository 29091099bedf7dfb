"""The Senate tables: what their rows become, alone and beside the Stock Watcher's."""

import csv
import io
from pathlib import Path

import pytest
from import_support import column, dump, fresh_engine, rows_file, scalar
from sqlalchemy import text

from quant.ingest.disclosures import import_senate
from quant.ingest.files import SourceFile, UnreadableFileError
from quant.ingest.senate_tables import import_senate_tables

COUNTS = ("rows", "inserted", "existing", "duplicates", "rejected")


@pytest.fixture
def engine(postgres, migrated_template):
    with fresh_engine(postgres, migrated_template) as engine:
        yield engine


def doc(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012}"


def table_row(filing: int, *, kind: str = "ptr", **changes: str) -> dict[str, str]:
    return {
        "bioguide_id": "D000001",
        "declarant_name": "Ann L Doe , Jr",
        "party": "Republican",
        "state_district": "FL",
        "transaction_date": "2020-01-10",
        "disclosure_date": "2020-02-03",
        "date_confidence": "plausible",
        "ticker": "SYN01",
        "ticker_source": "explicit",
        "asset_description": "Fictitious Holdings (synthetic) Option Type: Put Expires: 5/1/20",
        "asset_type": "Stock",
        "sector_gics": "Energy",
        "sector_source": "yfinance",
        "operation_type": "Purchase",
        "amount_range": "$1,001 - $15,000",
        "owner": "Self",
        "doc_id": doc(filing),
        "source_url": f"https://efdsearch.senate.gov/search/view/{kind}/{doc(filing)}/",
        "natural_key_hash": "0",
        **changes,
    }


def watcher_row(filing: int, **changes: str) -> dict[str, str]:
    return {
        "transaction_date": "01/10/2020",
        "owner": "Self",
        "ticker": "--",
        "asset_description": (
            "Fictitious Holdings (synthetic)"
            " <div class='text-muted'>Option Type: Put <br>Expires: 5/1/20</div>"
        ),
        "asset_type": "Stock",
        "type": "Purchase",
        "amount": "$1,001 - $15,000",
        "comment": "spread",
        "senator": "Ann L Doe, Jr",
        "ptr_link": f"https://efdsearch.senate.gov/search/view/ptr/{doc(filing)}/",
        **changes,
    }


def csv_file(*rows: dict[str, str]) -> SourceFile:
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, rows[0].keys())
    writer.writeheader()
    writer.writerows(rows)
    return SourceFile(Path("senate.csv"), buffer.getvalue().encode(), "0" * 64)


def tables(engine, *rows):
    return import_senate_tables(engine, csv_file(*rows))


def watcher(engine, *rows):
    return import_senate(engine, rows_file(list(rows)))


def counts(report) -> tuple[int, ...]:
    rows, *ends = (getattr(report, name) for name in COUNTS)
    assert sum(ends) == rows
    return tuple(ends)


def trades(engine):
    with engine.connect() as connection:
        return connection.execute(
            text(
                "select p.bioguide_id, p.party, t.disclosure_date::text, t.ticker, t.comment,"
                " t.notes from trades t join politicians p on p.id = t.politician_id order by t.id"
            )
        ).all()


def test_a_row_becomes_a_trade_of_the_member_it_names(engine) -> None:
    report = tables(engine, table_row(1))
    assert counts(report) == (1, 0, 0, 0)
    assert trades(engine) == [
        ("D000001", "republican", "2020-02-03", "SYN01", None, ["earlier_filing_unknown"])
    ]
    assert scalar(engine, "select full_name from politicians") == "Ann L Doe, Jr"
    assert column(engine, "select sector from tickers") == ["Energy"]
    before = dump(engine)
    again = tables(engine, table_row(1))
    assert (counts(again), again.changed) == ((0, 1, 0, 0), False)
    assert dump(engine) == before


@pytest.mark.parametrize("tables_first", [False, True])
def test_a_transaction_in_both_sources_is_one_trade(engine, tables_first) -> None:
    imports = [lambda: watcher(engine, watcher_row(1)), lambda: tables(engine, table_row(1))]
    for step in reversed(imports) if tables_first else imports:
        step()
    kept = [("D000001", "republican", "2020-02-03", None, "spread", [])]
    assert trades(engine) == kept
    assert column(engine, "select filed_date::text from filings") == ["2020-02-03"]
    assert scalar(engine, "select count(*) from politicians") == 1
    for step in imports:
        report = step()
        assert (report.existing, report.changed) == (1, False)
    assert trades(engine) == kept


@pytest.mark.parametrize("tables_first", [False, True])
def test_as_many_identical_lines_stay_as_a_source_has_at_most(engine, tables_first) -> None:
    imports = [
        lambda: watcher(engine, watcher_row(1), watcher_row(1)),
        lambda: tables(engine, *(table_row(1, natural_key_hash=str(n)) for n in range(3))),
    ]
    for step in reversed(imports) if tables_first else imports:
        step()
    assert [trade.comment for trade in trades(engine)].count("spread") == 2
    assert len(trades(engine)) == 3


def test_a_later_filing_that_repeats_a_line_is_a_duplicate(engine) -> None:
    watcher(engine, watcher_row(1, ticker="SYN01"))
    # The tables keep the last filing only: the watcher's file shows that there was an earlier one.
    report = tables(engine, table_row(2, disclosure_date="2021-05-01"))
    assert counts(report) == (0, 0, 1, 0)
    assert len(trades(engine)) == 1


def test_rows_that_yielded_leave_their_duplicates_to_the_line_that_stays(engine) -> None:
    asset = "Fictitious Holdings (synthetic)"
    table = {"asset_description": asset}
    tables(engine, table_row(1, **table), table_row(2, disclosure_date="2020-03-01", **table))
    assert scalar(engine, "select count(*) from trade_duplicates") == 1
    watcher(engine, watcher_row(1, asset_description=asset, ticker="SYN01"))
    assert [trade.comment for trade in trades(engine)] == ["spread"]
    assert scalar(engine, "select count(*) from trade_duplicates") == 1


def test_what_the_source_doubts_or_infers_is_noted(engine) -> None:
    tables(
        engine,
        table_row(1, date_confidence="implausible", disclosure_date="2020-12-01"),
        table_row(2, ticker_source="llm", asset_description="Another (synthetic)"),
        table_row(3, disclosure_date="2019-12-01", asset_description="A third (synthetic)"),
        table_row(4, disclosure_date="", asset_description="A fourth (synthetic)"),
        table_row(5, ticker="--  SYN05", asset_description="A fifth (synthetic)"),
    )
    found = {(t.disclosure_date, t.ticker, *t.notes) for t in trades(engine)}
    assert found == {
        ("2020-12-01", "SYN01", "earlier_filing_unknown", "source_doubts_dates"),
        ("2020-02-03", None, "earlier_filing_unknown", "ticker_inferred"),
        (None, "SYN01", "disclosure_before_transaction", "earlier_filing_unknown"),
        (None, "SYN01", "disclosure_date_unknown", "earlier_filing_unknown"),
        ("2020-02-03", "SYN05", "earlier_filing_unknown"),
    }


def test_scans_are_rejected_and_their_filings_kept(engine) -> None:
    report = tables(engine, table_row(1, kind="paper"))
    assert counts(report) == (0, 0, 0, 1)
    assert report.rejects == {"paper_filing": 1}
    with engine.connect() as connection:
        filings = connection.execute(text("select paper, filed_date::text from filings")).all()
    assert filings == [(True, "2020-02-03")]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"source_url": "https://example.org/"}, "filing_unreadable"),
        ({"doc_id": doc(9)}, "filing_unreadable"),
        ({"declarant_name": " "}, "member_unreadable"),
        ({"transaction_date": "2020-13-01"}, "transaction_date_unreadable"),
        ({"operation_type": "Gift"}, "operation_unreadable"),
        ({"amount_range": ""}, "amount_unreadable"),
    ],
)
def test_unreadable_rows_are_rejected_with_a_reason(engine, changes, reason) -> None:
    report = tables(engine, table_row(1) | changes)
    assert counts(report) == (0, 0, 0, 1)
    assert report.rejects == {reason: 1}


def test_sectors_that_a_model_guessed_are_left_out(engine) -> None:
    tables(
        engine,
        table_row(1, sector_source="llm"),
        table_row(2, ticker="SYN02", sector_gics="Gold"),
        table_row(3, ticker="SYN03", sector_source="manual"),
    )
    with engine.connect() as connection:
        found = connection.execute(text("select symbol, sector from tickers order by 1")).all()
    assert found == [("SYN01", None), ("SYN02", None), ("SYN03", "Energy")]


def test_a_file_without_the_columns_is_refused(engine) -> None:
    row = table_row(1)
    del row["source_url"]
    with pytest.raises(UnreadableFileError, match="lacks the columns source_url"):
        tables(engine, row)
    assert scalar(engine, "select count(*) from import_runs") == 0

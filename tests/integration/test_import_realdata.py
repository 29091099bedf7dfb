import csv
import gzip
import html
import json
import re
from collections import Counter
from datetime import UTC, date, datetime

import pytest
from import_support import column, dump, fresh_engine, scalar
from sqlalchemy import text

from quant.ingest.seed import seed

pytestmark = pytest.mark.realdata

TERM_MARGIN_DAYS = 400  # candidates and members of the last Congress file as well


@pytest.fixture(scope="module")
def seeded(postgres, migrated_template, data_dir):
    with fresh_engine(postgres, migrated_template) as engine:
        yield engine, {report.source: report for report in seed(engine, data_dir)}


def test_every_row_is_accounted_for(seeded) -> None:
    _, reports = seeded
    for source, rows in (("senate-stock-watcher", 8350), ("house-stock-watcher", 6542)):
        report = reports[source]
        assert report.rows == rows
        ends = (report.inserted, report.existing, report.duplicates, report.rejected)
        assert sum(ends) == rows
    assert reports["senate-stock-watcher"].rejects == {"paper_filing": 463}
    assert reports["house-stock-watcher"].rejects == {"transaction_date_implausible": 1}
    assert reports["senate-stock-watcher"].duplicates == 23
    assert reports["house-stock-watcher"].duplicates == 1
    # The rest filed before they left Congress and are not in the legislators file.
    assert reports["senate-stock-watcher"].matched == 3448
    assert reports["house-stock-watcher"].matched == 5849


def test_importing_again_changes_nothing(seeded, data_dir) -> None:
    engine, reports = seeded
    before = dump(engine)
    for report in seed(engine, data_dir):
        assert (report.inserted, report.changed) == (0, False)
        assert report.duplicates == reports[report.source].duplicates
    assert dump(engine) == before


def test_members_in_the_file_are_matched(seeded, data_dir) -> None:
    """Of the rows of members the legislators file has, at least 97 % are matched."""
    engine, _ = seeded
    rows = independent_senate_rows(data_dir)
    present = set(column(engine, "select bioguide_id from politicians where bioguide_id > ''"))
    by_filing = {row["doc_id"]: row["bioguide_id"] for row in rows}
    with engine.connect() as connection:
        found = connection.execute(
            text(
                "select f.doc_id, p.bioguide_id from trades t join filings f on f.id = t.filing_id"
                " join politicians p on p.id = f.politician_id where f.source = 'senate_efd'"
            )
        ).all()
    compared = Counter()
    for doc_id, bioguide_id in found:
        expected = by_filing.get(doc_id)
        if expected in present:
            compared[bioguide_id == expected] += 1
            assert bioguide_id in (expected, None), doc_id
        elif expected:
            assert bioguide_id is None, doc_id
    assert compared[True] > 300
    assert compared[True] / compared.total() >= 0.97


def test_trades_of_matched_members_fall_into_their_terms(seeded) -> None:
    """A match with a namesake of another time would show as trades outside all terms."""
    engine, _ = seeded
    with engine.connect() as connection:
        found = connection.execute(
            text(
                "select p.bioguide_id, r.terms, f.source, t.transaction_date"
                " from trades t join filings f on f.id = t.filing_id"
                " join politicians p on p.id = t.politician_id"
                " join legislator_records r on r.politician_id = p.id"
            )
        ).all()
    outside = Counter()
    for bioguide_id, terms, source, day in found:
        kind = "sen" if source == "senate_efd" else "rep"
        if not any(
            term["type"] == kind
            and (date.fromisoformat(term["start"]) - day).days <= TERM_MARGIN_DAYS
            and (day - date.fromisoformat(term["end"])).days <= TERM_MARGIN_DAYS
            for term in terms
        ):
            outside[bioguide_id] += 1
    # Two lines that one member filed in 2025 say 2015.
    assert outside == {"S001229": 2}


def independent_senate_rows(data_dir) -> list[dict[str, str]]:
    rows = []
    for path in sorted((data_dir / "senate").glob("senate_20*.csv.gz")):
        with gzip.open(path, "rt", newline="") as file:
            rows += csv.DictReader(file)
    return rows


def test_identical_lines_are_as_many_in_an_independent_scrape(data_dir) -> None:
    """Why identical lines of one filing are kept: the official pages do hold them repeatedly."""

    def words(asset: str) -> str:
        plain = html.unescape(re.sub("<[^>]*>", " ", asset)).upper()
        return re.sub("[^A-Z0-9]", "", plain)[:12]

    path = data_dir / "senate" / "senate_stock_watcher_2012_2020.json.gz"
    ours, theirs = Counter(), Counter()
    for row in json.loads(gzip.decompress(path.read_bytes())):
        doc_id = row["ptr_link"].rstrip("/").rpartition("/")[2].lower()
        day = datetime.strptime(row["transaction_date"], "%m/%d/%Y").replace(tzinfo=UTC).date()
        facts = (row["owner"], words(row["asset_description"]), row["type"], row["amount"])
        ours[doc_id, day.isoformat(), *facts] += 1
    for row in independent_senate_rows(data_dir):
        facts = (row["owner"], words(row["asset_description"]), row["operation_type"])
        theirs[row["doc_id"], row["transaction_date"], *facts, row["amount_range"]] += 1
    shared = ours.keys() & theirs.keys()
    multiplicities = Counter((ours[key], theirs[key]) for key in shared)
    assert multiplicities == {(1, 1): 1233, (2, 2): 87, (3, 3): 14}


def test_known_dirt(seeded) -> None:
    engine, _ = seeded
    with engine.connect() as connection:
        notes = dict(
            connection.execute(
                text("select note, count(*) from trades, unnest(notes) note group by 1")
            ).all()
        )
    assert notes == {
        "amount_upper_bound_mended": 9,
        "disclosure_before_transaction": 3,
        "disclosure_date_unknown": 617,
        "notification_after_disclosure": 8,
        "notification_before_transaction": 9,
        "notification_date_unreadable": 5,
    }
    assert scalar(engine, "select count(*) from trades where amount_max is null") == 1
    assert scalar(engine, "select count(*) from trades where amount_min = amount_max") == 18
    assert scalar(engine, "select count(*) from filings where paper and filed_date is null") == 0
    assert scalar(engine, "select count(*) from trades where asset ~ '<|&nbsp;|&amp;'") == 0
    assert scalar(engine, "select count(*) from trades where raw->>'asset_description' ~ '<'") > 800

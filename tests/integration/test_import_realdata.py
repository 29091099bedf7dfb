import csv
import gzip
import html
import json
import re
from collections import Counter, defaultdict
from datetime import UTC, date, datetime

import pytest
from import_support import column, dump, fresh_engine, scalar
from sqlalchemy import text

from quant.ingest.disclosures import import_senate
from quant.ingest.files import read_source
from quant.ingest.legislators import import_legislators
from quant.ingest.seed import seed
from quant.ingest.senate_tables import import_senate_tables

pytestmark = pytest.mark.realdata

TERM_MARGIN_DAYS = 400  # candidates and members of the last Congress file as well


@pytest.fixture(scope="module")
def seeded(postgres, migrated_template, data_dir):
    with fresh_engine(postgres, migrated_template) as engine:
        reports = defaultdict(list)
        for report in seed(engine, data_dir):
            reports[report.source].append(report)
        yield engine, reports


@pytest.fixture(scope="module")
def matched_by_name(postgres, migrated_template, data_dir):
    """The Senate Stock Watcher's rows alone, whose filers are names."""
    with fresh_engine(postgres, migrated_template) as engine:
        import_legislators(engine, data_dir / "legislators")
        path = data_dir / "senate" / "senate_stock_watcher_2012_2020.json.gz"
        import_senate(engine, read_source(path))
        yield engine


def test_every_row_is_accounted_for(seeded) -> None:
    _, reports = seeded
    for report in (report for runs in reports.values() for report in runs):
        ends = (report.inserted, report.existing, report.duplicates, report.rejected)
        assert sum(ends) == report.rows
    [senate] = reports["senate-stock-watcher"]
    [house] = reports["house-stock-watcher"]
    assert (senate.rows, house.rows) == (8350, 6542)
    assert senate.rejects == {"paper_filing": 463}
    assert house.rejects == {"transaction_date_implausible": 1}
    assert (senate.duplicates, house.duplicates) == (23, 1)
    # The rest filed before they left Congress and are not in the legislators file.
    assert (senate.matched, house.matched) == (3448, 5849)


def test_senate_tables_are_accounted_for(seeded) -> None:
    _, reports = seeded
    tables = reports["senate-tables"]
    ends = [(r.rows, r.inserted, r.existing, r.duplicates, r.rejected) for r in tables]
    assert ends == [
        (1961, 131, 1449, 126, 255),
        (1379, 632, 0, 466, 281),
        (1101, 912, 0, 7, 182),
        (1159, 1032, 0, 30, 97),
    ]
    assert all(report.matched_share == 1 for report in tables)
    assert [report.rejects for report in tables] == [
        {"paper_filing": report.rejected} for report in tables
    ]
    assert [report.relinked for report in tables] == [10, 0, 0, 1]


def test_senate_tables_date_what_the_watcher_has(seeded) -> None:
    """Every line that both sources have of a filing is one trade, with a day of disclosure."""
    engine, _ = seeded
    both = (
        "select count(*), count(distinct t.filing_id), count(t.disclosure_date),"
        " bool_and(t.disclosure_date >= t.transaction_date)"
        " from trades t join filings f on f.id = t.filing_id"
        " where f.source = 'senate_efd' and f.filed_date is not null"
        " and {} t.raw ? 'natural_key_hash'"
    )
    with engine.connect() as connection:
        assert tuple(connection.execute(text(both.format("not"))).one()) == (1517, 116, 1517, True)
        # A table line beside a watcher's of the same filing would be a second trade.
        mixed = connection.scalar(
            text(
                "select count(*) from (select filing_id from trades group by 1 having"
                " count(distinct raw ? 'natural_key_hash') > 1) f"
            )
        )
        assert mixed == 0
        # No duplicate is kept in the place of a line that was filed before it.
        assert not connection.scalar(
            text(
                "select count(*) from trade_duplicates d join trades t on t.id = d.trade_id"
                " join filings f on f.id = d.filing_id join filings g on g.id = t.filing_id"
                " where f.filed_date < g.filed_date"
            )
        )


def test_sources_of_the_senate_give_the_same_trades_in_any_order(
    postgres, migrated_template, data_dir, seeded
) -> None:
    folder = data_dir / "senate"
    steps = [
        lambda engine: import_senate(
            engine, read_source(folder / "senate_stock_watcher_2012_2020.json.gz")
        ),
        *(
            lambda engine, path=path: import_senate_tables(engine, read_source(path))
            for path in sorted(folder.glob("senate_2*.csv.gz"))
        ),
    ]
    dumps = []
    for order in (steps, steps[::-1]):
        with fresh_engine(postgres, migrated_template) as engine:
            for step in order:
                step(engine)
            dumps.append(
                column(
                    engine,
                    "select concat_ws('|', f.doc_id, p.bioguide_id, t.transaction_date,"
                    " t.disclosure_date, t.asset, t.ticker, t.operation, t.amount_min, t.notes,"
                    " t.raw)"
                    " from trades t join filings f on f.id = t.filing_id"
                    " join politicians p on p.id = t.politician_id order by 1",
                )
            )
    assert dumps[0] == dumps[1]


def test_sectors_come_with_the_senate_tables(seeded) -> None:
    engine, _ = seeded
    assert scalar(engine, "select count(distinct sector) from tickers") == 11
    with_sector = "select count(*) from trades t join tickers k on k.symbol = t.ticker {}"
    known = scalar(engine, with_sector.format("where k.sector is not null"))
    assert 0.6 < known / scalar(engine, with_sector.format("")) < 0.7


def test_importing_again_changes_nothing(seeded, data_dir) -> None:
    engine, reports = seeded
    before = dump(engine)
    for report in seed(engine, data_dir):
        assert (report.inserted, report.changed) == (0, False)
        assert report.sha256 in {first.sha256 for first in reports[report.source]}
    assert dump(engine) == before


def test_members_in_the_file_are_matched(matched_by_name, data_dir) -> None:
    """Of the rows of members the legislators file has, at least 97 % are matched."""
    engine = matched_by_name
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
        "earlier_filing_unknown": 2707,
        "source_doubts_dates": 254,
        "ticker_inferred": 42,
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

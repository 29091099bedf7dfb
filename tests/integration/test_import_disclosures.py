import random
from datetime import date

import pytest
import yaml
from import_support import column, dump, fresh_engine, rows_file, scalar
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError
from supervisor.database import APP_ROLE

from quant.identity import politician_id, unmatched_politician_id
from quant.ingest import synthetic
from quant.ingest.disclosures import import_house, import_senate
from quant.ingest.legislators import import_legislators
from quant.ingest.seed import seed

COUNTS = ("inserted", "existing", "duplicates", "rejected")


@pytest.fixture
def engine(postgres, migrated_template):
    with fresh_engine(postgres, migrated_template) as engine:
        yield engine


def counts(report) -> tuple[int, ...]:
    found = tuple(getattr(report, name) for name in COUNTS)
    assert sum(found) == report.rows
    return found


def doc(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012}"


def senate_row(filing: int, **changes):
    return {
        "transaction_date": "01/10/2020",
        "owner": "Self",
        "ticker": "SYN01",
        "asset_description": "Fictitious Holdings (synthetic)",
        "asset_type": "Stock",
        "type": "Purchase",
        "amount": "$1,001 - $15,000",
        "comment": "--",
        "senator": "Ann L Doe",
        "ptr_link": f"https://efdsearch.senate.gov/search/view/ptr/{doc(filing)}/",
        **changes,
    }


def house_row(filing: int, **changes):
    row = {**senate_row(0), "representative": "Ann Doe", "district": "FL02"}
    for name in ("senator", "ptr_link", "comment"):
        del row[name]
    return row | {
        "disclosure_date": "02/01/2020",
        "filing_id": str(filing),
        "source_url": f"https://disclosures-clerk.house.gov/{filing}.pdf",
        **changes,
    }


def legislator(bioguide: str, first: str, last: str, kind: str = "sen", **names):
    seat = {"class": 1} if kind == "sen" else {"district": 2}
    term = {"type": kind, "start": "2019-01-03", "end": "2031-01-03", "state": "FL", **seat}
    return {
        "id": {"bioguide": bioguide},
        "name": {"first": first, "last": last, **names},
        "terms": [term | {"party": "Democrat"}],
    }


def write_legislators(folder, *entries):
    path = folder / "legislators-current.yaml"
    path.write_text(yaml.safe_dump(list(entries)))
    return path


def senate(engine, *rows):
    return import_senate(engine, rows_file(list(rows)))


def test_seeding_the_sample_twice_changes_nothing(engine) -> None:
    first = seed(engine)
    before = dump(engine)
    version = scalar(engine, "select version from data_version")
    second = seed(engine)
    assert dump(engine) == before
    assert scalar(engine, "select version from data_version") == version
    for report, again in zip(first, second, strict=True):
        inserted, existing, duplicates, rejected = counts(report)
        assert existing == 0
        assert counts(again) == (0, inserted, duplicates, rejected)
    assert scalar(engine, "select bool_and(synthetic) from politicians")
    assert column(engine, "select distinct source from filings") == ["synthetic"]
    assert column(engine, "select distinct source from prices") == ["synthetic"]
    assert min(report.duplicates for report in first if "senate" in report.source) > 0
    assert scalar(engine, "select count(*) from trade_duplicates") > 0


def test_row_order_does_not_matter(postgres, migrated_template) -> None:
    senate_rows, house_rows = synthetic.senate_rows(1), synthetic.house_rows(1)
    dumps = []
    for order in range(3):
        random.Random(order).shuffle(senate_rows)
        random.Random(order).shuffle(house_rows)
        with fresh_engine(postgres, migrated_template) as engine:
            import_senate(engine, rows_file(senate_rows))
            import_house(engine, rows_file(house_rows))
            dumps.append(dump(engine))
    assert dumps[0] == dumps[1] == dumps[2]


def test_run_is_recorded_with_counts_that_add_up(engine) -> None:
    row = senate_row(1)
    report = senate(engine, row, row, senate_row(2), senate_row(3, amount="Unknown"), 7)
    assert counts(report) == (2, 0, 1, 2)
    assert report.rejects == {"amount_unreadable": 1, "row_malformed": 1}
    with engine.connect() as connection:
        run = connection.execute(text("select * from import_runs")).mappings().one()
    assert run["finished_at"] is not None
    assert (run["rows"], *(run[name] for name in COUNTS)) == (5, 2, 0, 1, 2)
    with pytest.raises(DBAPIError, match="counts_add_up"), engine.begin() as connection:
        connection.execute(text("update import_runs set inserted = inserted + 1"))


def test_rejected_rows_are_kept_whole(engine) -> None:
    bad = senate_row(1, amount="Unknown", comment="a\x00b")
    senate(engine, bad, bad)
    assert senate(engine, bad, bad).rejected == 2
    raws = column(engine, "select raw from rejects where reason = 'amount_unreadable'")
    assert raws == [bad | {"comment": "ab"}] * 2


def test_identical_lines_of_one_filing_are_separate_trades(engine) -> None:
    row = senate_row(1)
    assert counts(senate(engine, row, row)) == (2, 0, 0, 0)
    assert counts(senate(engine, row, row, row)) == (1, 2, 0, 0)
    assert column(engine, "select occurrence from trades order by 1") == [0, 1, 2]


def test_amendment_repeats_lines_of_an_earlier_filing(engine) -> None:
    line, twin = senate_row(5), senate_row(5)
    later = senate_row(5, ticker="SYN02", transaction_date="01/20/2020")
    repeated = [senate_row(3), senate_row(3), senate_row(3)]
    # Filing 3 has the lower document id, but a later transaction: it was filed after filing 5.
    newer = senate_row(3, ticker="SYN03", transaction_date="02/20/2020")
    report = senate(engine, *repeated, newer, line, twin, later)
    assert counts(report) == (5, 0, 2, 0)
    kept = column(
        engine,
        "select f.doc_id from trade_duplicates d join trades t on t.id = d.trade_id"
        " join filings f on f.id = t.filing_id",
    )
    assert kept == [doc(5)] * 2


@pytest.mark.parametrize(
    "change",
    [
        {"owner": "Spouse"},
        {"asset_description": "Another (synthetic)"},
        {"ticker": "--"},
        {"type": "Sale (Full)"},
        {"amount": "$15,001 - $50,000"},
        {"transaction_date": "01/11/2020"},
        {"senator": "Bob Roe"},
    ],
)
def test_lines_that_differ_are_not_repeats(engine, change) -> None:
    assert counts(senate(engine, senate_row(1), senate_row(2, **change))) == (2, 0, 0, 0)


def test_amendment_first_in_another_file_gives_the_same_tables(postgres, migrated_template) -> None:
    early = [senate_row(1), senate_row(1)]
    late = [senate_row(2), senate_row(2), senate_row(2, transaction_date="03/01/2020")]
    dumps = []
    for files in ([early, late], [late, early], [late + early]):
        with fresh_engine(postgres, migrated_template) as engine:
            for rows in files:
                senate(engine, *rows)
                senate(engine, *rows)
            dumps.append({**dump(engine), "runs": []})
            assert scalar(engine, "select sum(trade_count) from politician_activity") == 3
    kept = [(found["trades"], len(found["trade_duplicates"])) for found in dumps]
    assert [count for _, count in kept] == [2, 2, 2]
    assert {len(trades) for trades, _ in kept} == {3}


def test_paper_filing_is_recorded(engine) -> None:
    link = f"https://efdsearch.senate.gov/search/view/paper/{doc(1)}/"
    report = senate(engine, senate_row(1, ptr_link=link, type="N/A", amount="Unknown"))
    assert report.rejects == {"paper_filing": 1}
    with engine.connect() as connection:
        filing = connection.execute(text("select * from filings")).mappings().one()
    assert (filing["paper"], filing["filed_date"], filing["url"]) == (True, date(2020, 1, 10), link)


def test_filing_belongs_to_one_member(engine) -> None:
    rows = [senate_row(1), senate_row(1, ticker="SYN02"), senate_row(1, senator="Bob Roe")]
    assert senate(engine, *rows).rejects == {"filing_of_another_member": 1}
    again = senate(engine, senate_row(1, senator="Bob Roe"), senate_row(1, senator="Cy Poe"))
    assert again.rejects == {"filing_of_another_member": 2}


def test_members_are_matched_and_the_rest_reported(engine, tmp_path) -> None:
    path = write_legislators(tmp_path, legislator("D000001", "Ann", "Doe"))
    import_legislators(engine, path)
    rows = [senate_row(1), *(senate_row(2, senator="Bob Roe", comment=str(i)) for i in range(3))]
    report = senate(engine, *rows)
    assert (report.matched, report.matched_share) == (1, 0.25)
    assert report.unmatched == {"Bob Roe": 3}
    assert column(
        engine,
        "select bioguide_id from politicians p join trades t on t.politician_id = p.id order by 1",
    ) == ["D000001", None, None, None]


def test_later_legislators_take_over_what_unknown_filers_filed(engine, tmp_path) -> None:
    # Two spellings of one senator, whose second filing repeats a line of the first.
    senate(
        engine,
        senate_row(1),
        senate_row(2, senator="Annie Doe", transaction_date="01/10/2020"),
        senate_row(3, senator="Bob Roe"),
    )
    import_house(engine, rows_file([house_row(4)]))
    assert scalar(engine, "select count(*) from politicians where bioguide_id is null") == 4
    version = scalar(engine, "select version from data_version")

    path = write_legislators(
        tmp_path,
        legislator("D000001", "Ann", "Doe", nickname="Annie"),
        legislator("D000002", "Ann", "Doe", kind="rep"),
    )
    report = import_legislators(engine, path)
    assert report.relinked == 3
    assert scalar(engine, "select version from data_version") == version + 1
    orphans = column(engine, "select id from politicians where bioguide_id is null")
    assert orphans == [unmatched_politician_id("senate", "bob roe")]
    assert (
        scalar(
            engine,
            "select count(*) from trades where politician_id = :id",
            id=politician_id("D000001"),
        )
        == 1
    )
    assert scalar(engine, "select count(*) from trade_duplicates") == 1
    for table in ("filings", "politician_aliases"):
        assert (
            scalar(
                engine,
                f"select count(*) from {table} where politician_id = :id",
                id=politician_id("D000001"),
            )
            == 2
        )
    assert (
        scalar(
            engine,
            "select trade_count from politician_activity where politician_id = :id",
            id=politician_id("D000002"),
        )
        == 1
    )
    assert import_legislators(engine, path).changed is False


def test_members_first_or_trades_first_give_the_same_tables(
    postgres, migrated_template, tmp_path
) -> None:
    synthetic.write_sample(tmp_path)
    folder = tmp_path / "legislators"
    rows = rows_file(synthetic.senate_rows(1))
    dumps = []
    for members_first in (True, False):
        with fresh_engine(postgres, migrated_template) as engine:
            if members_first:
                import_legislators(engine, folder)
            import_senate(engine, rows)
            import_legislators(engine, folder)
            dumps.append(dump(engine))
    assert dumps[0] == dumps[1]


def test_day_of_filing_that_becomes_known_is_filled_in(engine) -> None:
    rows = rows_file([house_row(20016000)])
    import_house(engine, rows)
    dates = "select array[notification_date, disclosure_date] from trades"
    assert scalar(engine, dates) == [date(2020, 2, 1), None]
    filed = {"20016000": date(2020, 2, 5)}
    report = import_house(engine, rows, filing_dates=filed)
    assert (report.existing, report.updated, report.changed) == (1, 1, True)
    # A later run without the index remembers the day.
    for _ in range(2):
        assert scalar(engine, dates) == [date(2020, 2, 1), date(2020, 2, 5)]
        assert scalar(engine, "select notes from trades") == []
        assert import_house(engine, rows).changed is False


def test_legislators_who_left_the_file_left_office(engine, tmp_path) -> None:
    one, two = legislator("D000001", "Ann", "Doe"), legislator("R000001", "Bob", "Roe")
    seed(engine)
    report = import_legislators(engine, write_legislators(tmp_path, one, two))
    assert (report.inserted, report.rows) == (2, 2)
    one["name"]["official_full"] = "Ann B. Doe"
    broken = {"id": {"bioguide": "nobody"}}
    report = import_legislators(engine, write_legislators(tmp_path, one, one, broken))
    assert counts(report) == (0, 1, 1, 1)
    assert report.updated == 1
    names = "select full_name from politicians where in_office and not synthetic"
    assert column(engine, names) == ["Ann B. Doe"]
    # A file of real members says nothing of synthetic ones.
    assert scalar(engine, "select bool_and(in_office) from politicians where synthetic")


def test_seats_follow_the_file(engine, tmp_path) -> None:
    synthetic.write_sample(tmp_path)
    folder = tmp_path / "legislators"
    path = folder / "committee-membership-current.yaml"
    import_legislators(engine, folder)
    seats = yaml.safe_load(path.read_text())
    gone = seats["SSZ1"].pop()
    seats["SSZ1"][0]["rank"] = 7
    seats["NONE"] = [gone]
    path.write_text(yaml.safe_dump(seats))
    report = import_legislators(engine, folder)
    assert report.rejects == {"membership_unknown": 1}
    assert report.updated == 1
    ranks = "select rank from committee_memberships where committee_id = 'SSZ1' order by rank desc"
    assert column(engine, ranks) == [7, *range(len(seats["SSZ1"]), 1, -1)]


def test_application_role_may_import(database) -> None:
    admin = create_engine(database.superuser_url)
    with admin.begin() as connection:
        connection.execute(text(f"grant temporary on database {database.name} to {APP_ROLE}"))
    admin.dispose()
    engine = create_engine(database.url, isolation_level="AUTOCOMMIT")
    try:
        assert all(report.inserted for report in seed(engine))
    finally:
        engine.dispose()

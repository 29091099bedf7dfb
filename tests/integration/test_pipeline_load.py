import itertools
import random
from datetime import date
from decimal import Decimal

import pytest
import yaml
from import_support import column, rows_file, scalar
from pipeline_support import (
    dump_hash,
    empty,
    full_dump,
    house_index,
    house_ptr,
    house_url,
    senate_id,
    senate_index,
    senate_ptr,
    worker_database,
)
from sqlalchemy import text
from supervisor.database import APP_ROLE
from synthetic_ptr import PtrLine, scan_pdf

from quant.db.session import read
from quant.ingest.disclosures import import_house, import_senate
from quant.pipeline.documents import process
from quant.pipeline.raw import DocumentKind, RawDocument
from quant.trade_details import get_trade
from quant.vocabulary import DocumentOutcome

ACME = PtrLine(asset="Acme Corp. - Common Stock (ACME) [ST]")
BETA = PtrLine(asset="Beta Inc. (BETA) [ST]", operation="S (partial)", owner="SP")


@pytest.fixture(scope="module")
def shared_engine(postgres, migrated_template, role_passwords):
    with worker_database(postgres, migrated_template, role_passwords[APP_ROLE]) as engine:
        yield engine


@pytest.fixture
def engine(shared_engine):
    empty(shared_engine)
    return shared_engine


def changed(line: PtrLine, status: str = "Amended", **changes) -> PtrLine:
    fields = {"Filing Status": status}
    return PtrLine(**{**vars(line), "fields": fields, **changes})


def rows(engine, query: str, **parameters):
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(text(query), parameters).mappings()]


def assets(engine) -> list[str]:
    return column(engine, 'select ticker from trades order by ticker collate "C"')


def assert_order_does_not_matter(engine, documents, *, orders: int = 8) -> None:
    """Process documents in many orders; what they lead to is left in the database."""
    permutations = list(itertools.permutations(documents))
    dumps = []
    for order in random.Random(7).sample(permutations, min(orders, len(permutations))):
        empty(engine)
        for document in order:
            process(document)
        dumps.append(full_dump(engine))
    for found in dumps[1:]:
        assert found == dumps[0]


def test_filing_becomes_trades_with_all_it_says(engine) -> None:
    option = PtrLine(
        asset="Alphabet Inc. - Class A (GOOGL) [OP]",
        owner="SP",
        amount="$250,001 - $500,000",
        ticked=True,
        fields={
            "Filing Status": "New",
            "Subholding Of": "DG Trust",
            "Description": "Purchased 50 call options with a strike price of $150 and an"
            " expiration date of 1/16/26.",
        },
    )
    outcome = process(house_ptr("20999001", option))
    assert (outcome.outcome, outcome.rows, outcome.rejected) == (DocumentOutcome.LOADED, 1, 0)
    assert outcome.unmatched_names == {"Synthetic Member": 1}
    process(house_index({"20999001": "1/28/2025"}))
    [trade] = rows(engine, "select t.*, f.url from trades t join filings f on f.id = filing_id")
    assert {
        "ticker": "GOOGL",
        "ticker_confidence": Decimal("1.00"),
        "asset_code": "OP",
        "asset_type": "stock_option",
        "owner": "spouse",
        "status": "new",
        "line_number": 1,
        "subholding_of": "DG Trust",
        "option_type": "call",
        "option_strike": Decimal(150),
        "option_expires": date(2026, 1, 16),
        "option_contracts": 50,
        "capital_gains_over_200": True,
        "disclosure_date": date(2025, 1, 28),
        "notes": [],
        "url": house_url("20999001"),
    }.items() <= trade.items()
    assert scalar(engine, "select trade_count from politician_activity") == 1


def test_processing_again_changes_nothing(engine) -> None:
    documents = [
        house_ptr("20999001", ACME, ACME, BETA),
        house_index({"20999001": "1/28/2025"}),
        senate_ptr(1),
    ]
    for document in documents:
        process(document)
    state = [dump_hash(engine), scalar(engine, "select version from data_version")]
    outbox = rows(engine, "select * from outbox order by id")
    for document in documents:
        process(document)
    assert [dump_hash(engine), scalar(engine, "select version from data_version")] == state
    assert rows(engine, "select * from outbox order by id") == outbox
    assert assets(engine) == ["ACME", "ACME", "BETA", "SYN"]


def test_document_that_cannot_be_read_is_recorded_and_nothing_else(engine) -> None:
    before = dump_hash(engine)
    broken = RawDocument(
        DocumentKind.HOUSE_PTR, date(2025, 3, 1), b"no pdf", {"doc-id": "20999001"}
    )
    assert process(broken).outcome is DocumentOutcome.REJECTED
    assert dump_hash(engine) == before
    [found] = rows(engine, "select outcome, reason, doc_id from raw_documents")
    assert found == {"outcome": "rejected", "reason": "not_this_format", "doc_id": "20999001"}


def test_amended_and_deleted_lines_in_every_order(engine) -> None:
    documents = [
        house_ptr("20999001", ACME, BETA, PtrLine(), signed="01/10/2025"),
        house_ptr("20999002", changed(ACME, amount="$15,001 - $50,000"), signed="02/10/2025"),
        house_ptr("20999003", changed(BETA, "Deleted"), PtrLine(), signed="03/10/2025"),
        house_index({f"2099900{n}": f"{n}/20/2025" for n in (1, 2, 3)}),
    ]
    assert_order_does_not_matter(engine, documents)
    found = rows(
        engine,
        "select doc_id, line_number, outcome from filing_lines"
        " join filings on id = filing_id order by 1, 2",
    )
    assert [(row["doc_id"][-1], row["line_number"], row["outcome"]) for row in found] == [
        ("1", 1, "superseded"),
        ("1", 2, "superseded"),
        ("1", 3, "trade"),
        ("2", 1, "trade"),
        ("3", 1, "deletion"),
        ("3", 2, "repeated"),
    ]
    assert column(engine, "select amount_min::int from trades order by 1") == [1001, 15001]
    assert column(engine, "select distinct notes from trades") == [[]]


def test_what_an_amended_line_means_is_not_guessed(engine) -> None:
    other = changed(ACME, "New", amount="$50,001 - $100,000")
    process(house_ptr("20999001", ACME, other, signed="01/10/2025"))
    process(house_ptr("20999002", changed(ACME, amount="$15,001 - $50,000"), signed="02/10/2025"))
    process(house_ptr("20999003", changed(BETA, "Deleted"), signed="03/10/2025"))
    assert assets(engine) == ["ACME", "ACME", "ACME"]
    noted = "select line_number from trades where 'amended_line_unknown' = any(notes)"
    assert len(column(engine, noted)) == 1
    assert scalar(engine, "select count(*) from filing_lines where outcome like 'unmatched%'") == 1


def test_amended_report_replaces_the_one_it_shares_lines_with(engine) -> None:
    kept, removed = {}, {"Asset Name": "Gone Corp.", "Ticker": "GON"}
    mended = {"Asset Name": "Typo Corp.", "Ticker": "TYP"}
    documents = [
        senate_ptr(1, kept, removed, mended, filed="06/12/2026 @ 1:23 PM"),
        senate_ptr(
            2,
            kept,
            mended | {"Amount": "$15,001 - $50,000"},
            filed="07/12/2026 @ 1:23 PM",
            amendment=1,
        ),
        senate_ptr(3, {"Ticker": "OTH"}, filed="06/20/2026 @ 1:23 PM"),
    ]
    assert_order_does_not_matter(engine, documents)
    assert assets(engine) == ["OTH", "SYN", "TYP"]
    assert scalar(engine, "select amount_min::int from trades where ticker = 'TYP'") == 15001
    amended = "select o.doc_id from filings f join filings o on o.id = f.amends_id"
    assert column(engine, amended) == [senate_id(1)]


def test_amended_report_of_an_unknown_one_is_noted(engine) -> None:
    process(senate_ptr(1, {"Ticker": "OTH"}, filed="06/12/2026 @ 1:23 PM"))
    process(senate_ptr(2, {}, filed="07/12/2026 @ 1:23 PM", amendment=1))
    assert assets(engine) == ["OTH", "SYN"]
    notes = "select notes from trades where ticker = 'SYN'"
    assert scalar(engine, notes) == ["amended_report_unknown"]


def test_newest_version_of_a_document_counts(engine) -> None:
    documents = [
        house_ptr("20999001", ACME, BETA, day=date(2025, 3, 1)),
        house_ptr("20999001", ACME, day=date(2025, 3, 3)),
        house_ptr("20999001", BETA, name="Hon. Another Member", day=date(2025, 3, 2)),
    ]
    assert_order_does_not_matter(engine, documents)
    assert assets(engine) == ["ACME"]
    assert scalar(engine, "select count(*) from filing_documents") == 3


def test_symbol_of_a_name_that_another_filing_states(engine) -> None:
    nameless = PtrLine(asset="Acme Corp. - Common Stock [ST]")
    documents = [
        house_ptr("20999001", nameless, name="Hon. Ann Doe"),
        house_ptr("20999002", ACME, name="Hon. Bob Roe"),
        house_ptr("20999003", BETA, name="Hon. Cy Poe"),
    ]
    assert_order_does_not_matter(engine, documents)
    found = "select ticker || ' ' || ticker_confidence from trades order by 1"
    assert column(engine, found) == ["ACME 0.90", "ACME 1.00", "BETA 1.00"]
    # The name stands for two symbols from now on, and says nothing any more.
    process(house_ptr("20999004", PtrLine(asset="Acme Corp. - Common Stock (ACM) [ST]")))
    assert column(engine, found) == ["ACM 1.00", "ACME 1.00", "BETA 1.00", None]


def test_scan_waits_for_the_index_to_name_its_filer(engine) -> None:
    scan = RawDocument(DocumentKind.HOUSE_PTR, date(2025, 3, 1), scan_pdf(), {"doc-id": "20999001"})
    documents = [
        scan,
        house_index({"20999001": "1/28/2025"}),
        house_index({"20999001": "1/29/2025"}, day=date(2025, 3, 2)),
    ]
    assert process(scan).outcome is DocumentOutcome.PAPER
    assert scalar(engine, "select count(*) from filings") == 0
    assert_order_does_not_matter(engine, documents)
    assert rows(engine, "select paper, filed_date from filings") == [
        {"paper": True, "filed_date": date(2025, 1, 29)}
    ]


def test_index_makes_each_report_a_work_item_once(engine) -> None:
    process(house_ptr("20999003"))
    process(house_index({"20999001": "1/28/2025", "20999003": "1/28/2025"}))
    process(house_index({"20999001": "1/28/2025", "20999002": "2/1/2025"}, day=date(2025, 3, 2)))
    process(senate_index(1, 2))
    process(senate_index(2, 3, kind="paper"))
    requests = rows(engine, "select payload from outbox where topic = 'fetch.requested'")
    assert sorted(request["payload"]["doc_id"] for request in requests) == sorted(
        ["20999001", "20999002", senate_id(1), senate_id(2), senate_id(3)]
    )
    assert scalar(engine, "select count(*) from work_items") == 6
    assert {"source": "house_clerk", "doc_id": "20999002", "year": 2025, "paper": False} in [
        request["payload"] for request in requests
    ]


def test_new_trades_are_announced_while_they_are_news(engine) -> None:
    process(house_ptr("20999001", ACME, signed="01/27/2025", day=date(2025, 2, 1)))
    process(house_ptr("20999002", BETA, signed="01/27/2025", day=date(2026, 2, 1)))
    repeated = house_ptr("20999003", ACME, signed="01/30/2025", day=date(2025, 2, 1))
    process(repeated)
    announced = "select payload->>'ticker' from outbox where topic = 'trade.disclosed'"
    assert column(engine, announced) == ["ACME"]


def test_trade_shows_its_terms_and_what_it_replaced(engine) -> None:
    option = PtrLine(
        asset="Alphabet Inc. (GOOGL) [OP]",
        fields={
            "Filing Status": "New",
            "Description": "Purchased 50 call options with a strike price of $150 and an"
            " expiration date of 1/16/26.",
        },
    )
    process(house_ptr("20999001", option, signed="01/10/2025"))
    for number, amount in ((2, "$15,001 - $50,000"), (3, "$50,001 - $100,000")):
        fields = {**option.fields, "Filing Status": "Amended"}
        line = PtrLine(asset=option.asset, amount=amount, fields=fields)
        process(house_ptr(f"2099900{number}", line, signed=f"0{number}/10/2025"))
    trade_id = scalar(engine, "select id from trades")
    trade = read(lambda connection: get_trade(connection, trade_id))
    assert trade["option"] == {
        "type": "call",
        "strike": Decimal(150),
        "expires": date(2026, 1, 16),
        "contracts": 50,
        "shares": None,
        "exercised": False,
    }
    assert (trade["filing_status"], trade["ticker_confidence"]) == ("amended", Decimal(1))
    replaced = [(line["filing"]["doc_id"], int(line["amount_min"])) for line in trade["replaces"]]
    assert replaced == [("20999002", 15001), ("20999001", 1001)]


def house_row(filing_id: str, **changes):
    return {
        "representative": "Synthetic Member",
        "district": "ZZ01",
        "transaction_date": "01/08/2025",
        "disclosure_date": "01/10/2025",
        "owner": "",
        "ticker": "ACME",
        "asset_description": "Acme Corp",
        "asset_type": "Stock",
        "type": "Purchase",
        "amount": "$1,001 - $15,000",
        "filing_id": filing_id,
        "source_url": house_url(filing_id),
        **changes,
    }


@pytest.mark.parametrize("import_first", [True, False])
def test_official_lines_take_the_place_of_imported_ones(engine, import_first) -> None:
    imported = rows_file(
        [
            house_row("20999001"),
            house_row("20999001", ticker="GONE"),
            house_row("20999002", ticker="KEPT"),
        ]
    )
    document = house_ptr("20999001", ACME)
    if import_first:
        import_house(engine, imported)
        process(document)
    else:
        process(document)
        import_house(engine, imported)
    for _ in range(2):
        assert assets(engine) == ["ACME", "KEPT"]
        report = import_house(engine, imported)
        assert (report.duplicates, report.changed) == (2, False)
    assert scalar(engine, "select line_number from trades where ticker = 'ACME'") == 1


def test_imported_line_that_repeats_an_official_one_is_a_duplicate(engine) -> None:
    senate_row = {
        "transaction_date": "05/06/2026",
        "owner": "Self",
        "ticker": "SYN",
        "asset_description": "Synthetic Corp. Common Stock",
        "asset_type": "Stock",
        "type": "Purchase",
        "amount": "$1,001 - $15,000",
        "comment": "--",
        "senator": "Synthia Member",
        "ptr_link": f"https://efdsearch.senate.gov/search/view/ptr/{senate_id(7)}/",
    }
    imported = rows_file([senate_row])
    import_senate(engine, imported, as_of=date(2026, 12, 31))
    process(senate_ptr(1))
    kept = "select f.doc_id from trades t join filings f on f.id = t.filing_id"
    assert column(engine, kept) == [senate_id(1)]
    assert import_senate(engine, imported, as_of=date(2026, 12, 31)).duplicates == 1
    assert scalar(engine, "select count(*) from trade_duplicates") == 1


def legislators(*members: tuple[str, str, str], kind=DocumentKind.LEGISLATORS, day=1):
    entries = [
        {
            "id": {"bioguide": bioguide},
            "name": {"first": first, "last": last},
            "terms": [
                {
                    "type": "rep",
                    "start": "2019-01-03",
                    "end": "2027-01-03",
                    "state": "ZZ",
                    "district": 1,
                    "party": "Democrat",
                }
            ],
        }
        for bioguide, first, last in members
    ]
    return RawDocument(kind, date(2025, 3, day), yaml.safe_dump(entries).encode())


def test_members_and_committees_in_any_order(engine) -> None:
    member, other = ("M000001", "Synthetic", "Member"), ("O000001", "Olga", "Other")
    committee = [{"thomas_id": "HSZZ", "type": "house", "name": "Committee on Tests"}]
    seats = {"HSZZ": [{"bioguide": "M000001", "rank": 1, "party": "majority"}]}
    documents = [
        legislators(member, other, day=1),
        legislators(member, day=2),
        legislators(other, kind=DocumentKind.LEGISLATORS_HISTORICAL),
        RawDocument(DocumentKind.COMMITTEES, date(2025, 3, 1), yaml.safe_dump(committee).encode()),
        RawDocument(
            DocumentKind.COMMITTEE_MEMBERSHIP, date(2025, 3, 1), yaml.safe_dump(seats).encode()
        ),
        house_ptr("20999001", ACME),
    ]
    assert_order_does_not_matter(engine, documents)
    assert rows(engine, "select bioguide_id, in_office from politicians order by 1") == [
        {"bioguide_id": "M000001", "in_office": True},
        {"bioguide_id": "O000001", "in_office": False},
    ]
    assert scalar(engine, "select count(*) from committee_memberships") == 1
    assert scalar(engine, "select count(*) from rejects") == 0


def prices(close: str, day: int) -> RawDocument:
    content = f"date,ticker,close,adjusted_close,volume\n2025-01-02,ACME,{close},{close},10\n"
    return RawDocument(
        DocumentKind.PRICES, date(2025, 3, day), content.encode(), {"provider": "stooq"}
    )


def test_price_collected_last_counts(engine) -> None:
    documents = [prices("10", 1), prices("12", 3), prices("11", 3), prices("14", 2)]
    assert_order_does_not_matter(engine, documents)
    assert rows(engine, "select close, source, collected_on from prices") == [
        {"close": 12.0, "source": "stooq", "collected_on": date(2025, 3, 3)}
    ]

"""What the collectors fetch, keep and remember."""

from collections import Counter
from dataclasses import replace
from datetime import date, timedelta

import pytest
from collector_support import (
    TODAY,
    YEAR,
    counts,
    house,
    house_request,
    legislators,
    prices,
    senate,
    senate_request,
)
from replica import HouseFiling, SenateFiling
from replica.content import PAPER_ID, PTR_ID
from senate_support import ptr_page

from quant.collectors.fetch import LATER_S, SOON_S, fetch_all
from quant.collectors.house import collect_indexes
from quant.collectors.pacing import Deadline
from quant.collectors.run import Collector, collect
from quant.parsers.house_index import parse_house_index
from quant.parsers.house_ptr import parse_house_ptr
from quant.parsers.senate_index import parse_senate_index
from quant.parsers.senate_ptr import parse_senate_paper, parse_senate_ptr
from quant.pipeline.messages import FetchRequest
from quant.pipeline.raw import DocumentKind
from quant.pipeline.sources import CollectionOutcome
from quant.vocabulary import FilingSource

COMPLETED = CollectionOutcome.COMPLETED


def test_the_house_indexes_of_this_year_and_the_last_are_kept(place, raw, replica):
    assert counts(house(place)) == (COMPLETED, 2, 0)
    for document in raw.documents():
        assert document.kind is DocumentKind.HOUSE_INDEX
        year = int(document.metadata["year"])
        entries = parse_house_index(document.content).entries
        assert [entry.doc_id for entry in entries] == [
            filing.doc_id for filing in replica.content.house[year]
        ]
        assert document.metadata["url"].endswith(f"/public_disc/financial-pdfs/{year}FD.zip")
        assert document.metadata["etag"]


def test_an_unchanged_index_is_answered_with_304(place, replica):
    house(place)
    replica.seen.clear()
    assert counts(house(place)) == (COMPLETED, 0, 2)
    assert [seen.status for seen in replica.seen] == [304, 304]
    assert all("If-Modified-Since" in seen.headers for seen in replica.seen)


def test_a_changed_index_is_kept_besides_the_old_one(place, raw, replica):
    house(place)
    replica.content.house[YEAR].append(HouseFiling("20999999", TODAY))
    assert counts(house(place)) == (COMPLETED, 1, 1)
    assert len(raw.keys()) == 3


def test_the_same_bytes_without_validators_are_not_kept_again(place, raw, replica):
    house(place)
    state = raw.state("house")
    for known in state["indexes"].values():
        known["etag"] = known["last_modified"] = None
    raw.write_state("house", state)
    assert counts(house(place)) == (COMPLETED, 0, 2)


def test_asking_for_years_asks_for_those_only(place, replica):
    house(place, years=(YEAR - 1,))
    assert replica.paths() == [f"/public_disc/financial-pdfs/{YEAR - 1}FD.zip"]


@pytest.mark.parametrize(
    ("today", "outcome"),
    [
        (date(2031, 1, 3), COMPLETED),
        (date(2031, 2, 3), CollectionOutcome.LAYOUT_CHANGED),
    ],
)
def test_a_year_may_lack_its_index_in_january_only(place, replica, today, outcome):
    replica.content.house = {2030: []}

    def work(run):
        run.today = today
        collect_indexes(run)

    report = collect(Collector.HOUSE, place.settings.house_url, work, place)
    assert report.outcome is outcome


def test_requests_name_who_asks_and_use_one_connection(place, replica):
    house(place)
    assert {seen.headers["User-Agent"] for seen in replica.seen} == {
        "QuantAnalyticsPlatform/1.0 (collects public STOCK Act disclosures; operator@quant.example)"
    }
    assert len({seen.connection for seen in replica.seen}) == 1


def test_the_senate_search_is_read_after_agreeing_to_the_terms(place, raw, replica):
    assert counts(senate(place)) == (COMPLETED, 1, 0)
    assert replica.paths() == [
        "/search/home/",
        "/search/home/",
        "/search/",
        "/search/report/data/",
    ]
    [document] = raw.documents()
    entries = parse_senate_index(document.content)
    assert [entry.doc_id.lower() for entry in entries] == [PTR_ID, PAPER_ID.lower()]
    assert raw.state("senate")["through"] == TODAY.isoformat()


def test_the_next_search_begins_shortly_before_the_last_one_ended(place, raw, replica):
    senate(place)
    report = senate(place)
    # Of the two filings only one is recent, so it is another page.
    assert counts(report) == (COMPLETED, 1, 0)
    assert counts(senate(place)) == (COMPLETED, 0, 1)
    starts = sorted(document.metadata["since"] for document in raw.documents())
    assert starts == ["2012-01-01", (TODAY - timedelta(days=30)).isoformat()]


def many_filings(number):
    return [
        SenateFiling(f"00000000-0000-4000-8000-{index:012d}", date(2020, 1, 1) + timedelta(index))
        for index in range(number)
    ]


def test_a_long_search_is_read_page_by_page(place, raw, replica):
    replica.content.senate = many_filings(230)
    assert counts(senate(place)) == (COMPLETED, 3, 0)
    found = Counter(
        entry.doc_id
        for document in raw.documents()
        for entry in parse_senate_index(document.content)
    )
    assert found == Counter(filing.doc_id for filing in replica.content.senate)


def test_a_search_goes_on_where_its_deadline_stopped_it(place, raw, replica):
    replica.content.senate = many_filings(230)
    clock = iter([True, True, True, True, True, False])

    class Hurried(Deadline):
        def require(self, seconds=0.0):
            super().require(seconds if next(clock, True) else self.remaining_s)

    report = senate(replace(place, deadline=Hurried(60)))
    assert (report.outcome, report.stored) == (COMPLETED, 2)
    assert "deadline" in report.detail
    assert raw.state("senate")["start"] == 200
    assert counts(senate(place)) == (COMPLETED, 1, 0)
    rows = [len(parse_senate_index(document.content)) for document in raw.documents()]
    assert sorted(rows) == [30, 100, 100]


def test_an_operator_may_search_anew_from_a_day(place, raw):
    senate(place)
    since = TODAY - timedelta(days=100)
    assert counts(senate(place, since=since)) == (COMPLETED, 1, 0)
    assert since.isoformat() in {document.metadata["since"] for document in raw.documents()}


def test_filings_are_fetched_from_both_chambers(place, raw, replica):
    electronic, scan, _ = replica.content.house[YEAR]
    fetched = fetch_all(
        {
            "a": house_request(electronic.doc_id),
            "b": house_request(scan.doc_id),
            "c": senate_request(PTR_ID),
            "d": senate_request(PAPER_ID, paper=True),
        },
        place,
    )
    assert fetched.failed == {}
    assert [counts(report) for report in fetched.reports] == [(COMPLETED, 2, 0)] * 2
    assert [report.collector for report in fetched.reports] == ["house-filings", "senate-filings"]
    parsed = {}
    for document in raw.documents():
        doc_id = document.metadata["doc-id"]
        parser = {
            DocumentKind.HOUSE_PTR: parse_house_ptr,
            DocumentKind.SENATE_PTR: parse_senate_ptr,
            DocumentKind.SENATE_PAPER: parse_senate_paper,
        }[document.kind]
        parsed[doc_id] = parser(document.content, doc_id=doc_id)
    assert {doc_id: filing.paper for doc_id, filing in parsed.items()} == {
        electronic.doc_id: False,
        scan.doc_id: True,
        PTR_ID: False,
        PAPER_ID: True,
    }


def test_one_session_serves_a_batch(place, replica):
    fetch_all({"a": senate_request(PTR_ID), "b": senate_request(PAPER_ID, paper=True)}, place)
    assert replica.paths().count("/search/home/") == 2


def test_an_expired_session_is_opened_again(place, raw, replica):
    class Forgetful(set):
        """Sessions of a site that forgets each when it is first used for a filing."""

        uses = 0

        def __contains__(self, session):
            self.uses += session is not None
            return super().__contains__(session) and self.uses != 2

    replica.senate.sessions = Forgetful()
    fetched = fetch_all({"a": senate_request(PTR_ID)}, place)
    assert fetched.failed == {}
    assert replica.paths().count("/search/home/") == 5
    assert len(raw.keys()) == 1


def test_a_filing_that_is_not_there_yet_is_tried_later(place, raw, replica):
    electronic, *_ = replica.content.house[YEAR]
    fetched = fetch_all(
        {"a": house_request("20999999"), "b": house_request(electronic.doc_id)}, place
    )
    assert fetched.failed == {"a": LATER_S}
    assert counts(fetched.reports[0]) == (COMPLETED, 1, 0)


def test_what_the_deadline_leaves_is_tried_soon(place, raw, replica):
    electronic, *_ = replica.content.house[YEAR]
    request = house_request(electronic.doc_id)
    fetched = fetch_all({"a": request}, replace(place, deadline=Deadline(0)))
    assert fetched.failed == {"a": SOON_S}
    assert replica.paths() == []


def test_a_request_of_another_system_or_without_its_year_fails(place, replica):
    fetched = fetch_all(
        {
            "a": house_request("20000001", year=None),
            "b": FetchRequest(source=FilingSource.SYNTHETIC, doc_id="1"),
        },
        place,
    )
    assert fetched.failed == {"a": LATER_S, "b": LATER_S}
    assert replica.paths() == []


def test_the_four_legislator_files_are_kept_once(place, raw, replica):
    assert counts(legislators(place)) == (COMPLETED, 4, 0)
    assert counts(legislators(place)) == (COMPLETED, 0, 4)
    assert {document.kind for document in raw.documents()} == {
        DocumentKind.LEGISLATORS,
        DocumentKind.LEGISLATORS_HISTORICAL,
        DocumentKind.COMMITTEES,
        DocumentKind.COMMITTEE_MEMBERSHIP,
    }


TIINGO_CSV = "date,ticker,close,adjusted_close,volume\n" + "".join(
    f"{TODAY - timedelta(days=back)},SYN01,{100 + back}.50,{99 + back}.25,{1000 + back}\n"
    for back in range(5, 0, -1)
)


def test_tiingo_prices_become_our_columns(place, raw):
    raw.write_state("symbols", {"symbols": ["SYN01", "GONE", "^SPX"]})
    assert counts(prices(place)) == (COMPLETED, 1, 0)
    [document] = raw.documents()
    assert document.kind is DocumentKind.PRICES
    assert document.content.decode() == TIINGO_CSV
    assert document.metadata == {"provider": "tiingo"}


def test_stooq_has_one_close_for_both(place, raw):
    raw.write_state("symbols", {"symbols": ["SYN01"]})
    assert counts(prices(place, "stooq")) == (COMPLETED, 1, 0)
    [document] = raw.documents()
    day = TODAY - timedelta(days=1)
    assert f"{day},SYN01,100.25,100.25,1001\n" in document.content.decode()


def test_each_symbol_is_asked_for_once_a_day_and_an_unknown_one_once_a_week(place, raw, replica):
    raw.write_state("symbols", {"symbols": ["SYN01", "GONE"]})
    prices(place)
    replica.seen.clear()
    prices(place)
    assert replica.paths() == []
    state = raw.state("prices")
    for symbol in state["symbols"].values():
        symbol["asked_on"] = (TODAY - timedelta(days=1)).isoformat()
    raw.write_state("prices", state)
    prices(place)
    assert replica.paths() == ["/tiingo/daily/SYN01/prices"]


def one_day_later(raw, replica):
    """Yesterday's price was not there when the prices were last asked for."""
    state = raw.state("prices")
    known = state["symbols"]["SYN01"]
    day, _, adjusted, _ = replica.content.prices["SYN01"][-2]
    known |= {
        "asked_on": (TODAY - timedelta(days=1)).isoformat(),
        "through": day.isoformat(),
        "adjusted_close": adjusted,
    }
    raw.write_state("prices", state)
    replica.seen.clear()


def test_only_new_prices_are_asked_for(place, raw, replica):
    raw.write_state("symbols", {"symbols": ["SYN01"]})
    prices(place)
    one_day_later(raw, replica)
    assert counts(prices(place)) == (COMPLETED, 1, 0)
    assert len(replica.paths()) == 1
    assert min(document.content.count(b"\n") for document in raw.documents()) == 3


def test_a_split_fetches_the_whole_history_again(place, raw, replica):
    raw.write_state("symbols", {"symbols": ["SYN01"]})
    prices(place)
    one_day_later(raw, replica)
    replica.content.prices["SYN01"] = [
        (day, close, str(float(adjusted) / 2), volume)
        for day, close, adjusted, volume in replica.content.prices["SYN01"]
    ]
    assert counts(prices(place)) == (COMPLETED, 1, 0)
    assert len(replica.paths()) == 2
    assert [document.content.count(b"\n") for document in raw.documents()] == [6, 6]


def test_another_provider_begins_anew(place, raw, replica):
    raw.write_state("symbols", {"symbols": ["SYN01"]})
    prices(place, "tiingo")
    assert counts(prices(place, "stooq")) == (COMPLETED, 1, 0)


def test_a_house_filing_that_was_amended_in_place_is_kept_again(place, raw, replica):
    electronic, scan, _ = replica.content.house[YEAR]
    fetch_all({"a": house_request(electronic.doc_id)}, place)
    electronic.pdf = scan.pdf
    fetch_all({"a": house_request(electronic.doc_id)}, place)
    assert [document.metadata["doc-id"] for document in raw.documents()] == [electronic.doc_id] * 2


def test_a_senate_filing_is_the_page_the_site_sent(place, raw, replica):
    page = ptr_page([{"Ticker": "SYN"}], amendment=1)
    replica.content.senate[0].page = page
    fetch_all({"a": senate_request(PTR_ID)}, place)
    [document] = raw.documents()
    assert document.content == page
    assert document.metadata["doc-id"] == PTR_ID

"""Sites that refuse, break, change or lie: the report says so, and nothing reaches the bucket."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from collector_support import (
    YEAR,
    house,
    house_request,
    legislators,
    prices,
    senate,
    senate_request,
)
from replica import Fault, faults
from replica.content import PAPER_ID, PTR_ID, house_index
from replica.sites import AGREEMENT
from senate_support import paper_page, ptr_page

from quant.collectors.fetch import LATER_S, SOON_S, fetch_all
from quant.collectors.http import PoliteClient
from quant.collectors.pacing import Backoff, Deadline
from quant.pipeline.sources import CollectionOutcome

COMPLETED, REFUSED, THROTTLED, LAYOUT_CHANGED, UNREACHABLE = (
    CollectionOutcome.COMPLETED,
    CollectionOutcome.REFUSED,
    CollectionOutcome.THROTTLED,
    CollectionOutcome.LAYOUT_CHANGED,
    CollectionOutcome.UNREACHABLE,
)


def house_filing(place):
    return fetch_all({"a": house_request(f"20{YEAR % 100}9001")}, place).reports[0]


def senate_filing(place):
    return fetch_all({"a": senate_request(PTR_ID)}, place).reports[0]


def stooq(place):
    return prices(place, "stooq")


EVERY_RUN = (house, house_filing, senate, senate_filing, legislators, prices, stooq)

EVERY_FAULT = {
    "403": (faults.refused(), REFUSED),
    "429": (faults.throttled(), THROTTLED),
    "429 for an hour": (faults.throttled(retry_after="3600"), THROTTLED),
    "503": (faults.broken(status=503), THROTTLED),
    "500": (faults.broken(), UNREACHABLE),
    "410": (faults.broken(status=410), LAYOUT_CHANGED),
    "error page with status 200": (faults.page(), LAYOUT_CHANGED),
    "nothing with status 200": (faults.page(body=""), LAYOUT_CHANGED),
    "truncated": (Fault(body="%PDF-1.7", truncated=True), UNREACHABLE),
    "slow": (Fault(body="%PDF-1.7", drip_s=5), UNREACHABLE),
    "dripping": (Fault(body="x" * 1000, drip_s=0.05), UNREACHABLE),
    "endless": (Fault(endless=True), LAYOUT_CHANGED),
    "redirect to another host": (faults.elsewhere(), LAYOUT_CHANGED),
    "redirect in circles": (Fault(status=302, headers={"Location": "/"}), LAYOUT_CHANGED),
    "304 to anything": (Fault(status=304), LAYOUT_CHANGED),
}


@pytest.fixture
def place(place, raw):
    raw.write_state("symbols", {"symbols": ["SYN01"]})
    return replace(place, backoff=Backoff(attempts=2, base_s=0.001))


@pytest.mark.parametrize("name", EVERY_FAULT)
@pytest.mark.parametrize("run", EVERY_RUN, ids=lambda run: run.__name__)
def test_a_failing_site_is_reported_and_nothing_is_kept(place, raw, replica, run, name):
    fault, outcome = EVERY_FAULT[name]
    if run is stooq and name == "nothing with status 200":
        fault = faults.page(body="\n")
    if run is prices and name == "nothing with status 200":
        outcome = COMPLETED  # Tiingo's answer where there are no prices
    if fault.drip_s:
        place = replace(place, settings=place.settings.replace(timeout_s=0.2))
    replica.faults.append(replace(fault))
    report = run(place)
    assert (report.outcome, report.stored) == (outcome, 0)
    assert raw.keys() == []
    assert report.detail or outcome is COMPLETED


@pytest.mark.parametrize("run", EVERY_RUN, ids=lambda run: run.__name__)
def test_an_unreachable_site_is_reported(place, raw, replica, run):
    gone = "http://127.0.0.1:9"  # the discard port, where nobody listens
    urls = ("house_url", "senate_url", "legislators_url", "prices_url")
    settings = place.settings.replace(**dict.fromkeys(urls, gone))
    assert run(replace(place, settings=settings)).outcome is UNREACHABLE


@pytest.mark.parametrize(
    "fault",
    [
        faults.throttled(times=1),
        faults.throttled(retry_after="0", times=1),
        faults.broken(times=1),
        faults.broken(status=503, times=1),
        Fault(truncated=True, times=1),
    ],
    ids=["429", "429 with Retry-After", "500", "503", "truncated"],
)
@pytest.mark.parametrize("run", EVERY_RUN, ids=lambda run: run.__name__)
def test_what_fails_once_is_tried_again(place, replica, run, fault):
    replica.faults.append(replace(fault))
    assert run(place).outcome is COMPLETED


def test_retry_after_is_waited_for(place, replica):
    waits = []
    replica.faults.append(faults.throttled(retry_after="7", times=1))
    with PoliteClient(replica.url, place.settings, place.deadline, sleep=waits.append) as client:
        client.get("/legislators-current.yaml", max_bytes=10_000)
    assert max(waits) == 7


def test_a_refused_site_is_left_alone_for_a_while(place, raw, replica):
    replica.faults.append(faults.refused(times=1))
    assert house(place).outcome is REFUSED
    replica.paths()
    report = house_filing(place)
    assert (report.outcome, report.requests) == (REFUSED, 0)
    assert "paused" in report.detail
    assert replica.paths() == []
    assert legislators(place).outcome is COMPLETED
    raw.write_state("pause-house", {"until": (datetime.now(UTC) - timedelta(1)).isoformat()})
    assert house(place).outcome is COMPLETED


def test_a_long_retry_after_is_kept_to_over_runs(place, raw, replica):
    replica.faults.append(faults.throttled(retry_after="7200", times=1))
    assert senate(place).outcome is THROTTLED
    assert len(replica.paths()) == 1
    until = datetime.fromisoformat(raw.state("pause-senate")["until"])
    assert timedelta(minutes=119) < until - datetime.now(UTC) <= timedelta(hours=2)
    assert senate(place).requests == 0


def test_back_off_that_would_pass_the_deadline_is_not_begun(place, replica):
    replica.faults.append(faults.broken(status=503))
    backoff = Backoff(attempts=5, base_s=1000, cap_s=1000)
    report = house(replace(place, backoff=backoff, deadline=Deadline(1)))
    assert (report.outcome, report.requests) == (THROTTLED, 1)


def test_a_refusal_ends_a_batch(place, replica):
    replica.faults.append(faults.refused())
    wanted = {str(number): house_request(f"2000000{number}") for number in range(9)}
    fetched = fetch_all(wanted, place)
    assert len(replica.paths()) == 1
    assert fetched.failed.keys() == wanted.keys()
    assert min(fetched.failed.values()) > LATER_S - SOON_S


def test_one_strange_document_does_not_keep_the_others_back(place, raw, replica):
    electronic, scan, _ = replica.content.house[YEAR]
    replica.faults.append(faults.page(f"/public_disc/ptr-pdfs/{YEAR}/{electronic.doc_id}.pdf"))
    fetched = fetch_all(
        {"a": house_request(electronic.doc_id), "b": house_request(scan.doc_id)}, place
    )
    assert fetched.failed == {"a": LATER_S}
    [report] = fetched.reports
    assert (report.outcome, report.stored) == (LAYOUT_CHANGED, 1)
    assert [document.metadata["doc-id"] for document in raw.documents()] == [scan.doc_id]


def test_what_was_kept_before_a_failure_stays_and_is_not_asked_for_again(place, raw, replica):
    replica.faults.append(faults.refused("/committees-current.yaml", times=1))
    report = legislators(place)
    assert (report.outcome, report.stored) == (REFUSED, 2)
    raw.forget("pause-legislators")
    report = legislators(place)
    assert (report.outcome, report.stored, report.unchanged) == (COMPLETED, 2, 2)


HOME = "/search/home/"
DATA = "/search/report/data/"
VIEW = "/search/view/"
HEADERS = {"Content-Type": "text/html"}
AGREE = AGREEMENT.format(terms="", token="0")


@pytest.mark.parametrize(
    ("run", "path", "body"),
    [
        (senate, HOME, AGREE.replace("csrfmiddlewaretoken", "token")),
        (senate, HOME, AGREE.replace("prohibition_agreement", "agreed")),
        (senate, DATA, AGREE),
        (senate, DATA, '{"rows": []}'),
        (senate, DATA, '{"data": [], "recordsFiltered": 3}'),
        (senate, DATA, '{"data": [], "recordsFiltered": 0}'),
        (senate, DATA, '{"data": [["a", "b", "c"]], "recordsFiltered": 1}'),
        (senate, DATA, '{"data": [["a", "b", "c", "d", "e"]], "recordsFiltered": 1}'),
        (senate, DATA, '{"data": [], "recordsFiltered": 0, "result": "error"}'),
        (senate_filing, VIEW, AGREE),
        (senate_filing, VIEW, "<h1>Annual Report for Calendar 2024</h1>"),
        (senate_filing, VIEW, paper_page().decode()),
        (senate_filing, VIEW, "<h1>Periodic Transaction Report</h1> was removed"),
        (house, "/", "PK\x03\x04"),
        (house_filing, "/", "%PDF-1.7 and no end"),
        (house_filing, "/", ptr_page([{}]).decode()),
        (legislators, "/", "- id:\n    other: Z900001\n"),
        (prices, "/", "Day,Price\n2025-01-02,1\n"),
        (prices, "/", "date,close,adjClose\n2025-01-02,1,0\n"),
        (prices, "/", "date,close,adjClose\n2025-01-02,1,nan\n"),
        (prices, "/", "date,close,adjClose\nyesterday,1,1\n"),
        (stooq, "/", "<html>Verifying your browser</html>"),
    ],
)
def test_a_changed_layout_is_reported_and_not_kept(place, raw, replica, run, path, body):
    replica.faults.append(Fault(path, 200, HEADERS, body))
    report = run(place)
    assert (report.outcome, report.stored) == (LAYOUT_CHANGED, 0)
    assert raw.keys() == []


def test_an_agreement_that_is_not_taken_is_reported(place, raw, replica):
    class NeverOpen(set):
        def add(self, session):
            """Take no agreement."""

    replica.senate.sessions = NeverOpen()
    assert senate(place).outcome is LAYOUT_CHANGED
    assert raw.keys() == []


def test_an_index_of_another_year_is_not_kept(place, raw, replica):
    body = house_index(2001, []).decode("latin-1")
    replica.faults.append(Fault(body=body, encoding="latin-1"))
    report = house(place)
    assert (report.outcome, report.stored) == (LAYOUT_CHANGED, 0)
    assert f"{YEAR}FD.xml" in report.detail


def test_changed_terms_are_not_agreed_to(place, raw, replica):
    assert senate(place).outcome is COMPLETED
    replica.senate.terms = "By going on you waive everything."
    replica.paths()
    report = senate(place)
    assert report.outcome is REFUSED
    assert "terms" in report.detail
    assert replica.paths() == [HOME]
    # The operator who accepts them removes both memories.
    raw.forget("senate-terms")
    raw.forget("pause-senate")
    assert senate(place).outcome is COMPLETED


def test_a_scan_is_not_taken_for_an_electronic_filing(place, raw, replica):
    replica.content.senate[1].page = ptr_page([{}])
    fetched = fetch_all({"a": senate_request(PAPER_ID, paper=True)}, place)
    assert fetched.reports[0].outcome is LAYOUT_CHANGED
    assert raw.keys() == []


@pytest.mark.parametrize(
    ("provider", "body", "outcome"),
    [
        ("stooq", "Exceeded the daily hits limit", THROTTLED),
        ("stooq", "Get your apikey: ...", REFUSED),
        ("tiingo", "Error: You have run over your hourly request allocation.", THROTTLED),
    ],
)
def test_a_provider_that_says_no_in_words_is_left_alone(
    place, raw, replica, provider, body, outcome
):
    replica.faults.append(Fault(body=body))
    assert prices(place, provider).outcome is outcome
    assert prices(place, provider).requests == 0
    assert raw.keys() == []


def test_prices_fetched_before_a_failure_are_kept(place, raw, replica):
    raw.write_state("symbols", {"symbols": ["SYN01", "SYN02"]})
    replica.faults.append(faults.refused("/tiingo/daily/SYN02"))
    report = prices(place)
    assert (report.outcome, report.stored) == (REFUSED, 1)
    assert raw.state("prices")["symbols"].keys() == {"SYN01"}


def test_the_keys_of_providers_are_in_no_log_and_no_report(place, replica, caplog):
    caplog.set_level("DEBUG")
    key = "a-very-secret-key"
    replica.faults.append(faults.broken())
    for provider in ("stooq", "tiingo"):
        assert key not in prices(place, provider, key).model_dump_json()
    records = [record for record in caplog.records if record.name.startswith(("httpx", "quant"))]
    assert key not in "".join(record.getMessage() for record in records)

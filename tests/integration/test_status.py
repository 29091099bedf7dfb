import uuid
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool
from tests.integration.conftest import SENATOR, make_trade

from quant.collectors.run import Collector
from quant.db.models import Filing
from quant.db.pipeline_models import Collection, OutboxMessage, RawDocumentRecord, WorkItem
from quant.identity import filing_id
from quant.paging import encode_cursor, query_digest
from quant.pipeline.freshness import SOURCES, read_freshness
from quant.pipeline.quality_filters import QualityFilters

STATUS = "/api/v1/status"
QUALITY = "/api/v1/quality"
NOW = datetime.now(UTC).replace(microsecond=0)


def collection(collector, age, outcome="completed"):
    return Collection(
        run_id=uuid.uuid4(),
        collector=collector,
        started_at=NOW - age,
        finished_at=NOW - age,
        outcome=outcome,
        requests=1,
        stored=1,
        unchanged=0,
        detail="",
    )


def document(number, kind="house-ptr", outcome="loaded", **values):
    day = date(2026, 11, 1) + timedelta(days=number % 10)
    sha256 = f"{number:064x}"
    return RawDocumentRecord(
        key=f"raw/{kind}/{day}/{sha256}",
        kind=kind,
        sha256=sha256,
        collected_on=day,
        outcome=outcome,
        # Some at the same instant: the key has to break ties.
        processed_at=NOW - timedelta(minutes=number // 3),
        **{"source": "house_clerk", "doc_id": str(number), "rows": 2, "accepted": 2, **values},
    )


@pytest.fixture(scope="module")
def pipeline(disclosures):
    """Runs of three collectors, listed filings and processed documents."""
    disclosures.add_all(
        [
            collection("house", timedelta(hours=1)),
            collection("house", timedelta(hours=30)),
            collection("senate", timedelta(minutes=5), "layout_changed"),
            collection("senate", timedelta(hours=7)),
            collection("prices", timedelta(hours=2), "refused"),
        ]
    )
    disclosures.add_all(
        WorkItem(
            source="house_clerk",
            doc_id=str(number),
            chamber="house",
            index_collected_on=NOW.date(),
            index_sha256="0" * 64,
            created_at=NOW - timedelta(hours=number),
        )
        for number in (1, 2, 901, 902)
    )
    disclosures.add_all(
        OutboxMessage(topic="trade.disclosed", key=str(number), payload={}, sent_at=sent)
        for number, sent in enumerate((None, None, NOW))
    )
    disclosures.add_all([document(number) for number in range(40)])
    disclosures.add(
        document(
            40,
            "senate-ptr",
            "rejected",
            source="senate_efd",
            reason="layout_unknown",
            rows=0,
            accepted=0,
        )
    )
    # The same scan, collected twice.
    disclosures.add_all(document(n, "senate-paper", "paper", doc_id="scan") for n in (41, 42))
    disclosures.add(
        document(
            43,
            rows=3,
            rejected=1,
            reject_reasons={"amount_unreadable": 1},
            unmatched_names={"Una Nobody": 2},
            counts={"P": 3},
        )
    )
    for number, source, filed in (
        (90, "senate_efd", 10),
        (91, "senate_efd", 1),
        (92, "synthetic", 0),
    ):
        filing = Filing(
            id=filing_id(source, f"late-{number}"),
            source=source,
            doc_id=f"late-{number}",
            politician_id=SENATOR,
            filed_date=NOW.date() - timedelta(days=filed),
        )
        disclosures.add(filing)
        disclosures.flush()
        # Of filing 91 no trade has been read.
        if number != 91:
            disclosures.add(make_trade(number, SENATOR, filing.id))
    disclosures.commit()


@pytest.fixture
def answer(api, pipeline):
    answer = api.get(STATUS, authorizer={})
    assert answer.status == 200, answer.body
    return answer


def sources(answer):
    return {source["name"]: source for source in answer.json["sources"]}


def test_sources_are_named_after_their_collectors():
    assert {name.value for name in SOURCES} <= {collector.value for collector in Collector}


def test_anybody_may_ask_for_the_status(answer):
    assert answer.headers["cache-control"] == "public, max-age=30"
    assert set(sources(answer)) == {"house", "senate", "legislators", "prices"}


def test_each_source_has_its_last_run_and_its_last_success(answer):
    found = sources(answer)
    assert (found["house"]["state"], found["house"]["last_outcome"]) == ("current", "completed")
    since = (datetime.now(UTC) - NOW).total_seconds()
    assert 3600 <= found["house"]["success_age_s"] <= 3600 + since
    assert (found["senate"]["state"], found["senate"]["last_outcome"]) == (
        "stale",
        "layout_changed",
    )
    assert found["senate"]["last_run_at"] > found["senate"]["last_success_at"]
    assert (found["prices"]["state"], found["prices"]["last_success_at"]) == (
        "never_collected",
        None,
    )
    assert (found["legislators"]["state"], found["legislators"]["last_run_at"]) == (
        "never_collected",
        None,
    )
    assert answer.json["current"] is False


def test_the_latest_disclosure_is_that_of_official_filings_with_trades(answer):
    assert sources(answer)["senate"]["disclosure_age_days"] in (10, 11)  # midnight may pass
    assert sources(answer)["house"]["latest_disclosure"] is None
    assert answer.json["latest_disclosure"] == sources(answer)["senate"]["latest_disclosure"]
    assert answer.json["disclosure_age_days"] in (10, 11)


def test_the_backlog_counts_what_is_left(answer):
    backlog = answer.json["backlog"]
    assert backlog["filings_to_fetch"] == 2
    assert datetime.fromisoformat(backlog["oldest_listed_at"]) == NOW - timedelta(hours=902)
    assert backlog["messages_to_send"] == 2
    assert backlog["oldest_message_at"] is not None
    assert (backlog["documents_rejected"], backlog["scans"]) == (1, 1)


def test_all_sources_asked_lately_make_the_data_current(database, pipeline):
    engine = create_engine(database.owner_url, poolclass=NullPool)
    with engine.connect() as connection:
        for name in SOURCES:
            connection.execute(
                text(
                    "insert into collections select gen_random_uuid(), :name, now(), now(),"
                    " 'completed', 1, 0, 1, ''"
                ),
                {"name": name},
            )
        assert read_freshness(connection).current
        late = read_freshness(connection, datetime.now(UTC) + timedelta(days=4))
        assert not late.current
        states = {source.name: source.state for source in late.sources}
        assert (states["prices"], states["legislators"]) == ("current", "stale")
        connection.rollback()


def test_an_empty_database_has_a_status(migrated_template, postgres):
    engine = create_engine(postgres.url(migrated_template), poolclass=NullPool)
    with engine.connect() as connection:
        found = read_freshness(connection)
    assert not found.current
    assert (found.latest_disclosure, found.disclosure_age_days) == (None, None)
    assert (found.backlog.filings_to_fetch, found.backlog.oldest_listed_at) == (0, None)


def test_parameters_are_refused(api, pipeline):
    assert api.get(STATUS, {"verbose": "1"}).status == 422


def test_reports_say_what_became_of_each_row(api, pipeline):
    (report,) = [
        report
        for report in api.get(QUALITY, {"limit": 100}).json["data"]
        if report["doc_id"] == "43"
    ]
    assert (report["rows"], report["accepted"], report["rejected"]) == (3, 2, 1)
    assert report["reject_reasons"] == {"amount_unreadable": 1}
    assert report["unmatched_names"] == {"Una Nobody": 2}
    assert report["counts"] == {"P": 3}
    assert report["key"].startswith("raw/house-ptr/2026-11-04/")


def test_pages_cover_all_reports_newest_first(api, pipeline):
    pages = list(api.pages(QUALITY, {"limit": 7}))
    keys = [report["key"] for page in pages for report in page.json["data"]]
    assert len(keys) == len(set(keys)) == 44
    times = [report["processed_at"] for page in pages for report in page.json["data"]]
    assert times == sorted(times, reverse=True)


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({"kind": "senate-ptr"}, 1),
        ({"kind": "house-index"}, 0),
        ({"outcome": "paper"}, 2),
        ({"outcome": "rejected", "kind": "senate-ptr"}, 1),
        ({"collected_from": "2026-11-02", "collected_to": "2026-11-02"}, 5),
        ({"collected_from": "2026-12-01"}, 0),
    ],
)
def test_filters_narrow_the_reports(api, pipeline, query, count):
    assert api.get(QUALITY, {**query, "limit": 100}).json["page"]["count"] == count


@pytest.mark.parametrize(
    "query",
    [
        {"kind": "pdf"},
        {"outcome": "lost"},
        {"collected_from": "yesterday"},
        {"limit": 0},
        {"cursor": "x"},
        {"day": "2026-11-02"},
    ],
)
def test_a_wrong_parameter_is_named(api, pipeline, query):
    answer = api.get(QUALITY, query)
    assert answer.status == 422
    assert answer.json["errors"][0]["location"].startswith(f"query.{next(iter(query))}")


@pytest.mark.parametrize(
    ("time", "key"),
    [
        ("2026-11-01 00:00:00", f"raw/prices/2026-11-01/{'0' * 64}"),
        ("2026-11-01 00:00:00+00:00", "x\x00"),
        ("x", f"raw/prices/2026-11-01/{'0' * 64}"),
    ],
)
def test_forged_cursors_are_refused(api, pipeline, time, key):
    cursor = encode_cursor(query_digest(asdict(QualityFilters())), time, key)
    assert api.get(QUALITY, {"cursor": cursor}).status == 422


def test_unchanged_reports_are_not_sent_again(api, pipeline):
    tag = api.get(QUALITY).headers["etag"]
    assert api.get(QUALITY, headers={"If-None-Match": tag}).status == 304


def test_without_postgres_both_say_so(api, pipeline, postgres):
    postgres.kill()
    try:
        assert api.get(STATUS).status == 503
        assert api.get(QUALITY).status == 503
    finally:
        postgres.start()
        postgres.wait_ready()

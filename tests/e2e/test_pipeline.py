"""The pipeline in the local cloud: from a source's answer to the API, and what an operator does.

The filings are synthetic, and say so; the sources are the replica.
"""

import secrets
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest
from alert_support import Subscriber
from deployed_support import PREFIX, Deployed
from e2e_support import TIMEOUT_S, Platform, eventually
from replica.content import Content, HouseFiling
from replica.server import Replica
from senate_support import ptr_page
from synthetic_ptr import PtrLine, ptr_pdf

from quant.pipeline.raw import DocumentKind, RawDocument

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

# A function may have to start, and a queue's poller wait for it.
SOON_S = 180


@dataclass
class Pipeline(Deployed):
    """The deployed pipeline as its operator sees it."""

    bucket: str
    today: date = field(default_factory=lambda: datetime.now(UTC).date())

    def put(self, document: RawDocument) -> str:
        """Store a raw document as a collector does; return its key."""
        self.platform.aws("s3").put_object(
            Bucket=self.bucket,
            Key=document.key,
            Body=document.content,
            Metadata=dict(document.metadata),
        )
        return document.key

    def put_ptr(self, ticker: str, *, day: date | None = None) -> tuple[str, str]:
        """Store a House PTR with one purchase; return its document id and key."""
        day = day or self.today
        doc_id = f"2{secrets.randbelow(10**7):07}"
        key = self.put(
            RawDocument(DocumentKind.HOUSE_PTR, day, purchase(ticker, doc_id), {"doc-id": doc_id})
        )
        return doc_id, key

    def trades(self, ticker: str) -> list[dict[str, Any]]:
        """Return the trades that the API has of a ticker."""
        token = self.platform.cloud.token("premium")
        answer = self.platform.get("/api/v1/trades", token, ticker=ticker)
        assert answer.status_code == 200, answer.text
        data: list[dict[str, Any]] = answer.json()["data"]
        return data

    def loaded(self, doc_id: str) -> int:
        """Return how many trades were made of a filing."""
        [[count]] = self.platform.sql(
            "select count(*) from trades t join filings f on f.id = t.filing_id"
            " where f.doc_id = :doc_id",
            doc_id=doc_id,
        )
        return int(count)


@pytest.fixture(scope="module")
def pipeline(local_cloud) -> Iterator[Pipeline]:
    if not local_cloud.name:
        pytest.skip("--base-url is given: buckets and queues there are not ours")
    with httpx.Client(base_url=local_cloud.url, timeout=TIMEOUT_S) as client:
        bucket = local_cloud.run["environment"]["QUANT_RAW_BUCKET"]
        yield Pipeline(Platform(local_cloud, client), bucket)


@pytest.fixture(autouse=True)
def fresh_limits(pipeline):
    pipeline.platform.forget_attempts()


@pytest.fixture
def ticker() -> str:
    """A symbol that no other test has."""
    return "ZZ" + "".join(secrets.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ") for _ in range(3))


def purchase(ticker: str, doc_id: str) -> bytes:
    """A PTR of a purchase last week, signed today."""
    today = datetime.now(UTC).date()
    bought = f"{today - timedelta(days=7):%m/%d/%Y}"
    line = PtrLine(
        asset=f"Synthetic {ticker} Inc. - Common Stock ({ticker}) [ST]",
        day=bought,
        notification=bought,
    )
    return ptr_pdf([line], doc_id=doc_id, signed=f"{today:%m/%d/%Y}")


def soon(condition: Callable[[], Any]) -> Any:
    return eventually(condition, within_s=SOON_S)


def test_a_house_report_in_the_bucket_is_served(pipeline, ticker):
    doc_id, _ = pipeline.put_ptr(ticker)
    [trade] = soon(lambda: pipeline.trades(ticker))
    assert trade["operation"] == "purchase"
    assert (trade["amount_min"], trade["amount_max"]) == (1001, 15000)
    assert pipeline.loaded(doc_id) == 1


def test_a_senate_report_in_the_bucket_is_served(pipeline, ticker):
    doc_id = str(uuid.uuid4())
    page = ptr_page([{"Ticker": ticker, "Asset Name": f"Synthetic {ticker} Inc."}])
    pipeline.put(RawDocument(DocumentKind.SENATE_PTR, pipeline.today, page, {"doc-id": doc_id}))
    [trade] = soon(lambda: pipeline.trades(ticker))
    assert trade["politician"]["chamber"] == "senate"
    assert pipeline.loaded(doc_id) == 1


def test_a_dropped_price_file_is_copied_and_loaded(pipeline, ticker):
    rows = f"date,ticker,close,adjusted_close,volume\n2026-01-05,{ticker},10.50,10.25,1000\n"
    pipeline.platform.aws("s3").put_object(
        Bucket=pipeline.bucket, Key=f"drop/prices/my prices+{ticker}.csv", Body=rows.encode()
    )
    query = "select adjusted_close::text from prices where ticker = :ticker"
    [[adjusted]] = soon(lambda: pipeline.platform.sql(query, ticker=ticker))
    assert float(adjusted) == 10.25
    listed = pipeline.platform.aws("s3").list_objects_v2(
        Bucket=pipeline.bucket, Prefix="raw/prices/"
    )
    assert listed["KeyCount"] >= 1


def test_a_document_of_another_layout_is_recorded_and_set_nowhere(pipeline):
    content = b"<html><body>We moved. " + secrets.token_hex(8).encode() + b"</body></html>"
    key = pipeline.put(
        RawDocument(DocumentKind.SENATE_PTR, pipeline.today, content, {"doc-id": str(uuid.uuid4())})
    )
    query = "select outcome, reason from raw_documents where key = :key"
    assert soon(lambda: pipeline.platform.sql(query, key=key)) == [["rejected", "layout_unknown"]]
    assert pipeline.set_aside("parse") == 0


def test_a_new_filing_is_found_fetched_and_served(pipeline, ticker):
    """The index is collected, the report it lists asked for, fetched and parsed."""
    year = pipeline.today.year
    doc_id = f"2{secrets.randbelow(10**7):07}"
    filing = HouseFiling(doc_id, pipeline.today, purchase(ticker, doc_id))
    with Replica(Content(house={year: [filing], year - 1: []})) as replica:
        variables = {
            "QUANT_COLLECTOR_HOUSE_URL": replica.url,
            "QUANT_COLLECTOR_REQUESTS_PER_SECOND": "50",
        }
        with (
            pipeline.set_for("collect-house", **variables),
            pipeline.set_for("collect-fetch", **variables),
        ):
            pipeline.invoke("collect-house", {"years": [year]})
            listed = "select 1 from work_items where doc_id = :doc_id"
            soon(lambda: pipeline.platform.sql(listed, doc_id=doc_id))
            pipeline.invoke("pipeline-relay_outbox")
            [trade] = soon(lambda: pipeline.trades(ticker))
        fetched = [seen.path for seen in replica.seen if seen.path.endswith(".pdf")]
    assert trade["disclosure_date"] == pipeline.today.isoformat()
    assert fetched == [f"/public_disc/ptr-pdfs/{year}/{doc_id}.pdf"]

    def house() -> dict[str, Any]:
        sources = pipeline.status()["freshness"]["sources"]
        return next(source for source in sources if source["name"] == "house")

    # How the run ended arrives by a message of its own, after the filings it found.
    outcome = soon(lambda: house()["last_outcome"])
    assert outcome == "completed"
    assert pipeline.status()["work"]["house_clerk"]["processed"] >= 1


def test_a_source_that_refuses_is_reported_and_nothing_stored(pipeline):
    from replica.faults import refused

    with Replica() as replica:
        replica.faults.append(refused())
        with pipeline.set_for("collect-legislators", QUANT_COLLECTOR_LEGISLATORS_URL=replica.url):
            pipeline.invoke("collect-legislators")
    query = (
        "select outcome, stored from collections where collector = 'legislators'"
        " order by finished_at desc limit 1"
    )
    assert soon(lambda: pipeline.platform.sql(query)) == [["refused", 0]]


def test_a_disclosed_trade_is_posted_to_who_watches_it(pipeline, ticker):
    platform = pipeline.platform
    access = platform.login(platform.person())["access_token"]
    with Subscriber() as subscriber:
        made = platform.http.post(
            "/api/v1/watchlists",
            json={"name": "pipeline", "tickers": [ticker], "webhook_url": subscriber.url},
            headers={"Authorization": f"Bearer {access}"},
        )
        assert made.status_code == 201, made.text
        doc_id, _ = pipeline.put_ptr(ticker)
        soon(lambda: pipeline.loaded(doc_id))
        pipeline.invoke("pipeline-relay_outbox")
        soon(lambda: subscriber.received)
        [received] = subscriber.received
    assert received.is_signed_by(made.json()["webhook_secret"])
    assert ticker in received.body.decode()
    delivered = "select state from alert_deliveries where watchlist_id = cast(:id as uuid)"
    soon(lambda: platform.sql(delivered, id=made.json()["id"]) == [["delivered"]])


def test_a_backfill_parses_everything_below_a_prefix_again(pipeline, ticker):
    day = date(2001, 1, 1) + timedelta(days=secrets.randbelow(3000))
    keys = {pipeline.put_ptr(ticker, day=day)[1] for _ in range(5)}
    parsed = "select key from raw_documents where key = any(:keys)"
    soon(lambda: len(pipeline.platform.sql(parsed, keys=list(keys))) == len(keys))
    pipeline.platform.sql("delete from raw_documents where key = any(:keys)", keys=list(keys))
    done = pipeline.platform.operator(
        "pipeline", "backfill", "--prefix", f"raw/house-ptr/{day.isoformat()}/"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "succeeded: 5 of 5 parsed, 0 failed" in done.stdout
    again = {key for [key] in pipeline.platform.sql(parsed, keys=list(keys))}
    assert again == keys


def test_a_replay_changes_nothing(pipeline, ticker):
    doc_id, key = pipeline.put_ptr(ticker)
    soon(lambda: pipeline.loaded(doc_id))
    moment = "select processed_at from raw_documents where key = :key"
    before = pipeline.platform.sql(moment, key=key)
    today = pipeline.today.isoformat()
    done = pipeline.platform.operator(
        "pipeline", "replay", "--kind", "house-ptr", "--since", today, "--until", today
    )
    assert done.returncode == 0, done.stderr
    soon(lambda: pipeline.platform.sql(moment, key=key) != before)
    assert pipeline.loaded(doc_id) == 1


def test_what_failed_while_postgres_was_away_is_set_aside_and_redriven(pipeline, ticker):
    cloud = pipeline.platform.cloud
    sqs = pipeline.platform.aws("sqs")
    url = sqs.get_queue_url(QueueName=f"{PREFIX}parse-set-aside")["QueueUrl"]
    name = "ApproximateNumberOfMessages"

    def aside() -> int:
        found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])
        return int(found["Attributes"][name])

    with pipeline.impatient("parse"):
        cloud.hold("postgres", kill=True)
        try:
            doc_id, _ = pipeline.put_ptr(ticker)
            soon(aside)
        finally:
            cloud.release("postgres")
    assert pipeline.loaded(doc_id) == 0
    done = pipeline.platform.operator("pipeline", "redrive", "parse")
    assert done.returncode == 0, done.stdout + done.stderr
    soon(lambda: pipeline.loaded(doc_id))
    assert aside() == 0


def test_a_poison_message_leaves_its_batch_alone(pipeline, ticker):
    sqs = pipeline.platform.aws("sqs")
    url = sqs.get_queue_url(QueueName=f"{PREFIX}parse")["QueueUrl"]
    aside = sqs.get_queue_url(QueueName=f"{PREFIX}parse-set-aside")["QueueUrl"]
    with pipeline.impatient("parse"):
        sqs.send_message(QueueUrl=url, MessageBody="poison")
        doc_id, _ = pipeline.put_ptr(ticker)
        soon(lambda: pipeline.loaded(doc_id))
        soon(lambda: pipeline.set_aside("parse") == 1)
    [message] = sqs.receive_message(QueueUrl=aside, WaitTimeSeconds=5)["Messages"]
    assert message["Body"] == "poison"
    sqs.delete_message(QueueUrl=aside, ReceiptHandle=message["ReceiptHandle"])


def test_status_shows_the_queues_and_bars(pipeline):
    done = pipeline.platform.operator("pipeline", "status")
    assert done.returncode == 0, done.stderr
    for word in ("source", "queue", "set aside", "parse", "filings to fetch"):
        assert word in done.stdout

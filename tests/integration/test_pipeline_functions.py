"""The pipeline's functions, given events as AWS makes them, on a real Postgres."""

import importlib
import json
import sys
import uuid
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import boto3
import pytest
from moto import mock_aws
from pipeline_support import empty, house_index, house_ptr, worker_database
from sqlalchemy import text
from supervisor.database import APP_ROLE
from synthetic_ptr import PtrLine

import quant.collectors.bucket
import quant.sqs
from quant.collectors.bucket import Bucket
from quant.collectors.raw_store import RawStore
from quant.collectors.state import SYMBOLS, StateStore, Symbols
from quant.errors import StoreUnavailableError
from quant.pipeline import publishing
from quant.pipeline.documents import process
from quant.pipeline.messages import CollectionReport
from quant.pipeline.raw import DocumentKind, RawDocument
from quant.pipeline.sources import CollectionOutcome

FUNCTIONS = Path(__file__).resolve().parents[2] / "functions"
BUCKET = "raw"
PRICES = b"date,ticker,close,adjusted_close,volume\n2026-01-05,ACME,10.50,10.25,1000\n"


@dataclass(frozen=True)
class Context:
    remaining_s: float = 180

    def get_remaining_time_in_millis(self):
        return int(self.remaining_s * 1000)


@pytest.fixture(scope="module")
def database_engine(postgres, migrated_template, role_passwords):
    with worker_database(postgres, migrated_template, role_passwords[APP_ROLE]) as engine:
        yield engine


@pytest.fixture
def engine(database_engine):
    empty(database_engine)
    return database_engine


@pytest.fixture
def aws(monkeypatch):
    """S3, SQS and EventBridge in this process, and the variables that name what is in them."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    clients = (quant.collectors.bucket._client, quant.sqs._client, publishing._client)
    for client in clients:
        client.cache_clear()
    with mock_aws():
        sqs, events = boto3.client("sqs"), boto3.client("events")
        boto3.client("s3").create_bucket(Bucket=BUCKET)
        urls = {name: sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("fetch", "alerts")}
        events.create_event_bus(Name="bus")
        events.put_rule(
            Name="all", EventBusName="bus", EventPattern='{"source":["quant.pipeline"]}'
        )
        arn = "arn:aws:sqs:us-east-1:123456789012:alerts"
        events.put_targets(Rule="all", EventBusName="bus", Targets=[{"Id": "1", "Arn": arn}])
        monkeypatch.setenv("QUANT_RAW_BUCKET", BUCKET)
        monkeypatch.setenv("QUANT_FETCH_QUEUE_URL", urls["fetch"])
        monkeypatch.setenv("QUANT_EVENT_BUS_NAME", "bus")
        yield urls
    for client in clients:
        client.cache_clear()


@pytest.fixture
def function(engine, aws, monkeypatch):
    """Invokes a function; its module is imported with these settings."""
    monkeypatch.syspath_prepend(str(FUNCTIONS))

    def invoke(name, event, context=Context()):
        module = sys.modules.get(f"pipeline.{name}") or importlib.import_module(f"pipeline.{name}")
        return module.handler(event, context)

    yield invoke
    for name in [name for name in sys.modules if name.split(".")[0] == "pipeline"]:
        del sys.modules[name]


def notification(*keys, time="2026-01-05T23:59:59.000Z"):
    records = [{"eventTime": time, "s3": {"object": {"key": key}}} for key in keys]
    return json.dumps({"Records": records})


def batch(*bodies):
    return {
        "Records": [
            {
                "messageId": str(number),
                "body": body,
                "attributes": {"ApproximateReceiveCount": "1"},
            }
            for number, body in enumerate(bodies)
        ]
    }


def failures(answer):
    return [item["itemIdentifier"] for item in answer["batchItemFailures"]]


def store(document):
    RawStore(Bucket(BUCKET)).put(document)
    return document.key


def rows(engine, query):
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def messages(url):
    sqs, found = boto3.client("sqs"), []
    while batch := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        for message in batch:
            found.append(json.loads(message["Body"]))
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return found


def test_a_batch_is_parsed_and_what_is_no_notification_fails_alone(function, engine):
    one, two = store(house_ptr("20000001")), store(house_ptr("20000002"))
    answer = function(
        "parse",
        batch(
            notification(one),
            "poison",
            '{"Event": "s3:TestEvent"}',
            '{"Items": [{}]}',
            json.dumps({"Items": [{"Key": two}]}),
        ),
    )
    assert failures(answer) == ["1", "3"]
    assert rows(engine, "select doc_id from raw_documents order by doc_id") == [
        ("20000001",),
        ("20000002",),
    ]


def test_an_object_that_is_gone_or_damaged_takes_no_other_along(function, engine, aws):
    gone = house_ptr("20000001").key
    damaged = house_ptr("20000002").key
    boto3.client("s3").put_object(Bucket=BUCKET, Key=damaged, Body=b"something else")
    good = store(house_ptr("20000003"))
    answer = function("parse", batch(notification(gone), notification(damaged), notification(good)))
    assert failures(answer) == ["1"]
    assert rows(engine, "select doc_id from raw_documents") == [("20000003",)]


def test_an_unforeseen_error_fails_its_message_alone(function, engine, monkeypatch):
    function("parse", batch())
    bad, good = store(house_ptr("20000001")), store(house_ptr("20000002"))
    module = sys.modules["pipeline.parse"]

    def explode(document):
        if document.key == bad:
            raise ZeroDivisionError
        return process(document)

    monkeypatch.setattr(module, "process", explode)
    answer = function("parse", batch(notification(bad), notification(good)))
    assert failures(answer) == ["0"]
    assert rows(engine, "select doc_id from raw_documents") == [("20000002",)]
    with pytest.raises(ZeroDivisionError):
        function("parse", {"Items": [{"Key": bad}]})


def test_what_there_is_no_time_for_is_left_to_the_next_invocation(function, engine):
    key = store(house_ptr("20000001"))
    answer = function("parse", batch(notification(key)), Context(remaining_s=10))
    assert failures(answer) == ["0"]
    assert rows(engine, "select 1 from raw_documents") == []


def test_a_dropped_file_is_copied_by_the_day_it_arrived(function, engine):
    key = "drop/prices/my prices+1.csv"
    boto3.client("s3").put_object(Bucket=BUCKET, Key=key, Body=PRICES)
    answer = function("parse", batch(notification("drop/prices/my+prices%2B1.csv")))
    assert failures(answer) == []
    copy = RawDocument(DocumentKind.PRICES, date(2026, 1, 5), PRICES)
    assert RawStore(Bucket(BUCKET)).get(copy.key).content == PRICES
    function("parse", batch(notification(copy.key)))
    assert rows(engine, "select count(*) from prices") == [(1,)]


def test_an_unknown_layout_is_counted_for_the_alarm(function, capsys):
    page = RawDocument(
        DocumentKind.SENATE_PTR,
        date(2026, 1, 5),
        b"<html><body>We moved.</body></html>",
        {"doc-id": str(uuid.uuid4())},
    )
    answer = function("parse", batch(notification(store(page))))
    assert failures(answer) == []
    assert '"LayoutUnknown"' in capsys.readouterr().out


def announced(engine, aws):
    """Load a report of today's that its index lists, with one more that is not fetched yet."""
    today = datetime.now(UTC).date()
    filed = f"{today.month}/{today.day}/{today.year}"
    process(house_index({"20000001": filed, "20000002": filed}, day=today))
    bought = f"{today - timedelta(days=7):%m/%d/%Y}"
    line = PtrLine(asset="Acme Corp. (ACME) [ST]", day=bought, notification=bought)
    process(house_ptr("20000001", line, day=today, signed=f"{today:%m/%d/%Y}"))


def test_the_outbox_is_relayed_once(function, engine, aws):
    announced(engine, aws)
    assert function("relay_outbox", {}) == {"sent": 3}
    assert {message["doc_id"] for message in messages(aws["fetch"])} == {"20000001", "20000002"}
    [event] = messages(aws["alerts"])
    assert (event["detail-type"], event["detail"]["ticker"]) == ("trade.disclosed", "ACME")
    assert function("relay_outbox", {}) == {"sent": 0}


def test_what_a_service_refuses_waits_in_the_outbox(function, engine, aws, monkeypatch):
    announced(engine, aws)
    with monkeypatch.context() as patch:
        patch.setattr(
            publishing,
            "_client",
            lambda: type("Refusing", (), {"put_events": lambda *_, **__: {"FailedEntryCount": 1}}),
        )
        with pytest.raises(StoreUnavailableError):
            function("relay_outbox", {})
    assert rows(engine, "select count(*) from outbox where sent_at is null") == [(3,)]
    assert function("relay_outbox", {}) == {"sent": 3}


def report(**changes):
    now = datetime.now(UTC)
    return CollectionReport(
        **{
            "run_id": uuid.uuid4(),
            "collector": "house",
            "started_at": now,
            "finished_at": now,
            "outcome": CollectionOutcome.COMPLETED,
            "requests": 2,
            "stored": 1,
            "unchanged": 1,
            **changes,
        }
    ).model_dump_json()


def test_reports_are_kept_once_and_others_fail_alone(function, engine):
    once, refused = report(), report(outcome=CollectionOutcome.REFUSED)
    answer = function("record_reports", batch(once, "poison", refused, once, '{"kind": "other"}'))
    assert failures(answer) == ["1", "4"]
    assert rows(engine, "select outcome from collections order by outcome") == [
        ("completed",),
        ("refused",),
    ]


def test_a_measurement_is_logged_as_metrics_and_keeps_the_symbols(function, engine, aws, capsys):
    announced(engine, aws)
    capsys.readouterr()
    function("measure", {})
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    [measured] = [line for line in lines if "_aws" in line]
    assert measured["LatestDisclosureAge"] == [0.0]
    assert measured["OutboxWaiting"] == [3.0]
    assert measured["FilingsToFetch"] == [1.0]
    assert measured["SourcesStale"] == [4.0]
    states = StateStore(Bucket(BUCKET))
    assert states.load(SYMBOLS, Symbols).symbols == ("ACME",)

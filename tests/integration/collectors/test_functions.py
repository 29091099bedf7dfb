"""The collecting functions: events in, reports and metrics out, batches partly failed."""

import importlib
import json
import sys
from dataclasses import dataclass
from pathlib import Path

import boto3
import pytest
from collector_support import YEAR
from replica import faults
from replica.content import PTR_ID

import quant.collectors.bucket
import quant.secrets
import quant.sqs
from quant.collectors.fetch import LATER_S
from quant.pipeline.messages import CollectionReport
from quant.pipeline.sources import CollectionOutcome

FUNCTIONS = Path(__file__).resolve().parents[3] / "functions"


@dataclass(frozen=True)
class Context:
    remaining_s: float = 60

    def get_remaining_time_in_millis(self):
        return int(self.remaining_s * 1000)


@pytest.fixture
def queues(aws):
    """URLs of the queues of reports and of requests."""
    sqs = boto3.client("sqs")
    created = [
        sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "30"})["QueueUrl"]
        for name in ("reports", "fetch")
    ]
    yield created
    for url in created:
        sqs.delete_queue(QueueUrl=url)


@pytest.fixture
def environment(raw, replica, queues, monkeypatch):
    secrets = boto3.client("secretsmanager")
    key = secrets.create_secret(Name=f"prices-{raw.bucket}", SecretString="key\n")
    reports, fetch = queues
    for name, value in {
        "QUANT_RAW_BUCKET": raw.bucket,
        "QUANT_REPORTS_QUEUE_URL": reports,
        "QUANT_FETCH_QUEUE_URL": fetch,
        "QUANT_COLLECTOR_HOUSE_URL": replica.url,
        "QUANT_COLLECTOR_SENATE_URL": replica.url,
        "QUANT_COLLECTOR_LEGISLATORS_URL": replica.url,
        "QUANT_COLLECTOR_PRICES_URL": replica.url,
        "QUANT_COLLECTOR_PRICES_PROVIDER": "tiingo",
        "QUANT_COLLECTOR_PRICES_SECRET_ARN": key["ARN"],
        "QUANT_COLLECTOR_CONTACT": "operator@quant.example",
        "QUANT_COLLECTOR_REQUESTS_PER_SECOND": "1000",
        "POWERTOOLS_SERVICE_NAME": "collect",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.syspath_prepend(str(FUNCTIONS))
    clients = (quant.collectors.bucket._client, quant.sqs._client, quant.secrets._client)
    for client in clients:
        client.cache_clear()
    yield
    for client in clients:
        client.cache_clear()
    for name in [name for name in sys.modules if name.startswith("collect.")]:
        del sys.modules[name]


def invoke(module, event=None, context=None):
    handler = importlib.import_module(f"collect.{module}").handler
    return handler({} if event is None else event, context or Context())


def reports(url):
    answer = boto3.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10)
    return [
        CollectionReport.model_validate_json(message["Body"])
        for message in answer.get("Messages", ())
    ]


def metrics(output):
    """Names of the metrics in a function's log (CloudWatch's embedded metric format)."""
    names = []
    for line in output.splitlines():
        for entry in json.loads(line).get("_aws", {}).get("CloudWatchMetrics", ()):
            assert entry["Namespace"] == "Quant"
            names += [metric["Name"] for metric in entry["Metrics"]]
    return names


@pytest.mark.parametrize(
    ("module", "stored"), [("house", 2), ("senate", 1), ("legislators", 4), ("prices", 1)]
)
@pytest.mark.usefixtures("environment")
def test_a_run_is_reported_and_counted(module, stored, raw, queues, capsys):
    raw.write_state("symbols", {"symbols": ["SYN01"]})
    invoke(module)
    [report] = reports(queues[0])
    assert (report.collector, report.outcome) == (module, CollectionOutcome.COMPLETED)
    assert report.stored == stored == len(raw.keys())
    assert metrics(capsys.readouterr().out) == ["CollectionCompleted"]


@pytest.mark.parametrize(
    ("fault", "outcome", "metric"),
    [
        (faults.refused(), CollectionOutcome.REFUSED, "CollectionRefused"),
        (
            faults.throttled(retry_after="3600"),
            CollectionOutcome.THROTTLED,
            "CollectionThrottled",
        ),
        (faults.page(), CollectionOutcome.LAYOUT_CHANGED, "CollectionLayoutChanged"),
    ],
    ids=["403", "429", "changed layout"],
)
@pytest.mark.parametrize("module", ["house", "senate", "legislators", "prices"])
@pytest.mark.usefixtures("environment")
def test_a_failure_is_reported_and_counted(
    module, fault, outcome, metric, raw, replica, queues, capsys
):
    raw.write_state("symbols", {"symbols": ["SYN01"]})
    replica.faults.append(fault)
    invoke(module)
    [report] = reports(queues[0])
    assert (report.outcome, report.stored) == (outcome, 0)
    assert metrics(capsys.readouterr().out) == [metric]
    assert raw.keys() == []


@pytest.mark.usefixtures("environment")
def test_the_house_event_may_name_years(replica):
    invoke("house", {"years": [YEAR - 1]})
    assert replica.paths() == [f"/public_disc/financial-pdfs/{YEAR - 1}FD.zip"]


@pytest.mark.usefixtures("environment")
def test_the_senate_event_may_name_a_day(raw):
    invoke("senate", {"since": "2020-02-03"})
    assert [document.metadata["since"] for document in raw.documents()] == ["2020-02-03"]


@pytest.mark.usefixtures("environment")
def test_an_invocation_almost_over_asks_nothing(replica, queues):
    invoke("house", context=Context(remaining_s=9))
    assert replica.paths() == []
    assert "deadline" in reports(queues[0])[0].detail


def queued(url, *bodies):
    """The messages of a batch, as Lambda receives them, after they were put into the queue."""
    sqs = boto3.client("sqs")
    for body in bodies:
        sqs.send_message(QueueUrl=url, MessageBody=body)
    answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)
    return {
        "Records": [
            {
                "messageId": message["MessageId"],
                "receiptHandle": message["ReceiptHandle"],
                "body": message["Body"],
            }
            for message in answer["Messages"]
        ]
    }


def request(source, doc_id, **more):
    return json.dumps({"source": source, "doc_id": doc_id, **more})


@pytest.mark.usefixtures("environment")
def test_only_the_messages_that_failed_are_delivered_again(raw, replica, queues, capsys):
    electronic, scan, _ = replica.content.house[YEAR]
    strange = f"/public_disc/ptr-pdfs/{YEAR}/{scan.doc_id}.pdf"
    replica.faults.append(faults.page(strange))
    bodies = [
        request("house_clerk", electronic.doc_id, year=YEAR),
        request("house_clerk", scan.doc_id, year=YEAR),
        request("senate_efd", PTR_ID),
        request("house_clerk", "../../etc/passwd", year=YEAR),
        "not JSON",
    ]
    event = queued(queues[1], *bodies)
    answer = invoke("fetch", event)
    failed = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
    assert {record["body"] for record in event["Records"] if record["messageId"] in failed} == {
        bodies[1],
        bodies[3],
        bodies[4],
    }
    assert {document.metadata["doc-id"] for document in raw.documents()} == {
        electronic.doc_id,
        PTR_ID,
    }
    assert {(report.collector, report.outcome) for report in reports(queues[0])} == {
        ("house-filings", CollectionOutcome.LAYOUT_CHANGED),
        ("senate-filings", CollectionOutcome.COMPLETED),
    }
    assert metrics(capsys.readouterr().out) == ["CollectionLayoutChanged", "CollectionCompleted"]


@pytest.mark.usefixtures("environment")
def test_a_delivery_of_the_same_batch_again_stores_nothing_new(raw, replica, queues):
    electronic, *_ = replica.content.house[YEAR]
    event = queued(queues[1], request("house_clerk", electronic.doc_id, year=YEAR))
    assert invoke("fetch", event) == {"batchItemFailures": []}
    assert invoke("fetch", event) == {"batchItemFailures": []}
    assert sorted(report.stored for report in reports(queues[0])) == [0, 1]
    assert len(raw.keys()) == 1


@pytest.mark.usefixtures("environment")
def test_a_message_of_a_refusing_site_is_put_off(replica, queues, monkeypatch):
    put_off = []
    replica.faults.append(faults.refused())
    event = queued(queues[1], request("senate_efd", PTR_ID))
    fetch = importlib.import_module("collect.fetch")
    monkeypatch.setattr(fetch.sqs, "postpone", lambda *call: put_off.append(call))
    answer = invoke("fetch", event)
    assert len(answer["batchItemFailures"]) == 1
    handle = event["Records"][0]["receiptHandle"]
    assert put_off == [(queues[1], handle, pytest.approx(LATER_S, abs=60))]


@pytest.mark.parametrize(
    "variable",
    [
        "QUANT_RAW_BUCKET",
        "QUANT_REPORTS_QUEUE_URL",
        "QUANT_FETCH_QUEUE_URL",
        "QUANT_COLLECTOR_CONTACT",
    ],
)
@pytest.mark.usefixtures("environment")
def test_bad_configuration_fails_the_deployment(variable, monkeypatch):
    monkeypatch.delenv(variable)
    with pytest.raises(ValueError, match=r"not set|is missing"):
        importlib.import_module("collect.fetch")

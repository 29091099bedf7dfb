"""What an operator does to queues and documents, against a server of SQS and S3 in this process."""

import json
from datetime import date

import boto3
import pytest
from moto import mock_aws
from typer.testing import CliRunner

from quant.cli import app
from quant.errors import NotFoundError
from quant.pipeline.operations import Operations
from quant.pipeline.queues import Queue
from quant.pipeline.raw import DocumentKind

BUCKET = "raw"
SHA = "0" * 63


def client(service):
    return boto3.client(
        service, region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test"
    )


@pytest.fixture
def operations():
    with mock_aws():
        sqs = client("sqs")
        for queue in Queue:
            sqs.create_queue(QueueName=f"quant-dev-{queue}")
            sqs.create_queue(QueueName=f"quant-dev-{queue.set_aside}")
        yield Operations("dev", client)


def send(name, body="x"):
    sqs = client("sqs")
    url = sqs.get_queue_url(QueueName=f"quant-dev-{name}")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody=body)
    return url


def put(kind, day, number):
    client("s3").put_object(Bucket=BUCKET, Key=f"raw/{kind}/{day}/{SHA}{number}", Body=b"")


def test_depths_tell_waiting_from_in_flight_from_set_aside(operations):
    send("parse")
    url = send("parse")
    send("parse-set-aside")
    client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=1)
    depths = operations.depths()
    assert (depths[Queue.PARSE].waiting, depths[Queue.PARSE].in_flight) == (1, 1)
    assert depths[Queue.PARSE].set_aside == 1
    assert depths[Queue.FETCH].waiting == depths[Queue.FETCH].set_aside == 0


def test_another_environments_queues_are_not_there(operations):
    with pytest.raises(NotFoundError, match="quant-prod-parse"):
        Operations("prod", client).depths()


def test_keys_are_those_of_a_kind_and_of_some_days(operations):
    client("s3").create_bucket(Bucket=BUCKET)
    put("house-ptr", "2025-01-01", 1)
    put("house-ptr", "2025-01-02", 2)
    put("house-ptr", "2025-01-03", 3)
    put("senate-ptr", "2025-01-02", 4)

    def numbers(*arguments):
        return [key[-1] for key in operations.keys(BUCKET, *arguments)]

    day = date(2025, 1, 2)
    assert numbers() == ["1", "2", "3", "4"]
    assert numbers(DocumentKind.HOUSE_PTR) == ["1", "2", "3"]
    assert numbers(None, day) == ["2", "3", "4"]
    assert numbers(None, None, day) == ["1", "2", "4"]
    assert numbers(DocumentKind.HOUSE_PTR, day, day) == ["2"]


def test_a_replay_queues_each_key_once(operations):
    keys = [f"raw/prices/2025-01-01/{number:064}" for number in range(234)]
    assert list(operations.replay(iter(keys))) == [100, 100, 34]
    sqs = client("sqs")
    url = sqs.get_queue_url(QueueName="quant-dev-parse")["QueueUrl"]
    queued = []
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        for message in messages:
            queued += [item["Key"] for item in json.loads(message["Body"])["Items"]]
    assert sorted(queued) == keys


def test_a_backfill_stays_below_the_raw_documents():
    done = CliRunner().invoke(
        app, ["pipeline", "backfill", "--environment", "dev", "--prefix", "state/"]
    )
    assert done.exit_code == 2
    assert "below raw/" in done.output

"""Messages to SQS queues, as moto plays them."""

import time

import boto3
import pytest
from moto import mock_aws

from quant import sqs
from quant.errors import StoreUnavailableError


@pytest.fixture
def client(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    sqs._client.cache_clear()
    with mock_aws():
        yield boto3.client("sqs")
    sqs._client.cache_clear()


@pytest.fixture
def queue(client):
    attributes = {"VisibilityTimeout": "1"}
    return client.create_queue(QueueName="queue", Attributes=attributes)["QueueUrl"]


def received(client, queue):
    return client.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])


def test_more_messages_than_a_batch_holds_are_sent(client, queue):
    sqs.send(queue, (str(number) for number in range(23)))
    bodies = {message["Body"] for _ in range(3) for message in received(client, queue)}
    assert bodies == {str(number) for number in range(23)}


@pytest.mark.parametrize("seconds", [3600, 10**9])
def test_a_message_put_off_stays_hidden_longer_than_others(client, queue, seconds):
    sqs.send(queue, ["one", "other"])
    messages = {message["Body"]: message for message in received(client, queue)}
    sqs.postpone(queue, messages["one"]["ReceiptHandle"], seconds)
    time.sleep(1.1)  # the queue's own timeout
    assert [message["Body"] for message in received(client, queue)] == ["other"]


def test_a_queue_that_is_not_there_is_unavailable(client):
    url = "https://sqs.us-east-1.amazonaws.com/123456789012/none"
    with pytest.raises(StoreUnavailableError):
        sqs.send(url, ["one"])
    with pytest.raises(StoreUnavailableError):
        sqs.postpone(url, "handle", 60)

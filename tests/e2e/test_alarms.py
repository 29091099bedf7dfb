"""An alarm of the running platform: raised by a message set aside, announced to a subscriber."""

import json
import time

import httpx
import pytest
from deployed_support import PREFIX
from e2e_support import TIMEOUT_S, Platform

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

ALARM = f"{PREFIX}reports-set-aside"
LISTENER = f"{PREFIX}test-alarms"
# The alarm's period is a minute, and so is that of the queue's metrics.
WITHIN_S = 180


@pytest.fixture(scope="module")
def platform(local_cloud):
    if not local_cloud.name:
        pytest.skip("--base-url is given: its alarms are not ours to raise")
    with httpx.Client(base_url=local_cloud.url, timeout=TIMEOUT_S) as client:
        yield Platform(local_cloud, client)


@pytest.fixture
def announced(platform):
    """Returns the next announcement of an alarm's state, as a subscriber gets it."""
    sns, sqs = platform.aws("sns"), platform.aws("sqs")
    [topic] = [
        each["TopicArn"]
        for each in sns.list_topics()["Topics"]
        if each["TopicArn"].endswith(f":{PREFIX}alarms")
    ]
    url = sqs.create_queue(QueueName=LISTENER)["QueueUrl"]
    names = ["QueueArn"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]["QueueArn"]
    subscription = sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)["SubscriptionArn"]

    def announced(alarm, state):
        until = time.monotonic() + WITHIN_S
        while time.monotonic() < until:
            answer = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5)
            for message in answer.get("Messages", ()):
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                told = json.loads(json.loads(message["Body"])["Message"])
                if (told["AlarmName"], told["NewStateValue"]) == (alarm, state):
                    return told
        pytest.fail(f"{alarm} was not announced as {state}")

    yield announced
    sns.unsubscribe(SubscriptionArn=subscription)
    sqs.delete_queue(QueueUrl=url)


def test_a_message_set_aside_raises_an_alarm_which_names_its_runbook(platform, announced):
    sqs = platform.aws("sqs")
    url = sqs.get_queue_url(QueueName=ALARM)["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="a report that cannot be kept")
    try:
        told = announced(ALARM, "ALARM")
    finally:
        sqs.purge_queue(QueueUrl=url)
    assert told["AlarmDescription"].endswith("Runbook: docs/runbooks/queue-set-aside.md")

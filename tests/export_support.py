"""What tests of exports share: a bucket and a queue, and the function that works it off."""

import importlib
import sys
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import boto3
import pytest
from moto import mock_aws

from quant import sqs
from quant.exports import objects

EXPORT = "/api/v1/export"
JOBS = f"{EXPORT}/jobs"
BUCKET = "export-bucket"


@dataclass(frozen=True)
class Context:
    """What Lambda tells a function of its invocation."""

    remaining_s: float = 900

    def get_remaining_time_in_millis(self) -> int:
        return int(self.remaining_s * 1000)


@dataclass
class ExportService:
    """The queue of exports, the bucket of their files, and the function between."""

    sqs: Any
    s3: Any
    url: str

    def run(self, remaining_s: float = 900) -> list[str]:
        """Do what may be received now; the messages that failed."""
        failed = []
        for message in self.receive():
            record = {
                "messageId": message["MessageId"],
                "receiptHandle": message["ReceiptHandle"],
                "body": message["Body"],
                "attributes": message["Attributes"],
            }
            if self.handle(record, remaining_s):
                failed.append(message["MessageId"])
            else:
                self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
        return failed

    def handle(self, record: dict[str, Any], remaining_s: float = 900) -> list[str]:
        """The messages of one invocation that failed."""
        handler = importlib.import_module("export.run").handler
        # In a thread of its own: it leaves no event loop to the API's handlers, which share one.
        with ThreadPoolExecutor(1) as thread:
            answer = thread.submit(handler, {"Records": [record]}, Context(remaining_s)).result()
        return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]

    def receive(self) -> list[Any]:
        answer = self.sqs.receive_message(
            QueueUrl=self.url, MaxNumberOfMessages=10, AttributeNames=["All"]
        )
        return list(answer.get("Messages", []))

    def empty(self) -> None:
        """Take everything out of bucket and queue."""
        for key in self.stored():
            self.s3.delete_object(Bucket=BUCKET, Key=key)
        self.end_waits()
        while messages := self.receive():
            for message in messages:
                self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])

    def end_waits(self) -> None:
        """Let every message be received at once."""
        # What the server calls the queue's messages is its own; it has no other way to them.
        from moto.sqs.models import sqs_backends

        queue = sqs_backends["123456789012"]["us-east-1"].get_queue(BUCKET)
        for message in queue._messages:
            message.change_visibility(0)

    def waiting(self) -> int:
        """Messages in the queue, whether or not they may be received now."""
        attributes = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["All"])
        return sum(
            int(attributes["Attributes"][name])
            for name in (
                "ApproximateNumberOfMessages",
                "ApproximateNumberOfMessagesNotVisible",
            )
        )

    def send(self, job_id: str | uuid.UUID) -> None:
        """Queue a job once more, as a queue that delivers twice or an operator does."""
        self.sqs.send_message(QueueUrl=self.url, MessageBody=f'{{"job_id":"{job_id}"}}')

    def download(self, url: str) -> bytes:
        """What a link leads to."""
        content: bytes = self.s3.get_object(Bucket=BUCKET, Key=self.key(url))["Body"].read()
        return content

    @staticmethod
    def key(url: str) -> str:
        """The key that a link is of."""
        return unquote(urlsplit(url).path).lstrip("/").removeprefix(f"{BUCKET}/")

    @staticmethod
    def lifetime(url: str) -> int:
        """Seconds for which a link is good."""
        return int(parse_qs(urlsplit(url).query)["X-Amz-Expires"][0])

    def stored(self, prefix: str = "") -> list[str]:
        found = self.s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix)
        return [item["Key"] for item in found.get("Contents", [])]


@contextmanager
def export_service() -> Iterator[ExportService]:
    """A bucket and a queue of their own; beside the ``api`` fixture."""
    kept = (sqs._client, objects._client)
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        for name, value in {
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
            "QUANT_EXPORT_BUCKET": BUCKET,
        }.items():
            patch.setenv(name, value)
        _forget(kept)
        s3, queue = boto3.client("s3"), boto3.client("sqs")
        s3.create_bucket(Bucket=BUCKET)
        url = queue.create_queue(QueueName=BUCKET)["QueueUrl"]
        patch.setenv("QUANT_EXPORTS_QUEUE_URL", url)
        try:
            yield ExportService(queue, s3, url)
        finally:
            _forget(kept)
            sys.modules.pop("export.run", None)


def _forget(kept: tuple[Any, ...]) -> None:
    for function in kept:
        function.cache_clear()

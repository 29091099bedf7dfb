"""What tests of alerts share: the queues, a subscriber who listens, and the functions between."""

import base64
import hashlib
import hmac
import importlib
import json
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
import pytest
from moto import mock_aws

from quant import sqs
from quant.alerts import signing
from quant.alerts.deliveries import record_attempt
from quant.db.session import write
from quant.pipeline.messages import DeliveryReport, TradeDisclosed

WATCHLISTS = "/api/v1/watchlists"
MASTER = "a master secret of the tests, of some length"

# Whom and what the examples of the API's document name.
EXAMPLES = (
    "insert into politicians (id, bioguide_id, full_name, sort_name, chamber) values"
    " ('0b7f3b8e-6a5c-5c0e-9d3c-2f6a6c1f7a10', 'W000779', 'Ron Wyden', 'wyden, ron', 'senate')",
    "insert into committees (id, name, chamber) values"
    " ('SSFI', 'Senate Committee on Finance', 'senate')",
)


def trade(**changes: Any) -> TradeDisclosed:
    """A trade that became known; a new one unless its identifier is given."""
    values: dict[str, Any] = {
        "trade_id": uuid.uuid4(),
        "politician_id": uuid.uuid4(),
        "politician": "Wanda Senator",
        "ticker": "NVDA",
        "asset": "NVIDIA Corporation",
        "operation": "purchase",
        "owner": "spouse",
        "transaction_date": date(2026, 11, 2),
        "disclosure_date": date(2026, 11, 20),
        "amount_min": Decimal("1001.00"),
        "amount_max": Decimal("15000.00"),
        "filing_url": "https://example.org/filing",
        **changes,
    }
    return TradeDisclosed(**values)


@dataclass
class Received:
    """A request that the subscriber got."""

    headers: dict[str, str]
    body: bytes

    @property
    def event(self) -> Any:
        return json.loads(self.body)

    def is_signed_by(self, secret: str) -> bool:
        """Whether one of its signatures is right, reckoned as the specification says."""
        key = base64.b64decode(secret.removeprefix("whsec_"))
        content = f"{self.headers['webhook-id']}.{self.headers['webhook-timestamp']}."
        right = hmac.new(key, content.encode() + self.body, hashlib.sha256).digest()
        return f"v1,{base64.b64encode(right).decode()}" in self.headers["webhook-signature"].split()


class Subscriber:
    """An HTTP server that keeps what is posted and answers with ``status``."""

    def __init__(self) -> None:
        self.status = 204
        self.headers: dict[str, str] = {}
        self.received: list[Received] = []
        subscriber = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                subscriber.received.append(Received(headers, body))
                self.send_response(subscriber.status)
                for name, value in subscriber.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_arguments: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/hook"

    def __enter__(self) -> "Subscriber":
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._server.shutdown()
        self._server.server_close()


@dataclass
class AlertService:
    """The queues of alerts and the functions that work them off."""

    sqs: Any
    deliveries_url: str
    reports_url: str
    reports: list[DeliveryReport] = field(default_factory=list)

    def match(self, *disclosed: TradeDisclosed) -> list[str]:
        """Disclose trades by one batch of events; the numbers of those that failed."""
        records = [
            {
                "messageId": str(number),
                "body": json.dumps(
                    {"detail-type": "trade.disclosed", "detail": item.model_dump(mode="json")}
                ),
            }
            for number, item in enumerate(disclosed)
        ]
        return self._failed("alerts.match", records)

    def waiting(self) -> int:
        """Messages in the queue of webhooks, whether or not they may be received now."""
        attributes = self.sqs.get_queue_attributes(
            QueueUrl=self.deliveries_url, AttributeNames=["All"]
        )["Attributes"]
        return sum(
            int(attributes[name])
            for name in (
                "ApproximateNumberOfMessages",
                "ApproximateNumberOfMessagesNotVisible",
            )
        )

    def deliver(self) -> int:
        """Post what waits, without the back-off, and record the reports; how many failed."""
        failures = 0
        while batch := self._receive(self.deliveries_url):
            records = [
                {
                    "messageId": message["MessageId"],
                    "receiptHandle": message["ReceiptHandle"],
                    "body": message["Body"],
                    "attributes": message["Attributes"],
                }
                for message in batch
            ]
            failed = self._failed("alerts.deliver", records)
            failures += len(failed)
            for record in records:
                if record["messageId"] not in failed:
                    self.sqs.delete_message(
                        QueueUrl=self.deliveries_url, ReceiptHandle=record["receiptHandle"]
                    )
            self.record()
        return failures

    def retry(self) -> int:
        """End the back-off of everything that waits, and post it."""
        # What the server calls the queue's messages is its own; it has no other way to them.
        from moto.sqs.models import sqs_backends

        backend = sqs_backends["123456789012"]["us-east-1"]
        for message in backend.get_queue("deliveries")._messages:
            message.change_visibility(0)
        return self.deliver()

    def record(self) -> None:
        """Store the reports that wait."""
        while batch := self._receive(self.reports_url):
            for message in batch:
                report = DeliveryReport.model_validate_json(message["Body"])
                self.reports.append(report)
                write(lambda connection, report=report: record_attempt(connection, report))
                self.sqs.delete_message(
                    QueueUrl=self.reports_url, ReceiptHandle=message["ReceiptHandle"]
                )

    def _receive(self, url: str) -> list[Any]:
        answer = self.sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, AttributeNames=["All"]
        )
        return list(answer.get("Messages", []))

    def _failed(self, function: str, records: list[dict[str, Any]]) -> list[str]:
        handler = importlib.import_module(function).handler
        # In a thread of its own: it leaves no event loop to the API's handlers, which share one.
        with ThreadPoolExecutor(1) as thread:
            answer = thread.submit(handler, {"Records": records}, None).result()
        return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


@contextmanager
def alert_service() -> Iterator[AlertService]:
    """Queues of their own, and a master secret; beside ``account_service``."""
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        for name, value in {
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
            "QUANT_WEBHOOK_SECRET_ARN": "webhook",
        }.items():
            patch.setenv(name, value)
        patch.setattr(signing, "read_secret", {"webhook": MASTER}.__getitem__)
        for function in (signing._master, sqs._client):
            function.cache_clear()
        client = boto3.client("sqs")
        urls = {
            name: client.create_queue(QueueName=name)["QueueUrl"]
            for name in ("deliveries", "reports")
        }
        for name, url in urls.items():
            patch.setenv(f"QUANT_{name.upper()}_QUEUE_URL", url)
        try:
            yield AlertService(client, urls["deliveries"], urls["reports"])
        finally:
            for function in (signing._master, sqs._client):
                function.cache_clear()

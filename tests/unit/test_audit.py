import hashlib
import json
import logging
import uuid
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace

import boto3
import pytest
from moto import mock_aws
from sqlalchemy.exc import ProgrammingError

from quant.audit import log, queue, retention
from quant.audit.chain import Anchor, entry_hash, field
from quant.audit.entries import Entry
from quant.errors import StoreUnavailableError
from quant.origin import Origin
from quant.vocabulary import AuditEvent

ENTRY = Entry(
    entry_id=uuid.UUID(int=1),
    occurred_at=datetime(2026, 11, 24, 12, tzinfo=UTC),
    event=AuditEvent.LOGIN_FAILED,
    actor=uuid.UUID(int=2),
    target="ü",
    request_id=None,
    user_agent_hash="0123456789abcdef",
    network="203.0.113.0/24",
    tags=("security",),
    details='{"a":1}',
)


def test_every_event_has_tags_and_every_tag_a_retention():
    assert set(retention.TAGS) == set(AuditEvent)
    assert all(retention.TAGS.values())
    assert set(retention.RETENTION_DAYS) == set(retention.Tag)


def test_fields_are_told_apart_by_their_lengths():
    assert field(None) == b"\xff\xff\xff\xff"
    assert field("") == b"\0\0\0\0"
    assert field("ü") == b"\0\0\0\2\xc3\xbc"


def test_hash_is_that_of_the_documented_bytes():
    row = SimpleNamespace(
        sequence=7,
        entry_id=str(ENTRY.entry_id),
        recorded_at="2026-11-24T12:00:00.000001Z",
        occurred_at="2026-11-24T12:00:00.000000Z",
        event="login_failed",
        actor=str(ENTRY.actor),
        target="ü",
        request_id=None,
        user_agent_hash="0123456789abcdef",
        network="203.0.113.0/24",
        tags=["security"],
        details='{"a":1}',
    )
    content = (
        bytes(32)
        + b"\0\0\0\x0dquant-audit-1"
        + b"\0\0\0\x017"
        + b"\0\0\0\x2400000000-0000-0000-0000-000000000001"
        + b"\0\0\0\x1b2026-11-24T12:00:00.000001Z"
        + b"\0\0\0\x1b2026-11-24T12:00:00.000000Z"
        + b"\0\0\0\x0clogin_failed"
        + b"\0\0\0\x2400000000-0000-0000-0000-000000000002"
        + b"\0\0\0\x02\xc3\xbc"
        + b"\xff\xff\xff\xff"
        + b"\0\0\0\x100123456789abcdef"
        + b"\0\0\0\x0e203.0.113.0/24"
        + b"\0\0\0\x011"
        + b"\0\0\0\x08security"
        + b'\0\0\0\x07{"a":1}'
    )
    assert entry_hash(bytes(32), row) == hashlib.sha256(content).digest()


def test_anchor_is_read_back():
    anchor = Anchor(12, hashlib.sha256(b"x").digest())
    assert Anchor.parse(str(anchor)) == anchor
    for wrong in ("", "12", "12:", "12:00", "-1:" + "0" * 64, "x:" + "0" * 64):
        with pytest.raises(ValueError):  # noqa: PT011 - three kinds of wrong
            Anchor.parse(wrong)


def test_a_queued_entry_is_the_entry():
    assert Entry.from_json(ENTRY.to_json()) == ENTRY
    unknown = replace(ENTRY, actor=None, target=None)
    assert Entry.from_json(unknown.to_json()) == unknown


@pytest.mark.parametrize(
    "change",
    [
        {"event": "made_up"},
        {"occurred_at": "2026-11-24T12:00:00"},
        {"occurred_at": None},
        {"entry_id": "x"},
        {"details": "[]"},
        {"details": "{"},
        {"tags": None},
    ],
)
def test_a_message_of_another_form_is_no_entry(change):
    message = json.dumps({**json.loads(ENTRY.to_json()), **change})
    with pytest.raises(ValueError):  # noqa: PT011 - of any field
        Entry.from_json(message)
    with pytest.raises(ValueError, match="audit queue"):
        Entry.from_json("[]")


def test_long_and_secret_details_are_not_kept():
    def details(**values):
        return Entry.of(
            AuditEvent.EXPORTED, actor=None, target=None, origin=Origin(), details=values
        ).details

    assert details(Password="x", inner={"refresh_token": "x"}, at=uuid.UUID(int=1)) == (
        '{"Password":"[redacted]","at":"00000000-0000-0000-0000-000000000001",'
        '"inner":{"refresh_token":"[redacted]"}}'
    )
    assert details(rows=["x" * 500] * 100) == '{"truncated":true}'


@pytest.fixture
def sqs(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    queue._client.cache_clear()
    with mock_aws():
        client = boto3.client("sqs")
        url = client.create_queue(QueueName="audit")["QueueUrl"]
        monkeypatch.setenv("QUANT_AUDIT_QUEUE_URL", url)
        yield client, url
    queue._client.cache_clear()


@pytest.fixture(
    params=[
        StoreUnavailableError("postgres"),
        ProgrammingError("select", {}, Exception("no such function")),
    ],
    ids=["away", "refusing"],
)
def no_postgres(monkeypatch, request):
    def write(_query):
        raise request.param

    monkeypatch.setattr(log, "write", write)


def record_login_failure():
    log.record_or_queue(
        AuditEvent.LOGIN_FAILED,
        actor=None,
        origin=Origin("r"),
        details={"password": "hunter2", "reason": "locked"},
    )


@pytest.mark.usefixtures("no_postgres")
def test_without_postgres_an_entry_goes_to_the_queue(sqs):
    client, url = sqs
    record_login_failure()
    (message,) = client.receive_message(QueueUrl=url)["Messages"]
    entry = Entry.from_json(message["Body"])
    assert (entry.event, entry.request_id) == (AuditEvent.LOGIN_FAILED, "r")
    assert (datetime.now(UTC) - entry.occurred_at).total_seconds() < 60
    assert "hunter2" not in message["Body"]


@pytest.mark.usefixtures("no_postgres")
@pytest.mark.parametrize("queue_url", [None, "https://sqs.us-east-1.amazonaws.com/1/missing"])
def test_without_both_the_entry_is_logged_and_the_caller_told(sqs, monkeypatch, caplog, queue_url):
    if queue_url is None:
        monkeypatch.delenv("QUANT_AUDIT_QUEUE_URL")
    else:
        monkeypatch.setenv("QUANT_AUDIT_QUEUE_URL", queue_url)
    with caplog.at_level(logging.CRITICAL, "quant"), pytest.raises(StoreUnavailableError):
        record_login_failure()
    assert '"event": "login_failed"' in caplog.text
    assert "hunter2" not in caplog.text

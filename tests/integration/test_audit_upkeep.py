"""The functions that keep the audit log by schedule, on a real Postgres and a bucket."""

import importlib
import json
import sys
import uuid
from pathlib import Path

import boto3
import pytest
from audit_support import ORIGIN, application, engine_of, verified
from moto import mock_aws
from sqlalchemy import text
from supervisor.database import APP_ROLE, OWNER_ROLE

import quant.settings
from quant.audit import record
from quant.audit.chain import Anchor, ChainBrokenError
from quant.audit.maintenance import verify_log
from quant.db.session import write
from quant.vocabulary import AuditEvent

FUNCTIONS = Path(__file__).resolve().parents[2] / "functions"
BUCKET = "anchors"


@pytest.fixture
def functions(database, monkeypatch):
    """Imports a function as Lambda does, the owner's credentials at hand."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("QUANT_AUDIT_ANCHOR_BUCKET", BUCKET)
    monkeypatch.setenv("QUANT_DATABASE_OWNER_SECRET_ARN", "owner")
    credentials = {
        arn: json.dumps({"username": role, "password": database.passwords[role]})
        for arn, role in (("database", APP_ROLE), ("owner", OWNER_ROLE))
    }
    with mock_aws(), application(database) as patch:
        patch.setattr(quant.settings, "read_secret", credentials.__getitem__)
        patch.syspath_prepend(str(FUNCTIONS))
        boto3.client("s3").create_bucket(Bucket=BUCKET, ObjectLockEnabledForBucket=True)
        yield importlib.import_module
    for name in ("audit.anchor", "audit.maintain", "audit"):
        module = sys.modules.pop(name, None)
        if hasattr(module, "_engine"):
            module._engine().dispose()


@pytest.fixture
def sql(database):
    """Runs a statement as superuser."""

    def run(statement, **parameters):
        with engine_of(database.superuser_url).begin() as connection:
            result = connection.execute(text(statement), parameters)
            return result.all() if result.returns_rows else None

    return run


def append(count=1):
    for _ in range(count):
        write(lambda connection: record(connection, AuditEvent.EXPORTED, actor=None, origin=ORIGIN))


def test_anchor_is_kept_and_proves_the_log(functions, database, sql):
    append(3)
    answer = functions("audit.anchor").handler({}, None)
    [stored] = boto3.client("s3").list_objects_v2(Bucket=BUCKET)["Contents"]
    assert stored["Key"] == answer["key"]
    body = boto3.client("s3").get_object(Bucket=BUCKET, Key=stored["Key"])["Body"].read()
    anchor = Anchor.parse(body.decode().strip())
    assert anchor == verified(database).end
    append()
    engine = engine_of(database.url)
    verify_log(engine, (anchor,))
    # Whoever cuts the log and turns its head back is found out by the anchor alone.
    [[before]] = sql("select hash from audit_log where sequence = :last", last=anchor.sequence - 1)
    sql("delete from audit_log where sequence >= :last", last=anchor.sequence)
    sql(
        "update audit_chain_head set sequence = :last, hash = :hash",
        last=anchor.sequence - 1,
        hash=before,
    )
    verify_log(engine)
    with pytest.raises(ChainBrokenError) as broken:
        verify_log(engine, (anchor,))
    assert broken.value.sequence == anchor.sequence


def test_each_run_adds_an_anchor(functions):
    append()
    first = functions("audit.anchor").handler({}, None)
    append()
    second = functions("audit.anchor").handler({}, None)
    stored = boto3.client("s3").list_objects_v2(Bucket=BUCKET)["Contents"]
    assert {item["Key"] for item in stored} == {first["key"], second["key"]}
    assert first["anchor"] != second["anchor"]


def test_months_are_made_and_expired_ones_dropped(functions, database, sql):
    append()
    done = functions("audit.maintain").handler({}, None)
    # Months of 2026 are empty before today's: nothing of theirs is kept.
    assert done["months_dropped"][:1] == ["2026-01"]
    assert done["months_made"] == 0
    sql("drop table audit_log_2027_03")
    again = functions("audit.maintain").handler({}, None)
    assert again["months_made"] == 1
    assert again["months_dropped"] == []
    assert verified(database).entries


def test_a_changed_log_fails_the_run_and_keeps_everything(functions, sql):
    append(2)
    [[sequence, details]] = sql(
        "select sequence, details::text from audit_log order by sequence desc limit 1"
    )
    sql("update audit_log set details = '{\"x\": 1}' where sequence = :s", s=sequence)
    [[months]] = sql("select count(*) from pg_inherits where inhparent = 'audit_log'::regclass")
    with pytest.raises(ChainBrokenError) as broken:
        functions("audit.maintain").handler({}, None)
    assert broken.value.sequence == sequence
    assert sql("select count(*) from pg_inherits where inhparent = 'audit_log'::regclass") == [
        (months,)
    ]
    sql(
        "update audit_log set details = cast(:d as json) where sequence = :s", d=details, s=sequence
    )


def account(sql, *, age, verified=False, link=None):
    account_id = uuid.uuid4()
    sql(
        "insert into accounts (id, email, password_hash, created_at, email_verified_at) values"
        " (:id, :email, '', now() - cast(:age as interval), case when :verified then now() end)",
        id=account_id,
        email=f"{account_id}@example.org",
        age=age,
        verified=verified,
    )
    if link is not None:
        sql(
            "insert into email_verifications (token_hash, account_id, password_hash, expires_at)"
            " values (sha256(cast(:id as text)::bytea), :account, '', now() + cast(:link as"
            " interval))",
            id=str(account_id),
            account=account_id,
            link=link,
        )
    return account_id


def test_accounts_nobody_verified_are_deleted_after_a_week(functions, database, sql):
    gone = {account(sql, age="8 days"), account(sql, age="8 days", link="-1 hour")}
    # More than one transaction's worth.
    gone |= {account(sql, age="30 days") for _ in range(60)}
    kept = {
        account(sql, age="6 days"),
        account(sql, age="8 days", verified=True),
        account(sql, age="8 days", link="1 hour"),
    }
    assert functions("audit.maintain").handler({}, None)["accounts_deleted"] == len(gone)
    assert {row.id for row in sql("select id from accounts")} == kept
    recorded = sql("select target, details from audit_log where event = 'account_deleted'")
    assert {row.target for row in recorded} == {str(account_id) for account_id in gone}
    assert recorded[0].details == {"reason": "never verified"}
    assert sql("select count(*) from email_verifications where expires_at < now()") == [(0,)]
    verified(database)

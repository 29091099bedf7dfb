import importlib
import json
import logging
import sys
import threading
import uuid
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path

import boto3
import pytest
from audit_support import ORIGIN, application, engine_of, verified
from moto import mock_aws
from sqlalchemy import create_engine, text
from sqlalchemy.pool import QueuePool
from typer.testing import CliRunner

import quant.db.session
from quant.audit import queue, record, record_or_queue
from quant.audit.chain import ChainBrokenError
from quant.audit.entries import Entry
from quant.audit.log import append
from quant.audit.maintenance import PurgeRefusedError, create_months, current_anchor, purge
from quant.cli import app as quant_command
from quant.db.session import read, write
from quant.errors import StoreUnavailableError
from quant.vocabulary import AuditEvent

FUNCTIONS = Path(__file__).resolve().parents[2] / "functions"


@pytest.fixture
def log(database):
    """The database with an empty log, as the application finds it."""
    with engine_of(database.superuser_url).begin() as connection:
        connection.execute(text("truncate audit_log, audit_anchors"))
        connection.execute(
            text(
                "update audit_chain_head set sequence = 0, recorded_at = 'epoch',"
                " hash = decode(repeat('00', 32), 'hex')"
            )
        )
    # A test may have dropped months.
    create_months(engine_of(database.owner_url), ahead=12, today=date(2026, 1, 1))
    with application(database) as patch:
        patch.syspath_prepend(str(FUNCTIONS))
        yield patch
    sys.modules.pop("audit.drain", None)
    sys.modules.pop("audit", None)


def entry(target: str, occurred_at: datetime | None = None) -> Entry:
    made = Entry.of(
        AuditEvent.LOGIN_SUCCEEDED, actor=None, target=target, origin=ORIGIN, details=None
    )
    if occurred_at is not None:
        object.__setattr__(made, "occurred_at", occurred_at)
    return made


def targets(database) -> list[str]:
    with engine_of(database.url).connect() as connection:
        return list(connection.scalars(text("select target from audit_log order by sequence")))


def test_an_entry_is_committed_or_rolled_back_with_what_it_records(log, database):
    def fail(connection):
        record(connection, AuditEvent.LOGGED_OUT, actor=None, target="undone", origin=ORIGIN)
        raise LookupError

    with pytest.raises(LookupError):
        write(fail)
    write(
        lambda connection: record(
            connection, AuditEvent.LOGGED_OUT, actor=None, target="done", origin=ORIGIN
        )
    )
    assert targets(database) == ["done"]
    assert verified(database).entries == 1


def test_the_same_entry_is_appended_once(log, database):
    late = entry("late", datetime.now(UTC) - timedelta(days=13))
    assert write(lambda connection: append(connection, late)) == 1
    assert write(lambda connection: append(connection, late)) is None
    assert write(lambda connection: append(connection, entry("other"))) == 2
    assert targets(database) == ["late", "other"]
    with engine_of(database.url).connect() as connection:
        occurred, recorded = connection.execute(
            text("select occurred_at, recorded_at from audit_log where sequence = 1")
        ).one()
    assert occurred == late.occurred_at
    assert recorded > occurred
    verified(database)


def test_an_entry_from_a_clock_ahead_is_still_appended_once(log, database):
    ahead = entry("ahead", datetime.now(UTC) + timedelta(days=3))
    assert write(lambda connection: append(connection, ahead)) == 1
    assert write(lambda connection: append(connection, ahead)) is None


def test_a_locked_head_is_an_unavailable_store(log, database):
    queued: list[Entry] = []
    log.setattr("quant.audit.log.send", queued.append)
    with engine_of(database.url).connect() as holder:
        record(holder, AuditEvent.LOGGED_OUT, actor=None, origin=ORIGIN)
        with pytest.raises(StoreUnavailableError):
            write(
                lambda connection: record(
                    connection, AuditEvent.LOGGED_OUT, actor=None, origin=ORIGIN
                )
            )
        record_or_queue(AuditEvent.LOGIN_FAILED, actor=None, target="queued", origin=ORIGIN)
    assert [sent.target for sent in queued] == ["queued"]
    record_or_queue(AuditEvent.LOGIN_FAILED, actor=None, target="appended", origin=ORIGIN)
    assert targets(database) == ["appended"]


def test_a_hanging_postgres_is_unavailable_and_its_late_answer_is_nobodys(log, database):
    with pytest.raises(StoreUnavailableError):
        write(lambda connection: connection.execute(text("select pg_sleep(3), 'late'")))
    assert read(lambda connection: connection.scalar(text("select 'prompt'"))) == "prompt"


def drain(*bodies: str) -> list[str]:
    handler = importlib.import_module("audit.drain").handler
    records = [
        {"messageId": f"m{number}", "body": body, "eventSource": "aws:sqs"}
        for number, body in enumerate(bodies)
    ]
    answer = handler({"Records": records}, None)
    return [failed["itemIdentifier"] for failed in answer["batchItemFailures"]]


def test_draining_answers_which_messages_failed(log, database):
    first, second = entry("first"), entry("second")
    bad = json.dumps({**json.loads(second.to_json()), "event": "made_up"})
    unstorable = json.dumps({**json.loads(second.to_json()), "target": "nul\x00"})
    bodies = [first.to_json(), bad, "{}", unstorable, first.to_json(), second.to_json()]
    assert drain(*bodies) == ["m1", "m2", "m3"]
    assert targets(database) == ["first", "second"]
    verified(database)


def test_draining_without_postgres_fails_every_message(log, database, postgres):
    assert drain() == []
    postgres.kill()
    try:
        assert drain(entry("a").to_json(), entry("b").to_json()) == ["m0", "m1"]
    finally:
        postgres.start()
        postgres.wait_ready()
    assert targets(database) == []


def test_a_killed_postgres_under_load_loses_and_doubles_nothing(log, database, postgres, tmp_path):
    """Threads append while Postgres is killed and started twice; then the queue is drained."""
    # One connection for each thread; a Lambda environment has one for its one request.
    many = create_engine(
        database.url,
        isolation_level="AUTOCOMMIT",
        poolclass=QueuePool,
        pool_size=8,
        pool_reset_on_return=None,
    )
    log.setattr(quant.db.session, "engine", cache(lambda: many))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        log.setenv(name, "test")
    log.setenv("AWS_DEFAULT_REGION", "us-east-1")
    queue._client.cache_clear()
    logging.getLogger("sqlalchemy.pool").setLevel(logging.CRITICAL)
    stop = threading.Event()
    sent: list[str] = []

    def log_in(worker: int) -> None:
        number = 0
        while not stop.is_set():
            target = f"{worker}-{number}"
            record_or_queue(AuditEvent.LOGIN_SUCCEEDED, actor=None, target=target, origin=ORIGIN)
            sent.append(target)
            number += 1

    with mock_aws():
        client = boto3.client("sqs")
        url = client.create_queue(QueueName="audit")["QueueUrl"]
        log.setenv("QUANT_AUDIT_QUEUE_URL", url)
        threads = [threading.Thread(target=log_in, args=(worker,)) for worker in range(6)]
        for thread in threads:
            thread.start()
        for _ in range(2):
            wait_for(sent, len(sent) + 200)
            postgres.kill()
            wait_for(sent, len(sent) + 100)
            postgres.start()
            postgres.wait_ready()
        wait_for(sent, len(sent) + 200)
        stop.set()
        for thread in threads:
            thread.join()
        queued = []
        while messages := client.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get(
            "Messages"
        ):
            bodies = [message["Body"] for message in messages]
            queued += bodies
            # At least once: every message is delivered again.
            assert drain(*bodies, *bodies) == []
            for message in messages:
                client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    many.dispose()
    queue._client.cache_clear()
    assert len(queued) >= 200
    counted = Counter(targets(database))
    assert counted == Counter(sent)
    assert max(counted.values()) == 1
    assert verified(database).entries == len(sent)


def wait_for(sent: list[str], number: int) -> None:
    for _ in range(6000):
        if len(sent) >= number:
            return
        threading.Event().wait(0.01)
    pytest.fail(f"only {len(sent)} of {number} entries in a minute")


def shift_months(database, months: int) -> None:
    """Move what is in the log into the past, hashes and all, as if it had been written then."""
    with engine_of(database.superuser_url).begin() as connection:
        connection.execute(text("set session_replication_role = replica"))
        rows = connection.execute(
            text(
                "select sequence, recorded_at - make_interval(months => :m) as at,"
                " entry_id, event, actor, target, request_id, user_agent_hash, network, tags,"
                " details::text from audit_log order by sequence"
            ),
            {"m": months},
        ).all()
        connection.execute(text("truncate audit_log"))
        previous = bytes(32)
        for row in rows:
            content = (
                "sha256(:previous || audit_field('quant-audit-1') || audit_field(:sequence)"
                " || audit_field(:entry_id) || audit_field(audit_time(cast(:at as timestamptz)))"
                " || audit_field(audit_time(cast(:at as timestamptz))) || audit_field(:event)"
                " || audit_field(:actor) || audit_field(:target) || audit_field(:request_id)"
                " || audit_field(:user_agent_hash) || audit_field(:network)"
                " || audit_field(cast(cardinality(cast(:tags as text[])) as text))"
                " || (select string_agg(audit_field(t), ''::bytea order by n)"
                " from unnest(cast(:tags as text[])) with ordinality u (t, n))"
                " || audit_field(:details))"
            )
            values = {**row._mapping, "previous": previous}
            as_text = {
                **values,
                "sequence": str(row.sequence),
                "entry_id": str(row.entry_id),
                "actor": None if row.actor is None else str(row.actor),
            }
            previous_was = previous
            previous = connection.scalar(text(f"select {content}"), as_text)
            connection.execute(
                text(
                    "insert into audit_log values (:sequence, :at, :at, :entry_id, :event, :actor,"
                    " :target, :request_id, :user_agent_hash, :network, :tags,"
                    " cast(:details as json), :previous, :hash)"
                ),
                {**values, "previous": previous_was, "hash": previous},
            )
        connection.execute(text("update audit_chain_head set hash = :h"), {"h": previous})
    verified(database)


def test_expired_months_are_dropped_and_the_rest_verifies_from_there(log, database):
    owner = engine_of(database.owner_url)
    for number in range(3):
        record_or_queue(
            AuditEvent.TOKEN_REFRESHED, actor=None, target=f"old{number}", origin=ORIGIN
        )
    shift_months(database, 9)
    record_or_queue(AuditEvent.LOGGED_OUT, actor=None, target="new", origin=ORIGIN)
    before = current_anchor(owner)
    this_month = datetime.now(UTC).date().replace(day=1)
    purged = purge(owner, before=this_month)
    assert purged.anchor is not None
    assert purged.anchor.sequence == 3
    assert targets(database) == ["new", "audit_log"]
    found = verified(database)
    assert (found.start, found.end.sequence) == (purged.anchor, 5)
    # The chain still confirms an anchor taken before the purge.
    runner = CliRunner()
    kept = runner.invoke(quant_command, ["audit", "verify", "--anchor", str(before)])
    assert kept.exit_code == 0, kept.output
    assert purge(owner, before=this_month).months == ()


def test_months_are_kept_as_long_as_their_longest_lived_entry(log, database):
    owner = engine_of(database.owner_url)
    record_or_queue(AuditEvent.TOKEN_REFRESHED, actor=None, origin=ORIGIN)
    record_or_queue(AuditEvent.TIER_CHANGED, actor=None, origin=ORIGIN)
    shift_months(database, 9)
    purged = purge(owner, before=date(2030, 1, 1))
    assert purged.anchor is None
    assert verified(database).entries == 2
    later = datetime.now(UTC) + timedelta(days=1096)
    assert purge(owner, before=date(2030, 1, 1), now=later).anchor is not None
    assert verified(database).start.sequence == 2


def test_a_changed_log_is_not_purged(log, database):
    for _ in range(3):
        record_or_queue(AuditEvent.TOKEN_REFRESHED, actor=None, origin=ORIGIN)
    shift_months(database, 9)
    with engine_of(database.superuser_url).begin() as connection:
        connection.execute(text("update audit_log set target = 'x' where sequence = 2"))
    with pytest.raises(ChainBrokenError, match="entry 2"):
        purge(engine_of(database.owner_url), before=date(2030, 1, 1))


def test_a_month_made_late_takes_its_entries_over(log, database):
    owner = engine_of(database.owner_url)
    record_or_queue(AuditEvent.TOKEN_REFRESHED, actor=None, target="early", origin=ORIGIN)
    shift_months(database, 24)
    month = datetime.now(UTC).date().replace(day=1)
    month = month.replace(year=month.year - 2)
    table = f"audit_log_{month:%Y_%m}"

    def where() -> str:
        with owner.connect() as connection:
            found: str = connection.scalar(text("select tableoid::regclass::text from audit_log"))
            return found

    assert where() == "audit_log_default"
    with pytest.raises(PurgeRefusedError):
        purge(owner, before=date(2030, 1, 1))
    assert create_months(owner, ahead=0, today=month) == 1
    assert where() == table
    assert create_months(owner, ahead=0, today=month) == 0
    verified(database)
    with engine_of(database.url).connect() as connection:
        rights = [
            connection.scalar(
                text(f"select has_table_privilege('quant_app', '{table}', '{right}')")
            )
            for right in ("select", "insert", "update", "delete", "truncate")
        ]
    assert rights == [True, False, False, False, False]
    assert date(2026, 1, 1) > month
    purged = purge(owner, before=date(2030, 1, 1))
    assert purged.months[0] == month
    assert verified(database).start.sequence == 1


def test_next_months_are_made(log, database):
    owner = engine_of(database.owner_url)
    assert create_months(owner, ahead=3, today=date(2031, 11, 5)) == 4
    with owner.connect() as connection:
        assert connection.scalar(text("select to_regclass('audit_log_2032_02')")) is not None


def test_command_names_the_bad_entry(log, database):
    for _ in range(3):
        record_or_queue(AuditEvent.LOGGED_OUT, actor=uuid.uuid4(), origin=ORIGIN)
    runner = CliRunner()
    good = runner.invoke(quant_command, ["audit", "verify", "--json"])
    assert good.exit_code == 0, good.output
    anchor = runner.invoke(quant_command, ["audit", "anchor"]).output.strip()
    assert json.loads(good.output) == {"valid": True, "entries": 3, "head": anchor}
    with engine_of(database.superuser_url).begin() as connection:
        connection.execute(text("update audit_log set actor = null where sequence = 2"))
    bad = runner.invoke(quant_command, ["audit", "verify"])
    assert (bad.exit_code, bad.stderr) == (
        1,
        "the audit log was changed: entry 2: is not what was appended\n",
    )
    assert runner.invoke(quant_command, ["audit", "verify", "--anchor", "x"]).exit_code == 2

"""Attacks on the audit log: by the application role, by the database's superuser, by failure."""

import threading
import uuid
from datetime import UTC, datetime

import pytest
from audit_support import ORIGIN, application, engine_of, verified
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from quant.audit import record, record_or_queue
from quant.audit.chain import Anchor, ChainBrokenError, entry_hash, head
from quant.audit.entries import Entry
from quant.audit.log import append
from quant.audit.maintenance import verify_log
from quant.db.session import write
from quant.vocabulary import AuditEvent

ENTRIES = 12


@pytest.fixture(scope="module")
def app(database):
    with application(database) as patch:
        for number in range(ENTRIES):
            record_or_queue(AuditEvent.LOGIN_FAILED, actor=None, target=f"t{number}", origin=ORIGIN)
        yield patch


@pytest.fixture
def tampered(app, database):
    """Runs statements as superuser and returns what verification says; then undoes them."""
    superuser = engine_of(database.superuser_url)
    with superuser.connect() as connection:

        def run(*statements: str, known: tuple[Anchor, ...] = ()) -> ChainBrokenError:
            from quant.audit.chain import verify

            verify(connection, known)
            for statement in statements:
                connection.execute(text(statement))
            with pytest.raises(ChainBrokenError) as caught:
                verify(connection, known)
            return caught.value

        yield run
        connection.rollback()
    verified(database)


@pytest.mark.parametrize(
    "change",
    [
        "event = 'login_succeeded'",
        "actor = gen_random_uuid()",
        "target = 'somebody'",
        "target = null",
        "request_id = 'x'",
        "user_agent_hash = 'x'",
        "network = '198.51.100.0/24'",
        "occurred_at = occurred_at - interval '1 microsecond'",
        "occurred_at = '-infinity'",
        "entry_id = gen_random_uuid()",
        "tags = '{access}'",
        "tags = '{}'",
        """details = '{"a": 1}'""",
        "details = ' {}'",
        "hash = sha256('x')",
        "previous_hash = sha256('x')",
    ],
)
def test_an_edited_entry_is_named(tampered, change):
    error = tampered(f"update audit_log set {change} where sequence = 5")
    assert error.sequence == 5


def test_an_entry_moved_to_another_month_is_named(tampered):
    error = tampered(
        "update audit_log set recorded_at = recorded_at + interval '40 days' where sequence = 5"
    )
    assert error.sequence == 5


def test_a_deleted_entry_is_named(tampered):
    error = tampered("delete from audit_log where sequence = 7")
    assert (error.sequence, error.reason) == (7, "is missing")


def test_a_deleted_first_entry_is_named(tampered):
    assert tampered("delete from audit_log where sequence = 1").sequence == 1


def test_swapped_entries_are_named(tampered):
    error = tampered(
        "update audit_log set sequence = case sequence when 4 then 9 else 4 end"
        " where sequence in (4, 9)"
    )
    assert error.sequence == 4


def test_a_forged_copy_is_named(tampered):
    error = tampered(
        "insert into audit_log select sequence, recorded_at + interval '1 second', occurred_at,"
        " entry_id, event, actor, target, request_id, user_agent_hash, network, tags, details,"
        " previous_hash, hash from audit_log where sequence = 3"
    )
    assert error.sequence == 3


def test_a_truncated_tail_is_named(tampered):
    error = tampered(f"delete from audit_log where sequence > {ENTRIES - 2}")
    assert (error.sequence, error.reason) == (ENTRIES - 1, f"is missing: the log reached {ENTRIES}")


def _forge(connection, sequence: int) -> None:
    """Append an entry with the right hash, but not through the function."""
    end = head(connection)
    columns = (
        "sequence, recorded_at, occurred_at, entry_id, event, actor, target, request_id,"
        " user_agent_hash, network, tags, details, previous_hash, hash"
    )
    row = connection.execute(
        text(
            "select :sequence as sequence, '2026-12-01T00:00:00.000000Z' as recorded_at,"
            " '2026-12-01T00:00:00.000000Z' as occurred_at, entry_id::text, event, actor::text,"
            " target, request_id, user_agent_hash, network, tags, details::text"
            " from audit_log where sequence = 1"
        ),
        {"sequence": sequence},
    ).one()
    connection.execute(
        text(
            f"insert into audit_log ({columns}) select :sequence, cast(:at as timestamptz),"
            " cast(:at as timestamptz), entry_id, event, actor, target, request_id,"
            " user_agent_hash, network, tags, details, :previous, :hash"
            " from audit_log where sequence = 1"
        ),
        {
            "sequence": sequence,
            "at": row.recorded_at,
            "previous": end.hash,
            "hash": entry_hash(end.hash, row),
        },
    )


def test_a_forged_entry_with_the_right_hash_is_named(app, database):
    from quant.audit.chain import verify

    with engine_of(database.superuser_url).connect() as connection:
        _forge(connection, head(connection).sequence + 1)
        with pytest.raises(ChainBrokenError, match="was not appended") as caught:
            verify(connection)
        assert caught.value.sequence == head(connection).sequence + 1
        connection.rollback()


def test_a_tail_cut_off_with_its_head_shows_against_an_anchor(app, database):
    from quant.audit.chain import verify

    with engine_of(database.superuser_url).connect() as connection:
        anchor = head(connection)
        connection.execute(text("delete from audit_log where sequence > 6"))
        connection.execute(
            text(
                "update audit_chain_head set sequence = 6,"
                " hash = (select hash from audit_log where sequence = 6)"
            )
        )
        verify(connection)
        with pytest.raises(ChainBrokenError) as caught:
            verify(connection, (anchor,))
        assert caught.value.sequence == 7
        connection.rollback()


def test_a_prefix_cannot_be_removed_by_writing_an_anchor(tampered):
    error = tampered(
        "insert into audit_anchors select sequence, recorded_at, hash from audit_log"
        " where sequence = 4",
        "delete from audit_log where sequence <= 4",
    )
    assert error.sequence == 4
    assert "without a purge" in error.reason


@pytest.mark.parametrize(
    "statement",
    [
        "update audit_log set target = 'x'",
        "delete from audit_log",
        "truncate audit_log",
        "insert into audit_log select * from audit_log",
        "update audit_log_default set target = 'x'",
        "insert into audit_log_default select * from audit_log",
        "delete from audit_log_2026_11",
        "update audit_log_2026_11 set target = 'x'",
        "insert into audit_log_2026_11 select * from audit_log",
        "truncate audit_log_2026_11",
        "update audit_chain_head set sequence = 0",
        "delete from audit_chain_head",
        "insert into audit_chain_head (sequence, recorded_at, hash) values (0, now(), '')",
        "select * from audit_chain_head for update",
        "insert into audit_anchors (sequence, recorded_at, hash) values (4, now(), '')",
        "delete from audit_anchors",
        "alter table audit_log add column x int",
        "alter table audit_log disable trigger all",
        "alter table audit_log detach partition audit_log_2026_11",
        "drop table audit_log_2026_11",
        "alter function append_audit_entry security invoker",
        "create or replace function audit_field(value text) returns bytea language sql"
        " return ''::bytea",
        "select create_audit_months('2026-01-01', '2040-01-01')",
        "set session_replication_role = replica",
        "set role quant_owner",
    ],
)
def test_the_application_role_can_only_append(app, database, statement):
    with engine_of(database.url).connect() as connection:
        with pytest.raises(ProgrammingError) as caught:
            connection.execute(text(statement))
        assert caught.value.orig.args[0]["C"] in {"42501", "42809"}
        connection.rollback()
    verified(database)


def test_no_argument_can_carry_a_hash_a_sequence_or_a_later_time(app, database):
    with engine_of(database.superuser_url).connect() as connection:
        arguments = connection.scalar(
            text(
                "select pg_get_function_arguments(oid) from pg_proc"
                " where proname = 'append_audit_entry'"
            )
        )
    assert "hash" not in arguments.replace("user_agent_hash", "")
    assert "sequence" not in arguments
    future = Entry.of(
        AuditEvent.LOGIN_FAILED, actor=None, target="future", origin=ORIGIN, details=None
    )
    object.__setattr__(future, "occurred_at", datetime(2999, 1, 1, tzinfo=UTC))
    sequence = write(lambda connection: append(connection, future))
    with engine_of(database.url).connect() as connection:
        occurred, recorded = connection.execute(
            text("select occurred_at, recorded_at from audit_log where sequence = :s"),
            {"s": sequence},
        ).one()
    assert occurred == recorded


def test_temporary_objects_do_not_stand_in_for_the_log(app, database):
    with engine_of(database.superuser_url).begin() as connection:
        connection.execute(text(f"grant temporary on database {database.name} to quant_app"))
    with engine_of(database.url).connect() as connection:
        connection.execute(text("create temporary table audit_chain_head (id int, sequence int)"))
        connection.execute(text("create temporary table audit_log (like public.audit_log)"))
        connection.execute(
            text(
                "create function pg_temp.audit_field(value text) returns bytea language sql"
                " return ''::bytea"
            )
        )
        connection.execute(text("set search_path = pg_temp, public"))
        record(connection, AuditEvent.LOGIN_FAILED, actor=None, origin=ORIGIN)
        assert connection.scalar(text("select count(*) from pg_temp.audit_log")) == 0
        connection.commit()
    verified(database)


def test_hostile_text_is_stored_and_verifies(app, database):
    for target in ("nul\x00", "\ud800", "x" * 10_000, "'; drop table audit_log; --", "\u202e\n"):
        record_or_queue(
            AuditEvent.LOGIN_FAILED,
            actor=None,
            target=target,
            origin=ORIGIN,
            details={"value": target, "password": "hunter2", "deep": {"token": ["x"]}},
        )
    verified(database)
    with engine_of(database.url).connect() as connection:
        kept = "".join(connection.scalars(text("select details::text from audit_log")))
    assert "hunter2" not in kept
    assert '"token":"[redacted]"' in kept


def test_concurrent_appends_leave_no_gap(app, database):
    before = verified(database).end.sequence
    engine = engine_of(database.url)
    failures = []

    def append_some() -> None:
        try:
            for number in range(20):
                with engine.connect() as connection:
                    record(
                        connection, AuditEvent.TOKEN_REFRESHED, actor=uuid.uuid4(), origin=ORIGIN
                    )
                    if number % 4:
                        connection.commit()
        except Exception as error:  # noqa: BLE001 - shown below
            failures.append(error)

    threads = [threading.Thread(target=append_some) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert verified(database).end.sequence == before + 6 * 15


def test_verification_reads_one_snapshot_while_entries_arrive(app, database):
    stop = threading.Event()
    engine = engine_of(database.url)

    def append_until_stopped() -> None:
        while not stop.is_set():
            with engine.begin() as connection:
                record(connection, AuditEvent.LOGGED_OUT, actor=None, origin=ORIGIN)

    thread = threading.Thread(target=append_until_stopped)
    thread.start()
    try:
        ends = [verify_log(engine_of(database.url)).end.sequence for _ in range(10)]
    finally:
        stop.set()
        thread.join()
    assert ends == sorted(ends)

"""The migrator beside others: who hold locks, who migrate too, and who are ahead."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from migration_support import write_migrations
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.pool import NullPool

from quant.db import migrate, online
from quant.db.migrate import (
    LOCK_TIMEOUT_S,
    LockedError,
    OtherMigratorError,
    Patience,
    TooSlowError,
    upgrade,
)
from quant.db.schema import SCHEMA_REVISION, current_revision
from quant.settings import DatabaseSettings

QUICK = Patience(lock_timeout_s=0.1, first_pause_s=0.05, longest_pause_s=0.1, limit_s=10)
IMPATIENT = Patience(lock_timeout_s=0.1, first_pause_s=0.05, longest_pause_s=0.1, limit_s=0.6)
ADD = "op.execute('alter table things add column size integer')"


@pytest.fixture
def owner(database) -> Iterator[Engine]:
    """The owner's engine, on a table of things; the schema is at its newest."""
    engine = create_engine(database.owner_url, poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text("drop table if exists things"))
        connection.execute(text("create table things (id integer primary key, name text)"))
        connection.execute(text("insert into things select n, 'x' from generate_series(1, 2500) n"))
        connection.execute(text("update alembic_version set version_num = :n"), {"n": "0100"})
    yield engine
    with engine.begin() as connection:
        connection.execute(
            text("update alembic_version set version_num = :n"), {"n": SCHEMA_REVISION}
        )


@pytest.fixture
def migrations(tmp_path: Path) -> Any:
    """Writes migrations that follow 0100."""

    def write(**bodies: str) -> Path:
        named = {name.lstrip("r"): body for name, body in bodies.items()}
        return write_migrations(tmp_path / "migrations", named, after="0100")

    return write


@contextmanager
def held(engine: Engine, statement: str = "lock table things in share mode") -> Iterator[None]:
    """Hold a lock as a transaction of somebody else's."""
    with engine.begin() as connection:
        connection.execute(text(statement))
        yield


def columns(connection: Connection, table: str = "things") -> set[str]:
    return set(
        connection.scalars(
            text("select column_name from information_schema.columns where table_name = :t"),
            {"t": table},
        )
    )


def test_requests_do_not_wait_longer_than_they_can_bear() -> None:
    assert DatabaseSettings.connect_timeout_s > LOCK_TIMEOUT_S
    assert Patience().lock_timeout_s == LOCK_TIMEOUT_S


def test_a_lock_that_is_let_go_is_tried_again(owner, migrations) -> None:
    scripts = migrations(r0101=ADD)
    with ThreadPoolExecutor(1) as pool:
        with held(owner):
            outcome = pool.submit(upgrade, owner, scripts=scripts, patience=QUICK)
            time.sleep(0.7)
            assert not outcome.done()
        assert (outcome.result().before, outcome.result().after) == ("0100", "0101")
    assert outcome.result().waits >= 2
    with owner.connect() as connection:
        assert "size" in columns(connection)
        assert current_revision(connection) == "0101"


def test_a_lock_held_too_long_fails_and_leaves_all_as_it_was(owner, migrations) -> None:
    scripts = migrations(
        r0101="op.execute('create table others (id integer)')",
        r0102=f"op.execute('create table more (id integer)')\n{ADD}",
    )
    with held(owner), pytest.raises(LockedError, match="alter table things add column size"):
        upgrade(owner, scripts=scripts, patience=IMPATIENT)
    with owner.begin() as connection:
        assert "size" not in columns(connection)
        # What was committed stays, what failed is undone, and a further run goes on between.
        assert current_revision(connection) == "0101"
        assert columns(connection, "others")
        assert not columns(connection, "more")
        connection.execute(text("drop table others"))
    assert upgrade(owner, "0102", scripts=migrations(r0101="pass", r0102=ADD)).after == "0102"


def test_requests_pass_while_a_migration_waits(owner, migrations) -> None:
    """Each try queues only for the lock's time-out, and between tries there is no queue."""
    scripts = migrations(r0101=ADD)
    waits = []
    with ThreadPoolExecutor(1) as pool, held(owner, "select 1 from things limit 1"):
        outcome = pool.submit(upgrade, owner, scripts=scripts, patience=IMPATIENT)
        with owner.connect() as reader:
            while not outcome.done():
                started = time.monotonic()
                reader.execute(text("select count(*) from things"))
                reader.commit()
                waits.append(time.monotonic() - started)
        with pytest.raises(LockedError):
            outcome.result()
    # Those that met a try waited for its end; they would else have waited for the report's.
    assert len(waits) >= 2


def test_of_two_migrators_one_waits_and_does_nothing(owner, migrations) -> None:
    scripts = migrations(
        r0101="op.execute('select pg_sleep(0.5)')\nop.execute('create table once (id integer)')"
    )
    barrier = threading.Barrier(2)

    def run() -> migrate.Outcome:
        barrier.wait()
        return upgrade(create_engine(owner.url, poolclass=NullPool), scripts=scripts)

    with ThreadPoolExecutor(2) as pool:
        outcomes = [future.result() for future in [pool.submit(run), pool.submit(run)]]
    assert sorted(outcome.before or "" for outcome in outcomes) == ["0100", "0101"]
    assert {outcome.after for outcome in outcomes} == {"0101"}
    with owner.begin() as connection:
        connection.execute(text("drop table once"))


def test_another_migrator_is_not_waited_for_for_ever(owner, migrations) -> None:
    scripts = migrations(r0101=ADD)
    with owner.connect() as other:
        other.execute(text("select pg_advisory_lock(:key)"), {"key": migrate._LOCK})
        with pytest.raises(OtherMigratorError):
            upgrade(owner, scripts=scripts, patience=IMPATIENT)
    assert upgrade(owner, scripts=scripts).after == "0101"


def test_a_newer_schema_is_left_alone(owner, migrations) -> None:
    scripts = migrations(r0101="pass", r0102=ADD)
    assert upgrade(owner, scripts=scripts).after == "0102"
    with owner.begin() as connection:
        # As a later release has left it, whose migrations this code does not know.
        connection.execute(text("update alembic_version set version_num = '0103'"))
    outcome = upgrade(owner, "0101", scripts=scripts)
    assert (outcome.before, outcome.after) == ("0103", "0103")
    with owner.connect() as connection:
        assert current_revision(connection) == "0103"
        assert "size" in columns(connection)


def test_a_statement_that_takes_too_long_is_given_up(owner, migrations, monkeypatch) -> None:
    monkeypatch.setattr(migrate, "STATEMENT_TIMEOUT_S", 0.2)
    scripts = migrations(r0101=f"{ADD}\nop.execute('select pg_sleep(5)')")
    with pytest.raises(TooSlowError, match="pg_sleep"):
        upgrade(owner, scripts=scripts)
    with owner.connect() as connection:
        assert "size" not in columns(connection)


def test_what_is_online_may_take_longer_but_no_longer_than_there_is(
    owner, migrations, monkeypatch
) -> None:
    monkeypatch.setattr(migrate, "STATEMENT_TIMEOUT_S", 0.2)
    body = "with online.online():\n    op.execute('select pg_sleep({})')\n"
    after = "op.execute('set local lock_timeout = 0')"
    assert upgrade(owner, scripts=migrations(r0101=body.format(0.5) + after)).after == "0101"
    with pytest.raises(TooSlowError):
        upgrade(owner, scripts=migrations(r0101="pass", r0102=body.format(5)), patience=IMPATIENT)


INDEX = "online.create_index('ix_things_name', 'things', ['name'])"


def test_an_index_is_built_beside_writers_and_waits_for_them(owner, migrations) -> None:
    scripts = migrations(r0101=INDEX)
    with ThreadPoolExecutor(1) as pool:
        with held(owner, "insert into things values (0, 'y')"):
            outcome = pool.submit(upgrade, owner, scripts=scripts, patience=QUICK)
            time.sleep(0.5)
            assert not outcome.done()
            with owner.begin() as connection:
                connection.execute(text("insert into things values (-1, 'z')"))
        # It was not the time-out of locks that ended the wait.
        assert outcome.result().waits == 0
    with owner.connect() as connection:
        assert connection.scalar(
            text("select indisvalid from pg_index where indexrelid = 'ix_things_name'::regclass")
        )


def test_an_index_left_invalid_is_built_anew(owner, migrations) -> None:
    with owner.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        with pytest.raises(IntegrityError):
            connection.execute(
                text("create unique index concurrently ix_things_name on things (name)")
            )
        assert not connection.scalar(
            text("select indisvalid from pg_index where indexrelid = 'ix_things_name'::regclass")
        )
    upgrade(owner, scripts=migrations(r0101=INDEX))
    with owner.connect() as connection:
        found = connection.execute(
            text(
                "select indisvalid, indisunique from pg_index"
                " where indexrelid = 'ix_things_name'::regclass"
            )
        ).one()
    assert tuple(found) == (True, False)


BACKFILL = (
    "online.update_in_batches('things', 'id', 'name = ''y''', where='name = ''x''', size=100)"
).replace("''", "\\'")


def test_rows_are_updated_in_transactions_of_a_batch(owner, migrations) -> None:
    scripts = migrations(r0101=BACKFILL)
    upgrade(owner, scripts=scripts)
    with owner.connect() as connection:
        assert connection.execute(text("select name, count(*) from things group by 1")).all() == [
            ("y", 2500)
        ]
        # Each row was written by the transaction of its hundred.
        assert connection.scalar(text("select count(distinct xmin::text) from things")) == 25


def test_a_batch_that_met_a_lock_goes_on_with_what_is_left(owner, migrations) -> None:
    scripts = migrations(r0101=BACKFILL)
    with ThreadPoolExecutor(1) as pool:
        with held(owner, "select 1 from things where id = 1234 for update"):
            outcome = pool.submit(upgrade, owner, scripts=scripts, patience=QUICK)
            time.sleep(0.5)
            assert not outcome.done()
            with owner.connect() as connection:
                done = connection.scalar(text("select count(*) from things where name = 'y'"))
                assert done == 1200
        assert outcome.result().waits >= 1
    with owner.connect() as connection:
        assert connection.scalar(text("select count(*) from things where name = 'y'")) == 2500
        assert connection.scalar(text("select count(distinct xmin::text) from things")) == 25


def test_batches_end_when_there_is_no_time_left(owner, migrations) -> None:
    scripts = migrations(r0101=BACKFILL.replace("size=100", "size=1"))
    patience = Patience(limit_s=0.2)
    with pytest.raises((online.OutOfTimeError, TooSlowError)):
        upgrade(owner, scripts=scripts, patience=patience)
    with owner.connect() as connection:
        assert current_revision(connection) == "0100"
    assert upgrade(owner, scripts=migrations(r0101=BACKFILL)).after == "0101"


CHECK = """online.replace_check("ck_things_name", "things", "name in ('x', 'y')")"""


def test_a_check_is_validated_after_it_was_added(owner, migrations) -> None:
    upgrade(owner, scripts=migrations(r0101=CHECK))
    upgrade(owner, scripts=migrations(r0101=CHECK, r0102=CHECK))
    with owner.connect() as connection:
        assert connection.scalars(
            text("select convalidated from pg_constraint where conname = 'ck_things_name'")
        ).all() == [True]


def test_a_check_that_rows_break_fails_but_holds_new_ones(owner, migrations) -> None:
    with owner.begin() as connection:
        connection.execute(text("update things set name = 'z' where id = 7"))
    with pytest.raises(DBAPIError, match="23514"):
        upgrade(owner, scripts=migrations(r0101=CHECK))
    with owner.connect() as connection:
        assert current_revision(connection) == "0100"
        with pytest.raises(DBAPIError, match="23514"):
            connection.execute(text("insert into things values (0, 'z')"))
        connection.rollback()
        connection.execute(text("update things set name = 'y' where id = 7"))
        connection.commit()
    assert upgrade(owner, scripts=migrations(r0101=CHECK)).after == "0101"

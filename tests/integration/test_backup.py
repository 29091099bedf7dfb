import json
import re
import secrets
import threading
import time
from pathlib import Path

import pytest
from account_support import account_service
from audit_support import engine_of, verified
from backup_support import (
    access_to,
    backup,
    databases,
    operator,
    run,
    scratch_folders,
    sorted_dump,
)
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError
from supervisor.database import APP_ROLE, OWNER_ROLE

from quant.backup.dump import create
from quant.backup.places import FolderPlace, newest
from quant.backup.restore import restore
from quant.backup.tools import Tools
from quant.backup.verify import verify
from quant.db.backup_role import ensure_backup_role
from quant.ingest.seed import seed
from quant.secrets import SecretStr
from quant.settings import Credentials

BACKUP_ROLE = "quant_backup"


@pytest.fixture(scope="module")
def lived_in(api, database):
    """The synthetic sample, an account with sessions and tokens, and what the log says of them."""
    # As in a database that was migrated itself rather than copied.
    run(database, f"grant temporary on database {database.name} to {APP_ROLE}")
    seed(engine_of(database.owner_url))
    with account_service(api, database) as accounts:
        accounts.sign_in(accounts.person())
        assert verified(database).entries == 2
        yield api
    for name in databases(database, "_"):
        run(database, f"drop database {name} with (force)")


@pytest.fixture
def command(lived_in, database):
    """Runs ``quant backup`` as the owner; handlers go on as the application role."""

    def command(*arguments, **options):
        with operator(database):
            return backup(*arguments, **options)

    return command


@pytest.fixture
def target(tmp_path):
    return str(tmp_path / "backups")


def wipe_schema(database):
    run(database, "drop schema public cascade", database.name)
    run(database, "create schema public authorization pg_database_owner", database.name)


def wipe_database(database):
    run(database, f"drop database {database.name} with (force)")


@pytest.mark.parametrize("wipe", [wipe_schema, wipe_database])
def test_what_was_wiped_comes_back(command, lived_in, database, target, wipe):
    made = command("create", target, "--json")
    assert made.exit_code == 0, made.output
    content = json.loads(made.stdout)["content_sha256"]
    dumped, entries = sorted_dump(database), verified(database)
    before = lived_in.get("/api/v1/trades", {"limit": 50, "sort": "transaction_date"}).json
    assert before["data"]

    wipe(database)
    assert lived_in.get("/health/ready").status == 503
    restored = command("restore", target, "--yes")

    assert restored.exit_code == 0, restored.output
    assert sorted_dump(database) == dumped
    assert f"content {content}" in restored.stdout
    assert re.search(r"^RTO \d+\.\d s: .*\nRPO \d+\.\d s: ", restored.stdout, re.MULTILINE)
    assert json.loads(command("create", target, "--json").stdout)["content_sha256"] == content
    after = lived_in.get("/api/v1/trades", {"limit": 50, "sort": "transaction_date"}).json
    assert after["data"] == before["data"]
    assert verified(database) == entries


def test_rights_and_triggers_come_back(command, lived_in, database, target):
    assert command("create", target).exit_code == 0
    assert command("restore", target, "--replace", "--yes").exit_code == 0
    app = engine_of(database.url)
    for forbidden in (
        "update audit_log set actor = null",
        "delete from audit_chain_head",
        "update alembic_version set version_num = '0000'",
        "create table mine (id integer)",
    ):
        with pytest.raises(DBAPIError, match="42501"), app.begin() as connection:
            connection.execute(text(forbidden))
    with app.begin() as connection:
        connection.execute(text("create temporary table staged (id integer)"))
        # The trigger gives every new politician a row of activity.
        connection.execute(
            text(
                "insert into politicians (id, full_name, sort_name, chamber)"
                " values (gen_random_uuid(), 'Nora New', 'new, nora', 'house')"
            )
        )
        [count] = connection.execute(
            text(
                "select trade_count from politician_activity join politicians p on"
                " p.id = politician_id where full_name = 'Nora New'"
            )
        ).one()
    assert count == 0
    with engine_of(database.owner_url).begin() as connection:
        connection.execute(text("create table later (id integer)"))
        rights = "select has_table_privilege(:role, 'later', 'insert')"
        assert connection.execute(text(rights), {"role": APP_ROLE}).scalar_one()
        connection.execute(text("drop table later"))


def test_what_is_not_empty_is_set_aside_not_lost(command, database, target):
    assert command("create", target).exit_code == 0
    with engine_of(database.owner_url).begin() as connection:
        connection.execute(text("insert into tickers (symbol) values ('LATER')"))
    refused = command("restore", target, "--yes")
    assert refused.exit_code == 1
    assert "is not empty; --replace sets it aside" in refused.stderr
    assert command("restore", target, "--replace", given="n\n").exit_code == 1
    known = "select count(*) from tickers where symbol = 'LATER'"
    assert run(database, known, database.name) == [[1]]

    done = command("restore", target, "--replace", "--yes", "--json")
    aside = json.loads(done.stdout)["aside"]
    assert run(database, known, database.name) == [[0]]
    assert run(database, known, aside) == [[1]]


def test_clients_that_come_back_at_once_do_not_keep_a_restore_out(command, database, target):
    assert command("create", target).exit_code == 0
    over = threading.Event()
    answered: list[int] = []

    def client():
        while not over.is_set():
            try:
                connection = create_engine(database.url).connect()
                while not over.is_set():
                    answered.append(connection.execute(text("select 1")).scalar_one())
            except DBAPIError:
                continue

    clients = [threading.Thread(target=client) for _ in range(4)]
    for each in clients:
        each.start()
    try:
        done = command("restore", target, "--replace", "--yes")
    finally:
        time.sleep(0.2)
        count = len(answered)
        time.sleep(0.2)
        over.set()
        for each in clients:
            each.join()
    assert done.exit_code == 0, done.output
    assert len(answered) > count > 0


def test_a_backup_is_one_snapshot_however_much_is_written_meanwhile(lived_in, database, tmp_path):
    engine = engine_of(database.owner_url)
    with engine.begin() as connection:
        for table in ("torn_a", "torn_b"):
            connection.execute(text(f"create table {table} (id integer primary key)"))
    over = threading.Event()

    def write():
        connection = create_engine(database.owner_url).connect()
        number = 0
        while not over.is_set():
            number += 1
            with connection.begin():
                # What is in one without the other was torn apart.
                for table in ("torn_b", "torn_a"):
                    connection.execute(text(f"insert into {table} values ({number})"))

    def written():
        return run(database, "select count(*)::int from torn_a", database.name)[0][0]

    writer = threading.Thread(target=write)
    writer.start()
    kept = FolderPlace(tmp_path)
    try:
        while written() < 10:
            time.sleep(0.01)
        with kept.workspace() as folder:
            before = written()
            manifest = create(access_to(database), folder, Tools.find())
            after = written()
            kept.keep(folder, manifest)
    finally:
        over.set()
        writer.join()
    assert after > before
    assert before <= manifest.tables["public.torn_a"].rows <= after
    assert manifest.tables["public.torn_a"] == manifest.tables["public.torn_b"]
    # The dump is of the same snapshot as the digests.
    assert verify(kept, manifest.id, Tools.find(server=True)).manifest == manifest
    with engine.begin() as connection:
        connection.execute(text("drop table torn_a, torn_b"))


def test_verification_needs_no_database_and_leaves_nothing(command, database, target, monkeypatch):
    assert command("create", target).exit_code == 0
    monkeypatch.delenv("QUANT_DATABASE_HOST")
    found = backup("verify", target, "--json")
    assert found.exit_code == 0, found.output
    assert json.loads(found.stdout)["audit_entries"] == verified(database).entries
    assert scratch_folders() == []


def test_a_damaged_audit_log_is_named(command, database, target):
    change = "update audit_log set actor = {} where sequence = 2"
    [[actor]] = run(database, "select actor::text from audit_log where sequence = 2", database.name)
    run(database, change.format("gen_random_uuid()"), database.name)
    try:
        assert command("create", target).exit_code == 0
    finally:
        run(database, change.format(f"'{actor}'"), database.name)
    found = command("verify", target)
    assert found.exit_code == 1
    assert "entry 2: is not what was appended" in found.stderr
    assert scratch_folders() == []


def test_the_role_of_backups_reads_all_and_writes_nothing(lived_in, database, tmp_path):
    password = secrets.token_urlsafe(16)
    with create_engine(database.superuser_url, isolation_level="AUTOCOMMIT").connect() as session:
        for _ in range(2):
            ensure_backup_role(
                session, Credentials(username=BACKUP_ROLE, password=SecretStr(password))
            )
    access = access_to(database, BACKUP_ROLE, password)
    kept = FolderPlace(tmp_path)
    with kept.workspace() as folder:
        manifest = create(access, folder, Tools.find())
        kept.keep(folder, manifest)
    assert (BACKUP_ROLE, "CONNECT") in manifest.database.grants
    assert verify(kept, newest(kept), Tools.find(server=True)).audit_entries == 2
    with access.session() as session:
        session.run("set default_transaction_read_only = off")
        for table in ("trades", "audit_log", "accounts"):
            with pytest.raises(Exception, match="permission denied"):
                session.run(f"delete from {table}")


def test_a_new_server_gets_the_roles_it_lacks(lived_in, database, tmp_path):
    run(database, "create role quant_guest")
    run(database, "grant select on tickers to quant_guest", database.name)
    kept = FolderPlace(tmp_path)
    with kept.workspace() as folder:
        kept.keep(folder, create(access_to(database), folder, Tools.find()))
    run(database, "drop owned by quant_guest", database.name)
    run(database, "drop role quant_guest")
    administrator = access_to(database, database.server.user, database.server.password)
    done = restore(administrator, kept, newest(kept), Tools.find(), replace=True)
    assert done.new_roles == ("quant_guest",)
    owner = "select datdba::regrole::text from pg_database where datname = current_database()"
    assert run(database, owner, database.name) == [[OWNER_ROLE]]
    run(database, "drop owned by quant_guest", database.name)
    for name in databases(database, "_replaced"):
        run(database, f"drop database {name}")
    run(database, "drop role quant_guest")


def test_no_password_is_on_a_command_line(command, database, target, tmp_path, monkeypatch):
    real = Tools.find().folder
    log = tmp_path / "arguments"
    for name in ("pg_dump", "pg_restore"):
        wrapper = tmp_path / name
        wrapper.write_text(f'#!/bin/sh\necho "$@" >>{log}\nexec {real / name} "$@"\n')
        wrapper.chmod(0o755)
    monkeypatch.setenv("QUANT_POSTGRES_BIN", str(tmp_path))
    assert command("create", target).exit_code == 0
    assert command("restore", target, "--replace", "--yes").exit_code == 0
    said = log.read_text()
    assert "--snapshot" in said
    assert "--exit-on-error" in said
    assert database.passwords[OWNER_ROLE] not in said


def test_old_backups_go_by_day_and_month(command, target):
    made = [json.loads(command("create", target, "--json").stdout)["id"] for _ in range(3)]
    listed = [entry["id"] for entry in json.loads(command("list", target, "--json").stdout)]
    assert listed == made
    shown = command("prune", target, "--keep-daily", "1", "--keep-monthly", "0", "--dry-run")
    gone = command("prune", target, "--keep-daily", "1", "--keep-monthly", "0")
    assert shown.stdout.split() == gone.stdout.split() == made[:2]
    assert [entry.name for entry in Path(target).iterdir()] == made[2:]
    assert command("prune", target, "--keep-daily", "0", "--keep-monthly", "0").exit_code == 2

"""The tracking server's database, made as the owner of an RDS instance makes it."""

import secrets
from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool
from supervisor.database import APP_ROLE
from supervisor.servers import PostgresServer

from quant.db import tracking
from quant.db.tracking import ensure_tracking
from quant.secrets import SecretStr
from quant.settings import Credentials


def _connect(url: str) -> Connection:
    return create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT").connect()


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    """Names of a database and of its owner that no other test has."""
    suffix = secrets.token_hex(4)
    monkeypatch.setattr(tracking, "DATABASE", f"tracking_{suffix}")
    return f"tracking_{suffix}", f"owner_{suffix}"


@pytest.fixture
def administrator(postgres: PostgresServer) -> Iterator[Connection]:
    """A connection with the rights of RDS's master user: no superuser."""
    role, password = f"admin_{secrets.token_hex(4)}", secrets.token_urlsafe(16)
    server = postgres.connect()
    try:
        server.run(f"create role {role} login createdb createrole password '{password}'")
    finally:
        server.close()
    with _connect(postgres.url("postgres", role, password)) as connection:
        yield connection


def _credentials(role: str) -> Credentials:
    return Credentials(username=role, password=SecretStr(secrets.token_urlsafe(16)))


def _url(postgres: PostgresServer, database: str, credentials: Credentials) -> str:
    return postgres.url(database, credentials.username, credentials.password.get_secret_value())


def test_owner_makes_its_tables(
    postgres: PostgresServer, administrator: Connection, names: tuple[str, str]
) -> None:
    database, role = names
    credentials = _credentials(role)
    ensure_tracking(administrator, credentials)
    with _connect(_url(postgres, database, credentials)) as connection:
        connection.execute(text("create table runs (id integer primary key)"))
        assert connection.scalar(text("select count(*) from runs")) == 0


def test_once_more_sets_the_password_and_keeps_the_data(
    postgres: PostgresServer, administrator: Connection, names: tuple[str, str]
) -> None:
    database, role = names
    before, after = _credentials(role), _credentials(role)
    ensure_tracking(administrator, before)
    with _connect(_url(postgres, database, before)) as connection:
        connection.execute(text("create table runs as select 1 as id"))
    ensure_tracking(administrator, after)
    with _connect(_url(postgres, database, after)) as connection:
        assert connection.scalar(text("select id from runs")) == 1
    with pytest.raises(DBAPIError, match="password authentication failed"):
        _connect(_url(postgres, database, before))


def test_others_cannot_connect(
    postgres: PostgresServer,
    role_passwords: dict[str, str],
    administrator: Connection,
    names: tuple[str, str],
) -> None:
    database, role = names
    ensure_tracking(administrator, _credentials(role))
    with pytest.raises(DBAPIError, match="permission denied for database"):
        _connect(postgres.url(database, APP_ROLE, role_passwords[APP_ROLE]))


def test_owner_has_no_other_rights(administrator: Connection, names: tuple[str, str]) -> None:
    _, role = names
    ensure_tracking(administrator, _credentials(role))
    rights = administrator.execute(
        text("select rolsuper, rolcreatedb, rolcreaterole from pg_roles where rolname = :role"),
        {"role": role},
    ).one()
    assert tuple(rights) == (False, False, False)

"""Connections opened by tokens: one that broke is opened anew by a token of its own."""

import secrets
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import text

import quant.db.session
import quant.settings
from quant.db import prepared
from quant.db.lookup import Lookup
from quant.settings import DatabaseSettings

ROLE = "logs_in_by_token"


class Tokens:
    """Makes tokens as RDS does in one respect: only the newest opens a connection."""

    def __init__(self, database: Any) -> None:
        self._server = database.server
        self.made = 0
        self._run(f"create role {ROLE} login")

    def __call__(self, host: str, port: int, user: str) -> str:
        assert (host, port, user) == ("127.0.0.1", self._server.port, ROLE)
        token = secrets.token_urlsafe(1500)  # those of RDS are as long
        self._run(f"alter role {ROLE} password '{token}'")
        self.made += 1
        return token

    def end_sessions(self) -> None:
        self._run(
            f"select pg_terminate_backend(pid) from pg_stat_activity where usename = '{ROLE}'"
        )

    def _run(self, statement: str) -> None:
        connection = self._server.connect()
        try:
            connection.run(statement)
        finally:
            connection.close()

    def forget(self) -> None:
        self.end_sessions()
        self._run(f"drop role {ROLE}")


@pytest.fixture
def tokens(database: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tokens]:
    variables = {
        "QUANT_ENVIRONMENT": "local",
        "QUANT_DATABASE_HOST": "127.0.0.1",
        "QUANT_DATABASE_PORT": str(database.server.port),
        # Which everybody may connect to.
        "QUANT_DATABASE_NAME": "postgres",
        "QUANT_DATABASE_AUTH": "iam",
        "QUANT_DATABASE_USER": ROLE,
        "QUANT_DATABASE_TLS": "false",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    tokens = Tokens(database)
    monkeypatch.setattr(quant.settings, "login_token", tokens)
    quant.settings.database_settings.cache_clear()
    quant.db.session.engine.cache_clear()
    prepared.close()
    yield tokens
    prepared.close()
    quant.db.session.engine().dispose()
    quant.db.session.engine.cache_clear()
    quant.settings.database_settings.cache_clear()
    tokens.forget()


def _who(connection: Any) -> str:
    return str(connection.execute(text("select current_user")).scalar_one())


def test_engine_asks_for_a_token_for_each_connection(tokens: Tokens) -> None:
    assert [quant.db.session.read(_who) for _ in range(3)] == [ROLE] * 3
    assert tokens.made == 1
    tokens.end_sessions()
    assert quant.db.session.read(_who) == ROLE
    assert tokens.made == 2
    tokens.end_sessions()
    assert quant.db.session.write(_who) == ROLE
    assert tokens.made == 3


def test_lookup_asks_for_a_token_for_each_connection(tokens: Tokens) -> None:
    lookup = Lookup(DatabaseSettings)
    assert [lookup.rows("select current_user") for _ in range(2)] == [[[ROLE]]] * 2
    assert tokens.made == 1
    tokens.end_sessions()
    assert lookup.rows("select current_user") == [[ROLE]]
    assert tokens.made == 2
    lookup.close()


def test_prepared_statements_ask_for_a_token_for_each_connection(tokens: Tokens) -> None:
    statement = "select current_user::text"
    assert [prepared.rows(statement, keep=True) for _ in range(2)] == [[[ROLE]]] * 2
    assert tokens.made == 1
    tokens.end_sessions()
    assert prepared.rows(statement, keep=True) == [[ROLE]]
    assert tokens.made == 2

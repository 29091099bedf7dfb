"""Statements that are read in one round trip to Postgres each, without SQLAlchemy.

A Lambda environment serves one request at a time, so a process holds one connection and keeps it
across invocations; of reads it holds what ``quant.db.session`` says, and no transaction is ever
begun. A function reads either here or there, lest its environments hold two connections each.

pg8000 itself makes three round trips of a statement that has parameters, and two of one that it
prepares and runs for the first time. The protocol asks for one: Parse, Describe, Bind, Execute and
Sync may be sent together (PostgreSQL manual, "Message Flow", "Extended Query", "Pipelining"). They
are sent here by the methods that its own ``run`` and ``prepare`` call.
"""

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

from pg8000.converters import make_params
from pg8000.exceptions import Error
from pg8000.native import Connection

from quant import snapstart
from quant.db import driver
from quant.errors import StoreUnavailableError
from quant.observability import tracing
from quant.settings import database_settings

# Statements kept on a connection; those that come after them are run without being kept.
MOST_KEPT: Final = 64

_UNNAMED: Final = b"\x00"

# SQLSTATEs of a kept statement that is good no longer: a migration has changed its tables ("cached
# plan must not change result type"), or the pooler at the other end has another server by now,
# which does not know it, or knew it before.
_STALE: Final = frozenset({"0A000", "26000", "42P05"})


def _name(statement: str) -> bytes:
    """Return the name to keep a statement by.

    It is the statement's own: if a pooler gave two clients one server, neither would run what the
    other prepared.
    """
    return b"quant_" + hashlib.sha256(statement.encode()).hexdigest()[:32].encode() + b"\x00"


class _Session:
    """An open connection, and the statements that Postgres keeps for it."""

    def __init__(self) -> None:
        settings = database_settings()
        with tracing.remote("postgres connect"):
            self._connection: Any = Connection(
                host=settings.host,
                port=settings.port,
                database=settings.name,
                **driver.login(settings),
                **driver.connect_options(settings),
            )
        driver.send_at_once(self._connection)
        # By its text, the name of each, and its columns and their converters as pg8000 has them.
        self._kept: dict[str, tuple[bytes, Any, Any]] = {}

    def rows(self, statement: str, values: Sequence[object], *, keep: bool) -> list[list[Any]]:
        connection = self._connection
        name, columns, converters = self._kept.get(statement, (None, None, None))
        if name is None:
            keep = keep and len(self._kept) < MOST_KEPT
            name = _name(statement) if keep else _UNNAMED
            connection.send_PARSE(name, statement)
            connection.send_DESCRIBE_STATEMENT(name)
        parameters = make_params(connection.py_types, values)
        found = connection.execute_named(name, parameters, columns, converters, statement)
        if name != _UNNAMED:
            self._kept[statement] = name, found.columns, found.input_funcs
        rows: list[list[Any]] = found.rows
        return rows

    def close(self) -> None:
        with suppress(Error, OSError):  # it may be dead already
            self._connection.close()


_session: _Session | None = None


def rows(statement: str, values: Sequence[object] = (), *, keep: bool = False) -> list[list[Any]]:
    """Return the rows of a read-only statement.

    A connection kept from an earlier invocation may have died since, and a kept statement with it:
    the statement is tried once more on a new one, and once more without being kept where the server
    at the other end takes it for something else.

    Args:
        statement: Its text, with ``$1`` and so on for its values.
        values: Its values in their order.
        keep: Whether Postgres is to keep the statement and, from its sixth run on, its plan. Not
            one whose best plan depends on its values: it may get a plan for average ones.

    Raises:
        StoreUnavailableError: Postgres cannot be reached.
    """
    found_dead = False
    while True:
        try:
            return _run(statement, values, keep=keep)
        except (Error, OSError) as error:
            if driver.is_unavailable(error):
                if found_dead:
                    raise StoreUnavailableError("postgres") from error
                found_dead = True
            elif keep and driver.sqlstate(error) in _STALE:
                # What is not kept is right whichever server a pooler passes it on to.
                keep = False
            else:
                raise


def close() -> None:
    """Close the process's connection, if there is one; the next read opens another."""
    global _session
    session, _session = _session, None
    if session is not None:
        session.close()


def _run(statement: str, values: Sequence[object], *, keep: bool) -> list[list[Any]]:
    global _session  # noqa: PLW0603 - one a process
    try:
        if _session is None:
            _session = _Session()
        with tracing.statement(statement):
            return _session.rows(statement, values, keep=keep)
    except BaseException:
        # Half a message may be on its way, or an answer to come to whoever asks next.
        close()
        raise


snapstart.after_restore(close)

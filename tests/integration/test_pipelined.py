"""One round trip for a statement of SQLAlchemy's, and a connection that survives its mistakes."""

import io
import socket
import uuid
from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import DBAPIError

from quant.db import pipelined
from quant.db.traced import traced


@pytest.fixture
def connection(database) -> Iterator[Connection]:
    """One of the owner, who may make temporary tables."""
    engine = traced(create_engine(database.owner_url, isolation_level="AUTOCOMMIT"))
    with engine.connect() as connection:
        yield connection
    engine.dispose()


@pytest.fixture
def waits(monkeypatch) -> list[str]:
    """Statements whose answers were waited for, one for each round trip."""
    waited: list[str] = []
    wait = pipelined.Connection.handle_messages

    def handle_messages(self, context):
        waited.append(context.statement)
        return wait(self, context)

    monkeypatch.setattr(pipelined.Connection, "handle_messages", handle_messages)
    return waited


def test_a_statement_with_parameters_takes_one_round_trip(connection, waits):
    statement = text("select cast(:number as int), cast(:key as uuid), cast(:nothing as text)")
    key = uuid.uuid4()
    for number in (7, 8):
        values = {"number": number, "key": key, "nothing": None}
        assert connection.execute(statement, values).one() == (number, key, None)
    assert len(waits) == 2


def test_many_rows_take_a_round_trip_each(connection, waits):
    connection.exec_driver_sql("create temporary table numbers (number int)")
    waits.clear()
    insert = text("insert into numbers values (:number)")
    assert connection.execute(insert, [{"number": number} for number in range(5)]).rowcount == 5
    assert len(waits) == 5
    connection.exec_driver_sql("drop table numbers")


@pytest.mark.parametrize(
    ("statement", "value", "state"),
    [
        ("selec :value", 1, "42601"),  # while it is parsed
        ("select cast(cast(:value as text) as date)", "no day", "22007"),  # while it runs
        ("select 1 / cast(:value as int)", 0, "22012"),
    ],
)
def test_an_error_leaves_the_connection_in_step(connection, statement, value, state):
    with pytest.raises(DBAPIError) as caught:
        connection.execute(text(statement), {"value": value})
    assert caught.value.orig.args[0]["C"] == state
    for number in range(3):
        assert connection.scalar(text("select cast(:n as int)"), {"n": number}) == number


def test_copies_from_a_stream(connection):
    connection.exec_driver_sql("create temporary table numbers (number int)")
    cursor = connection.connection.cursor()
    cursor.execute("copy numbers from stdin", stream=io.BytesIO(b"1\n2\n3\n"))
    assert (
        connection.scalar(text("select sum(number) from numbers where number > :n"), {"n": 1}) == 5
    )
    connection.exec_driver_sql("drop table numbers")


def test_nothing_is_held_back_until_what_was_sent_has_arrived(connection):
    sent_by = connection.connection.driver_connection._usock
    assert sent_by.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)

"""Statements without SQLAlchemy: a round trip each, on a connection that is replaced if it dies."""

import socket
from dataclasses import dataclass

import pytest
from pg8000.exceptions import DatabaseError
from relay_support import relay
from tests.integration.conftest import serving

from quant.db import prepared

LISTS = ("/api/v1/trades", "/api/v1/trades/recent", "/api/v1/politicians")
DOUBLE = "select $1::int * 2"
KEPT = "select statement from pg_prepared_statements order by prepare_time"

pytestmark = pytest.mark.usefixtures("disclosures")


@dataclass(frozen=True)
class Relayed:
    """Where Postgres is for the handlers."""

    port: int


@dataclass(frozen=True)
class Through:
    """A database behind a relay."""

    server: Relayed
    name: str
    passwords: dict[str, str]


@pytest.fixture(scope="module")
def wired(database, valkey):
    with relay(database.server.port) as counting:
        place = Through(Relayed(counting.port), database.name, database.passwords)
        with serving(place, valkey) as api:
            yield api, lambda: counting.round_trips


@pytest.fixture
def api(wired):
    return wired[0]


@pytest.fixture
def trips(wired):
    """Round trips during a call, on a connection that is open and keeps nothing."""
    prepared.close()
    prepared.rows("select 1")

    def during(do):
        before = wired[1]()
        return do(), wired[1]() - before

    return during


@pytest.fixture
def superuser(database):
    connection = database.server.connect(database.name)
    yield connection
    connection.close()


def end_connections(superuser):
    superuser.run(
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'quant'"
    )


@pytest.mark.parametrize("path", LISTS)
def test_a_page_takes_one_round_trip(api, trips, path):
    for query in ({"limit": 3}, {"limit": 4}, {"limit": 5, "chamber": "house"}):
        answer, made = trips(lambda query=query: api.get(path, query))
        assert (answer.status, made) == (200, 1)


def test_a_page_that_follows_takes_one(api, trips):
    for path in ("/api/v1/trades", "/api/v1/politicians"):
        cursor = api.get(path, {"limit": 1}).json["page"]["next_cursor"]
        answer, made = trips(lambda: api.get(path, {"limit": 1, "cursor": cursor}))  # noqa: B023
        assert (answer.status, made) == (200, 1)


def test_pages_of_all_sizes_are_one_kept_statement(api, trips):
    for limit in (21, 22, 23):
        assert api.get("/api/v1/trades", {"limit": limit}).status == 200
    [[statement]] = prepared.rows(KEPT)
    assert "from trades t\n" in statement
    assert "where true" in statement


@pytest.mark.parametrize("keep", [True, False])
def test_a_statement_takes_one_however_often_it_ran(trips, keep):
    for value in (1, None, 3):
        expected = None if value is None else 2 * value
        found = trips(lambda value=value: prepared.rows(DOUBLE, [value], keep=keep))
        assert found == ([[expected]], 1)
    assert prepared.rows(KEPT) == ([[DOUBLE]] if keep else [])


def test_no_more_than_the_bound_are_kept(trips, monkeypatch):
    monkeypatch.setattr(prepared, "MOST_KEPT", 2)
    for number in (1, 2, 3, 4, 1, 4):
        assert prepared.rows(f"select {number} + $1::int", [1], keep=True) == [[number + 1]]
    assert len(prepared.rows(KEPT)) == 2


def test_a_connection_found_dead_is_replaced_and_statements_are_kept_anew(api, superuser):
    assert prepared.rows(DOUBLE, [1], keep=True) == [[2]]
    end_connections(superuser)
    assert prepared.rows(DOUBLE, [2], keep=True) == [[4]]
    assert prepared.rows(KEPT) == [[DOUBLE]]
    end_connections(superuser)
    assert api.get("/api/v1/trades", {"limit": 33}).status == 200


def test_a_statement_outlives_a_change_of_its_table(superuser, trips):
    superuser.run("create table changing as select 1 as first; grant select on changing to public")
    statement = "select * from changing"
    assert prepared.rows(statement, keep=True) == [[1]]
    superuser.run("alter table changing add column second int default 2")
    assert prepared.rows(statement, keep=True) == [[1, 2]]
    superuser.run("drop table changing")


def test_a_statement_that_the_server_has_forgotten_is_prepared_again(trips):
    assert prepared.rows(DOUBLE, [1], keep=True) == [[2]]
    prepared.rows("deallocate all")
    assert prepared.rows(DOUBLE, [2], keep=True) == [[4]]


def test_a_pooler_may_pass_a_new_client_on_to_a_server_that_others_used(monkeypatch, superuser):
    opened = []

    class Used(prepared._Session):
        """A connection by a pooler that knows nothing of statements."""

        def __init__(self):
            super().__init__()
            opened.append(self)
            name = prepared._name(DOUBLE).decode().strip("\x00")
            self._connection.run(f"prepare {name} (int) as {DOUBLE}")

    prepared.close()
    monkeypatch.setattr(prepared, "_Session", Used)
    for number in (1, 2):
        assert prepared.rows(DOUBLE, [number], keep=True) == [[2 * number]]
        end_connections(superuser)  # as it restarts
    assert len(opened) > 2
    prepared.close()


def test_a_wrong_statement_is_raised_as_it_is_and_the_next_is_answered():
    for keep in (True, False):
        with pytest.raises(DatabaseError, match="22012"):
            prepared.rows("select 1 / $1::int", [0], keep=keep)
        with pytest.raises(UnicodeEncodeError):
            prepared.rows("select $1::text", ["\ud800"], keep=keep)
        assert prepared.rows(DOUBLE, [1], keep=keep) == [[2]]


def test_between_statements_there_is_no_transaction(superuser):
    prepared.rows(DOUBLE, [1], keep=True)
    states = superuser.run(
        "select state, xact_start from pg_stat_activity where application_name = 'quant'"
        " and query like 'select $1::int * 2'"
    )
    assert states == [["idle", None]]


def test_nothing_is_held_back_until_what_was_sent_has_arrived():
    prepared.rows("select 1")
    sent_by = prepared._session._connection._usock
    assert sent_by.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)

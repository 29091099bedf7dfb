"""Write transactions on the process's connection."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from quant.db.session import engine, read, write
from quant.errors import StoreUnavailableError

INSERT = text("insert into tickers (symbol) values (:symbol)")

pytestmark = pytest.mark.usefixtures("api")


def symbols():
    return set(read(lambda connection: connection.scalars(text("select symbol from tickers"))))


def insert(symbol):
    return lambda connection: connection.execute(INSERT, {"symbol": symbol}).rowcount


def end_connections(database):
    superuser = database.server.connect(database.name)
    superuser.run(
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'quant'"
    )
    superuser.close()


def test_a_transaction_is_committed_and_its_value_returned():
    assert write(insert("COMMITTED")) == 1
    assert "COMMITTED" in symbols()


def test_a_transaction_that_raises_is_rolled_back_and_the_connection_is_kept():
    def fail(connection):
        insert("RAISED")(connection)
        raise LookupError

    process = read(lambda connection: connection.scalar(text("select pg_backend_pid()")))
    with pytest.raises(LookupError):
        write(fail)
    assert "RAISED" not in symbols()
    assert process == read(lambda connection: connection.scalar(text("select pg_backend_pid()")))


def test_a_wrong_statement_is_raised_as_it_is():
    with pytest.raises(ProgrammingError, match="23514") as raised:
        write(insert("not a symbol"))
    assert "parameters: (" not in str(raised.value), "they may hold what no log should"
    assert write(insert("AFTER")) == 1


def test_reads_after_it_need_no_transaction():
    write(insert("BEFORE"))

    def committed(connection):
        return connection.scalar(text("select pg_current_xact_id_if_assigned()"))

    assert read(committed) is None
    assert engine().pool.checkedout() == 0


def test_a_connection_found_dead_is_replaced(database):
    write(insert("FIRST"))
    end_connections(database)
    assert write(insert("SECOND")) == 1


def test_a_connection_that_dies_midway_is_not_tried_again(database):
    runs = []

    def die(connection):
        runs.append(insert("MIDWAY")(connection))
        end_connections(database)
        connection.execute(text("select 1"))

    with pytest.raises(StoreUnavailableError):
        write(die)
    assert runs == [1]
    assert "MIDWAY" not in symbols()


def test_without_postgres_it_is_unavailable(postgres):
    postgres.kill()
    try:
        with pytest.raises(StoreUnavailableError):
            write(insert("NEVER"))
    finally:
        postgres.start()
        postgres.wait_ready()
    assert write(insert("AGAIN")) == 1

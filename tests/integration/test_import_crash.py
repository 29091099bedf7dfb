import secrets

import pytest
from import_support import column, dump, rows_file, scalar
from sqlalchemy import create_engine, event
from sqlalchemy.exc import SQLAlchemyError
from supervisor.servers import PostgresServer
from support import server_directory

from quant.ingest import synthetic
from quant.ingest.disclosures import import_senate


@pytest.fixture(scope="module")
def server():
    with server_directory("crash") as directory:
        server = PostgresServer(directory / "data", secrets.token_urlsafe(16))
        server.start()
        server.wait_ready()
        try:
            yield server
        finally:
            server.stop()


@pytest.fixture
def make_engine(server, migrate):
    engines = []

    def make(name: str):
        connection = server.connect()
        connection.run(f"create database {name}")
        connection.close()
        migrate(server.url(name))
        engines.append(create_engine(server.url(name)))
        return engines[-1]

    yield make
    for engine in engines:
        engine.dispose()


# The driver notices the dead socket once more when its connection is collected.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(
    "statement", ["insert into filings", "insert into trades", "update import_runs"]
)
def test_import_after_kill_9_gives_the_same_tables(server, make_engine, statement) -> None:
    rows = rows_file(synthetic.senate_rows(1))
    name = statement.replace(" ", "_")
    unharmed, killed = make_engine(f"unharmed_{name}"), make_engine(f"killed_{name}")
    import_senate(unharmed, rows)
    expected = dump(unharmed)
    assert expected["trades"]

    def kill(connection, cursor, executed, *_: object) -> None:
        if executed.startswith(statement):
            server.kill()

    event.listen(killed, "after_cursor_execute", kill)
    with pytest.raises((SQLAlchemyError, OSError)):
        import_senate(killed, rows)
    event.remove(killed, "after_cursor_execute", kill)
    killed.dispose()
    unharmed.dispose()
    assert not server.running

    server.start()
    server.wait_ready()
    assert scalar(killed, "select count(*) from trades") == 0
    assert scalar(killed, "select version from data_version") == 1
    report = import_senate(killed, rows)
    assert report.inserted == len(expected["trades"])
    assert dump(killed) == expected
    ended = "select finished_at is not null from import_runs order by id"
    assert column(killed, ended) == [False, True]

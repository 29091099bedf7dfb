"""Connections to Postgres through SQLAlchemy and pg8000.

A Lambda environment serves one request at a time, so a process holds one connection and keeps it
across invocations.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from quant import snapstart
from quant.db import driver
from quant.db.traced import traced
from quant.errors import StoreUnavailableError
from quant.settings import DatabaseSettings, database_settings


def _place(settings: DatabaseSettings) -> URL:
    return URL.create(
        "postgresql+pg8000", host=settings.host, port=settings.port, database=settings.name
    )


def database_url(settings: DatabaseSettings) -> URL:
    """Return the SQLAlchemy URL of the database, with credentials that are good now."""
    credentials = settings.credentials()
    return _place(settings).set(
        username=credentials.username, password=credentials.password.get_secret_value()
    )


def create_engine_from(settings: DatabaseSettings) -> Engine:
    """Return an engine that holds one connection, and asks for credentials whenever it opens one.

    The connection is in autocommit mode, so that a read costs one round trip; ``write`` opens its
    transactions itself.
    """
    engine = create_engine(
        _place(settings),
        isolation_level="AUTOCOMMIT",
        pool_size=1,
        max_overflow=0,
        pool_reset_on_return=None,
        # Errors are logged, and parameters may be addresses or hashes of passwords.
        hide_parameters=True,
        connect_args=driver.connect_options(settings),
    )

    @event.listens_for(engine, "do_connect")
    def log_in(_dialect: Any, _record: Any, _args: Any, parameters: dict[str, Any]) -> None:
        parameters.update(driver.login(settings))

    return traced(engine)


@cache
def engine() -> Engine:
    """Return the process's engine, made from the environment's settings."""
    return create_engine_from(database_settings())


def is_unavailable(error: DBAPIError | OSError) -> bool:
    """Say whether an error means that Postgres is away rather than that a statement is wrong."""
    if isinstance(error, OSError):
        return True
    return error.connection_invalidated or driver.is_unavailable(error.orig)


@contextmanager
def _connection() -> Iterator[Connection]:
    with engine().connect() as connection:
        try:
            yield connection
        except DBAPIError as error:
            # SQLAlchemy drops a connection that broke, not one whose server said it is going away.
            if is_unavailable(error):
                connection.invalidate(error)
            raise
        except OSError as error:
            # The driver's time-out: the answer may yet come, to whoever asks next on this
            # connection.
            connection.invalidate(error)
            raise


def read[T](query: Callable[[Connection], T]) -> T:
    """Run a read-only query on the process's connection.

    A connection kept from an earlier invocation may have died since: the query is tried once more
    on a new one.

    Raises:
        StoreUnavailableError: Postgres cannot be reached.
    """
    for last_try in (False, True):
        try:
            with _connection() as connection:
                return query(connection)
        except (DBAPIError, OSError) as error:
            if not is_unavailable(error):
                raise
            if last_try:
                raise StoreUnavailableError("postgres") from error
    raise AssertionError


def write[T](query: Callable[[Connection], T]) -> T:
    """Run ``query`` in one transaction on the process's connection, READ COMMITTED.

    The transaction is committed when ``query`` returns and rolled back when it raises. It is tried
    once more on a new connection only if its BEGIN found the kept one dead: nothing was sent then.
    After that a failure is final, since a COMMIT whose answer is lost may have been carried out.

    Raises:
        StoreUnavailableError: Postgres cannot be reached, or went away before it confirmed.
    """
    for last_try in (False, True):
        begun = False
        try:
            with _connection() as connection:
                # Not by ``isolation_level``: that costs three round trips more a transaction.
                connection.exec_driver_sql("begin")
                begun = True
                result = query(connection)
                connection.commit()
                return result
        except (DBAPIError, OSError) as error:
            if not is_unavailable(error):
                raise
            if begun or last_try:
                raise StoreUnavailableError("postgres") from error
    raise AssertionError


def _prepare() -> None:
    engine()


def _forget() -> None:
    if engine.cache_info().currsize:
        # Without a word to the server: the connections are those of another environment.
        engine().dispose(close=False)


snapstart.before_snapshot(_prepare)
snapstart.after_restore(_forget)

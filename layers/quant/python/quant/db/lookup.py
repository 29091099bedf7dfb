"""Single reads of Postgres without SQLAlchemy, for the authorizer.

It asks two short questions, and seldom: its driver is imported when it first does, or for the
snapshot.
"""

import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from quant.errors import StoreUnavailableError
from quant.observability import tracing
from quant.settings import DatabaseSettings, database_settings
from quant.snapstart import after_restore, before_snapshot


def _import_driver() -> None:
    import pg8000.native  # noqa: F401, PLC0415


before_snapshot(_import_driver)


class Lookup:
    """One connection to Postgres, opened on first use and kept across invocations.

    Args:
        settings: Where Postgres is; called when a connection is opened.
    """

    def __init__(self, settings: Callable[[], DatabaseSettings] = database_settings) -> None:
        self._settings = settings
        self._connection: Any = None
        after_restore(self.close)

    def rows(self, statement: str, **parameters: Any) -> list[list[Any]]:
        """Return the rows of a statement with ``:named`` parameters.

        A connection kept from an earlier invocation may have died since: the statement is tried
        once more on a new one, so it must be one that may run twice.

        Raises:
            StoreUnavailableError: Postgres gave no answer.
        """
        from pg8000.exceptions import Error  # noqa: PLC0415 - see the module's docstring

        for last_try in (False, True):
            try:
                if self._connection is None:
                    with tracing.remote("postgres connect"):
                        self._connection = self._connect()
                with tracing.statement(statement):
                    rows: list[list[Any]] = self._connection.run(statement, **parameters)
            except (Error, OSError) as error:
                self.close()
                if last_try:
                    raise StoreUnavailableError("postgres") from error
            else:
                return rows
        raise AssertionError

    def close(self) -> None:
        """Close the connection, if there is one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            from pg8000.exceptions import Error  # noqa: PLC0415

            with suppress(Error, OSError):  # it may be dead already
                connection.close()

    def _connect(self) -> Any:
        from pg8000.native import Connection  # noqa: PLC0415

        settings = self._settings()
        credentials = settings.credentials()
        return Connection(
            credentials.username,
            password=credentials.password.get_secret_value(),
            host=settings.host,
            port=settings.port,
            database=settings.name,
            ssl_context=ssl.create_default_context() if settings.tls else None,
            timeout=settings.connect_timeout_s,
            application_name="quant-authorizer",
            tcp_keepalive=True,
        )

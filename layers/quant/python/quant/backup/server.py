"""A Postgres server as sessions and PostgreSQL's own programs reach it.

A password is in the environment of a program or in the start-up message of a session, never on a
command line, which every account of the machine can read.
"""

import os
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final, Self

from pg8000 import dbapi, native
from sqlalchemy import Engine, create_engine
from sqlalchemy.pool import NullPool

from quant.settings import Credentials, DatabaseSettings

MAINTENANCE: Final = "postgres"  # the database one is in while another is made or renamed
_NAME: Final = "quant-backup"
_CONNECT_TIMEOUT_S: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How to reach one database of a server.

    Attributes:
        host: Host name, or the folder of a Unix socket.
        port: TCP port, also part of a socket's name.
        database: Name of the database.
        tls: Whether the server speaks TLS, and proves who it is.
        credentials: Returns what opens a connection now.
    """

    host: str
    port: int
    database: str
    tls: bool
    credentials: Callable[[], Credentials]

    @classmethod
    def of(cls, settings: DatabaseSettings) -> Self:
        """Return the access that settings describe."""
        return cls(
            host=settings.host,
            port=settings.port,
            database=settings.name,
            tls=settings.tls,
            credentials=settings.credentials,
        )

    def to(self, database: str) -> Self:
        """Return the access to another database of the server."""
        return replace(self, database=database)

    def environment(self) -> dict[str, str]:
        """Return the variables that tell PostgreSQL's programs where to go.

        https://www.postgresql.org/docs/18/libpq-envars.html
        """
        credentials = self.credentials()
        variables = {
            "PGHOST": self.host,
            "PGPORT": str(self.port),
            "PGDATABASE": self.database,
            "PGUSER": credentials.username,
            "PGPASSWORD": credentials.password.get_secret_value(),
            "PGAPPNAME": _NAME,
            "PGCONNECT_TIMEOUT": str(_CONNECT_TIMEOUT_S),
            "PGSSLMODE": "disable",
        }
        if self.tls:
            variables |= {
                "PGSSLMODE": "verify-full",
                # The authorities that Python's own sessions go by.
                "PGSSLROOTCERT": os.environ.get("SSL_CERT_FILE", "system"),
            }
        return variables

    @contextmanager
    def session(self) -> Iterator[Any]:
        """Yield a session of ``pg8000.native``."""
        connection = native.Connection(**self._parameters())
        try:
            yield connection
        finally:
            connection.close()

    def engine(self) -> Engine:
        """Return an engine that keeps no connection."""
        return create_engine(
            "postgresql+pg8000://",
            creator=lambda: dbapi.connect(**self._parameters()),
            poolclass=NullPool,
            hide_parameters=True,
        )

    def _parameters(self) -> dict[str, Any]:
        credentials = self.credentials()
        place: dict[str, Any] = (
            {"unix_sock": f"{self.host}/.s.PGSQL.{self.port}"}
            if self.host.startswith("/")
            else {"host": self.host, "port": self.port, "tcp_keepalive": True}
        )
        return {
            **place,
            "user": credentials.username,
            "password": credentials.password.get_secret_value(),
            "database": self.database,
            "application_name": _NAME,
            "ssl_context": ssl.create_default_context() if self.tls else None,
        }

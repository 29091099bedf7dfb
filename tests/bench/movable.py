"""Stores before which a pooler can be put while functions are connected."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pooler import PgBouncer
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool
from stores import Stores
from supervisor.database import APP_ROLE
from supervisor.servers import free_port
from support import Database


@dataclass
class Site:
    """Stores whose Postgres, or a pooler before it, is at one port for all environments.

    Attributes:
        stored: The stores; Postgres moves to another port while a pooler is in its place.
        database: Where functions are.
        folder: For files of poolers.
        port: What functions connect to.
    """

    stored: Stores
    database: Database
    folder: Path
    port: int

    @contextmanager
    def pooled(self, mode: str, size: int) -> Iterator[PgBouncer]:
        """Have a pooler where Postgres was, for as long as the context lasts."""
        self.restart(free_port())
        passwords = {APP_ROLE: self.stored.passwords[APP_ROLE]}
        pooler = PgBouncer(
            self.stored.postgres,
            self.folder,
            passwords,
            mode=mode,
            pool_size=size,
            port=self.port,
        )
        try:
            pooler.start()
            pooler.wait_ready()
            yield pooler
        finally:
            pooler.stop()
            self.restart(self.port)

    def restart(self, port: int) -> None:
        """Start Postgres anew at a port, without a connection of anybody."""
        server = self.stored.postgres
        server.stop()
        server.port = port
        server.start()
        server.wait_ready()

    def connections(self) -> int:
        """Connections of functions that Postgres has."""
        engine = create_engine(self.database.superuser_url, poolclass=NullPool)
        with engine.connect() as connection:
            statement = "select count(*) from pg_stat_activity where usename = :role"
            return int(connection.scalar(text(statement), {"role": APP_ROLE}) or 0)

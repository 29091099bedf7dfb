"""Where environments connect to: Postgres itself, or a pooler before it."""

import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from environment import Environment
from infra.all_functions import FUNCTIONS
from pooler import PgBouncer
from sqlalchemy import Engine, text
from stores import Stores
from supervisor.database import APP_ROLE
from support import Database
from traffic import Request


@dataclass(frozen=True)
class Place:
    """Stores, and a port at which there may be a pooler.

    Attributes:
        stored: The stores.
        database: Where functions are.
        engine: The superuser's.
        folder: For files of poolers.
        port: Of poolers, one at a time.
    """

    stored: Stores
    database: Database
    engine: Engine
    folder: Path
    port: int

    @contextmanager
    def pooler(self, mode: str, size: int) -> Iterator[PgBouncer]:
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

    @contextmanager
    def environments(
        self, function: str, number: int, port: int, request: Callable[[], Request]
    ) -> Iterator[list[Environment]]:
        """Environments that find Postgres at a port; each has answered once, and left it."""
        layers = tuple(reversed(FUNCTIONS[function].layers))
        self.stored.secrets["webhook"] = uuid.uuid4().hex
        variables = {
            **self.stored.variables(self.database),
            "QUANT_DATABASE_PORT": str(port),
            "QUANT_WEBHOOK_SECRET_ARN": "webhook",
        }
        with ExitStack() as stack:
            made = [
                stack.enter_context(
                    Environment(f"{function}.handler", variables=variables, layers=layers)
                )
                for _ in range(number)
            ]
            with ThreadPoolExecutor(2) as pool:
                list(pool.map(lambda environment: environment.invoke(request().event), made))
            self._end_connections()
            yield made

    def _end_connections(self) -> None:
        statement = "select pg_terminate_backend(pid) from pg_stat_activity where usename = :role"
        with self.engine.connect() as connection:
            connection.execute(text(statement), {"role": APP_ROLE})

    def connections(self, *, pooled: bool) -> int:
        """Connections that Postgres has of functions, either through a pooler or without."""
        statement = (
            "select count(*) from pg_stat_activity"
            " where usename = :role and (application_name like '% - %') = :pooled"
        )
        with self.engine.connect() as connection:
            values = {"role": APP_ROLE, "pooled": pooled}
            return int(connection.scalar(text(statement), values) or 0)

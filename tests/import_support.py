"""Databases of their own for import tests, and what a database holds, to compare."""

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, text

from quant.ingest.files import SourceFile

# Bookkeeping of runs differs between two ways to the same data; the data itself may not.
TABLES = (
    "politicians",
    "politician_activity",
    "politician_aliases",
    "legislator_records",
    "committees",
    "committee_memberships",
    "filings",
    "tickers",
    "trades",
    "trade_duplicates",
    "rejects",
    "prices",
)


@contextmanager
def fresh_engine(postgres: Any, template: str) -> Iterator[Engine]:
    """An engine of the superuser on a copy of the migrated template."""
    name = f"quant_{secrets.token_hex(6)}"
    connection = postgres.connect()
    connection.run(f"create database {name} template {template}")
    engine = create_engine(postgres.url(name))
    try:
        yield engine
    finally:
        engine.dispose()
        connection.run(f"drop database {name} with (force)")
        connection.close()


def dump(engine: Engine) -> dict[str, list[str]]:
    """Return every row of every table, in one order."""
    with engine.connect() as connection:
        return {
            table: list(connection.scalars(text(f"select t::text from {table} t order by 1")))
            for table in TABLES
        }


def scalar(engine: Engine, query: str, **parameters: Any) -> Any:
    with engine.connect() as connection:
        return connection.scalar(text(query), parameters)


def column(engine: Engine, query: str, **parameters: Any) -> list[Any]:
    with engine.connect() as connection:
        return list(connection.scalars(text(query), parameters))


def rows_file(rows: list[Any]) -> SourceFile:
    content = json.dumps(rows).encode()
    return SourceFile(Path("rows.json"), content, "0" * 64)

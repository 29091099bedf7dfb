"""Rows of an export, streamed out of Postgres by COPY: never more than one of them in memory.

Sources: PostgreSQL manual, "COPY" and "Frontend/Backend Protocol", section "COPY Operations" (of a
COPY to the client each message is one row).
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Final, Protocol

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from quant.db.session import create_engine_from, is_unavailable
from quant.errors import StoreUnavailableError
from quant.exports.dictionary import Column, Table
from quant.settings import DatabaseSettings, database_settings
from quant.vocabulary import ExportFormat

# Longest silence of Postgres while it sorts what it will send.
_SILENCE_S: Final = 300.0

# The transaction's setting that carries the filters: COPY takes no parameters, and what a caller
# sent never becomes a part of a statement.
_SETTING: Final = "quant.export"

# A spreadsheet takes a cell that begins with one of these for a formula (OWASP, "CSV Injection").
FORMULA_STARTS: Final = "-=+@\t\r\n＝＋－＠"  # noqa: RUF001 - full-width signs count, too
# An apostrophe is itself doubled, so that taking one away always gives the text.
GUARDED: Final = FORMULA_STARTS + "'"


class Sink(Protocol):
    """Takes the rows of a COPY, one call each."""

    def write(self, row: bytes, /) -> object:
        """Take a row with its line end."""


def _filter(condition: str, cast: str = "text") -> str:
    return condition.format(f"(current_setting('{_SETTING}')::json ->> '{{name}}')::{cast}")


# Conditions by the name of a filter, over the sources of the tables in the dictionary.
_PERSON_FILTERS: Final = {
    "politician_id": _filter("p.id = {}", "uuid"),
    "chamber": _filter("p.chamber = {}"),
    "party": _filter("p.party = {}"),
    "state": _filter("p.state = {}"),
    "in_office": _filter("p.in_office = {}", "boolean"),
}
_TRADE_FILTERS: Final = {
    **_PERSON_FILTERS,
    "politician_id": _filter("t.politician_id = {}", "uuid"),
    "ticker": _filter("t.ticker = {}"),
    "operation": _filter("t.operation = {}"),
    "owner": _filter("t.owner = {}"),
    "asset_type": _filter("t.asset_type = {}"),
    "amount_min": _filter("t.amount_min >= {}", "numeric"),
    "amount_max": _filter("t.amount_max <= {}", "numeric"),
    "transaction_from": _filter("t.transaction_date >= {}", "date"),
    "transaction_to": _filter("t.transaction_date <= {}", "date"),
    "disclosure_from": _filter("t.disclosure_date >= {}", "date"),
    "disclosure_to": _filter("t.disclosure_date <= {}", "date"),
}


@dataclass(frozen=True, slots=True)
class Selection:
    """Which rows of a table to export.

    Attributes:
        table: The table.
        filters: Values by name of a filter; bounds are inclusive.
    """

    table: Table
    filters: Mapping[str, str | int | bool] = field(default_factory=dict)

    def where(self) -> str:
        """Return the WHERE clause.

        Raises:
            KeyError: The table has no such filter.
        """
        known = filters_of(self.table)
        conditions = [known[name].format(name=name) for name in self.filters]
        return f" where {' and '.join(conditions)}" if conditions else ""


def filters_of(table: Table) -> Mapping[str, str]:
    """Return the conditions that a table can be filtered by, by name of the filter."""
    return _TRADE_FILTERS if table.source.startswith("trades ") else _PERSON_FILTERS


@cache
def _engine(settings: DatabaseSettings) -> Engine:
    return create_engine_from(settings.replace(connect_timeout_s=_SILENCE_S))


@contextmanager
def snapshot() -> Iterator[Connection]:
    """Open a connection of its own, on which every read sees the same data.

    Raises:
        StoreUnavailableError: Postgres cannot be reached, or went away.
    """
    try:
        with _engine(database_settings()).connect() as connection, in_snapshot(connection):
            try:
                yield connection
            except BaseException:
                # A COPY may be under way, whose rows nobody takes any more.
                connection.invalidate()
                raise
    except (DBAPIError, OSError) as error:
        if not is_unavailable(error):
            raise
        raise StoreUnavailableError("postgres") from error


@contextmanager
def in_snapshot(connection: Connection) -> Iterator[None]:
    """Let every read of the block see the same data, written in one way."""
    connection.exec_driver_sql("begin isolation level repeatable read, read only")
    try:
        connection.exec_driver_sql("set local datestyle = 'ISO'")
        yield
    except BaseException:
        if not connection.invalidated:
            connection.rollback()
        raise
    connection.commit()


def count(connection: Connection, selection: Selection) -> int:
    """Return how many rows a selection has; in a snapshot."""
    _set_filters(connection, selection)
    statement = f"select count(*) from {selection.table.source}{selection.where()}"  # noqa: S608
    return int(connection.scalar(text(statement)) or 0)


def copy(
    connection: Connection,
    selection: Selection,
    sink: Sink,
    form: ExportFormat,
    *,
    limit: int | None = None,
) -> None:
    """Stream a selection's rows into a sink; in a snapshot.

    CSV is without a head, JSON an object a line, and what becomes Parquet is CSV whose texts are as
    they are.

    Args:
        connection: Connection in a snapshot.
        selection: Which rows.
        sink: Takes them. What it raises leaves the connection unusable.
        form: In which form.
        limit: Most rows.
    """
    _set_filters(connection, selection)
    table = selection.table
    columns = ", ".join(f"{_expression(column, form)} as {column.name}" for column in table.columns)
    query = f"select {columns} from {table.source}{selection.where()} order by {table.order}"  # noqa: S608
    if limit is not None:
        query += f" limit {limit}"
    options = "format csv"
    if form is ExportFormat.JSON:
        query = f"select row_to_json(r) from ({query}) r"  # noqa: S608
        # Quotes that occur in no JSON text: it comes out as it is.
        options += ", delimiter e'\\x02', quote e'\\x01'"
    statement = f"copy ({query}) to stdout with ({options})"
    cursor = connection.connection.cursor()
    try:
        cursor.execute(statement, stream=sink)  # type: ignore[call-arg]
    except connection.dialect.loaded_dbapi.Error as error:
        # As SQLAlchemy would have it, which has no streams.
        raise DBAPIError(statement, None, error) from error
    finally:
        cursor.close()


def _set_filters(connection: Connection, selection: Selection) -> None:
    connection.execute(
        text(f"select set_config('{_SETTING}', :filters, true)"),
        {"filters": json.dumps(dict(selection.filters))},
    )


def _expression(column: Column, form: ExportFormat) -> str:
    if form is ExportFormat.JSON:
        return column.sql
    if column.type == "BOOLEAN":
        return f"({column.sql})::text"  # true and false, not t and f
    sql = f"array_to_string({column.sql}, ';')" if column.type == "VARCHAR[]" else column.sql
    if form is ExportFormat.CSV and column.type.startswith("VARCHAR"):
        return f"case when {sql} ~ {_GUARD} then '''' || {sql} else {sql} end"
    return sql


def _pattern(characters: str) -> str:
    # The hyphen is the first of them: anywhere else it would make a range.
    escaped = "".join(f"\\u{ord(character):04x}" for character in characters)
    return f"e'^[{escaped}]'"


_GUARD: Final = _pattern(GUARDED)

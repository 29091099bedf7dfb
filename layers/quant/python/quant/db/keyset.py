"""Keyset pagination of a SELECT; the cursors are those of ``quant.paging``."""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, Select, literal, select, tuple_
from sqlalchemy.orm import InstrumentedAttribute

from quant.db.models import DataVersion
from quant.errors import InvalidCursorError
from quant.paging import Page, decode_cursor, encode_cursor, query_digest

_VERSION: Final = select(DataVersion.version).scalar_subquery().label("data_version")


@dataclass(frozen=True, slots=True)
class SortKey:
    """What a list may be sorted by.

    Attributes:
        column: Expression sorted by; never null.
        row_id: Identifier that breaks ties, of the table whose index holds both.
        parse: Reads a cursor's text back into a value of ``column``.
        parse_id: Reads a cursor's text back into an identifier.
    """

    column: ColumnElement[Any] | InstrumentedAttribute[Any]
    row_id: InstrumentedAttribute[Any]
    parse: Callable[[str], object]
    parse_id: Callable[[str], object] = uuid.UUID


def fetch_page(
    connection: Connection,
    statement: Select[*tuple[Any, ...]],
    shape: Callable[[Row[*tuple[Any, ...]]], dict[str, Any]],
    *,
    sort_keys: Mapping[str, SortKey],
    sort: str,
    filters: Mapping[str, object],
    limit: int,
    cursor: str | None,
) -> Page:
    """Return the page of ``statement`` that follows ``cursor``, in one round trip.

    Args:
        connection: Connection to read from.
        statement: Filtered query, without order.
        shape: Turns a row into the page's form of it.
        sort_keys: Names of the sort keys on offer.
        sort: Name of the sort key; a leading minus sign means descending.
        filters: The query's filters and sort; a cursor serves only the query it was issued for.
        limit: Rows on a page.
        cursor: Cursor of the page before, or ``None`` for the first page.

    Raises:
        InvalidCursorError: The cursor is malformed or belongs to other filters.
    """
    digest = query_digest(filters)
    descending = sort.startswith("-")
    key = sort_keys[sort.removeprefix("-")]
    statement = statement.add_columns(
        key.column.label("sort_key"), key.row_id.label("sort_id"), _VERSION
    )
    if cursor is not None:
        text_key, text_id = decode_cursor(cursor, digest)
        try:
            after = tuple_(
                literal(key.parse(text_key), key.column.type),
                literal(key.parse_id(text_id), key.row_id.type),
            )
        except (ValueError, ArithmeticError) as error:
            msg = "the cursor is malformed"
            raise InvalidCursorError(msg) from error
        position = tuple_(key.column, key.row_id)
        statement = statement.where(position < after if descending else position > after)
    if descending:
        statement = statement.order_by(key.column.desc(), key.row_id.desc())
    else:
        statement = statement.order_by(key.column.asc(), key.row_id.asc())
    # One row more than asked for tells whether there is a next page.
    rows = connection.execute(statement.limit(limit + 1)).all()
    last = rows[limit - 1] if len(rows) > limit else None
    return Page(
        rows=[shape(row) for row in rows[:limit]],
        next_cursor=encode_cursor(digest, last.sort_key, last.sort_id) if last else None,
        data_version=rows[0].data_version if rows else data_version(connection),
    )


def data_version(connection: Connection) -> int:
    """Return the version of the disclosed data, counted up by every change."""
    return connection.scalar(select(_VERSION)) or 0

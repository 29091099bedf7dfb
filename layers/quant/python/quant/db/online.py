"""What migrations do that requests go on beside: indexes, constraints, and rows in batches.

Each leaves the migration's transaction, so that no lock is held for longer than one of its
statements; each may be repeated, as a migration that failed half-way is. A migration calls them
after what belongs into its transaction, or in one of their own.

Source: https://www.postgresql.org/docs/18/sql-altertable.html#SQL-ALTERTABLE-NOTES and
https://www.postgresql.org/docs/18/sql-createindex.html#SQL-CREATEINDEX-CONCURRENTLY
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from alembic import context, op
from sqlalchemy import TextClause, text

from quant.errors import QuantError

# Rows that are locked at a time.
BATCH_ROWS: Final = 1000


class OutOfTimeError(QuantError):
    """Rows remain that were not updated; a repeated migration goes on with them."""


@contextmanager
def online() -> Iterator[None]:
    """Leave the transaction: each statement is one of its own, and may take what time there is."""
    with op.get_context().autocommit_block():
        if not context.is_offline_mode():
            # Alembic asks for the isolation level first, by which the driver begins a transaction.
            op.get_bind().exec_driver_sql("commit")
        with _instead("statement_timeout", _remaining_ms()):
            yield


def create_index(
    name: str,
    table: str,
    columns: Sequence[str | TextClause],
    *,
    unique: bool = False,
    **options: Any,
) -> None:
    """Create an index while others read and write.

    Args:
        name: Of the index.
        table: Of an existing table.
        columns: Names of columns, or expressions.
        unique: Whether it is unique.
        options: Further ones of ``op.create_index``, such as ``postgresql_where``.
    """
    # It waits for everybody's transactions, but nobody waits for it.
    with online(), _instead("lock_timeout", 0):
        if _is_invalid(name):
            op.execute(f"drop index concurrently if exists {name}")
        op.create_index(
            name,
            table,
            columns,
            unique=unique,
            if_not_exists=True,
            postgresql_concurrently=True,
            **options,
        )


def drop_index(name: str) -> None:
    """Drop an index while others read and write."""
    with online(), _instead("lock_timeout", 0):
        op.execute(f"drop index concurrently if exists {name}")


def replace_check(name: str, table: str, condition: str) -> None:
    """Add a check constraint, or put another condition in its place.

    New rows are held to it at once; those there are looked through afterwards, without a lock that
    requests need.
    """
    op.execute(f"alter table {table} drop constraint if exists {name}")
    op.execute(f"alter table {table} add constraint {name} check ({condition}) not valid")
    with online():
        op.execute(f"alter table {table} validate constraint {name}")


def update_in_batches(
    table: str, key: str, change: str, *, where: str, size: int = BATCH_ROWS
) -> None:
    """Update rows by ranges of a key, each range in a transaction of its own.

    Args:
        table: Name of the table.
        key: Column that is unique and indexed.
        change: What follows ``set``.
        where: Which rows are yet to be updated; false of those that were.
        size: Rows of a range.

    Raises:
        OutOfTimeError: There was not enough time for all.
    """
    with online():
        if context.is_offline_mode():
            op.execute(f"update {table} set {change} where {where}")
            return
        connection = op.get_bind()
        last: Any = None
        while True:
            above = "true" if last is None else f"{key} > :last"
            end = connection.scalar(
                text(f"select {key} from {table} where {above} order by {key} offset :n limit 1"),
                {"n": size - 1, **({} if last is None else {"last": last})},
            )
            upto = "true" if end is None else f"{key} <= :end"
            bounds = {"last": last, "end": end}
            connection.execute(
                text(f"update {table} set {change} where {above} and {upto} and ({where})"),
                {name: value for name, value in bounds.items() if value is not None},
            )
            if end is None:
                return
            last = end
            if _remaining_ms() <= 1:
                msg = f"rows of {table} remain above {key} {last}"
                raise OutOfTimeError(msg)


def _remaining_ms() -> int:
    """Return how long the migration may still take; no less than what is no limit to Postgres."""
    deadline = op.get_context().opts.get("deadline")
    if deadline is None:
        return 0
    return max(1, int((deadline - time.monotonic()) * 1000))


@contextmanager
def _instead(setting: str, milliseconds: int) -> Iterator[None]:
    """Have a time-out of the session at another value."""
    if context.is_offline_mode():
        op.execute(f"set {setting} = {milliseconds}")
        yield
        op.execute(f"reset {setting}")
        return
    connection = op.get_bind()
    before = connection.scalar(text("select current_setting(:name)"), {"name": setting})
    connection.execute(text(f"set {setting} = {milliseconds}"))
    try:
        yield
    finally:
        connection.execute(text(f"set {setting} = '{before}'"))


def _is_invalid(index: str) -> bool:
    """Say whether an index is what an interrupted creation has left."""
    if context.is_offline_mode():
        return False
    found = op.get_bind().scalar(
        text("select not indisvalid from pg_index where indexrelid = to_regclass(:name)"),
        {"name": index},
    )
    return bool(found)

"""Bulk writes: COPY into temporary tables, one advisory lock, one row of bookkeeping a run.

COPY in text format: PostgreSQL manual, COPY, "Text Format".
"""

import io
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any, Final, Protocol

from sqlalchemy import Connection, Engine, text

# Any constant will do, as long as every import takes the same one: "quant" in ASCII.
_IMPORT_LOCK: Final = 0x7175616E74

_COPY_ESCAPES: Final = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


class Progress(Protocol):
    """Receives how far an import is."""

    def __call__(self, stage: str, completed: int, total: int) -> None:
        """Take note of ``completed`` of ``total`` rows in a stage."""


def no_progress(stage: str, completed: int, total: int) -> None:
    """Take no note."""


@dataclass
class ImportReport:
    """What an import read and what became of each row; the counts add up to ``rows``.

    Attributes:
        matched: Rows whose filer has a Bioguide identifier.
        updated: Rows among ``existing`` whose stored facts the file changed.
        relinked: Filers that were unknown and now have a Bioguide identifier.
        other_changes: Changed rows of other tables: filings, aliases, trades found repeated.
        unmatched: Rows by name of filers without one.
        rejects: Rows by reason.
    """

    source: str
    sha256: str
    rows: int = 0
    inserted: int = 0
    existing: int = 0
    duplicates: int = 0
    rejected: int = 0
    matched: int = 0
    updated: int = 0
    relinked: int = 0
    other_changes: int = 0
    run_id: int = 0
    data_version: int = 0
    unmatched: dict[str, int] = field(default_factory=dict)
    rejects: dict[str, int] = field(default_factory=dict)

    @property
    def changed(self) -> bool:
        """Whether the run changed disclosed data."""
        return any((self.inserted, self.updated, self.relinked, self.other_changes))

    @property
    def matched_share(self) -> float | None:
        """Share of rows whose filer has a Bioguide identifier, None where rows have no filer."""
        rows = self.matched + sum(self.unmatched.values())
        return self.matched / rows if rows else None

    def as_dict(self) -> dict[str, Any]:
        """Return the report as JSON types."""
        return {**asdict(self), "matched_share": self.matched_share}


@contextmanager
def import_run(engine: Engine, report: ImportReport) -> Iterator[Connection]:
    """Run an import in one transaction, recorded in ``import_runs``.

    The run's row is committed as started before anything else, so that a run which is killed
    leaves a row without an end and nothing else. Imports wait for each other. On leaving, the
    counts are stored and the data version is counted up if the run changed anything.

    Args:
        engine: With the rights to write; any isolation level.
        report: Filled by the caller; gets the run's id and the data version.
    """
    with engine.connect().execution_options(isolation_level="READ COMMITTED") as connection:
        with connection.begin():
            report.run_id = (
                connection.scalar(
                    text(
                        "insert into import_runs (source, sha256)"
                        " values (:source, :sha) returning id"
                    ),
                    {"source": report.source, "sha": report.sha256},
                )
                or 0
            )
        with connection.begin():
            lock_imports(connection)
            yield connection
            _finish(connection, report)


def _finish(connection: Connection, report: ImportReport) -> None:
    connection.execute(
        text(
            "update import_runs set finished_at = clock_timestamp(), rows = :rows,"
            " inserted = :inserted, existing = :existing, duplicates = :duplicates,"
            " rejected = :rejected, matched = :matched where id = :run_id"
        ),
        asdict(report),
    )
    if report.changed:
        count_up_data_version(connection)
    report.data_version = (
        connection.scalar(text("select version from data_version where id = 1")) or 0
    )


def lock_imports(connection: Connection, *, shared: bool = False) -> None:
    """Wait for other imports, until the transaction ends; shared ones only for the others."""
    function = "pg_advisory_xact_lock_shared" if shared else "pg_advisory_xact_lock"
    connection.execute(text(f"select {function}(:key)"), {"key": _IMPORT_LOCK})


def count_up_data_version(connection: Connection) -> None:
    """Say that disclosed data changed; others who do so wait for the end of the transaction."""
    connection.execute(
        text(
            "insert into data_version as d (id, version) values (1, 2)"
            " on conflict (id) do update set version = d.version + 1, updated_at = now()"
        )
    )


def copy_text(value: object) -> str:
    r"""Return a value in COPY's text format; None is ``\N``."""
    if value is None:
        return "\\N"
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, StrEnum):
        value = value.value
    elif isinstance(value, date):
        return value.isoformat()
    elif isinstance(value, tuple):  # text[]
        quoted = ('"' + str(v).replace("\\", "\\\\").replace('"', '\\"') + '"' for v in value)
        value = "{" + ",".join(quoted) + "}"
    elif isinstance(value, dict | list):  # jsonb
        value = json.dumps(value, ensure_ascii=False, default=str)
    return str(value).translate(_COPY_ESCAPES)


def stage(
    connection: Connection, table: str, columns: Sequence[str], rows: Iterable[Sequence[object]]
) -> int:
    """Create a temporary table, gone at commit, and COPY rows into it.

    Args:
        connection: In a transaction.
        table: Name of the temporary table.
        columns: Column definitions, such as ``"day date"``.
        rows: Values in the columns' order.

    Returns:
        The number of rows.
    """
    connection.execute(text(f"create temp table {table} ({', '.join(columns)}) on commit drop"))
    return copy_into(connection, table, rows)


def copy_into(connection: Connection, table: str, rows: Iterable[Sequence[object]]) -> int:
    """COPY rows into a temporary table and let the planner know what it now holds."""
    count = copy_rows(connection, table, rows)
    connection.execute(text(f"analyze {table}"))
    return count


def copy_rows(connection: Connection, target: str, rows: Iterable[Sequence[object]]) -> int:
    """COPY rows into a table, named with or without its columns; return their number."""
    buffer = io.BytesIO()
    count = 0
    for row in rows:
        buffer.write("\t".join(map(copy_text, row)).encode())
        buffer.write(b"\n")
        count += 1
    buffer.seek(0)
    cursor = connection.connection.cursor()
    cursor.execute(f"copy {target} from stdin", stream=buffer)  # type: ignore[call-arg]
    cursor.close()
    return count


def changed_rows(connection: Connection, statement: str, **parameters: object) -> int:
    """Execute a statement and return the number of rows it changed."""
    return connection.execute(text(statement), parameters).rowcount

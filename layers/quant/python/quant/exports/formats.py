"""Files of an export: CSV (RFC 4180), JSON (RFC 8259) and Parquet.

The bytes depend on the rows alone: the same rows give the same file.
"""

import hashlib
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from sqlalchemy import Connection

from quant.errors import QuantError
from quant.exports import rows
from quant.exports.dictionary import Table
from quant.exports.rows import Selection
from quant.vocabulary import ExportFormat

_BUFFER_BYTES: Final = 1 << 20
# As DuckDB writes by default; fixed here, since the bytes of a dataset must not change.
_ROW_GROUP_ROWS: Final = 122_880
_DUCKDB_MEMORY: Final = "256MB"

type Progress = Callable[[int], None]


class StorageError(QuantError):
    """A file cannot be written: the disk is full, most likely."""


def no_progress(_rows: int) -> None:
    """Take no note."""


@dataclass(frozen=True, slots=True)
class Written:
    """A file that was written.

    Attributes:
        path: Where it is.
        rows: Rows in it.
        bytes: Its size.
        sha256: Its SHA-256, 64 hex digits.
    """

    path: Path
    rows: int
    bytes: int
    sha256: str


class _File:
    """A file whose rows are counted and whose bytes are hashed as they are written."""

    def __init__(self, path: Path, form: ExportFormat, table: Table, progress: Progress) -> None:
        self._path = path
        self._form = form
        self._progress = progress
        self._buffer = bytearray(_head(form, table))
        self._hash = hashlib.sha256()
        self._file = path.open("wb")
        self._written = 0
        self.rows = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()

    def write(self, row: bytes, /) -> None:
        if self._form is ExportFormat.CSV:
            self._buffer += row[:-1]
            self._buffer += b"\r\n"
        elif self._form is ExportFormat.JSON:
            self._buffer += b",\n" if self.rows else b"\n"
            self._buffer += row[:-1]
        else:
            self._buffer += row
        self.rows += 1
        if len(self._buffer) >= _BUFFER_BYTES:
            self._flush()

    def end(self) -> Written:
        """Write what is left and return what was written."""
        if self._form is ExportFormat.JSON:
            self._buffer += b"\n]\n" if self.rows else b"]\n"
        self._flush()
        self._file.close()
        return Written(self._path, self.rows, self._written, self._hash.hexdigest())

    def _flush(self) -> None:
        self._hash.update(self._buffer)
        try:
            self._file.write(self._buffer)
        except OSError as error:
            raise StorageError(str(error)) from error
        self._written += len(self._buffer)
        self._buffer.clear()
        self._progress(self.rows)


def _head(form: ExportFormat, table: Table) -> bytes:
    if form is ExportFormat.CSV:
        return ",".join(column.name for column in table.columns).encode() + b"\r\n"
    return b"[" if form is ExportFormat.JSON else b""


def write_file(
    connection: Connection,
    selection: Selection,
    form: ExportFormat,
    directory: Path,
    *,
    limit: int | None = None,
    progress: Progress = no_progress,
) -> Written:
    """Write a selection's rows to a file of the table's name; in a snapshot.

    Args:
        connection: Connection in a snapshot (``quant.exports.rows``).
        selection: Which rows.
        form: In which format.
        directory: Where to; Parquet takes room there for the rows as CSV, besides.
        limit: Most rows.
        progress: Told the number of rows so far, about once a megabyte.
    """
    table = selection.table
    path = directory / f"{table.name}.{form}"
    if form is not ExportFormat.PARQUET:
        with _File(path, form, table, progress) as file:
            rows.copy(connection, selection, file, form, limit=limit)
            return file.end()
    with tempfile.NamedTemporaryFile(dir=directory, suffix=".rows") as plain:
        with _File(Path(plain.name), form, table, progress) as file:
            rows.copy(connection, selection, file, form, limit=limit)
            copied = file.end()
        convert(copied.path, table, path)
    return Written(path, copied.rows, path.stat().st_size, sha256_of(path))


def write_values(
    values: Iterable[Sequence[object]], table: Table, form: ExportFormat, directory: Path
) -> Written:
    """Write rows that are no query's to a CSV or Parquet file of the table's name.

    Args:
        values: Text, numbers, booleans and None, in the columns' order.
        table: The table.
        form: In which format.
        directory: Where to.

    Raises:
        ValueError: The format is JSON.
    """
    if form is ExportFormat.JSON:
        msg = "rows of objects are written by their owner"
        raise ValueError(msg)
    path = directory / f"{table.name}.{form}"
    guarded = form is ExportFormat.CSV
    target = path if guarded else path.with_suffix(".rows")
    with _File(target, form, table, no_progress) as file:
        for row in values:
            file.write(",".join(_cell(value, guarded=guarded) for value in row).encode() + b"\n")
        written = file.end()
    if guarded:
        return written
    convert(target, table, path)
    target.unlink()
    return Written(path, written.rows, path.stat().st_size, sha256_of(path))


def _cell(value: object, *, guarded: bool) -> str:
    # As COPY writes it, and guarded as ``quant.exports.rows`` guards it.
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str):
        return str(value)
    text = f"'{value}" if guarded and value.startswith(tuple(rows.GUARDED)) else value
    special = not text or any(character in text for character in ',"\r\n')
    return '"' + text.replace('"', '""') + '"' if special else text


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, 64 hex digits."""
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def convert(plain: Path, table: Table, target: Path) -> None:
    """Write Parquet of rows in CSV without a head, by one thread and in bounded memory."""
    # Most of a second to import, and only what writes Parquet has it.
    import duckdb  # noqa: PLC0415

    types = ", ".join(f"'{column.name}': '{_plain_type(column.type)}'" for column in table.columns)
    columns = ", ".join(
        # The split of an empty text is a list of one.
        f"case when {column.name} = '' then [] else string_split({column.name}, ';') end"
        f" as {column.name}"
        if column.type == "VARCHAR[]"
        else column.name
        for column in table.columns
    )
    # With extensions neither installed nor loaded, nothing is fetched from anywhere.
    with duckdb.connect(
        config={
            "threads": 1,
            "memory_limit": _DUCKDB_MEMORY,
            "temp_directory": str(target.parent),
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
    ) as database:
        # It would be printed over whatever else the process prints.
        database.execute("set enable_progress_bar = false")
        database.execute(
            f"copy (select {columns} from read_csv(?, columns = {{{types}}}, header = false,"  # noqa: S608
            " auto_detect = false, new_line = '\\n', delim = ',', quote = '\"', escape = '\"',"
            " nullstr = '', allow_quoted_nulls = false, parallel = false))"
            f" to '{_quoted(target)}' (format parquet, compression zstd,"
            f" row_group_size {_ROW_GROUP_ROWS})",
            [str(plain)],
        )


def _plain_type(kind: str) -> str:
    return "VARCHAR" if kind == "VARCHAR[]" else kind


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")

"""Exports that are small enough to be the answer to a request.

A Lambda function's answer has 6 MB at most, and what is not text is sent in base64, a third longer:
https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
"""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import Connection

from quant.db.keyset import data_version
from quant.exports import analysis
from quant.exports.dictionary import ANALYSIS
from quant.exports.formats import Written, write_file
from quant.exports.requests import MEDIA_TYPES
from quant.exports.rows import Selection, in_snapshot
from quant.exports.selections import Subject, stem
from quant.vocabulary import ExportFormat

MAX_ROWS: Final = 5_000
MAX_BYTES: Final = 4 * 1024 * 1024

type Write = Callable[[Connection, Path], Written]


@dataclass(frozen=True, slots=True)
class InlineFile:
    """A file as an answer.

    Attributes:
        name: What it is to be saved as.
        media_type: Its media type.
        content: Its bytes.
        rows: Rows in it.
        sha256: Its SHA-256, 64 hex digits.
    """

    name: str
    media_type: str
    content: bytes
    rows: int
    sha256: str


def inline_file(
    connection: Connection, selection: Selection, form: ExportFormat, label: str
) -> InlineFile | None:
    """Return a selection as a file, or None if it is too large for an answer.

    Args:
        connection: Connection without a transaction.
        selection: Which rows.
        form: In which format.
        label: What the file is of, for its name.
    """

    def write(connection: Connection, directory: Path) -> Written:
        return write_file(connection, selection, form, directory, limit=MAX_ROWS + 1)

    return _file(connection, write, selection.table.name, form, label)


def inline_analysis(
    connection: Connection, subject: Subject, form: ExportFormat
) -> InlineFile | None:
    """Return the reports on a politician as a file, or None if that takes too long for an answer.

    Args:
        connection: Connection without a transaction.
        subject: The politician.
        form: In which format.
    """

    def write(connection: Connection, directory: Path) -> Written:
        found = analysis.documents(connection, subject, seconds=analysis.REQUEST_S)
        return analysis.write(found, subject, form, directory)

    try:
        return _file(connection, write, ANALYSIS.name, form, subject.label)
    except analysis.TooSlowError:
        return None


def _file(
    connection: Connection, write: Write, what: str, form: ExportFormat, label: str
) -> InlineFile | None:
    with tempfile.TemporaryDirectory() as directory, in_snapshot(connection):
        version = data_version(connection)
        written = write(connection, Path(directory))
        if written.rows > MAX_ROWS or written.bytes > MAX_BYTES:
            return None
        return InlineFile(
            name=f"{stem(what, label, version)}.{form}",
            media_type=MEDIA_TYPES[form],
            content=written.path.read_bytes(),
            rows=written.rows,
            sha256=written.sha256,
        )

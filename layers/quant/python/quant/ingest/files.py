"""Source files: plain or gzip, told apart by content."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from quant.errors import QuantError
from quant.parsers.archives import gunzip
from quant.parsers.model import DocumentError
from quant.parsers.yaml import load_yaml

_GZIP_MAGIC: Final = b"\x1f\x8b"


class UnreadableFileError(QuantError):
    """A source file is missing, damaged, or not of the expected format."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{path}: {why}")
        self.path = path


@dataclass(frozen=True)
class SourceFile:
    """A source file's unpacked content.

    Attributes:
        path: Where it was read.
        content: The unpacked bytes.
        sha256: Of the unpacked bytes, so that packing does not make a file another one.
    """

    path: Path
    content: bytes
    sha256: str

    def text(self) -> str:
        """Return the content as UTF-8 text, without a byte order mark.

        Raises:
            UnreadableFileError: It is not UTF-8.
        """
        try:
            return self.content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise UnreadableFileError(self.path, f"not UTF-8: {error}") from error


def read_source(path: Path) -> SourceFile:
    """Read and unpack a file.

    Raises:
        UnreadableFileError: It cannot be read or unpacked.
    """
    try:
        content = path.read_bytes()
        if content.startswith(_GZIP_MAGIC):
            content = gunzip(content)
    except OSError as error:
        raise UnreadableFileError(path, error.strerror or str(error)) from error
    except DocumentError as error:
        raise UnreadableFileError(path, str(error)) from error
    return SourceFile(path, content, hashlib.sha256(content).hexdigest())


def storable(value: Any) -> Any:
    """Return ``value`` with what PostgreSQL text cannot hold taken out of its strings.

    That is NUL and halves of surrogate pairs (PostgreSQL manual, sections 8.3 and 8.14).
    """
    if isinstance(value, str):
        return value.replace("\x00", "").encode("utf-8", "replace").decode()
    if isinstance(value, list):
        return [storable(item) for item in value]
    if isinstance(value, dict):
        return {storable(str(key)): storable(item) for key, item in value.items()}
    return value


def read_json_rows(source: SourceFile) -> list[Any]:
    """Return the rows of a JSON file that holds one array.

    Raises:
        UnreadableFileError: It is not JSON, or not an array.
    """
    try:
        # JSON has no NaN or Infinity, but Python reads them; JSONB would not store them.
        rows = json.loads(source.text(), parse_constant=lambda _: None)
    except (json.JSONDecodeError, RecursionError) as error:
        raise UnreadableFileError(source.path, f"not JSON: {error}") from error
    if not isinstance(rows, list):
        raise UnreadableFileError(source.path, "not a JSON array of rows")
    return [storable(row) for row in rows]


def read_yaml(source: SourceFile) -> Any:
    """Return the document of a YAML file.

    Raises:
        UnreadableFileError: It is not YAML.
    """
    try:
        return storable(load_yaml(source.content))
    except DocumentError as error:
        raise UnreadableFileError(source.path, str(error)) from error


def canonical_json(value: Any) -> str:
    """Return the one JSON text of ``value`` that sorts and hashes the same everywhere."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)

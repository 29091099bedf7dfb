"""What is known of a backup without reading it: a JSON document beside its files.

It is written last. A backup without a manifest does not exist.
"""

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from quant.backup.errors import DamagedBackupError, IncompatibleBackupError

FORMAT: Final = 1
MANIFEST: Final = "manifest.json"
_CHUNK: Final = 1 << 20
_ID_FORMAT: Final = "%Y%m%dT%H%M%S.%fZ"

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Count = Annotated[int, Field(ge=0)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class File(_Part):
    """A file of a backup."""

    name: Annotated[str, Field(pattern=r"^[a-z]+\.[a-z]+$")]
    bytes: Count
    sha256: Sha256

    @classmethod
    def of(cls, path: Path) -> Self:
        """Measure a file."""
        return cls(name=path.name, bytes=path.stat().st_size, sha256=digest_of(path))


class Table(_Part):
    """Rows of a table, and the digest of ``quant.backup.content.tables``."""

    rows: Count
    sha256: Sha256


class Kind(_Part):
    """The objects of one kind, and the digest of their definitions."""

    count: Count
    sha256: Sha256


class Database(_Part):
    """What pg_dump does not write of the database itself.

    Attributes:
        name: Its name.
        owner: Its owner.
        comment: Its comment.
        settings: ``name=value`` for every session.
        grants: Grantee and privilege, but the owner's.
        roles: Roles that its objects name.
    """

    name: str
    owner: str
    comment: str | None
    settings: tuple[str, ...]
    grants: tuple[tuple[str, str], ...]
    roles: tuple[str, ...]


class Manifest(_Part):
    """A backup.

    Attributes:
        format: Of this document.
        taken_at: When its snapshot was; all that was committed before is in it.
        seconds: What making it took.
        server_version: ``server_version_num`` of the server.
        dumped_by: Version of pg_dump.
        revision: Of the schema.
        data_version: Of the disclosed data.
        audit_head: End of the audit log's chain.
        database: What pg_dump does not write.
        files: What it consists of.
        tables: By qualified name.
        sequences: Last values; a dump reads them later, when they may be greater.
        schema_kinds: Definitions by kind of object.
        content_sha256: One digest of all tables.
    """

    format: int
    taken_at: AwareDatetime
    seconds: float
    server_version: int
    dumped_by: str
    revision: str | None
    data_version: int | None
    audit_head: str | None
    database: Database
    files: tuple[File, ...]
    tables: dict[str, Table]
    sequences: dict[str, int]
    schema_kinds: dict[str, Kind]
    content_sha256: Sha256

    @property
    def id(self) -> str:
        """The name of the backup where it is kept: the time of its snapshot."""
        return self.taken_at.astimezone(UTC).strftime(_ID_FORMAT)

    @property
    def rows(self) -> int:
        """Rows of all tables."""
        return sum(table.rows for table in self.tables.values())

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.bytes for file in self.files)

    @classmethod
    def read(cls, document: bytes, name: str) -> Self:
        """Read a manifest.

        Args:
            document: The JSON document.
            name: Which one, for the error.

        Raises:
            IncompatibleBackupError: It is of a later format.
            DamagedBackupError: It is cut off or changed.
        """
        try:
            found = _Format.model_validate_json(document).format
            if found > FORMAT:
                msg = f"backup {name} is of format {found}; this code reads up to {FORMAT}"
                raise IncompatibleBackupError(msg)
            return cls.model_validate_json(document)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(map(str, first["loc"])) or "as a whole"
            msg = f"the manifest of backup {name} is damaged: {where}: {first['msg']}"
            raise DamagedBackupError(msg) from error

    def document(self) -> bytes:
        """Return the JSON document."""
        return self.model_dump_json(indent=2).encode() + b"\n"

    def check_files(self, folder: Path) -> None:
        """Check every file of the backup.

        Raises:
            DamagedBackupError: One is missing, cut off or changed.
        """
        for file in self.files:
            path = folder / file.name
            if not path.exists():
                msg = f"backup {self.id}: {file.name} is missing"
                raise DamagedBackupError(msg)
            size = path.stat().st_size
            if size != file.bytes:
                msg = f"backup {self.id}: {file.name} has {size} bytes instead of {file.bytes}"
                raise DamagedBackupError(msg)
            if digest_of(path) != file.sha256:
                msg = f"backup {self.id}: {file.name} was changed: its SHA-256 is another"
                raise DamagedBackupError(msg)


class _Format(BaseModel):
    format: int


def taken_at(backup_id: str) -> datetime | None:
    """Return the time that an identifier says, ``None`` where it is none."""
    try:
        return datetime.strptime(backup_id, _ID_FORMAT).replace(tzinfo=UTC)
    except ValueError:
        return None


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file, in hex."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()

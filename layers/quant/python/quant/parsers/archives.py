"""Packed content from outside, unpacked within limits: zip archives and gzip."""

import gzip
import io
import re
import stat
import zipfile
import zlib
from typing import Final

from quant.parsers.model import DocumentError, Unreadable

MAX_PACKED: Final = 4 << 20  # of a zip archive: bounds its directory, which is read whole
MAX_UNPACKED: Final = 64 << 20
MAX_RATIO: Final = 200  # the real files unpack to 10 to 20 times their size
MAX_MEMBERS: Final = 16

_METHODS: Final = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_ENCRYPTED: Final = 0x1  # general purpose flag, APPNOTE.TXT section 4.4.4
_DRIVE: Final = re.compile(r"[A-Za-z]:")


def is_zip(content: bytes) -> bool:
    """Say whether content starts as a zip archive does, an empty one included."""
    return content.startswith((b"PK\x03\x04", b"PK\x05\x06"))


def read_member(archive: bytes, name: re.Pattern[str]) -> bytes:
    """Return the one member of a zip archive whose whole name matches.

    Every member is checked before one is unpacked, also those nobody asks for.

    Raises:
        DocumentError: It is not a zip archive, damaged, too large unpacked, has a member whose
            path leads out of it or is no plain file, or not exactly one that matches.
    """
    if len(archive) > MAX_PACKED:
        raise DocumentError(Unreadable.TOO_LARGE, f"archive of {len(archive)} bytes")
    if not is_zip(archive):
        raise DocumentError(Unreadable.NOT_THIS_FORMAT, "not a zip archive")
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as opened:
            members = opened.infolist()
            _check(members, len(archive))
            matching = [member for member in members if name.fullmatch(member.filename)]
            if len(matching) != 1:
                detail = f"{len(matching)} of {len(members)} members match {name.pattern}"
                raise DocumentError(Unreadable.LAYOUT_UNKNOWN, detail)
            with opened.open(matching[0]) as file:
                content = file.read(MAX_UNPACKED + 1)
    # Damage shows in many ways: zipfile unpacks structures before it checks them.
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        OSError,
        ValueError,
        RuntimeError,
        NotImplementedError,
    ) as error:
        raise DocumentError(Unreadable.DAMAGED, f"zip: {error}") from error
    if len(content) != matching[0].file_size:
        raise DocumentError(Unreadable.DAMAGED, "zip: a member is not of the size it states")
    return content


def _check(members: list[zipfile.ZipInfo], packed: int) -> None:
    if len(members) > MAX_MEMBERS:
        raise DocumentError(Unreadable.TOO_LARGE, f"{len(members)} members")
    unpacked = sum(member.file_size for member in members)
    if unpacked > min(MAX_UNPACKED, packed * MAX_RATIO):
        raise DocumentError(Unreadable.TOO_LARGE, f"{packed} bytes unpack to {unpacked}")
    for member in members:
        if problem := _problem(member):
            raise DocumentError(Unreadable.FORBIDDEN_CONTENT, f"{member.filename!r}: {problem}")


def _problem(member: zipfile.ZipInfo) -> str | None:
    parts = re.split(r"[/\\]", member.filename)
    if ".." in parts or parts[0] == "" or _DRIVE.match(member.filename) or "\\" in member.filename:
        return "a path out of the archive"
    mode = member.external_attr >> 16
    if stat.S_IFMT(mode) not in {0, stat.S_IFREG, stat.S_IFDIR}:
        return "not a plain file"
    if member.flag_bits & _ENCRYPTED:
        return "encrypted"
    if member.compress_type not in _METHODS:
        return f"compression method {member.compress_type}"
    return None


def gunzip(content: bytes) -> bytes:
    """Return what gzip content unpacks to.

    Raises:
        DocumentError: It is damaged or unpacks to too much.
    """
    limit = min(MAX_UNPACKED, len(content) * MAX_RATIO)
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
            unpacked = file.read(limit + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise DocumentError(Unreadable.DAMAGED, f"gzip: {error}") from error
    if len(unpacked) > limit:
        raise DocumentError(Unreadable.TOO_LARGE, f"{len(content)} bytes unpack to over {limit}")
    return unpacked

import gzip
import io
import re
import stat
import struct
import zipfile

import pytest

from quant.parsers.archives import MAX_UNPACKED, gunzip, read_member
from quant.parsers.model import DocumentError

NAME = re.compile(r"\d{4}FD\.xml")


def zipped(members, compression=zipfile.ZIP_DEFLATED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return buffer.getvalue()


def reason(read, *arguments):
    with pytest.raises(DocumentError) as error:
        read(*arguments)
    return error.value.reason


def test_the_matching_member_is_unpacked():
    archive = zipped([("2025FD.txt", b"text"), ("2025FD.xml", b"<a/>")])
    assert read_member(archive, NAME) == b"<a/>"
    stored = zipped([("2025FD.xml", b"<a/>")], zipfile.ZIP_STORED)
    assert read_member(stored, NAME) == b"<a/>"


@pytest.mark.parametrize(
    "name",
    [
        "../2025FD.txt",
        "a/../../b",
        "/etc/passwd",
        "..\\evil",
        "a\\b",
        "C:\\evil",
        "C:evil",
    ],
)
def test_paths_out_of_the_archive_are_refused(name):
    archive = zipped([("2025FD.xml", b"<a/>"), (name, b"x")])
    assert reason(read_member, archive, NAME) == "forbidden_content"


def test_links_are_refused():
    link = zipfile.ZipInfo("2025FD.xml")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    assert reason(read_member, zipped([(link, b"/etc/passwd")]), NAME) == "forbidden_content"


def test_other_compression_methods_are_refused():
    for method in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        archive = zipped([("2025FD.xml", b"<a/>")], method)
        assert reason(read_member, archive, NAME) == "forbidden_content"


def test_encrypted_members_are_refused():
    archive = bytearray(zipped([("2025FD.xml", b"<a/>")]))
    entry = archive.index(b"PK\x01\x02")
    archive[entry + 8] |= 1
    assert reason(read_member, bytes(archive), NAME) == "forbidden_content"


def test_bombs_are_refused_before_they_are_unpacked():
    bomb = zipped([("2025FD.xml", b"\0" * (MAX_UNPACKED // 8))])
    assert len(bomb) < 10_000
    assert reason(read_member, bomb, NAME) == "too_large"
    many = zipped([(f"{number}.txt", b"") for number in range(17)])
    assert reason(read_member, many, NAME) == "too_large"
    assert reason(read_member, b"PK\x03\x04" + b"\0" * (4 << 20), NAME) == "too_large"


def test_a_bomb_that_lies_about_its_size_is_refused():
    bomb = bytearray(zipped([("2025FD.xml", b"\0" * (1 << 20))]))
    for signature, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        struct.pack_into("<I", bomb, bomb.index(signature) + offset, 100)
    assert reason(read_member, bytes(bomb), NAME) == "damaged"


def test_damage_is_noticed():
    archive = zipped([("2025FD.xml", b"<a/>" * 100)])
    assert reason(read_member, archive[:-30], NAME) == "damaged"
    flipped = bytearray(archive)
    flipped[45] ^= 0xFF
    assert reason(read_member, bytes(flipped), NAME) == "damaged"
    assert reason(read_member, b"<xml/>", NAME) == "not_this_format"


def test_exactly_one_member_must_match():
    assert reason(read_member, zipped([("readme.txt", b"x")]), NAME) == "layout_unknown"
    two = zipped([("2024FD.xml", b"<a/>"), ("2025FD.xml", b"<a/>")])
    assert reason(read_member, two, NAME) == "layout_unknown"
    assert reason(read_member, zipped([]), NAME) == "layout_unknown"


def test_gzip_is_unpacked_within_limits():
    content = bytes(range(256)) * 10
    assert gunzip(gzip.compress(content)) == content
    assert gunzip(gzip.compress(b"a") + gzip.compress(b"b")) == b"ab"
    assert reason(gunzip, gzip.compress(b"\0" * 1_000_000)) == "too_large"
    assert reason(gunzip, gzip.compress(content)[:-4]) == "damaged"
    assert reason(gunzip, b"\x1f\x8b\x08nonsense") == "damaged"

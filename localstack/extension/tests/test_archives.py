"""Unpacking of functions' code and layers."""

import os
import shutil
import tempfile
import zipfile
from pathlib import Path

import pytest

from quant_localstack.runtime import archives
from quant_localstack.runtime.archives import SMALL, unzip


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))


def _archive(path: Path, size: int) -> Path:
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("python/package/module.py", "x = 1\n")
        packed.writestr("python/data", os.urandom(size))
    return path


def _unpacked(archive: Path, target: Path) -> Path:
    target.mkdir()
    unzip(str(archive), str(target))
    assert (target / "python/package/module.py").read_text() == "x = 1\n"
    return target / "python/data"


@pytest.mark.parametrize("size", [10, 2 * SMALL])
def test_archives_are_unpacked_whole(tmp_path: Path, size: int) -> None:
    archive = _archive(tmp_path / "a.zip", size)
    assert _unpacked(archive, tmp_path / "one").stat().st_size == size


def test_a_large_archive_is_unpacked_once_and_outlives_who_had_it_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = _archive(tmp_path / "a.zip", 2 * SMALL)
    first = _unpacked(archive, tmp_path / "one")
    monkeypatch.setattr(archives.archives, "unzip", None)
    second = _unpacked(archive, tmp_path / "two")
    assert first.samefile(second)
    shutil.rmtree(tmp_path / "one")
    assert _unpacked(archive, tmp_path / "three").samefile(second)


def test_an_archive_that_could_not_be_unpacked_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = _archive(tmp_path / "a.zip", 2 * SMALL)

    def half(_path: str, target: str) -> None:
        (Path(target) / "half").touch()
        raise OSError

    with monkeypatch.context() as patched:
        patched.setattr(archives.archives, "unzip", half)
        with pytest.raises(OSError):  # noqa: PT011 - what the disk says
            _unpacked(archive, tmp_path / "one")
    second = _unpacked(archive, tmp_path / "two")
    assert not (second.parent.parent / "half").exists()


def test_other_content_is_unpacked_itself(tmp_path: Path) -> None:
    first = _unpacked(_archive(tmp_path / "a.zip", 2 * SMALL), tmp_path / "one")
    second = _unpacked(_archive(tmp_path / "b.zip", 2 * SMALL), tmp_path / "two")
    assert first.read_bytes() != second.read_bytes()

"""Where backups are kept: a folder, or a prefix of a bucket."""

import base64
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Protocol

from quant.backup.errors import BackupError, DamagedBackupError
from quant.backup.manifest import MANIFEST, File, Manifest, taken_at

_SCHEME: Final = "s3://"
_PARTIAL: Final = ".partial"
_LOCK: Final = "lock"
_MOMENT_S: Final = 3600


class Place(Protocol):
    """Keeps backups by their identifiers, which are in the order of their snapshots."""

    def ids(self) -> list[str]:
        """Return the identifiers, oldest first."""

    def manifest(self, backup_id: str) -> Manifest:
        """Return the manifest of a backup.

        Raises:
            BackupError: There is no such backup, or its manifest cannot be read.
        """

    def workspace(self) -> Any:
        """Return a context with an empty folder that is removed at its end."""

    def keep(self, folder: Path, manifest: Manifest) -> None:
        """Keep the backup in a folder of ``workspace``; before it ends there is none."""

    def fetch(self, backup_id: str) -> Any:
        """Return a context with the folder of a backup, its files checked."""

    def remove(self, backup_id: str) -> None:
        """Remove a backup, the manifest first."""


def place(target: str) -> Place:
    """Return the place that ``s3://<bucket>/<prefix>`` or a folder's path names."""
    if not target.startswith(_SCHEME):
        return FolderPlace(Path(target))
    bucket, _, prefix = target.removeprefix(_SCHEME).partition("/")
    if not bucket:
        msg = f"{target} names no bucket"
        raise BackupError(msg)
    import boto3  # noqa: PLC0415 - half a second, for buckets alone

    return BucketPlace(boto3.client("s3"), bucket, prefix.strip("/"))


def newest(kept: Place) -> str:
    """Return the identifier of the newest backup.

    Raises:
        BackupError: There is none.
    """
    ids = kept.ids()
    if not ids:
        msg = "there is no backup"
        raise BackupError(msg)
    return ids[-1]


class FolderPlace:
    """A folder with a folder for each backup."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def ids(self) -> list[str]:
        """See ``Place``."""
        if not self._root.is_dir():
            return []
        return sorted(
            entry.name
            for entry in self._root.iterdir()
            if taken_at(entry.name) and (entry / MANIFEST).exists()
        )

    def manifest(self, backup_id: str) -> Manifest:
        """See ``Place``."""
        return _read(self._folder(backup_id) / MANIFEST, backup_id)

    @contextmanager
    def workspace(self) -> Iterator[Path]:
        """Yield a folder beside the backups, so that keeping it is a renaming."""
        self._root.mkdir(parents=True, exist_ok=True)
        self._clear()
        folder = Path(tempfile.mkdtemp(prefix=".", suffix=_PARTIAL, dir=self._root))
        # Held while this process lives: where it is free, the process was killed.
        with (folder / _LOCK).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            try:
                yield folder
            finally:
                shutil.rmtree(folder, ignore_errors=True)

    def keep(self, folder: Path, manifest: Manifest) -> None:
        """See ``Place``; the files are on the disk before the backup has its name."""
        (folder / _LOCK).unlink()
        for path in (*folder.iterdir(), folder):
            _sync(path)
        folder.rename(self._folder(manifest.id))
        _sync(self._root)

    @contextmanager
    def fetch(self, backup_id: str) -> Iterator[Path]:
        """See ``Place``; nothing is copied."""
        folder = self._folder(backup_id)
        self.manifest(backup_id).check_files(folder)
        yield folder

    def remove(self, backup_id: str) -> None:
        """See ``Place``."""
        folder = self._folder(backup_id)
        (folder / MANIFEST).unlink()
        shutil.rmtree(folder)

    def _folder(self, backup_id: str) -> Path:
        if taken_at(backup_id) is None:
            msg = f"{backup_id} is not the name of a backup"
            raise BackupError(msg)
        return self._root / backup_id

    def _clear(self) -> None:
        for folder in self._root.glob(f".*{_PARTIAL}"):
            try:
                with (folder / _LOCK).open() as lock:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(folder, ignore_errors=True)
            except BlockingIOError:
                continue
            except FileNotFoundError:
                # Between two steps of ``keep`` or ``workspace``, for a moment or for good.
                if time.time() - folder.stat().st_mtime > _MOMENT_S:
                    shutil.rmtree(folder, ignore_errors=True)


class BucketPlace:
    """A prefix of a bucket with a prefix for each backup.

    Every object is sent with its SHA-256, which S3 checks and keeps.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html

    Args:
        client: Client of S3.
        bucket: The bucket.
        prefix: Without a slash at its end; may be empty.
    """

    def __init__(self, client: Any, bucket: str, prefix: str) -> None:
        self._client = client
        self._bucket = bucket
        self._prefix = f"{prefix}/" if prefix else ""

    def ids(self) -> list[str]:
        """See ``Place``."""
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=self._prefix
        )
        keys = [entry["Key"] for page in pages for entry in page.get("Contents", ())]
        parts = [key.removeprefix(self._prefix).split("/") for key in keys]
        return sorted(
            part[0]
            for part in parts
            if len(part) == 2 and part[1] == MANIFEST and taken_at(part[0])
        )

    def manifest(self, backup_id: str) -> Manifest:
        """See ``Place``."""
        if backup_id not in self.ids():
            msg = f"there is no backup {backup_id}"
            raise BackupError(msg)
        answer = self._client.get_object(Bucket=self._bucket, Key=self._key(backup_id, MANIFEST))
        return Manifest.read(answer["Body"].read(), backup_id)

    @contextmanager
    def workspace(self) -> Iterator[Path]:
        """See ``Place``."""
        with tempfile.TemporaryDirectory(prefix="quant-backup-") as folder:
            yield Path(folder)

    def keep(self, folder: Path, manifest: Manifest) -> None:
        """See ``Place``; an upload that was cut off has no manifest, hence is no backup."""
        for file in manifest.files:
            self._client.upload_file(
                str(folder / file.name),
                self._bucket,
                self._key(manifest.id, file.name),
                ExtraArgs={"ChecksumAlgorithm": "SHA256", "Metadata": {"sha256": file.sha256}},
            )
        document = (folder / MANIFEST).read_bytes()
        digest = bytes.fromhex(File.of(folder / MANIFEST).sha256)
        self._client.put_object(
            Bucket=self._bucket,
            Key=self._key(manifest.id, MANIFEST),
            Body=document,
            ContentType="application/json",
            ChecksumSHA256=base64.b64encode(digest).decode(),
        )

    @contextmanager
    def fetch(self, backup_id: str) -> Iterator[Path]:
        """See ``Place``."""
        from botocore.exceptions import ClientError  # noqa: PLC0415

        manifest = self.manifest(backup_id)
        with self.workspace() as folder:
            for file in manifest.files:
                key = self._key(backup_id, file.name)
                try:
                    self._client.download_file(self._bucket, key, str(folder / file.name))
                except ClientError as error:
                    if error.response["Error"]["Code"] not in {"404", "NoSuchKey"}:
                        raise
                    msg = f"backup {backup_id}: {file.name} is missing"
                    raise DamagedBackupError(msg) from error
            manifest.check_files(folder)
            yield folder

    def remove(self, backup_id: str) -> None:
        """See ``Place``; in a versioned bucket the objects are still there as versions."""
        files = [file.name for file in self.manifest(backup_id).files]
        for name in (MANIFEST, *files):
            self._client.delete_object(Bucket=self._bucket, Key=self._key(backup_id, name))

    def _key(self, backup_id: str, name: str) -> str:
        return f"{self._prefix}{backup_id}/{name}"


def _read(path: Path, backup_id: str) -> Manifest:
    try:
        return Manifest.read(path.read_bytes(), backup_id)
    except FileNotFoundError as error:
        msg = f"there is no backup {backup_id}"
        raise BackupError(msg) from error


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

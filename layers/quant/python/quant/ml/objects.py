"""The objects of machine learning: in S3, or in a folder where there is no cloud."""

import os
import tempfile
from pathlib import Path
from typing import Any, Protocol, Self

from quant.collectors.bucket import Bucket, DamagedObjectError
from quant.errors import ConflictError, NotFoundError
from quant.exports.objects import ChangedObjectError
from quant.ml.layout import sha256
from quant.settings import MlSettings


class Objects(Protocol):
    """Bytes by key."""

    def get(self, key: str) -> bytes:
        """Return an object.

        Raises:
            NotFoundError: There is none.
            StoreUnavailableError: The store cannot be reached.
        """

    def put(self, key: str, content: bytes) -> None:
        """Store an object, over an older one of the key."""

    def publish(self, key: str, content: bytes) -> None:
        """Store an object that never changes; the same bytes may be there already.

        Raises:
            ChangedObjectError: The key holds other bytes.
        """

    def keys(self, prefix: str) -> list[str]:
        """Return the keys below a prefix, in order."""


def get_checked(objects: Objects, key: str, digest: str) -> bytes:
    """Return an object whose SHA-256 is known.

    Raises:
        NotFoundError: There is none.
        DamagedObjectError: Its bytes are others.
    """
    content = objects.get(key)
    if sha256(content) != digest:
        msg = f"{key} is damaged: its SHA-256 is not {digest}"
        raise DamagedObjectError(msg)
    return content


class Folder:
    """Objects in a folder; several processes may write it at a time.

    Args:
        root: The folder, made where it is absent.
    """

    def __init__(self, root: Path):
        self.root = root

    def get(self, key: str) -> bytes:
        """Return an object.

        Raises:
            NotFoundError: There is none.
        """
        try:
            return (self.root / key).read_bytes()
        except FileNotFoundError:
            msg = f"there is no object {key}"
            raise NotFoundError(msg) from None

    def put(self, key: str, content: bytes) -> None:
        """Store an object at once or not at all."""
        path = self.root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            file.write(content)
        os.replace(file.name, path)

    def publish(self, key: str, content: bytes) -> None:
        """Store an object that never changes.

        Raises:
            ChangedObjectError: The key holds other bytes.
        """
        try:
            there = self.get(key)
        except NotFoundError:
            self.put(key, content)
            return
        if there != content:
            msg = f"{key} has other bytes already"
            raise ChangedObjectError(msg)

    def keys(self, prefix: str) -> list[str]:
        """Return the keys below a prefix, in order."""
        found = (path for path in self.root.rglob("*") if path.is_file())
        names = sorted(str(path.relative_to(self.root)) for path in found)
        return [name for name in names if name.startswith(prefix)]


class MlBucket:
    """Objects in the bucket of machine learning.

    Every method raises ``StoreUnavailableError`` where S3 cannot be reached or refuses.

    Args:
        name: Name of the bucket.
        client: S3 client; the process's own by default.
    """

    def __init__(self, name: str, client: Any = None):
        self._name = name
        self._bucket = Bucket(name, client)

    @classmethod
    def from_environment(cls) -> Self:
        """Return the bucket that ``QUANT_ML_BUCKET`` names."""
        return cls(MlSettings().bucket)

    def get(self, key: str) -> bytes:
        """Return an object.

        Raises:
            NotFoundError: There is none.
            DamagedObjectError: It is too large to be read.
        """
        return self._bucket.read(key)[0]

    def put(self, key: str, content: bytes) -> None:
        """Store an object, over an older one of the key."""
        self._bucket.write(key, content)

    def publish(self, key: str, content: bytes) -> None:
        """Store an object that never changes; S3 itself refuses a second one.

        Raises:
            ChangedObjectError: The key holds other bytes.
        """
        try:
            self._bucket.create(key, content)
        except ConflictError:
            if self.get(key) != content:
                msg = f"{key} has other bytes already"
                raise ChangedObjectError(msg) from None

    def keys(self, prefix: str) -> list[str]:
        """Return the keys below a prefix, in order."""
        return self._bucket.keys(prefix)

"""The bucket of machine learning, kept in a folder while LocalStack is down.

LocalStack has its objects in memory, but the database goes on naming them: versions of models by
their artifacts, runs of the tracking server by theirs. Both have to last equally long.
"""

import hashlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from supervisor.state import read_json, write_json


@dataclass(frozen=True)
class KeptBucket:
    """A bucket and the folder that keeps its objects.

    Attributes:
        folder: where they are kept; ``manifest.json`` names them.
        database: identity of the database that names the objects. What was kept for another
            database is of no use, and is dropped.
    """

    folder: Path
    database: str

    def restore(self, client: Any, bucket: str) -> int:
        """Write what is kept into an empty bucket; returns the number of objects."""
        manifest = read_json(self._manifest)
        if manifest and manifest["database"] != self.database:
            shutil.rmtree(self.folder)
            return 0
        objects: dict[str, str] = manifest.get("objects", {})
        for key in objects:
            with self._file(key).open("rb") as body:
                client.put_object(Bucket=bucket, Key=key, Body=body)
        if objects:
            self._note({key: etag for key, etag in _listed(client, bucket) if key in objects})
        return len(objects)

    def save(self, client: Any, bucket: str) -> int:
        """Make the folder hold what the bucket does; returns the number of objects."""
        before: dict[str, str] = read_json(self._manifest).get("objects", {})
        now = dict(_listed(client, bucket))
        self._objects.mkdir(parents=True, exist_ok=True)
        for key, etag in now.items():
            if before.get(key) != etag:
                client.download_file(bucket, key, str(self._file(key)))
        self._note(now)
        for key in before.keys() - now.keys():
            self._file(key).unlink(missing_ok=True)
        return len(now)

    @property
    def _manifest(self) -> Path:
        return self.folder / "manifest.json"

    @property
    def _objects(self) -> Path:
        return self.folder / "objects"

    def _file(self, key: str) -> Path:
        # Not below its own name: a key may be the folder of another, or lead out of this one.
        return self._objects / hashlib.sha256(key.encode()).hexdigest()

    def _note(self, objects: dict[str, str]) -> None:
        write_json(self._manifest, {"database": self.database, "objects": objects})


def empty(client: Any, bucket: str) -> None:
    """Delete all versions of all objects of a bucket, if there is one."""
    pages = client.get_paginator("list_object_versions").paginate(Bucket=bucket)
    try:
        for page in pages:
            versions = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
            names = [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in versions]
            if names:
                client.delete_objects(Bucket=bucket, Delete={"Objects": names, "Quiet": True})
    except client.exceptions.NoSuchBucket:
        return


def _listed(client: Any, bucket: str) -> Iterator[tuple[str, str]]:
    """Yield keys and entity tags."""
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for each in page.get("Contents", ()):
            yield each["Key"], each["ETag"]

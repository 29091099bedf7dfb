"""Raw documents in S3: what was collected, byte for byte, before anything reads it."""

from collections.abc import Mapping
from datetime import date
from typing import Final

from quant.collectors.bucket import Bucket, DamagedObjectError
from quant.errors import ConflictError
from quant.pipeline.raw import DROP_PREFIX, DocumentKind, RawDocument, parse_key
from quant.settings import RawSettings

_MAX_METADATA_VALUE: Final = 256  # S3 keeps 2 KB of metadata in all


class RawStore:
    """Stores and reads raw documents.

    Every method raises ``StoreUnavailableError`` where S3 cannot be reached or refuses.

    Args:
        bucket: The bucket; versioned, so that nothing stored is ever lost.
    """

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    @classmethod
    def from_environment(cls) -> "RawStore":
        """Return the store in the bucket that ``QUANT_RAW_BUCKET`` names."""
        return cls(Bucket(RawSettings().bucket))

    def put(self, document: RawDocument) -> bool:
        """Store a document unless it is there already; return whether something was stored.

        Two filings may be the same bytes (a scan sent in twice): then the second becomes a
        further version of the object, with its own ``doc-id``.
        """
        metadata = _storable(document.metadata)
        try:
            self._bucket.create(document.key, document.content, metadata)
        except ConflictError:
            if self._bucket.metadata(document.key).get("doc-id") == metadata.get("doc-id"):
                return False
            self._bucket.write(document.key, document.content, metadata)
        return True

    def get(self, key: str) -> RawDocument:
        """Read a document.

        Raises:
            ValueError: ``key`` is not the key of a raw document.
            NotFoundError: There is no such object.
            DamagedObjectError: The content is not what the key says.
        """
        kind, day, sha256 = parse_key(key)
        content, metadata = self._bucket.read(key)
        document = RawDocument(kind, day, content, metadata)
        if document.sha256 != sha256:
            msg = f"the content of {key} has another SHA-256 than its key"
            raise DamagedObjectError(msg)
        return document

    def take_drop(self, key: str, collected_on: date) -> RawDocument:
        """Copy a price file that an operator dropped to the raw documents; return the copy.

        Args:
            key: Key of the dropped file, below ``drop/prices/``.
            collected_on: UTC day it was dropped.

        Raises:
            ValueError: ``key`` is not the key of a dropped price file.
            NotFoundError: There is no such object.
            DamagedObjectError: The file is too large.
        """
        if not key.startswith(DROP_PREFIX):
            msg = f"not the key of a dropped price file: {key!r}"
            raise ValueError(msg)
        content, _ = self._bucket.read(key)
        document = RawDocument(DocumentKind.PRICES, collected_on, content, {"dropped-as": key})
        self.put(document)
        return document


def _storable(metadata: Mapping[str, str]) -> dict[str, str]:
    # Headers of foreign servers are among the values: one that S3 would refuse is left out.
    return {
        name: value
        for name, value in metadata.items()
        if len(value) <= _MAX_METADATA_VALUE and value.isascii() and value.isprintable()
    }

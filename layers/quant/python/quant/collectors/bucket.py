"""The bucket that holds raw documents and the collectors' memory.

Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
"""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final

from quant.errors import ConflictError, NotFoundError, QuantError, StoreUnavailableError
from quant.observability.aws_calls import traced

# Larger than any document of the sources by far; it bounds the memory of whoever reads one.
MAX_OBJECT_BYTES: Final = 64 * 1024 * 1024

_MISSING: Final = frozenset({"404", "NoSuchKey"})
# 409: another conditional write of the key was under way.
_EXISTS: Final = frozenset({"412", "PreconditionFailed", "ConditionalRequestConflict"})


class DamagedObjectError(QuantError):
    """An object is not what its key says, or too large to be read."""


@cache
def _client() -> Any:
    # boto3 costs most of a second to import: only functions that use the bucket pay for it.
    import boto3  # noqa: PLC0415

    return traced(boto3.client("s3"))


class Bucket:
    """An S3 bucket, with the domain's errors.

    Every method raises ``StoreUnavailableError`` where S3 cannot be reached or refuses.

    Args:
        name: Name of the bucket.
        client: S3 client; the process's own by default.
    """

    def __init__(self, name: str, client: Any = None) -> None:
        self._name = name
        self._client = client or _client()

    def read(self, key: str) -> tuple[bytes, dict[str, str]]:
        """Return an object's content and metadata.

        Raises:
            NotFoundError: There is no such object.
            DamagedObjectError: It is larger than ``MAX_OBJECT_BYTES``.
        """
        return self._translated(lambda: self._read(key), key)

    def metadata(self, key: str) -> dict[str, str]:
        """Return an object's metadata.

        Raises:
            NotFoundError: There is no such object.
        """
        answer = self._translated(lambda: self._client.head_object(Bucket=self._name, Key=key), key)
        metadata: dict[str, str] = answer["Metadata"]
        return metadata

    def keys(self, prefix: str) -> list[str]:
        """Return the keys below a prefix, in order."""

        def call() -> list[str]:
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._name, Prefix=prefix
            )
            return sorted(item["Key"] for page in pages for item in page.get("Contents", ()))

        return self._translated(call, prefix)

    def write(self, key: str, content: bytes, metadata: Mapping[str, str] | None = None) -> None:
        """Write an object, over an older version if there is one."""
        self._write(key, content, metadata or {})

    def create(self, key: str, content: bytes, metadata: Mapping[str, str] | None = None) -> None:
        """Write an object that is not there yet.

        Raises:
            ConflictError: It is there.
        """
        self._write(key, content, metadata or {}, IfNoneMatch="*")

    def _write(
        self, key: str, content: bytes, metadata: Mapping[str, str], **condition: str
    ) -> None:
        self._translated(
            lambda: self._client.put_object(
                Bucket=self._name, Key=key, Body=content, Metadata=dict(metadata), **condition
            ),
            key,
        )

    def _read(self, key: str) -> tuple[bytes, dict[str, str]]:
        answer = self._client.get_object(Bucket=self._name, Key=key)
        with answer["Body"] as body:
            if answer["ContentLength"] > MAX_OBJECT_BYTES:
                msg = f"{key} has {answer['ContentLength']} bytes"
                raise DamagedObjectError(msg)
            return body.read(), answer["Metadata"]

    @staticmethod
    def _translated[T](call: Callable[[], T], key: str) -> T:
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

        try:
            return call()
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in _MISSING:
                raise NotFoundError(key) from error
            if code in _EXISTS:
                raise ConflictError(key) from error
            raise StoreUnavailableError("s3") from error
        except BotoCoreError as error:
            raise StoreUnavailableError("s3") from error

"""Files of exports in S3, and links to them.

Sources: https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html and
https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-presigned-url.html
"""

import base64
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final, Self

from quant.collectors.bucket import Bucket
from quant.errors import ConflictError, QuantError
from quant.observability.aws_calls import traced
from quant.settings import ExportSettings

# Files of jobs are deleted by the bucket's lifecycle rule of this prefix, those of datasets never.
JOB_PREFIX: Final = "exports/"
DATASET_PREFIX: Final = "datasets/"
# Long enough to start a download; who is late asks for the job again and gets a new link.
LINK_LIFETIME: Final = timedelta(minutes=15)

_SHA256: Final = "sha256"


class ChangedObjectError(QuantError):
    """A key that must never change holds other bytes already."""


@dataclass(frozen=True, slots=True)
class ExportFile:
    """A file on its way into the bucket.

    Attributes:
        key: Its key; the last part is the name it is downloaded under.
        path: Where it is now.
        sha256: Its SHA-256, 64 hex digits.
        media_type: Its media type.
    """

    key: str
    path: Path
    sha256: str
    media_type: str


@cache
def _client() -> Any:
    # boto3 costs most of a second to import: only functions that use the bucket pay for it.
    import boto3  # noqa: PLC0415
    from botocore.config import Config  # noqa: PLC0415

    # Links of the older signature are not accepted in every region.
    return traced(boto3.client("s3", config=Config(signature_version="s3v4")))


class ExportBucket(Bucket):
    """The bucket of exports.

    Every method raises ``StoreUnavailableError`` where S3 cannot be reached or refuses.
    """

    @classmethod
    def from_environment(cls) -> Self:
        """Return the bucket that ``QUANT_EXPORT_BUCKET`` names."""
        return cls(ExportSettings().export_bucket, _client())

    def put(self, file: ExportFile) -> None:
        """Store a file, over an older one of the key; S3 checks what it received."""
        self._put(file)

    def publish(self, file: ExportFile) -> None:
        """Store a file under a key that never changes; one that is there already is left.

        Raises:
            ChangedObjectError: The key holds other bytes.
        """
        try:
            self._put(file, IfNoneMatch="*")
        except ConflictError:
            if self.metadata(file.key).get(_SHA256) != file.sha256:
                msg = f"{file.key} has other bytes already"
                raise ChangedObjectError(msg) from None

    def link(self, key: str) -> str:
        """Return a URL that downloads an object for ``LINK_LIFETIME``, and no longer than the
        credentials last that sign it.
        """  # noqa: D205
        url: str = self._client.generate_presigned_url(
            "get_object",
            Params={"Bucket": self._name, "Key": key},
            ExpiresIn=int(LINK_LIFETIME.total_seconds()),
        )
        return url

    def _put(self, file: ExportFile, **condition: str) -> None:
        checksum = base64.b64encode(bytes.fromhex(file.sha256)).decode()
        name = file.key.rpartition("/")[2]

        def call() -> Any:
            with file.path.open("rb") as body:
                return self._client.put_object(
                    Bucket=self._name,
                    Key=file.key,
                    Body=body,
                    ContentType=file.media_type,
                    ContentDisposition=f'attachment; filename="{name}"',
                    ChecksumSHA256=checksum,
                    Metadata={_SHA256: file.sha256},
                    **condition,
                )

        self._translated(call, file.key)

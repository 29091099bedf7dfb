"""Faster handling of functions' code, of which starting a local cloud has much."""

import hashlib
import os
import shutil
import tempfile
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import boto3
from localstack.constants import AWS_REGION_US_EAST_1, INTERNAL_AWS_SECRET_ACCESS_KEY
from localstack.services.lambda_ import provider
from localstack.services.lambda_.invocation import lambda_models
from localstack.services.lambda_.invocation.lambda_models import ArchiveCode, S3Code
from localstack.utils import archives

# Below this size, starting a program takes longer than unpacking, bytes.
SMALL = 1024 * 1024

_store = provider.store_s3_bucket_archive
_large_archives = threading.Lock()
_unpacker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="lambda-unpacker")


def patch_archives() -> None:
    """Apply all corrections of this module; to be called once."""
    S3Code.generate_presigned_url = generate_presigned_url
    lambda_models.unzip = unzip
    provider.store_s3_bucket_archive = store_and_unpack


def unzip(path: str, target_dir: str) -> None:
    """Unpack an archive, here unless it is large; of a large one that was unpacked, link the files.

    Every stack has layers of its own, most of them with the content of another's. No function
    writes to its code, which is read-only at AWS; deleting one unpacked archive leaves the others.
    """
    if Path(path).stat().st_size <= SMALL:
        with zipfile.ZipFile(path) as archive:
            archive.extractall(target_dir)
        return
    with Path(path).open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    kept = Path(tempfile.gettempdir(), "lambda-archives", digest)
    with _large_archives:
        if not kept.exists():
            making = kept.with_suffix(".new")
            # Half of it is there where an earlier attempt failed.
            shutil.rmtree(making, ignore_errors=True)
            making.mkdir(parents=True)
            archives.unzip(path, str(making))
            making.rename(kept)
    shutil.copytree(kept, target_dir, copy_function=os.link, dirs_exist_ok=True)


def store_and_unpack(**source: Any) -> ArchiveCode:
    """Store an archive and begin to unpack it, which the first function would wait for."""
    code = _store(**source)
    _unpacker.submit(code.prepare_for_execution)
    return code


def generate_presigned_url(self: S3Code, endpoint_url: str) -> str:
    """URL of the code archive, from a client that is made once rather than for every URL."""
    parameters = {"Bucket": self.s3_bucket, "Key": self.s3_key}
    if self.s3_object_version:
        parameters["VersionId"] = self.s3_object_version
    client = _client(endpoint_url, lambda_models.config.INTERNAL_RESOURCE_ACCOUNT)
    return str(client.generate_presigned_url("get_object", Params=parameters))


@cache
def _client(endpoint_url: str, account: str) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=endpoint_url,
        region_name=AWS_REGION_US_EAST_1,
        aws_access_key_id=account,
        aws_secret_access_key=INTERNAL_AWS_SECRET_ACCESS_KEY,
    )

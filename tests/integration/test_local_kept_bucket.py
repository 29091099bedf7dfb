"""The bucket of machine learning over a stop of the local cloud, with moto for S3."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws
from supervisor.kept_bucket import KeptBucket, empty

BUCKET, AGAIN = "before", "after"
KEYS = ["models/m/aa.json", "models/m", "runs/../../out", "tracking/1/a b/ü.txt"]


@pytest.fixture
def client() -> Iterator[Any]:
    with mock_aws():
        client = boto3.client(
            "s3",
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        for bucket in (BUCKET, AGAIN):
            client.create_bucket(Bucket=bucket)
        yield client


@pytest.fixture
def kept(tmp_path: Path) -> KeptBucket:
    return KeptBucket(tmp_path / "local" / "ml", "1-2")


def put(client: Any, key: str, content: bytes) -> None:
    client.put_object(Bucket=BUCKET, Key=key, Body=content)


def content_of(client: Any, bucket: str) -> dict[str, bytes]:
    listed = client.list_objects_v2(Bucket=bucket).get("Contents", ())
    return {
        each["Key"]: client.get_object(Bucket=bucket, Key=each["Key"])["Body"].read()
        for each in listed
    }


def test_objects_come_back_whatever_their_keys(
    client: Any, kept: KeptBucket, tmp_path: Path
) -> None:
    for key in KEYS:
        put(client, key, key.encode())
    assert kept.save(client, BUCKET) == len(KEYS)
    assert kept.restore(client, AGAIN) == len(KEYS)
    assert content_of(client, AGAIN) == {key: key.encode() for key in KEYS}
    assert [path.name for path in tmp_path.iterdir()] == ["local"]
    assert [path.name for path in (tmp_path / "local").iterdir()] == ["ml"]


def test_changes_and_deletions_are_kept_too(client: Any, kept: KeptBucket) -> None:
    for key in ("changed", "deleted", "same"):
        put(client, key, b"before")
    kept.save(client, BUCKET)
    put(client, "changed", b"after")
    put(client, "new", b"after")
    client.delete_object(Bucket=BUCKET, Key="deleted")
    kept.save(client, BUCKET)
    kept.restore(client, AGAIN)
    assert content_of(client, AGAIN) == {"changed": b"after", "new": b"after", "same": b"before"}
    assert len(list((kept.folder / "objects").iterdir())) == 3


def test_what_is_kept_already_is_not_read_again(client: Any, kept: KeptBucket) -> None:
    put(client, "a", b"a")
    kept.save(client, BUCKET)
    [file] = (kept.folder / "objects").iterdir()
    file.write_bytes(b"left alone")
    kept.save(client, BUCKET)
    assert file.read_bytes() == b"left alone"


def test_what_belongs_to_another_database_is_dropped(client: Any, kept: KeptBucket) -> None:
    put(client, "a", b"a")
    kept.save(client, BUCKET)
    assert KeptBucket(kept.folder, "1-3").restore(client, AGAIN) == 0
    assert content_of(client, AGAIN) == {}
    assert not kept.folder.exists()


def test_nothing_kept_is_nothing_restored(client: Any, kept: KeptBucket) -> None:
    assert kept.restore(client, AGAIN) == 0


def test_emptying_leaves_no_version(client: Any) -> None:
    client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    for content in (b"1", b"2"):
        put(client, "a", content)
    client.delete_object(Bucket=BUCKET, Key="a")
    put(client, "b", b"b")
    empty(client, BUCKET)
    left = client.list_object_versions(Bucket=BUCKET)
    assert "Versions" not in left
    assert "DeleteMarkers" not in left


def test_emptying_a_bucket_that_is_not_there_is_nothing(client: Any) -> None:
    empty(client, "not-there")

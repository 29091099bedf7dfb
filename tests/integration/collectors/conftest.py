"""Collectors at work against the replica, with S3 and SQS as moto plays them."""

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest
from moto import mock_aws
from replica import Replica

from quant.collectors.bucket import Bucket
from quant.collectors.pacing import Backoff, Deadline
from quant.collectors.raw_store import RawStore
from quant.collectors.run import Workplace
from quant.collectors.state import StateStore
from quant.pipeline.raw import PREFIX, RawDocument
from quant.settings import CollectorSettings

REGION = "us-east-1"
CONTACT = "operator@quant.example"


@dataclass(frozen=True)
class Raw:
    """A bucket of raw documents, seen from outside."""

    client: Any = field(repr=False)
    bucket: str

    def keys(self) -> list[str]:
        answer = self.client.list_objects_v2(Bucket=self.bucket, Prefix=PREFIX)
        return [entry["Key"] for entry in answer.get("Contents", ())]

    def documents(self) -> list[RawDocument]:
        store = RawStore(Bucket(self.bucket, self.client))
        return [store.get(key) for key in self.keys()]

    def state(self, name: str) -> Any:
        body = self.client.get_object(Bucket=self.bucket, Key=f"state/{name}.json")["Body"]
        return json.loads(body.read())

    def write_state(self, name: str, state: Any) -> None:
        self.client.put_object(
            Bucket=self.bucket, Key=f"state/{name}.json", Body=json.dumps(state).encode()
        )

    def forget(self, name: str) -> None:
        self.client.delete_object(Bucket=self.bucket, Key=f"state/{name}.json")


@pytest.fixture(scope="module")
def aws() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "testing")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        with mock_aws():
            yield


@pytest.fixture(scope="module")
def s3(aws) -> Any:
    return boto3.client("s3")


@pytest.fixture
def raw(s3) -> Raw:
    bucket = f"raw-{uuid.uuid4()}"
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    return Raw(s3, bucket)


@pytest.fixture
def replica() -> Iterator[Replica]:
    with Replica() as running:
        yield running


@pytest.fixture
def settings(replica) -> CollectorSettings:
    return CollectorSettings(
        house_url=replica.url,
        senate_url=replica.url,
        legislators_url=replica.url,
        prices_url=replica.url,
        contact=CONTACT,
        requests_per_second=1000,
        timeout_s=10,
    )


@pytest.fixture
def place(raw, settings) -> Workplace:
    bucket = Bucket(raw.bucket, raw.client)
    return Workplace(
        settings,
        RawStore(bucket),
        StateStore(bucket),
        Deadline(60),
        Backoff(attempts=3, base_s=0.001, longest_retry_after_s=1),
    )

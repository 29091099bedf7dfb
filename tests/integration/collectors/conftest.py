"""Collectors at work against the replica, with S3 and SQS as moto plays them."""

import json
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

BUCKET = "raw-documents"
REGION = "us-east-1"
CONTACT = "operator@quant.example"


@dataclass(frozen=True)
class Raw:
    """The bucket of raw documents, seen from outside."""

    client: Any = field(repr=False)

    def keys(self) -> list[str]:
        answer = self.client.list_objects_v2(Bucket=BUCKET, Prefix=PREFIX)
        return [entry["Key"] for entry in answer.get("Contents", ())]

    def documents(self) -> list[RawDocument]:
        store = RawStore(Bucket(BUCKET, self.client))
        return [store.get(key) for key in self.keys()]

    def state(self, name: str) -> Any:
        body = self.client.get_object(Bucket=BUCKET, Key=f"state/{name}.json")["Body"]
        return json.loads(body.read())

    def write_state(self, name: str, state: Any) -> None:
        self.client.put_object(
            Bucket=BUCKET, Key=f"state/{name}.json", Body=json.dumps(state).encode()
        )

    def forget(self, name: str) -> None:
        self.client.delete_object(Bucket=BUCKET, Key=f"state/{name}.json")


@pytest.fixture
def aws(monkeypatch) -> Iterator[None]:
    for name, value in (
        ("AWS_ACCESS_KEY_ID", "testing"),
        ("AWS_SECRET_ACCESS_KEY", "testing"),
        ("AWS_DEFAULT_REGION", REGION),
    ):
        monkeypatch.setenv(name, value)
    with mock_aws():
        yield


@pytest.fixture
def raw(aws) -> Raw:
    client = boto3.client("s3")
    client.create_bucket(Bucket=BUCKET)
    client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    return Raw(client)


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
        timeout_s=1,
    )


@pytest.fixture
def place(raw, settings) -> Workplace:
    bucket = Bucket(BUCKET, raw.client)
    return Workplace(
        settings,
        RawStore(bucket),
        StateStore(bucket),
        Deadline(60),
        Backoff(attempts=3, base_s=0.001, longest_retry_after_s=1),
    )

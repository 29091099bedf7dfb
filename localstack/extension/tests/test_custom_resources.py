"""Custom resources: what the function is sent, and what its answer leads to."""

import io
import json
from types import SimpleNamespace
from typing import Any

import pytest
from localstack.services.cloudformation.resource_provider import OperationStatus

from quant_localstack.cloudformation import custom
from quant_localstack.cloudformation.custom import CustomResourceProvider


class MissingError(Exception):
    pass


class Bucket:
    """S3 and Lambda: what the function was sent, and the answer it has put, if it has."""

    exceptions = SimpleNamespace(NoSuchKey=MissingError)

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.answer: dict[str, Any] | None = None

    def create_bucket(self, **_: Any) -> None:
        pass

    def generate_presigned_url(self, _operation: str, Params: dict[str, str]) -> str:  # noqa: N803
        return f"http://answers/{Params['Key']}"

    def get_object(self, **_: Any) -> dict[str, Any]:
        if self.answer is None:
            raise MissingError
        return {"Body": io.BytesIO(json.dumps(self.answer).encode())}

    def invoke(self, **arguments: Any) -> None:
        assert arguments["FunctionName"] == "arn"
        self.events.append(json.loads(arguments["Payload"]))


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Bucket:
    bucket = Bucket()
    monkeypatch.setattr(custom, "_s3", lambda: bucket)
    return bucket


def request(bucket: Bucket, **changes: Any) -> Any:
    values = {
        "stack_id": "arn:aws:cloudformation:us-east-1:000000000000:stack/one/two",
        "resource_type": "Custom::Thing",
        "logical_resource_id": "Thing",
        "desired_state": {"ServiceToken": "arn", "ServiceTimeout": "60", "Size": "2"},
        "previous_state": None,
        "custom_context": {},
        "aws_client_factory": SimpleNamespace(lambda_=bucket),
        **changes,
    }
    return SimpleNamespace(**values)


def test_the_function_is_invoked_once_and_waited_for(bucket: Bucket) -> None:
    provider = CustomResourceProvider()
    begun = provider.create(request(bucket))
    assert begun.status is OperationStatus.IN_PROGRESS
    again = provider.create(request(bucket, custom_context=begun.custom_context))
    assert again.status is OperationStatus.IN_PROGRESS
    [event] = bucket.events
    assert event["RequestType"] == "Create"
    assert event["ResourceProperties"] == {"ServiceToken": "arn", "Size": "2"}
    assert "PhysicalResourceId" not in event

    bucket.answer = {"Status": "SUCCESS", "PhysicalResourceId": "id", "Data": {"Colour": "red"}}
    done = provider.create(request(bucket, custom_context=begun.custom_context))
    assert done.status is OperationStatus.SUCCESS
    assert done.resource_model["PhysicalResourceId"] == "id"
    assert done.resource_model["Colour"] == "red"


def test_a_failure_has_the_reason_that_the_function_gives(bucket: Bucket) -> None:
    bucket.answer = {"Status": "FAILED", "Reason": "locked"}
    failed = CustomResourceProvider().create(request(bucket))
    assert (failed.status, failed.message) == (OperationStatus.FAILED, "locked")
    assert not failed.resource_model


def test_an_answer_that_does_not_come_is_a_failure(bucket: Bucket) -> None:
    desired = {"ServiceToken": "arn", "ServiceTimeout": "0"}
    failed = CustomResourceProvider().create(request(bucket, desired_state=desired))
    assert failed.status is OperationStatus.FAILED
    assert "in time" in failed.message


def test_changes_and_deletion_name_what_there_is(bucket: Bucket) -> None:
    bucket.answer = {"Status": "SUCCESS", "PhysicalResourceId": "id"}
    before = {"ServiceToken": "arn", "Size": "1", "PhysicalResourceId": "id"}
    CustomResourceProvider().update(request(bucket, previous_state=before))
    CustomResourceProvider().delete(request(bucket, desired_state=before))
    changed, deleted = bucket.events
    assert changed["PhysicalResourceId"] == deleted["PhysicalResourceId"] == "id"
    assert changed["OldResourceProperties"]["Size"] == "1"
    assert changed["ResourceProperties"]["Size"] == "2"
    assert deleted["RequestType"] == "Delete"

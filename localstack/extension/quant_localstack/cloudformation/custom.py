"""Resource provider of custom resources, which the core lacks: a function does what is to be done.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-requesttypes.html
"""

import json
import time
import uuid
from collections.abc import Mapping
from typing import Any, ClassVar, override

import boto3
from localstack import config
from localstack.services.cloudformation.resource_provider import (
    OperationStatus,
    ProgressEvent,
    ResourceProvider,
    ResourceRequest,
)

BUCKET = "cloudformation-custom-resource-response-useast1"
# What CloudFormation waits at most, and where the template says nothing else.
SERVICE_TIMEOUT_S = 3600
_ID = "PhysicalResourceId"

Model = dict[str, Any]


class CustomResourceProvider(ResourceProvider[Model]):
    """Invokes the function and waits for what it puts at the URL that it was given."""

    TYPE = "AWS::CloudFormation::CustomResource"
    SCHEMA: ClassVar[dict[str, Any]] = {
        "typeName": TYPE,
        "properties": {
            "ServiceToken": {"type": "string"},
            "ServiceTimeout": {"type": "integer"},
            _ID: {"type": "string"},
        },
        "required": ["ServiceToken"],
        "readOnlyProperties": [f"/properties/{_ID}"],
        "createOnlyProperties": ["/properties/ServiceToken"],
        "primaryIdentifier": [f"/properties/{_ID}"],
    }

    @override
    def create(self, request: ResourceRequest[Model]) -> ProgressEvent[Model]:
        return _progress("Create", request, request.desired_state)

    @override
    def update(self, request: ResourceRequest[Model]) -> ProgressEvent[Model]:
        before = request.previous_state or {}
        return _progress("Update", request, {**request.desired_state, _ID: before.get(_ID)})

    @override
    def delete(self, request: ResourceRequest[Model]) -> ProgressEvent[Model]:
        return _progress("Delete", request, request.desired_state)


def _progress(kind: str, request: ResourceRequest[Model], model: Model) -> ProgressEvent[Model]:
    """Invoke the function, or look for its answer where it was invoked before."""
    waiting = request.custom_context
    s3 = _s3()
    if "key" not in waiting:
        key = f"{request.stack_id.rpartition('/')[2]}/{uuid.uuid4()}"
        s3.create_bucket(Bucket=BUCKET)
        url = s3.generate_presigned_url("put_object", Params={"Bucket": BUCKET, "Key": key})
        request.aws_client_factory.lambda_.invoke(
            FunctionName=model["ServiceToken"],
            InvocationType="Event",
            Payload=json.dumps(event_of(kind, request, model, url)),
        )
        deadline = time.monotonic() + int(model.get("ServiceTimeout") or SERVICE_TIMEOUT_S)
        waiting = {"key": key, "deadline": deadline}
    try:
        answer = json.load(s3.get_object(Bucket=BUCKET, Key=waiting["key"])["Body"])
    except s3.exceptions.NoSuchKey:
        if time.monotonic() < waiting["deadline"]:
            return ProgressEvent(
                OperationStatus.IN_PROGRESS, resource_model=model, custom_context=waiting
            )
        answer = {"Status": "FAILED", "Reason": "the function did not answer in time"}
    model = {**model, **answer.get("Data", {}), _ID: answer.get(_ID) or model.get(_ID)}
    if answer["Status"] == "SUCCESS":
        return ProgressEvent(OperationStatus.SUCCESS, resource_model=model)
    return ProgressEvent(
        OperationStatus.FAILED,
        # What was not created is told to be deleted only if it has an identity.
        resource_model=model if model[_ID] else {},
        message=str(answer.get("Reason")),
    )


def event_of(
    kind: str, request: ResourceRequest[Model], model: Mapping[str, Any], url: str
) -> dict[str, Any]:
    """Return what CloudFormation sends to the function."""
    event = {
        "RequestType": kind,
        "ResponseURL": url,
        "StackId": request.stack_id,
        "RequestId": str(uuid.uuid4()),
        "ResourceType": request.resource_type,
        "LogicalResourceId": request.logical_resource_id,
        "ResourceProperties": _properties(model),
    }
    if kind != "Create":
        event[_ID] = model[_ID]
    if kind == "Update":
        event["OldResourceProperties"] = _properties(request.previous_state or {})
    return event


def _properties(model: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in model.items() if name not in {_ID, "ServiceTimeout"}}


def _s3() -> Any:
    return boto3.client(
        "s3",
        endpoint_url=config.internal_service_url(host="127.0.0.1"),
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",  # noqa: S106 - LocalStack asks for any
    )

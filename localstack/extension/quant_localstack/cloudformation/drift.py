"""Drift detection, which the core lacks: what somebody changed past CloudFormation.

As at AWS only properties that the template gives are compared, of the types in ``READERS``;
resources of others are not checked. Detection is finished when the call that starts it returns.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-stack-drift.html
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError
from localstack.aws.api import RequestContext, handler
from localstack.aws.api.cloudformation import (
    DescribeStackDriftDetectionStatusOutput,
    DescribeStackResourceDriftsOutput,
    DetectStackDriftOutput,
    DifferenceType,
    PropertyDifference,
    StackDriftDetectionStatus,
    StackDriftStatus,
    StackResourceDrift,
    StackResourceDriftStatus,
)
from localstack.aws.connect import connect_to
from localstack.services.cloudformation.engine.validations import ValidationError
from localstack.services.cloudformation.v2 import provider as cloudformation
from localstack.services.cloudformation.v2.entities import Stack
from localstack.utils.strings import long_uid

from quant_localstack.cloudformation.actual import READERS, Clients, Properties

# Say that a resource is not there, whichever service answers.
_ABSENT = {"404", "QueueDoesNotExist"}
_ABSENT_SUFFIXES = ("NotFound", "NotFoundException", "NoSuchEntity", "NonExistentQueue")

# What detections found, by their ids and by the stacks' ids.
_detections: dict[str, DescribeStackDriftDetectionStatusOutput] = {}
_found: dict[str, list[StackResourceDrift]] = {}


def patch_drift() -> None:
    """Have the service detect drift; to be called before the service is loaded."""
    service = cloudformation.CloudformationProviderV2
    service.detect_stack_drift = detect_stack_drift
    service.describe_stack_drift_detection_status = describe_stack_drift_detection_status
    service.describe_stack_resource_drifts = describe_stack_resource_drifts


@handler("DetectStackDrift")
def detect_stack_drift(
    _self: Any,
    context: RequestContext,
    stack_name: str,
    logical_resource_ids: list[str] | None = None,
    **_: Any,
) -> DetectStackDriftOutput:
    """Compare the resources of a stack with what the stack made them."""
    stack = _stack(context, stack_name)
    clients = connect_to(aws_access_key_id=context.account_id, region_name=context.region)
    drifts = [
        _drift(stack, name, resource, clients)
        for name, resource in stack.resolved_resources.items()
        if logical_resource_ids is None or name in logical_resource_ids
    ]
    changed = [
        drift
        for drift in drifts
        if drift["StackResourceDriftStatus"]
        in {StackResourceDriftStatus.MODIFIED, StackResourceDriftStatus.DELETED}
    ]
    detection = long_uid()
    _found[stack.stack_id] = drifts
    _detections[detection] = DescribeStackDriftDetectionStatusOutput(
        StackId=stack.stack_id,
        StackDriftDetectionId=detection,
        StackDriftStatus=StackDriftStatus.DRIFTED if changed else StackDriftStatus.IN_SYNC,
        DetectionStatus=StackDriftDetectionStatus.DETECTION_COMPLETE,
        DriftedStackResourceCount=len(changed),
        Timestamp=datetime.now(UTC),
    )
    return DetectStackDriftOutput(StackDriftDetectionId=detection)


@handler("DescribeStackDriftDetectionStatus")
def describe_stack_drift_detection_status(
    _self: Any,
    context: RequestContext,  # noqa: ARG001 - the service passes it by name
    stack_drift_detection_id: str,
    **_: Any,
) -> DescribeStackDriftDetectionStatusOutput:
    """Return what a detection came to."""
    if stack_drift_detection_id not in _detections:
        raise ValidationError(f"Drift detection {stack_drift_detection_id} does not exist")
    return _detections[stack_drift_detection_id]


@handler("DescribeStackResourceDrifts")
def describe_stack_resource_drifts(
    _self: Any,
    context: RequestContext,
    stack_name: str,
    stack_resource_drift_status_filters: list[str] | None = None,
    **_: Any,
) -> DescribeStackResourceDriftsOutput:
    """Return what the last detection found of each resource."""
    stack = _stack(context, stack_name)
    wanted = set(stack_resource_drift_status_filters or StackResourceDriftStatus)
    return DescribeStackResourceDriftsOutput(
        StackResourceDrifts=[
            drift
            for drift in _found.get(stack.stack_id, [])
            if drift["StackResourceDriftStatus"] in wanted
        ]
    )


def _stack(context: RequestContext, name: str) -> Stack:
    store = cloudformation.get_cloudformation_store(context.account_id, context.region)
    stack = cloudformation.find_stack_v2(store, name)
    if stack is None:
        raise ValidationError(f"Stack with id {name} does not exist")
    return stack


def _drift(
    stack: Stack, name: str, resource: Mapping[str, Any], clients: Clients
) -> StackResourceDrift:
    drift = StackResourceDrift(
        StackId=stack.stack_id,
        LogicalResourceId=name,
        PhysicalResourceId=resource.get("PhysicalResourceId"),
        ResourceType=resource["Type"],
        StackResourceDriftStatus=StackResourceDriftStatus.NOT_CHECKED,
        Timestamp=datetime.now(UTC),
    )
    reader = READERS.get(resource["Type"])
    if reader is None:
        return drift
    expected: Properties = resource["Properties"]
    drift["ExpectedProperties"] = _text(expected)
    try:
        read = reader(clients, str(resource.get("PhysicalResourceId")), expected)
    except ClientError as error:
        if not _is_absence(error):
            raise
        read = None
    if read is None:
        drift["StackResourceDriftStatus"] = StackResourceDriftStatus.DELETED
        return drift
    actual = {key: value for key, value in read.items() if key in expected}
    differences = [
        PropertyDifference(
            PropertyPath=f"/{key}",
            ExpectedValue=_text(expected[key]),
            ActualValue=_text(value),
            DifferenceType=DifferenceType.NOT_EQUAL,
        )
        for key, value in actual.items()
        if _plain(value) != _plain(expected[key])
    ]
    drift["ActualProperties"] = _text({**expected, **actual})
    drift["PropertyDifferences"] = differences
    drift["StackResourceDriftStatus"] = (
        StackResourceDriftStatus.MODIFIED if differences else StackResourceDriftStatus.IN_SYNC
    )
    return drift


def _is_absence(error: ClientError) -> bool:
    code = str(error.response["Error"].get("Code", ""))
    return code in _ABSENT or code.endswith(_ABSENT_SUFFIXES)


def _plain(value: Any) -> Any:
    """Return a value in the one form in which it is compared.

    Services answer with numbers what templates say as text, and with sets in any order; the core
    spells the parts of some properties its own way.
    """
    match value:
        case bool():
            return str(value).lower()
        case int() | float():
            return str(float(value))
        case str():
            return _plain_text(value)
        case Mapping():
            return {
                str(key).lower(): _plain(item) for key, item in value.items() if item is not None
            }
        case list() | tuple():
            return sorted((_plain(item) for item in value), key=repr)
    return value


def _plain_text(value: str) -> Any:
    if value[:1] in {"{", "["}:
        try:
            return _plain(json.loads(value))
        except ValueError:
            return value
    try:
        return str(float(value))
    except ValueError:
        return value


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str, sort_keys=True)

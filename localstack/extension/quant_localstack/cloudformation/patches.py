"""Corrections of resource providers the core has: of what they ignore and cannot update."""

import json
from collections.abc import Mapping
from typing import Any

from localstack.services.apigateway.resource_providers.aws_apigateway_apikey import (
    ApiGatewayApiKeyProvider,
)
from localstack.services.apigateway.resource_providers.aws_apigateway_gatewayresponse import (
    ApiGatewayGatewayResponseProvider,
)
from localstack.services.apigateway.resource_providers.aws_apigateway_method import (
    ApiGatewayMethodProvider,
)
from localstack.services.apigateway.resource_providers.aws_apigateway_restapi import (
    ApiGatewayRestApiProvider,
)
from localstack.services.apigateway.resource_providers.aws_apigateway_stage import (
    ApiGatewayStageProvider,
)
from localstack.services.cloudformation.resource_provider import (
    OperationStatus,
    ProgressEvent,
    ResourceRequest,
)
from localstack.services.logs.resource_providers.aws_logs_loggroup import LogsLogGroupProvider
from moto.apigateway.models import UsagePlan

REST_API_PATHS = {
    "ApiKeySourceType": "/apiKeySource",
    "Description": "/description",
    "DisableExecuteApiEndpoint": "/disableExecuteApiEndpoint",
    "MinimumCompressionSize": "/minimumCompressionSize",
    "Name": "/name",
    "Policy": "/policy",
}
API_KEY_PATHS = {
    "CustomerId": "/customerId",
    "Description": "/description",
    "Enabled": "/enabled",
}


def patch_providers() -> None:
    """Apply all corrections of this module; to be called once."""
    _patch_rest_api()
    _patch_usage_plan()
    ApiGatewayRestApiProvider.update = update_rest_api
    ApiGatewayApiKeyProvider.update = update_api_key
    ApiGatewayStageProvider.update = update_stage
    ApiGatewayMethodProvider.update = update_method
    ApiGatewayGatewayResponseProvider.update = update_gateway_response
    LogsLogGroupProvider.update = update_log_group


def _patch_rest_api() -> None:
    """Have the provider honour ``ApiKeySourceType``: it looks for ``ApiKeySource``."""
    create = ApiGatewayRestApiProvider.create

    def create_with_key_source(
        self: ApiGatewayRestApiProvider, request: ResourceRequest[Any]
    ) -> ProgressEvent[Any]:
        source = request.desired_state.get("ApiKeySourceType")
        if source is not None:
            request.desired_state["ApiKeySource"] = source
        event = create(self, request)
        event.resource_model.pop("ApiKeySource", None)
        return event

    ApiGatewayRestApiProvider.create = create_with_key_source


def _patch_usage_plan() -> None:
    """Have updates of usage plans keep the numbers' types: rates are fractions, limits integers."""
    apply = UsagePlan.apply_patch_operations

    def apply_with_numbers(self: UsagePlan, patch_operations: list[dict[str, Any]]) -> None:
        others = []
        for operation in patch_operations:
            if operation["path"] == "/throttle/rateLimit" and operation["op"] != "remove":
                self.throttle["rateLimit"] = float(operation["value"])
            elif operation["path"] in ("/quota/limit", "/quota/offset"):
                self.quota[operation["path"].rsplit("/", 1)[1]] = int(operation["value"])
            else:
                others.append(operation)
        apply(self, others)

    UsagePlan.apply_patch_operations = apply_with_numbers  # type: ignore[method-assign]


def update_rest_api(
    _: ApiGatewayRestApiProvider, request: ResourceRequest[Any]
) -> ProgressEvent[Any]:
    """Set what the template changed of the API itself.

    Raises:
        NotImplementedError: a changed property is none of those in ``REST_API_PATHS`` or the
            binary media types.
    """
    before, after = request.previous_state or {}, request.desired_state
    known = {*REST_API_PATHS, "BinaryMediaTypes", "Tags"}
    if any(before.get(name) != value for name, value in after.items() if name not in known):
        raise NotImplementedError
    operations = value_operations(before, after, REST_API_PATHS)
    old, new = (set(model.get("BinaryMediaTypes") or []) for model in (before, after))
    for op, types in (("add", new - old), ("remove", old - new)):
        operations += [
            {"op": op, "path": f"/binaryMediaTypes/{kind.replace('/', '~1')}"}
            for kind in sorted(types)
        ]
    if operations:
        request.aws_client_factory.apigateway.update_rest_api(
            restApiId=before["RestApiId"], patchOperations=operations
        )
    return _success({**before, **after})


def update_api_key(
    _: ApiGatewayApiKeyProvider, request: ResourceRequest[Any]
) -> ProgressEvent[Any]:
    """Set the key's description, customer and whether it is enabled; its value never changes."""
    before, after = request.previous_state or {}, request.desired_state
    operations = value_operations(before, after, API_KEY_PATHS)
    if operations:
        request.aws_client_factory.apigateway.update_api_key(
            apiKey=before["APIKeyId"], patchOperations=operations
        )
    return _success({**after, "APIKeyId": before["APIKeyId"]})


def value_operations(
    before: Mapping[str, Any], after: Mapping[str, Any], paths: Mapping[str, str]
) -> list[dict[str, str]]:
    """Patch operations that set the properties a template changed to their new values."""
    operations = []
    for name, path in paths.items():
        value = after.get(name)
        if value == before.get(name):
            continue
        if isinstance(value, bool):
            value = str(value).lower()
        elif isinstance(value, dict):
            value = json.dumps(value)
        text = "" if value is None else str(value)
        operations.append({"op": "replace", "path": path, "value": text})
    return operations


def update_log_group(_: LogsLogGroupProvider, request: ResourceRequest[Any]) -> ProgressEvent[Any]:
    """Set how long the group's events are kept."""
    before, after = request.previous_state or {}, request.desired_state
    logs = request.aws_client_factory.logs
    days = after.get("RetentionInDays")
    if days is None:
        logs.delete_retention_policy(logGroupName=before["LogGroupName"])
    else:
        logs.put_retention_policy(logGroupName=before["LogGroupName"], retentionInDays=int(days))
    return _success({**before, **after})


def update_stage(_: ApiGatewayStageProvider, request: ResourceRequest[Any]) -> ProgressEvent[Any]:
    """Point the stage to another deployment and set its variables and description."""
    operations = stage_operations(request.previous_state, request.desired_state)
    if operations:
        request.aws_client_factory.apigateway.update_stage(
            restApiId=request.previous_state["RestApiId"],
            stageName=request.previous_state["StageName"],
            patchOperations=operations,
        )
    return _success({**request.previous_state, **request.desired_state})


def stage_operations(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[dict[str, str]]:
    """Patch operations of UpdateStage for the properties a template changed."""
    operations = []
    for name, path in (("DeploymentId", "/deploymentId"), ("Description", "/description")):
        if after.get(name) is not None and after[name] != before.get(name):
            operations.append({"op": "replace", "path": path, "value": str(after[name])})
    old, new = before.get("Variables") or {}, after.get("Variables") or {}
    operations += [
        {"op": "replace", "path": f"/variables/{name}", "value": str(value)}
        for name, value in new.items()
        if old.get(name) != value
    ]
    operations += [
        {"op": "remove", "path": f"/variables/{name}"} for name in old if name not in new
    ]
    return operations


def update_method(
    self: ApiGatewayMethodProvider, request: ResourceRequest[Any]
) -> ProgressEvent[Any]:
    """Create the method anew: the core's update forgets its authorizer and API key."""
    request.aws_client_factory.apigateway.delete_method(
        restApiId=request.previous_state["RestApiId"],
        resourceId=request.previous_state["ResourceId"],
        httpMethod=request.previous_state["HttpMethod"],
    )
    return self.create(request)


def update_gateway_response(
    self: ApiGatewayGatewayResponseProvider, request: ResourceRequest[Any]
) -> ProgressEvent[Any]:
    """Put the gateway response again, which replaces it."""
    event = self.create(request)
    event.resource_model["Id"] = request.previous_state["Id"]
    return event


def _success(model: dict[str, Any]) -> ProgressEvent[Any]:
    return ProgressEvent(status=OperationStatus.SUCCESS, resource_model=model, custom_context={})

"""Resource provider of AWS::ApiGateway::Authorizer, which the core has only as an API.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-apigateway-authorizer.html
"""

from collections.abc import Mapping
from typing import Any, ClassVar, override

from localstack.services.cloudformation.resource_provider import (
    OperationStatus,
    ProgressEvent,
    ResourceProvider,
    ResourceRequest,
)

PARAMETERS = {
    "AuthType": "authType",
    "AuthorizerCredentials": "authorizerCredentials",
    "AuthorizerResultTtlInSeconds": "authorizerResultTtlInSeconds",
    "AuthorizerUri": "authorizerUri",
    "IdentitySource": "identitySource",
    "IdentityValidationExpression": "identityValidationExpression",
    "Name": "name",
    "ProviderARNs": "providerARNs",
    "Type": "type",
}

Model = dict[str, Any]


class AuthorizerProvider(ResourceProvider[Model]):
    """Creates, updates and deletes authorizers through the API Gateway API."""

    TYPE = "AWS::ApiGateway::Authorizer"
    SCHEMA: ClassVar[dict[str, Any]] = {
        "typeName": TYPE,
        "properties": {
            "RestApiId": {"type": "string"},
            "AuthorizerId": {"type": "string"},
            **{name: {"type": "string"} for name in PARAMETERS},
            "AuthorizerResultTtlInSeconds": {"type": "integer"},
            "ProviderARNs": {"type": "array", "items": {"type": "string"}},
        },
        "required": ["RestApiId", "Type", "Name"],
        "readOnlyProperties": ["/properties/AuthorizerId"],
        "createOnlyProperties": ["/properties/RestApiId"],
        "primaryIdentifier": ["/properties/RestApiId", "/properties/AuthorizerId"],
    }

    @override
    def create(self, request: ResourceRequest[Model]) -> ProgressEvent[Model]:
        model = request.desired_state
        response = request.aws_client_factory.apigateway.create_authorizer(
            restApiId=model["RestApiId"], **parameters(model)
        )
        model["AuthorizerId"] = response["id"]
        return _success(model)

    @override
    def update(self, request: ResourceRequest[Model]) -> ProgressEvent[Model]:
        previous = request.previous_state
        model = {**request.desired_state, "AuthorizerId": previous["AuthorizerId"]}
        operations = patch_operations(parameters(previous), parameters(model))
        if operations:
            request.aws_client_factory.apigateway.update_authorizer(
                restApiId=previous["RestApiId"],
                authorizerId=previous["AuthorizerId"],
                patchOperations=operations,
            )
        return _success(model)

    @override
    def delete(self, request: ResourceRequest[Model]) -> ProgressEvent[Model]:
        model = request.desired_state
        request.aws_client_factory.apigateway.delete_authorizer(
            restApiId=model["RestApiId"], authorizerId=model["AuthorizerId"]
        )
        return _success(model)


def parameters(model: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of CreateAuthorizer for the properties of a template."""
    result = {
        argument: model[name]
        for name, argument in PARAMETERS.items()
        if model.get(name) not in (None, "")
    }
    ttl = result.get("authorizerResultTtlInSeconds")
    if ttl is not None:
        result["authorizerResultTtlInSeconds"] = int(ttl)
    return result


def patch_operations(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[dict[str, str]]:
    """Patch operations of UpdateAuthorizer that lead from one set of arguments to the other."""
    operations = []
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) == after.get(name):
            continue
        if name not in after:
            operations.append({"op": "remove", "path": f"/{name}"})
            continue
        op = "replace" if name in before else "add"
        operations.append({"op": op, "path": f"/{name}", "value": str(after[name])})
    return operations


def _success(model: Model) -> ProgressEvent[Model]:
    return ProgressEvent(status=OperationStatus.SUCCESS, resource_model=model, custom_context={})

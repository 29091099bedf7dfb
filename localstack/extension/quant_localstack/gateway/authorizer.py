"""Lambda authorizers of REST APIs, TOKEN and REQUEST.

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-use-lambda-authorizer.html
"""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, override

from botocore.exceptions import BotoCoreError, ClientError
from localstack.aws.api.apigateway import Authorizer
from localstack.http import Response
from localstack.services.apigateway.next_gen.execute_api.api import (
    RestApiGatewayHandler,
    RestApiGatewayHandlerChain,
)
from localstack.services.apigateway.next_gen.execute_api.context import RestApiInvocationContext
from localstack.services.apigateway.next_gen.execute_api.gateway_response import (
    AccessDeniedError,
    AuthorizerConfigurationError,
    AuthorizerFailureError,
    UnauthorizedError,
)
from localstack.services.apigateway.next_gen.execute_api.header_utils import (
    build_multi_value_headers,
)
from localstack.services.apigateway.next_gen.execute_api.helpers import (
    get_lambda_function_arn_from_invocation_uri,
    render_uri_with_stage_variables,
)
from localstack.services.apigateway.next_gen.execute_api.integrations.aws import (
    get_service_factory,
)
from localstack.utils.aws.arns import extract_region_from_arn, get_partition
from localstack.utils.aws.client_types import ServicePrincipal

from quant_localstack.gateway.cache import ExpiringCache
from quant_localstack.gateway.identity import RequestData, identity_values, token_is_valid
from quant_localstack.gateway.policy import Decision, MalformedPolicyError, evaluate
from quant_localstack.telemetry.traces import gateway_call

LOG = logging.getLogger(__name__)

DEFAULT_TTL_SECONDS = 300
CACHE_SIZE = 10_000

# API and stage, deployment, authorizer, identity.
type CacheKey = tuple[tuple[str, str], str, str, tuple[str | None, ...]]

MESSAGES = {
    Decision.EXPLICIT_DENY: (
        "User is not authorized to access this resource with an explicit deny in an "
        "identity-based policy"
    ),
    Decision.IMPLICIT_DENY: (
        "User is not authorized to access this resource because no identity-based policy allows "
        "the execute-api:Invoke action"
    ),
}


@dataclass(frozen=True)
class AuthorizerResult:
    """What an authorizer's function answered, checked and with its context as strings."""

    principal_id: str
    policy: Mapping[str, Any]
    context: Mapping[str, str]
    usage_identifier_key: str | None


class LambdaAuthorizerHandler(RestApiGatewayHandler):
    """Runs before the API key is checked, whose value an authorizer may supply."""

    def __init__(self) -> None:
        self._cache: ExpiringCache[CacheKey, AuthorizerResult] = ExpiringCache(CACHE_SIZE)
        self._deployments: dict[tuple[str, str], str] = {}

    @override
    def __call__(
        self,
        chain: RestApiGatewayHandlerChain,
        context: RestApiInvocationContext,
        response: Response,
    ) -> None:
        """Admit the request or end it.

        :raises UnauthorizedError: (401) missing identity, or the function says "Unauthorized"
        :raises AccessDeniedError: (403) the policy does not allow the method
        :raises AuthorizerConfigurationError: (500) no such function, or it answers nonsense
        :raises AuthorizerFailureError: (500) the function failed
        """
        method = context.resource_method
        if method.get("authorizationType") != "CUSTOM":
            return
        authorizer = context.deployment.rest_api.authorizers.get(method.get("authorizerId"))
        if authorizer is None:
            LOG.warning("no authorizer %s in the deployment", method.get("authorizerId"))
            raise AuthorizerConfigurationError()
        result = self._authorize(authorizer, context)
        try:
            decision = evaluate(result.policy, method_arn(context))
        except MalformedPolicyError as error:
            LOG.warning("authorizer %s: %s", authorizer.get("name"), error)
            raise AuthorizerConfigurationError() from error
        if decision is not Decision.ALLOW:
            raise AccessDeniedError(MESSAGES[decision])
        context.context_variables["authorizer"] = {
            **result.context,
            "principalId": result.principal_id,
        }
        if result.usage_identifier_key is not None:
            context.context_variables["identity"]["apiKey"] = result.usage_identifier_key

    def _authorize(
        self, authorizer: Authorizer, context: RestApiInvocationContext
    ) -> AuthorizerResult:
        ttl = authorizer.get("authorizerResultTtlInSeconds")
        seconds = DEFAULT_TTL_SECONDS if ttl is None else int(ttl)
        is_token = authorizer.get("type") == "TOKEN"
        try:
            identity = identity_values(authorizer.get("identitySource"), request_data(context))
        except ValueError as error:
            LOG.warning("authorizer %s: %s", authorizer.get("name"), error)
            raise AuthorizerConfigurationError() from error
        # Without a cache the identity of a REQUEST authorizer is its function's business alone.
        if (is_token or seconds) and None in identity:
            raise UnauthorizedError("Unauthorized")
        event = request_event(context)
        if is_token:
            token = identity[0] if identity else None
            if token is None:
                raise UnauthorizedError("Unauthorized")
            if not token_is_valid(token, authorizer.get("identityValidationExpression")):
                raise UnauthorizedError("Unauthorized")
            event = {
                "type": "TOKEN",
                "methodArn": event["methodArn"],
                "authorizationToken": token,
            }
        if not seconds:
            return invoke(authorizer, context, event)
        stage = (context.api_id, context.stage)
        self._forget_older_deployment(stage, context.deployment_id)
        key = (stage, context.deployment_id, authorizer["id"], identity)
        result = self._cache.get(key)
        if result is None:
            result = invoke(authorizer, context, event)
            self._cache.put(key, result, seconds)
        return result

    def _forget_older_deployment(self, stage: tuple[str, str], deployment: str) -> None:
        if self._deployments.get(stage) != deployment:
            self._deployments[stage] = deployment
            self._cache.discard(lambda key: key[0] == stage and key[1] != deployment)


def method_arn(context: RestApiInvocationContext) -> str:
    """ARN of the method a request invokes, with the path as requested."""
    request = context.invocation_request
    return (
        f"arn:{get_partition(context.region)}:execute-api:{context.region}:{context.account_id}:"
        f"{context.api_id}/{context.stage}/{request['http_method']}/{request['path'].lstrip('/')}"
    )


def request_data(context: RestApiInvocationContext) -> RequestData:
    """The parts of a request identity sources refer to."""
    request = context.invocation_request
    return RequestData(
        headers=dict(request["headers"]),
        query=request["query_string_parameters"],
        stage_variables=context.stage_variables or {},
        context=context.context_variables,
    )


def request_event(context: RestApiInvocationContext) -> dict[str, Any]:
    """Event of a REQUEST authorizer."""
    request = context.invocation_request
    return {
        "type": "REQUEST",
        "methodArn": method_arn(context),
        "resource": context.resource["path"],
        "path": request["path"],
        "httpMethod": request["http_method"],
        "headers": dict(request["headers"]),
        "multiValueHeaders": build_multi_value_headers(request["headers"]),
        "queryStringParameters": request["query_string_parameters"],
        "multiValueQueryStringParameters": request["multi_value_query_string_parameters"],
        "pathParameters": request["path_parameters"] or {},
        "stageVariables": context.stage_variables or {},
        "requestContext": context.context_variables,
    }


def invoke(
    authorizer: Authorizer, context: RestApiInvocationContext, event: Mapping[str, Any]
) -> AuthorizerResult:
    """Call the authorizer's function and check its answer; raises as `LambdaAuthorizerHandler`."""
    uri = render_uri_with_stage_variables(authorizer["authorizerUri"], context.stage_variables)
    source = (
        f"arn:{get_partition(context.region)}:execute-api:{context.region}:{context.account_id}:"
        f"{context.api_id}/authorizers/{authorizer['id']}"
    )
    try:
        function = get_lambda_function_arn_from_invocation_uri(uri)
        clients = get_service_factory(
            region_name=extract_region_from_arn(function),
            role_arn=authorizer.get("authorizerCredentials"),
        )
        client = clients.lambda_.request_metadata(
            service_principal=ServicePrincipal.apigateway, source_arn=source
        )
        with gateway_call(function) as headers:
            answer = client.custom_headers(headers).invoke(
                FunctionName=function, Payload=json.dumps(event).encode()
            )
            payload = answer["Payload"].read()
    except (BotoCoreError, ClientError, IndexError) as error:
        LOG.warning("authorizer %s cannot be invoked: %s", authorizer.get("name"), error)
        raise AuthorizerConfigurationError() from error
    try:
        output = json.loads(payload)
        if "FunctionError" not in answer:
            return parse_result(output)
    except ValueError as error:
        LOG.warning("authorizer %s: malformed answer: %s", authorizer.get("name"), error)
        raise AuthorizerConfigurationError() from error
    message = output.get("errorMessage") if isinstance(output, dict) else None
    if message == "Unauthorized":
        raise UnauthorizedError("Unauthorized")
    LOG.warning("authorizer %s failed: %s", authorizer.get("name"), message)
    failure = AuthorizerFailureError()
    # As AWS, whose body is {"message": null}; the core's class has a placeholder there.
    failure.message = None
    raise failure


def parse_result(output: object) -> AuthorizerResult:
    """Check an authorizer's answer.

    :raises ValueError: if it is not what API Gateway accepts
    """
    if not isinstance(output, dict):
        raise ValueError("not an object")
    principal, policy = output.get("principalId"), output.get("policyDocument")
    if not isinstance(principal, str) or not principal:
        raise ValueError("no principalId")
    if not isinstance(policy, dict):
        raise ValueError("no policyDocument")
    evaluate(policy, "")
    values = output.get("context") or {}
    key = output.get("usageIdentifierKey")
    if not isinstance(values, dict) or not (key is None or isinstance(key, str)):
        raise ValueError("context is no object or usageIdentifierKey no string")
    return AuthorizerResult(principal, policy, _stringified(values), key)


def _stringified(values: Mapping[str, Any]) -> dict[str, str]:
    """API Gateway passes strings, numbers and booleans on as strings and takes nothing else."""
    result = {}
    for name, value in values.items():
        match value:
            case bool():
                result[name] = "true" if value else "false"
            case str() | int() | float():
                result[name] = str(value)
            case None:
                continue
            case _:
                raise ValueError(f"context value {name} is neither string, number nor boolean")
    return result

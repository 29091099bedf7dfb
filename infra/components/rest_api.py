"""The REST API: explicit methods, one authorizer, usage plans, problem+json errors."""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra.config import AUTHORIZER_CACHE_SECONDS, SECRET_LENGTH, Config
from infra.rules import accept
from quant.tiers import TIERS, Tier
from quant_http.cors import ALLOWED_HEADERS, MAX_AGE_S, answer_headers
from quant_http.routes import Access, Route

_RETRY_SECONDS: Final = 5

# What an account's region admits, in requests per second and as a token bucket; a usage plan that
# promises more is of no use. https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
ACCOUNT_RATE_LIMIT: Final = 10_000
ACCOUNT_BURST_LIMIT: Final = 5_000
# A quota is a 32-bit integer.
MAX_QUOTA: Final = 2**31 - 1

# A throttled client's bucket holds a request again after this long, whatever its tier.
_THROTTLED_RETRY_SECONDS: Final = math.ceil(1 / min(tier.rate_limit for tier in TIERS.values()))
_DAY_SECONDS: Final = 86_400

# Both are API Gateway's own variables: a quoted string and the request's identifier.
_GATEWAY_MESSAGE: Final = "$context.error.messageString"
_REQUEST_ID: Final = "$context.requestId"


@dataclass(frozen=True, slots=True)
class _Problem:
    """What the client is told when API Gateway itself answers.

    Attributes:
        status: Response status.
        detail: Explanation; ``None`` for API Gateway's own message.
        retry_after: Seconds for the ``Retry-After`` header.
        challenge: Value of the ``WWW-Authenticate`` header.
    """

    status: HTTPStatus
    detail: str | None = None
    retry_after: int | None = None
    challenge: str | None = None


_UNKNOWN_ROUTE: Final = _Problem(HTTPStatus.NOT_FOUND, "No such resource or method.")
_INTERNAL: Final = _Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "The request could not be processed.")

# https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
_PROBLEMS: Final[Mapping[str, _Problem]] = {
    "ACCESS_DENIED": _Problem(HTTPStatus.FORBIDDEN, "The token does not grant access to this."),
    "API_CONFIGURATION_ERROR": _INTERNAL,
    "AUTHORIZER_CONFIGURATION_ERROR": _INTERNAL,
    # The authorizer refuses everybody while nobody can tell which sessions were revoked.
    "AUTHORIZER_FAILURE": _Problem(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "The token cannot be checked at the moment.",
        retry_after=_RETRY_SECONDS,
    ),
    "BAD_REQUEST_BODY": _Problem(HTTPStatus.BAD_REQUEST),
    "BAD_REQUEST_PARAMETERS": _Problem(HTTPStatus.BAD_REQUEST),
    "DEFAULT_4XX": _Problem(HTTPStatus.BAD_REQUEST),
    "DEFAULT_5XX": _INTERNAL,
    "INTEGRATION_FAILURE": _Problem(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "The service is not available at the moment.",
        retry_after=_RETRY_SECONDS,
    ),
    "INTEGRATION_TIMEOUT": _Problem(
        HTTPStatus.GATEWAY_TIMEOUT, "The service did not answer in time.", _RETRY_SECONDS
    ),
    "INVALID_API_KEY": _Problem(HTTPStatus.FORBIDDEN, "The client has no usage plan."),
    # API Gateway answers an unknown route as if it were one that wants an AWS signature: the
    # token is missing, or is one it cannot read. No route of ours takes signatures.
    "EXPIRED_TOKEN": _UNKNOWN_ROUTE,
    "INVALID_SIGNATURE": _UNKNOWN_ROUTE,
    "MISSING_AUTHENTICATION_TOKEN": _UNKNOWN_ROUTE,
    "RESOURCE_NOT_FOUND": _UNKNOWN_ROUTE,
    "QUOTA_EXCEEDED": _Problem(
        HTTPStatus.TOO_MANY_REQUESTS,
        "The monthly quota of the client's tier is used up.",
        retry_after=_DAY_SECONDS,
    ),
    "REQUEST_TOO_LARGE": _Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    "THROTTLED": _Problem(
        HTTPStatus.TOO_MANY_REQUESTS,
        "The request rate of the client's tier is exceeded.",
        retry_after=_THROTTLED_RETRY_SECONDS,
    ),
    "UNAUTHORIZED": _Problem(
        HTTPStatus.UNAUTHORIZED, "A valid access token is required.", challenge="Bearer"
    ),
    "UNSUPPORTED_MEDIA_TYPE": _Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE),
    "WAF_FILTERED": _Problem(HTTPStatus.FORBIDDEN, "The request was refused."),
}

# Neither address nor user agent: the audit log keeps them anonymised, and a line here with the same
# request id would undo that.
_ACCESS_LOG: Final = {
    "request_id": "$context.requestId",
    "time": "$context.requestTimeEpoch",
    "method": "$context.httpMethod",
    "route": "$context.resourcePath",
    "path": "$context.path",
    "status": "$context.status",
    "response_bytes": "$context.responseLength",
    "latency_ms": "$context.responseLatency",
    "integration_ms": "$context.integrationLatency",
    "integration_status": "$context.integration.status",
    "authorizer_ms": "$context.authorizer.latency",
    "principal": "$context.authorizer.principalId",
    "api_key_id": "$context.identity.apiKeyId",
    "error_type": "$context.error.responseType",
}


class RestApi(Construct):
    """A REST API without proxy resources: what is not declared does not exist.

    Attributes:
        api: The underlying construct.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: Config,
        authorizer: lambda_.IFunction,
    ):
        super().__init__(scope, construct_id)
        self._config = config
        access_log = logs.LogGroup(
            self,
            "AccessLog",
            log_group_name=f"/aws/apigateway/{config.name('api')}",
            retention=config.log_retention,
            removal_policy=RemovalPolicy.RETAIN if config.retain_data else RemovalPolicy.DESTROY,
        )
        self.api = apigateway.RestApi(
            self,
            "Rest",
            rest_api_name=config.name("api"),
            description="US congressional stock-trade disclosures",
            endpoint_types=[apigateway.EndpointType.REGIONAL],
            # At its own domain alone, where the platform says which TLS it speaks.
            disable_execute_api_endpoint=True if config.domain else None,
            api_key_source_type=apigateway.ApiKeySourceType.AUTHORIZER,
            binary_media_types=["*/*"],
            # API Gateway writes access logs with the account's role, set once per region. It
            # refuses a role narrower than the managed policy this option attaches.
            cloud_watch_role=True,
            cloud_watch_role_removal_policy=RemovalPolicy.RETAIN,
            deploy_options=apigateway.StageOptions(
                stage_name=config.environment,
                access_log_destination=apigateway.LogGroupLogDestination(access_log),
                access_log_format=apigateway.AccessLogFormat.custom(json.dumps(_ACCESS_LOG)),
                metrics_enabled=True,
                tracing_enabled=config.traces,
                # Public routes have no usage plan; this bounds them too.
                throttling_rate_limit=config.stage_rate_limit,
                throttling_burst_limit=config.stage_burst_limit,
            ),
        )
        self.api.node.try_remove_child("Endpoint")  # an output; the stack has its own
        self._accept_rules()
        self._authorizer = apigateway.RequestAuthorizer(
            self,
            "Jwt",
            authorizer_name=config.name("jwt"),
            handler=authorizer,
            identity_sources=[apigateway.IdentitySource.header("Authorization")],
            results_cache_ttl=Duration.seconds(AUTHORIZER_CACHE_SECONDS),
        )
        for response_type, problem in _PROBLEMS.items():
            self._answer(response_type, problem)

    def _accept_rules(self) -> None:
        for rule, reason in (
            (
                "COG4",
                "Tokens are the platform's own: the authorizer checks signature, expiry and "
                "revocation, and there is no user pool (docs/adr/0005, 0012).",
            ),
            (
                "APIG2",
                "Each function validates its whole request and answers with a problem that names "
                "the field; a validator of the API would say less, of a part.",
            ),
            (
                "APIG6",
                "Execution logs hold addresses and query strings; the access log and the "
                "functions' own lines tell of each request without them.",
            ),
            (
                "IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/"
                "AmazonAPIGatewayPushToCloudWatchLogs]",
                "API Gateway refuses a role for its logs that is narrower than this policy, which "
                "AWS maintains for that alone.",
            ),
        ):
            accept(self.api, reason, f"AwsSolutions-{rule}")

    def add_route(self, route: Route, handler: lambda_.IFunction) -> None:
        """Add the method of ``route`` and let API Gateway call ``handler`` for it alone."""
        resource = self.api.root.resource_for_path(route.path)
        integration = apigateway.LambdaIntegration(handler, proxy=True, allow_test_invoke=False)
        if route.access is Access.PUBLIC:
            method = resource.add_method(
                route.method, integration, authorization_type=apigateway.AuthorizationType.NONE
            )
            accept(
                method,
                "The table of routes declares it public; the stage and the web ACL bound it.",
                "AwsSolutions-APIG4",
            )
            return
        resource.add_method(
            route.method,
            integration,
            authorizer=self._authorizer,
            authorization_type=apigateway.AuthorizationType.CUSTOM,
            api_key_required=True,
        )

    def add_preflights(self, routes: Iterable[Route]) -> None:
        """Have API Gateway itself answer preflight requests, where any origin is allowed."""
        if not self._config.cors_origins:
            return
        methods: dict[str, list[str]] = {}
        for route in routes:
            methods.setdefault(route.path, []).append(route.method)
        for path, allowed in methods.items():
            # With several origins the answer names the one that asks, by a mapping template.
            self.api.root.resource_for_path(path).add_cors_preflight(
                allow_origins=list(self._config.cors_origins),
                allow_methods=allowed,
                allow_headers=list(ALLOWED_HEADERS),
                max_age=Duration.seconds(MAX_AGE_S),
            )

    def add_tier(self, tier: Tier) -> secretsmanager.Secret:
        """Add the usage plan of ``tier`` and return the secret that holds its API key.

        The authorizer answers with the key of the caller's tier; clients never see one. The plan
        counts by that key, so it has room for all the clients that are expected to share it.
        """
        clients = self._config.clients_per_plan
        name = tier.name.capitalize()
        secret = secretsmanager.Secret(
            self,
            f"{name}KeySecret",
            secret_name=self._config.secret_name(f"api-key/{tier.name}"),
            generate_secret_string=secretsmanager.SecretStringGenerator(
                exclude_punctuation=True, password_length=SECRET_LENGTH
            ),
        )
        key = apigateway.ApiKey(
            self,
            f"{name}Key",
            api_key_name=self._config.name(tier.name),
            # A reference CloudFormation resolves on deployment: the template holds no key.
            value=secret.secret_value.unsafe_unwrap(),
        )
        plan = apigateway.UsagePlan(
            self,
            f"{name}Plan",
            name=self._config.name(tier.name),
            api_stages=[
                apigateway.UsagePlanPerApiStage(api=self.api, stage=self.api.deployment_stage)
            ],
            throttle=apigateway.ThrottleSettings(
                rate_limit=min(tier.rate_limit * clients, ACCOUNT_RATE_LIMIT),
                burst_limit=min(tier.burst * clients, ACCOUNT_BURST_LIMIT),
            ),
            quota=apigateway.QuotaSettings(
                limit=min(tier.monthly_quota * clients, MAX_QUOTA),
                period=apigateway.Period.MONTH,
            ),
        )
        plan.add_api_key(key)
        return secret

    def _answer(self, response_type: str, problem: _Problem) -> None:
        """Make API Gateway's own answers RFC 9457 problem details."""
        detail = _GATEWAY_MESSAGE if problem.detail is None else json.dumps(problem.detail)
        headers = {"content-type": "'application/problem+json'"}
        if problem.retry_after is not None:
            headers["retry-after"] = f"'{problem.retry_after}'"
        if problem.challenge is not None:
            headers["www-authenticate"] = f"'{problem.challenge}'"
        if len(self._config.cors_origins) == 1:
            # These headers are constants: with several origins none can be named.
            [origin] = self._config.cors_origins
            headers |= {name: f"'{value}'" for name, value in answer_headers(origin).items()}
        self.api.add_gateway_response(
            "".join(part.capitalize() for part in response_type.split("_")),
            type=apigateway.ResponseType.of(response_type),
            status_code=str(problem.status.value),
            response_headers=headers,
            templates={
                "application/json": (
                    f'{{"type":"about:blank","title":{json.dumps(problem.status.phrase)},'
                    f'"status":{problem.status.value},"detail":{detail},'
                    f'"request_id":"{_REQUEST_ID}"}}'
                )
            },
        )

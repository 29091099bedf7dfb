"""The REST API: explicit methods, one authorizer, usage plans, problem+json errors."""

import json
from collections.abc import Iterable
from typing import Final

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra.components.gateway_answers import answer_with_problems
from infra.config import AUTHORIZER_CACHE_SECONDS, SECRET_LENGTH, Config
from infra.rules import accept
from quant.tiers import Tier
from quant_http.cors import ALLOWED_HEADERS, MAX_AGE_S
from quant_http.routes import Access, Route

# What an account's region admits, in requests per second and as a token bucket; a usage plan that
# promises more is of no use. https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
ACCOUNT_RATE_LIMIT: Final = 10_000
ACCOUNT_BURST_LIMIT: Final = 5_000
# A quota is a 32-bit integer.
MAX_QUOTA: Final = 2**31 - 1

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
                # Of each method, billed as metrics of our own: functions count theirs already.
                metrics_enabled=False,
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
        answer_with_problems(self.api, config.cors_origins)

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
        accept(
            secret,
            "API Gateway never changes the value of a key. Clients never see this one, and it "
            "admits nobody without a token; a new one is a new resource.",
            "AwsSolutions-SMG4",
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

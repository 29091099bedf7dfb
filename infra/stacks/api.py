"""The API: the gateway, its authorizer and usage plans; the functions that must know its URL."""

from typing import Any, Final

from aws_cdk import ArnFormat, CfnOutput, Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_event_sources as event_sources
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra.components.alarm import alarm_at
from infra.components.domain import ApiDomain
from infra.components.function import LIVE, HandlerFunction
from infra.components.functions import FunctionFactory
from infra.components.objectives import gateway_metric
from infra.components.rest_api import RestApi
from infra.components.scheduled import Scheduled
from infra.components.traffic_shifting import API_ERRORS
from infra.components.web_acl import WebAcl
from infra.config import TOKEN_AUDIENCE, Config
from infra.functions import (
    API_FUNCTIONS,
    AUDIT_ANCHOR,
    AUDIT_DRAIN,
    AUDIT_MAINTENANCE,
    AUTHORIZER,
    EVENT_CLASS,
    KEY_ROTATION,
    needs_of,
)
from infra.paths import Artefacts
from infra.stacks.data import DataStack
from infra.stacks.network import NetworkStack
from quant.observability.catalogue import LIMITER_FALLBACK, summed
from quant.tiers import TIERS
from quant_http.routes import ROUTES, Route

ROTATION_DAYS: Final = 30

# Ten times what the objective of availability allows, where it is no single request.
_ERROR_SHARE: Final = 0.01
_LEAST_ERRORS: Final = 5


class ApiStack(Stack):
    """The REST API with every method, and the functions that are in no area.

    Attributes:
        functions: The stack's own functions by their names.
        api: The REST API.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: Config,
        artefacts: Artefacts,
        network: NetworkStack,
        data: DataStack,
        **kwargs: Any,
    ):
        super().__init__(scope, construct_id, **kwargs)
        self._config = config
        self._data = data
        factory = FunctionFactory(
            self,
            config=config,
            artefacts=artefacts,
            network=network,
            data=data,
            public_url=self.own_url,
        )
        authorizer = factory.add(API_FUNCTIONS[AUTHORIZER], "Authorizer")
        self.api = RestApi(self, "Api", config=config, authorizer=authorizer.alias)
        keys = {name: self.api.add_tier(tier) for name, tier in TIERS.items()}
        for key in keys.values():
            key.grant_read(authorizer.role)
        authorizer.function.add_environment(
            "QUANT_API_KEY_SECRET_ARNS",
            self.to_json_string({name: key.secret_arn for name, key in keys.items()}),
        )
        others = {
            name: factory.add(needs) for name, needs in API_FUNCTIONS.items() if name != AUTHORIZER
        }
        self.functions = {AUTHORIZER: authorizer, **others}
        for route in ROUTES:
            own = self.functions.get(route.name)
            self.api.add_route(route, own.alias if own else self._alias_of(route))
        self.api.add_preflights(ROUTES)
        self._drain_audit_queue(self.functions[AUDIT_DRAIN])
        self._keep_audit_log()
        self._rotate_signing_key(self.functions[KEY_ROTATION])
        self._watch_limiter()
        self._guard()

        CfnOutput(self, "ApiUrl", value=self._url())
        CfnOutput(self, "RestApiId", value=self.api.api.rest_api_id)
        CfnOutput(self, "StageName", value=self.api.api.deployment_stage.stage_name)
        CfnOutput(self, "SigningKeySecretArn", value=data.signing_key.secret_arn)
        CfnOutput(self, "JwksSecretArn", value=data.jwks.secret_arn)
        CfnOutput(self, "TokenIssuer", value=config.token_issuer)
        CfnOutput(self, "TokenAudience", value=TOKEN_AUDIENCE)
        CfnOutput(self, "EmailSender", value=config.email_sender)
        CfnOutput(
            self,
            "KeyRotationFunctionArn",
            value=self.functions[KEY_ROTATION].alias.function_arn,
        )

    def own_url(self) -> str:
        """Return the API's URL without a reference to the stage, which needs the functions."""
        if self._config.domain is not None:
            return f"https://{self._config.domain.name}"
        api = self.api.api.rest_api_id
        if self._config.local is not None:
            return f"{self._config.local.aws}/_aws/execute-api/{api}/{self._config.environment}"
        host = f"{api}.execute-api.{self.region}.{self.url_suffix}"
        return f"https://{host}/{self._config.environment}"

    def _url(self) -> str:
        """Return the API's URL, with a slash at its end, once its stage serves it."""
        return self.api.api.url if self._config.domain is None else f"{self.own_url()}/"

    def _guard(self) -> None:
        """Put before the API what the settings ask for, and watch what it answers."""
        stage = self.api.api.deployment_stage
        if self._config.address_limit is not None:
            WebAcl(
                self,
                "WebAcl",
                config=self._config,
                address_limit=self._config.address_limit,
                resource_arn=stage.stage_arn,
            )
        if self._config.domain is not None:
            ApiDomain(self, "Domain", domain=self._config.domain, api=self.api.api)
        self._watch_errors()

    def _watch_errors(self) -> None:
        """Raise an alarm, which stops releases, when answers of the API fail."""
        period = Duration.minutes(1)
        alarm_at(
            self,
            "ErrorsAlarm",
            config=self._config,
            name=API_ERRORS,
            description="One answer in a hundred is a 5xx, and five a minute at least.",
            metric=cloudwatch.MathExpression(
                expression=f"IF(errors >= {_LEAST_ERRORS}, errors / requests, 0)",
                using_metrics={
                    "errors": gateway_metric(self._config, "5XXError", "Sum", period),
                    "requests": gateway_metric(self._config, "Count", "Sum", period),
                },
                period=period,
                label="share of answers that are a 5xx",
            ),
            threshold=_ERROR_SHARE,
        )

    def _alias_of(self, route: Route) -> lambda_.IFunction:
        """Return the alias of a function of another stack, by its name alone."""
        return lambda_.Function.from_function_attributes(
            self,
            needs_of(route).construct_id,
            function_arn=self.format_arn(
                service="lambda",
                resource="function",
                resource_name=f"{self._config.function_name(route.name)}:{LIVE}",
                arn_format=ArnFormat.COLON_RESOURCE_NAME,
            ),
            # Whose permission to be invoked is then this stack's to give.
            same_environment=True,
        )

    def _drain_audit_queue(self, function: HandlerFunction) -> None:
        function.alias.add_event_source(
            event_sources.SqsEventSource(
                self._data.audit_queue.queue,
                batch_size=10,
                # Appends take turns on the chain's head: more at a time would only wait.
                max_concurrency=self._config.concurrency[EVENT_CLASS],
                report_batch_item_failures=True,
            )
        )

    def _keep_audit_log(self) -> None:
        """Have the log's newest place kept every hour, and its months made and dropped nightly."""
        for name, function, expression in (
            ("audit-anchor", AUDIT_ANCHOR, "cron(5 * * * ? *)"),
            ("audit-maintenance", AUDIT_MAINTENANCE, "cron(25 3 * * ? *)"),
        ):
            Scheduled(
                self,
                f"{name.title().replace('-', '')}Schedule",
                config=self._config,
                name=name,
                function=self.functions[function],
                expression=expression,
            )

    def _rotate_signing_key(self, function: HandlerFunction) -> None:
        """Have Secrets Manager call ``function`` to replace the signing key.

        https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotating-secrets-required-permissions-function.html
        """
        signing_key, jwks = self._data.signing_key, self._data.jwks
        function.role.add_to_policy(
            iam.PolicyStatement(
                actions=[
                    "secretsmanager:DescribeSecret",
                    "secretsmanager:PutSecretValue",
                    "secretsmanager:UpdateSecretVersionStage",
                ],
                resources=[signing_key.secret_arn],
            )
        )
        function.role.add_to_policy(
            iam.PolicyStatement(
                actions=["secretsmanager:PutSecretValue"], resources=[jwks.secret_arn]
            )
        )
        permission = lambda_.CfnPermission(
            self,
            "RotationPermission",
            action="lambda:InvokeFunction",
            function_name=function.alias.function_arn,
            principal="secretsmanager.amazonaws.com",
            source_arn=signing_key.secret_arn,
            source_account=self.account,
        )
        schedule = secretsmanager.CfnRotationSchedule(
            self,
            "SigningKeyRotation",
            secret_id=signing_key.secret_arn,
            rotation_lambda_arn=function.alias.function_arn,
            # The first key is made by the deployment of the schema's stack.
            rotate_immediately_on_update=False,
            rotation_rules=secretsmanager.CfnRotationSchedule.RotationRulesProperty(
                schedule_expression=f"rate({ROTATION_DAYS} days)"
            ),
        )
        schedule.add_dependency(permission)

    def _watch_limiter(self) -> None:
        alarm_at(
            self,
            "LimiterFallbackAlarm",
            config=self._config,
            name="limiter-fallback",
            description="Requests are limited without Valkey.",
            # Each function counts under its own name; this is the sum over all of them.
            metric=cloudwatch.MathExpression(
                expression=summed(LIMITER_FALLBACK),
                period=Duration.minutes(1),
            ),
            threshold=1,
        )

"""The API: a function per route, the authorizer, the gateway, the usage plans; event functions."""

import json
from typing import Any, Final

from aws_cdk import CfnOutput, Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_event_sources as event_sources
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra.components.function import HandlerFunction
from infra.components.rest_api import RestApi
from infra.components.scheduled import Scheduled
from infra.config import TOKEN_AUDIENCE, Config
from infra.functions import (
    AUDIT_ANCHOR,
    AUDIT_DRAIN,
    AUDIT_MAINTENANCE,
    AUTHORIZER,
    FUNCTIONS,
    KEY_ROTATION,
    FunctionNeeds,
)
from infra.paths import LAYERS, Artefacts
from infra.stacks.data import DataStack
from infra.stacks.network import NetworkStack
from quant.tiers import TIERS
from quant_http.routes import ROUTES, Capability, Secret, Store

ROTATION_DAYS: Final = 30


class ApiStack(Stack):
    """Everything that a deployment of new code replaces.

    Attributes:
        functions: Every function by its name.
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
        self._artefacts = artefacts
        self._network = network
        self._data = data
        self._layers = {name: self._layer(name) for name in LAYERS}

        authorizer = self._function(FUNCTIONS[AUTHORIZER], "Authorizer")
        self.api = RestApi(self, "Api", config=config, authorizer=authorizer.alias)
        keys = {name: self.api.add_tier(tier) for name, tier in TIERS.items()}
        for key in keys.values():
            key.grant_read(authorizer.role)
        authorizer.function.add_environment(
            "QUANT_API_KEY_SECRET_ARNS",
            self.to_json_string({name: key.secret_arn for name, key in keys.items()}),
        )
        others = {
            name: self._function(needs, "".join(part.capitalize() for part in name.split(".")))
            for name, needs in FUNCTIONS.items()
            if name != AUTHORIZER
        }
        self.functions = {AUTHORIZER: authorizer, **others}
        for route in ROUTES:
            self.api.add_route(route, self.functions[route.name].alias)
        self.api.add_preflights(ROUTES)
        self._drain_audit_queue(self.functions[AUDIT_DRAIN])
        self._anchor_audit_log(self.functions[AUDIT_ANCHOR])
        self._maintain_audit_log(self.functions[AUDIT_MAINTENANCE])
        self._rotate_signing_key(self.functions[KEY_ROTATION])
        self._watch_limiter()

        CfnOutput(self, "ApiUrl", value=self.api.api.url)
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

    def _layer(self, name: str) -> lambda_.LayerVersion:
        return lambda_.LayerVersion(
            self,
            f"{name.capitalize()}Layer",
            layer_version_name=self._config.name(name),
            code=lambda_.Code.from_asset(str(self._artefacts.layers / f"{name}.zip")),
            compatible_runtimes=[lambda_.Runtime.PYTHON_3_13],
        )

    def _function(self, needs: FunctionNeeds, construct_id: str) -> HandlerFunction:
        stores = [self._data.stores[store] for store in sorted(needs.stores)]
        groups = [self._network.client_groups[store.store] for store in stores]
        if needs.name == AUDIT_ANCHOR:
            groups.append(self._network.bucket_clients)
        function = HandlerFunction(
            self,
            construct_id,
            config=self._config,
            artefacts=self._artefacts,
            name=needs.name,
            layers=[self._layers[name] for name in needs.layers],
            environment=self._environment(needs),
            memory_mb=needs.memory_mb,
            timeout_s=needs.timeout_s,
            bundles=needs.bundles,
            vpc=self._network.vpc if stores else None,
            security_groups=groups,
            reserved_concurrency=self._config.concurrency[needs.concurrency] if stores else None,
        )
        for store in stores:
            store.grant_credentials(function.role)
        if Secret.JWKS in needs.secrets:
            self._data.jwks.grant_read(function.role)
        if Secret.SIGNING_KEY in needs.secrets:
            self._data.signing_key.grant_read(function.role)
        if Capability.AUDIT_QUEUE in needs.capabilities:
            function.role.add_to_policy(
                iam.PolicyStatement(
                    actions=["sqs:SendMessage"],
                    resources=[self._data.audit_queue.queue.queue_arn],
                )
            )
        if Capability.SEND_EMAIL in needs.capabilities:
            self._allow_mail(function.role)
        return function

    def _environment(self, needs: FunctionNeeds) -> dict[str, str]:
        environment: dict[str, str] = {}
        for store in sorted(needs.stores):
            environment |= self._data.stores[store].environment()
        if needs.secrets:
            environment |= {
                "QUANT_TOKEN_ISSUER": self._config.token_issuer,
                "QUANT_TOKEN_AUDIENCE": TOKEN_AUDIENCE,
                "QUANT_TOKEN_JWKS_SECRET_ARN": self._data.jwks.secret_arn,
            }
        if Secret.SIGNING_KEY in needs.secrets:
            environment["QUANT_TOKEN_SIGNING_KEY_SECRET_ARN"] = self._data.signing_key.secret_arn
        if Store.VALKEY in needs.stores:
            # While Valkey is away each environment counts alone, so it may admit its share only.
            environment["QUANT_FALLBACK_SHARE"] = str(self._config.concurrency[needs.concurrency])
        if self._config.cors_origins and needs.serves_route:
            environment["QUANT_CORS_ORIGINS"] = json.dumps(self._config.cors_origins)
        if Capability.AUDIT_QUEUE in needs.capabilities:
            environment["QUANT_AUDIT_QUEUE_URL"] = self._data.audit_queue.queue.queue_url
        if Capability.SEND_EMAIL in needs.capabilities:
            environment |= {
                "QUANT_EMAIL_SENDER": self._config.email_sender,
                "QUANT_PUBLIC_URL": self._config.public_url or self._own_url(),
            }
        return environment

    def _own_url(self) -> str:
        """Return the API's URL without a reference to the stage, which needs the functions."""
        api = self.api.api.rest_api_id
        if self._config.local is not None:
            return f"{self._config.local.aws}/_aws/execute-api/{api}/{self._config.environment}"
        host = f"{api}.execute-api.{self.region}.{self.url_suffix}"
        return f"https://{host}/{self._config.environment}"

    def _allow_mail(self, role: iam.Role) -> None:
        """Let ``role`` send mail from the platform's address and no other."""
        identity = self.format_arn(
            service="ses", resource="identity", resource_name=self._config.email_domain
        )
        role.add_to_policy(
            iam.PolicyStatement(
                actions=["ses:SendEmail"],
                resources=[identity],
                conditions={"StringEquals": {"ses:FromAddress": self._config.email_sender}},
            )
        )

    def _drain_audit_queue(self, function: HandlerFunction) -> None:
        function.alias.add_event_source(
            event_sources.SqsEventSource(
                self._data.audit_queue.queue,
                batch_size=10,
                # Appends take turns on the chain's head: more at a time would only wait.
                max_concurrency=self._config.concurrency[FUNCTIONS[AUDIT_DRAIN].concurrency],
                report_batch_item_failures=True,
            )
        )

    def _anchor_audit_log(self, function: HandlerFunction) -> None:
        """Have the log's newest place kept, every hour."""
        bucket = self._data.anchors
        function.function.add_environment("QUANT_AUDIT_ANCHOR_BUCKET", bucket.bucket_name)
        function.role.add_to_policy(
            iam.PolicyStatement(actions=["s3:PutObject"], resources=[bucket.arn_for_objects("*")])
        )
        Scheduled(
            self,
            "AuditAnchorSchedule",
            config=self._config,
            name="audit-anchor",
            function=function,
            expression="cron(5 * * * ? *)",
        )

    def _maintain_audit_log(self, function: HandlerFunction) -> None:
        """Have the log's months made and dropped, every night, by the schema's owner."""
        owner = self._data.database_owner
        owner.grant_credentials(function.role)
        function.function.add_environment("QUANT_DATABASE_OWNER_SECRET_ARN", owner.secret_id)
        Scheduled(
            self,
            "AuditMaintenanceSchedule",
            config=self._config,
            name="audit-maintenance",
            function=function,
            expression="cron(25 3 * * ? *)",
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
            # The first key is made by `quant keys ensure`, after the deployment.
            rotate_immediately_on_update=False,
            rotation_rules=secretsmanager.CfnRotationSchedule.RotationRulesProperty(
                schedule_expression=f"rate({ROTATION_DAYS} days)"
            ),
        )
        schedule.add_dependency(permission)

    def _watch_limiter(self) -> None:
        cloudwatch.Alarm(
            self,
            "LimiterFallbackAlarm",
            alarm_name=self._config.name("limiter-fallback"),
            alarm_description="Requests are limited without Valkey.",
            # Each function counts under its own name; this is the sum over all of them.
            metric=cloudwatch.MathExpression(
                expression='SELECT SUM(LimiterFallback) FROM SCHEMA("Quant", service)',
                period=Duration.minutes(1),
            ),
            threshold=1,
            evaluation_periods=1,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )

"""Errors in the logs of all functions, forwarded to Sentry by one function outside the VPC."""

from collections.abc import Iterable
from typing import Final

from aws_cdk import ArnFormat, Duration, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_destinations as destinations
from aws_cdk import aws_logs as logs
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.components.alarm import alarm_at
from infra.components.function import HandlerFunction
from infra.config import SECRET_LENGTH, Config
from infra.paths import Artefacts
from infra.rules import accept

FORWARD: Final = "errors.forward"
SET_ASIDE: Final = "errors-set-aside"
_LAYERS: Final = ("quant", "api")
_KEPT_DAYS: Final = 14
# What a line that is forwarded has in it: its level, or what Lambda says of a function that ended.
_TERMS: Final = ("ERROR", "CRITICAL", "Task timed out")


class ErrorForwarder(Construct):
    """The function, what it reads, and where it puts what it could not deliver."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: Config,
        artefacts: Artefacts,
        functions: Iterable[str],
    ):
        """Create it.

        Args:
            scope: Parent construct.
            construct_id: Identifier below the parent.
            config: The environment's settings.
            artefacts: Where handlers and layers are.
            functions: Whose logs are read, by name.
        """
        super().__init__(scope, construct_id)
        self._config = config
        # A random value until an operator puts the DSN in.
        secret = secretsmanager.Secret(
            self,
            "Dsn",
            secret_name=config.secret_name("sentry"),
            generate_secret_string=secretsmanager.SecretStringGenerator(
                password_length=SECRET_LENGTH, exclude_punctuation=True
            ),
            removal_policy=RemovalPolicy.DESTROY,
        )
        accept(
            secret,
            "Sentry gives the DSN; it is put in by hand and replaced by hand.",
            "AwsSolutions-SMG4",
        )
        self._function = HandlerFunction(
            self,
            "Forward",
            config=config,
            artefacts=artefacts,
            name=FORWARD,
            layers=[self._layer(artefacts, name) for name in _LAYERS],
            environment={"QUANT_SENTRY_SECRET_ARN": secret.secret_arn},
            memory_mb=256,
            timeout_s=60,
            # A fault that all functions have must not take the account's concurrency.
            reserved_concurrency=1,
        )
        secret.grant_read(self._function.role)
        self._set_aside()
        self._subscribe(functions)

    def _layer(self, artefacts: Artefacts, name: str) -> lambda_.LayerVersion:
        return lambda_.LayerVersion(
            self,
            f"{name.capitalize()}Layer",
            layer_version_name=self._config.name(f"errors-{name}"),
            code=lambda_.Code.from_asset(str(artefacts.layers / f"{name}.zip")),
            compatible_runtimes=[lambda_.Runtime.PYTHON_3_13],
        )

    def _set_aside(self) -> None:
        """Keep the batches that failed, with an alarm."""
        queue = sqs.Queue(
            self,
            "SetAside",
            queue_name=self._config.name(SET_ASIDE),
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=Duration.days(_KEPT_DAYS),
            removal_policy=RemovalPolicy.DESTROY,
        )
        accept(
            queue,
            "It is itself where what failed is set aside; nothing consumes it but an operator.",
            "AwsSolutions-SQS3",
        )
        self._function.alias.configure_async_invoke(
            on_failure=destinations.SqsDestination(queue), retry_attempts=2
        )
        alarm_at(
            self,
            "Alarm",
            config=self._config,
            name=SET_ASIDE,
            description="Errors could not be forwarded to Sentry.",
            metric=queue.metric_approximate_number_of_messages_visible(
                period=Duration.minutes(5), statistic="Maximum"
            ),
            threshold=1,
        )

    def _subscribe(self, functions: Iterable[str]) -> None:
        stack = Stack.of(self)
        permission = lambda_.CfnPermission(
            self,
            "Permission",
            action="lambda:InvokeFunction",
            function_name=self._function.alias.function_arn,
            principal=iam.ServicePrincipal("logs.amazonaws.com").service,
            source_account=stack.account,
            source_arn=stack.format_arn(
                service="logs",
                resource="log-group",
                resource_name=f"/aws/lambda/{self._config.name('*')}",
                arn_format=ArnFormat.COLON_RESOURCE_NAME,
            ),
        )
        for name in functions:
            part = "".join(word.capitalize() for word in name.replace("_", ".").split("."))
            subscription = logs.CfnSubscriptionFilter(
                self,
                f"{part}Errors",
                log_group_name=f"/aws/lambda/{self._config.function_name(name)}",
                destination_arn=self._function.alias.function_arn,
                filter_pattern=logs.FilterPattern.any_term(*_TERMS).log_pattern_string,
            )
            subscription.add_dependency(permission)

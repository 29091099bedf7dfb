"""A Lambda function with one handler, and nothing of any other in it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from aws_cdk import Annotations, ArnFormat, Duration, RemovalPolicy, Size, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecr_assets as ecr_assets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.components.handler_code import handler_code
from infra.config import Config
from infra.functions import DEFAULT_STORAGE_MB
from infra.paths import Artefacts
from infra.rules import accept, accept_wildcards

# The alias through which everybody invokes a function.
LIVE: Final = "live"

_INTERFACE_ACTIONS = (
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
)

# Why a role may do these to all resources.
_INTERFACES_OF_ALL: Final = (
    "The actions that describe interfaces know no resources, and Lambda refuses a role that "
    "narrows the others; a deny statement keeps them from the function's own code."
)
_TRACES_OF_ALL: Final = "Those that write traces know no resources."


class HandlerFunction(Construct):
    """A function, its role, its log group, and the alias ``live`` of its newest version.

    Attributes:
        function: The unpublished function.
        alias: What others invoke.
        role: The execution role; grants go here.
        log_group: What it logs to.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: Config,
        artefacts: Artefacts,
        name: str,
        layers: Sequence[lambda_.ILayerVersion] = (),
        image: Path | None = None,
        environment: Mapping[str, str],
        memory_mb: int,
        timeout_s: int,
        storage_mb: int = DEFAULT_STORAGE_MB,
        bundles: Sequence[str] = (),
        vpc: ec2.IVpc | None = None,
        security_groups: Sequence[ec2.ISecurityGroup] = (),
        reserved_concurrency: int | None = None,
    ):
        """Create the function.

        Args:
            scope: Parent construct.
            construct_id: Identifier below the parent.
            config: The environment's settings.
            artefacts: Where the handler and its bundles are.
            name: ``<folder>.<module>`` below the functions' folder.
            layers: Layers, most specific first.
            image: Folder that a container image is built from, which then is all its code.
            environment: Variables besides those every function has.
            memory_mb: Memory, MiB.
            timeout_s: Timeout, seconds.
            storage_mb: Ephemeral storage, MiB.
            bundles: Build artefacts packed at the root of the code.
            vpc: Network of the stores the function uses, if it uses any.
            security_groups: Groups that let it reach them.
            reserved_concurrency: Most environments at a time; ``None`` for the account's pool.

        Raises:
            FileNotFoundError: The module or a bundle does not exist.
        """
        super().__init__(scope, construct_id)
        function_name = config.function_name(name)
        # A snapshot has no more ephemeral storage than any function, and is of no image.
        # https://docs.aws.amazon.com/lambda/latest/dg/snapstart.html
        small = storage_mb <= DEFAULT_STORAGE_MB
        snap_start = config.snap_start and small and image is None
        self.log_group = logs.LogGroup(
            self,
            "Logs",
            log_group_name=f"/aws/lambda/{function_name}",
            retention=config.log_retention,
            removal_policy=RemovalPolicy.RETAIN if config.retain_data else RemovalPolicy.DESTROY,
        )
        self.role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        self.log_group.grant_write(self.role)
        _keep_policy_in(self.role)
        if vpc is not None:
            self._allow_network_interfaces(function_name)
        reasons = [
            reason
            for reason, applies in (
                (_INTERFACES_OF_ALL, vpc is not None),
                (_TRACES_OF_ALL, config.traces),
            )
            if applies
        ]
        if reasons:
            accept_wildcards(self.role, " ".join(reasons), "*")
        settings: dict[str, Any] = {
            "function_name": function_name,
            "architecture": (
                lambda_.Architecture.ARM_64
                if config.architecture == "arm64"
                else lambda_.Architecture.X86_64
            ),
            "role": self.role,
            "log_group": self.log_group,
            "memory_size": memory_mb,
            "timeout": Duration.seconds(timeout_s),
            "environment": {
                "POWERTOOLS_SERVICE_NAME": name,
                "POWERTOOLS_LOG_LEVEL": config.log_level,
                "QUANT_ENVIRONMENT": config.environment,
                **environment,
            },
            "vpc": vpc,
            "vpc_subnets": (
                ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED) if vpc else None
            ),
            "security_groups": list(security_groups) or None,
            "reserved_concurrent_executions": reserved_concurrency,
            "ephemeral_storage_size": None if small else Size.mebibytes(storage_mb),
            "snap_start": lambda_.SnapStartConf.ON_PUBLISHED_VERSIONS if snap_start else None,
            # Lets the role write traces: of all resources, as X-Ray has none for that.
            # https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsx-ray.html
            "tracing": lambda_.Tracing.ACTIVE if config.traces else None,
            "current_version_options": lambda_.VersionOptions(
                # A retained version would keep, and bill, its SnapStart snapshot.
                removal_policy=RemovalPolicy.DESTROY
            ),
        }
        if image is None:
            self.function = self._packed(artefacts, name, layers, bundles, settings)
        else:
            self.function = self._contained(image, name, settings)
        if snap_start:
            Annotations.of(self.function).acknowledge_warning(
                "@aws-cdk/aws-lambda:snapStartRequirePublish", "the alias below publishes one"
            )
        self.alias = self.function.add_alias(LIVE)

    def _packed(
        self,
        artefacts: Artefacts,
        name: str,
        layers: Sequence[lambda_.ILayerVersion],
        bundles: Sequence[str],
        settings: Mapping[str, Any],
    ) -> lambda_.Function:
        """Return the function with its code as an archive."""
        with handler_code(artefacts, name, bundles) as folder:
            function = lambda_.Function(
                self,
                "Function",
                runtime=lambda_.Runtime.PYTHON_3_13,
                code=lambda_.Code.from_asset(str(folder)),
                handler=f"{name}.handler",
                layers=layers,
                **settings,
            )
        accept(
            function,
            "The locked wheels and the tests are of Python 3.13, which AWS supports until 2029.",
            "AwsSolutions-L1",
        )
        return function

    def _contained(self, image: Path, name: str, settings: Mapping[str, Any]) -> lambda_.Function:
        """Return the function with its code as a container image, which deployment builds."""
        return lambda_.DockerImageFunction(
            self,
            "Function",
            code=lambda_.DockerImageCode.from_image_asset(
                str(image), cmd=[f"{name}.handler"], platform=ecr_assets.Platform.LINUX_ARM64
            ),
            **settings,
        )

    def _allow_network_interfaces(self, function_name: str) -> None:
        """Let Lambda attach the function to the VPC, and its code do none of that.

        The resource is ``*`` because the describe actions know no other and Lambda refuses a
        role whose delete action is narrowed to single interfaces; hence the deny statement: the
        calls Lambda makes for the function carry no source function, those of its code do.
        https://docs.aws.amazon.com/lambda/latest/dg/permissions-source-function-arn.html
        """
        self.role.add_to_policy(
            iam.PolicyStatement(
                sid="AttachToVpc", actions=list(_INTERFACE_ACTIONS), resources=["*"]
            )
        )
        function_arn = Stack.of(self).format_arn(
            service="lambda",
            resource="function",
            resource_name=function_name,
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        self.role.add_to_policy(
            iam.PolicyStatement(
                sid="NotFromCode",
                effect=iam.Effect.DENY,
                actions=list(_INTERFACE_ACTIONS),
                resources=["*"],
                conditions={"ArnEquals": {"lambda:SourceFunctionArn": function_arn}},
            )
        )


def _keep_policy_in(role: iam.Role) -> None:
    """Make the policy that grants write to a part of the role, not a resource of its own.

    A stack has 500 resources at most, and every route has a function with a role.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
    """
    policy = role.node.find_child("DefaultPolicy")
    resource = role.node.default_child
    assert isinstance(policy, iam.Policy)  # noqa: S101 - narrows the type
    assert isinstance(resource, iam.CfnRole)  # noqa: S101 - likewise
    # Later grants are added to the same document.
    resource.policies = [
        iam.CfnRole.PolicyProperty(policy_name="Needs", policy_document=policy.document)
    ]
    role.node.try_remove_child(policy.node.id)

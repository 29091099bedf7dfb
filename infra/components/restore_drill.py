"""The daily backup that is a restore drill: dumped, restored beside itself, and then kept."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecr_assets as ecr_assets
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from infra.components.alarm import alarm_at
from infra.components.scheduled_machine import ScheduledMachine, UnstartedExecutions
from infra.components.steps import accept_history, alarm_at_failures
from infra.components.stores import StoreConnection
from infra.config import BackupConfig, Config
from infra.functions import Schedule
from infra.paths import IMAGES, ROOT
from infra.rules import accept, accept_wildcards
from infra.stacks.network import NetworkStack
from quant_http.routes import Store

_NAME: Final = "restore-drill"
_PREFIX: Final = "database"
# A processor for pg_dump, one for Postgres; sorts and indexes take what memory there is.
_CPU_UNITS: Final = 1024
_MEMORY_MIB: Final = 4096
# What Fargate has at least, and at most.
_LEAST_DISK_GIB: Final = 21
_MOST_DISK_GIB: Final = 200
_LIMIT: Final = Duration.hours(4)
_SILENT_DAYS: Final = 2
_SOURCE: Final = ROOT / "layers" / "quant" / "python" / "quant"


class RestoreDrill(Construct):
    """A Fargate task in the isolated subnets, run by a state machine on a schedule.

    Attributes:
        machine: The state machine.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: Config,
        settings: BackupConfig,
        network: NetworkStack,
        database: StoreConnection,
        bucket: s3.IBucket,
        key: kms.IKey,
    ):
        """Create the drill.

        Args:
            scope: Parent construct.
            construct_id: Identifier below the parent.
            config: The environment's settings.
            settings: When it runs.
            network: Where.
            database: How it connects, as a role that may read everything and write nothing.
            bucket: Where it keeps what it restored.
            key: Encrypts the bucket.
        """
        super().__init__(scope, construct_id)
        self._config = config
        name = config.name(_NAME)
        self._cluster = self._make_cluster(name, network.vpc)
        self._task = self._make_task(name, database, bucket, key)
        run = tasks.EcsRunTask(
            self,
            "Run",
            integration_pattern=sfn.IntegrationPattern.RUN_JOB,
            cluster=self._cluster,
            task_definition=self._task,
            launch_target=tasks.EcsFargateLaunchTarget(
                platform_version=ecs.FargatePlatformVersion.LATEST
            ),
            assign_public_ip=False,
            subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED),
            # Postgres and the services' endpoints, and S3.
            security_groups=[network.client_groups[Store.POSTGRES], network.bucket_clients],
            result_path=sfn.JsonPath.DISCARD,
        )
        # A task that found no place, or a database that was away for a moment.
        run.add_retry(
            errors=[sfn.Errors.ALL], interval=Duration.minutes(10), max_attempts=1, backoff_rate=1
        )
        role = self._machine_role()
        self.machine = sfn.StateMachine(
            self,
            "Machine",
            state_machine_name=name,
            definition_body=sfn.DefinitionBody.from_chainable(run),
            comment="Dumps the database, restores the dump elsewhere, compares, and keeps it.",
            timeout=_LIMIT,
            role=role.without_policy_updates(),
            tracing_enabled=config.traces,
        )
        accept_history(self.machine)
        self.machine.node.add_dependency(role)
        ScheduledMachine(
            self,
            "Schedule",
            name=name,
            machine=self.machine,
            schedule=Schedule(expression=settings.drill),
            unstarted=UnstartedExecutions(
                self, "Unstarted", config=config, name=f"{_NAME}-unstarted"
            ),
        )
        self._watch()

    def _make_cluster(self, name: str, vpc: ec2.IVpc) -> ecs.Cluster:
        cluster = ecs.Cluster(self, "Cluster", cluster_name=name, vpc=vpc)
        accept(
            cluster,
            "Insights bill some twenty metrics for one task that runs minutes a day and reports "
            "its own time.",
            "AwsSolutions-ECS4",
        )
        return cluster

    def _make_task(
        self, name: str, database: StoreConnection, bucket: s3.IBucket, key: kms.IKey
    ) -> ecs.FargateTaskDefinition:
        config = self._config
        execution = iam.Role(
            self, "ExecutionRole", assumed_by=iam.ServicePrincipal("ecs-tasks.amazonaws.com")
        )
        accept_wildcards(execution, "The action that logs in to ECR knows no resources.", "*")
        role = iam.Role(
            self, "TaskRole", assumed_by=iam.ServicePrincipal("ecs-tasks.amazonaws.com")
        )
        database.login.grant(role)
        self._let_keep(role, bucket, key)
        task = ecs.FargateTaskDefinition(
            self,
            "Task",
            family=name,
            cpu=_CPU_UNITS,
            memory_limit_mib=_MEMORY_MIB,
            ephemeral_storage_gib=self._disk_gib(),
            runtime_platform=ecs.RuntimePlatform(
                cpu_architecture=ecs.CpuArchitecture.ARM64,
                operating_system_family=ecs.OperatingSystemFamily.LINUX,
            ),
            execution_role=execution,
            task_role=role,
        )
        with image_context() as folder:
            task.add_container(
                "Drill",
                image=ecs.ContainerImage.from_asset(
                    str(folder), platform=ecr_assets.Platform.LINUX_ARM64
                ),
                command=["backup", "drill", f"s3://{bucket.bucket_name}/{_PREFIX}"],
                environment={
                    "QUANT_ENVIRONMENT": config.environment,
                    "AWS_DEFAULT_REGION": Stack.of(self).region,
                    **database.environment(),
                },
                logging=ecs.LogDrivers.aws_logs(
                    stream_prefix="drill",
                    log_group=logs.LogGroup(
                        self,
                        "Logs",
                        log_group_name=f"/aws/ecs/{name}",
                        retention=config.log_retention,
                        removal_policy=(
                            RemovalPolicy.RETAIN if config.retain_data else RemovalPolicy.DESTROY
                        ),
                    ),
                ),
            )
        accept(
            task,
            "The variables are addresses and names; the role logs in by IAM, without a secret.",
            "AwsSolutions-ECS2",
        )
        return task

    def _disk_gib(self) -> int:
        """Return room for a dump and what is restored of it, of a database at its largest."""
        database = self._config.database
        most = _LEAST_DISK_GIB if database is None else database.max_storage_gib
        return min(max(most, _LEAST_DISK_GIB), _MOST_DISK_GIB)

    def _let_keep(self, role: iam.Role, bucket: s3.IBucket, key: kms.IKey) -> None:
        """Let the task add to the bucket; it reads, lists and deletes nothing there."""
        role.add_to_policy(
            iam.PolicyStatement(
                actions=["s3:PutObject", "s3:AbortMultipartUpload"],
                resources=[bucket.arn_for_objects(f"{_PREFIX}/*")],
            )
        )
        role.add_to_policy(
            iam.PolicyStatement(
                # An upload in parts decrypts what it encrypted before.
                # https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html
                actions=["kms:GenerateDataKey", "kms:Decrypt"],
                resources=[key.key_arn],
                conditions={
                    "StringEquals": {"kms:ViaService": f"s3.{Stack.of(self).region}.amazonaws.com"}
                },
            )
        )
        accept_wildcards(
            role,
            "Each backup has a prefix of its own, named by its time.",
            f"<{bucket.node.path.partition('/')[2].replace('/', '')}>/{_PREFIX}/*",
        )

    def _machine_role(self) -> iam.Role:
        """Return the role by which Step Functions runs this task, waits for it and stops it.

        https://docs.aws.amazon.com/step-functions/latest/dg/connect-ecs.html
        """
        stack = Stack.of(self)
        role = iam.Role(
            self, "MachineRole", assumed_by=iam.ServicePrincipal("states.amazonaws.com")
        )
        here = {"ArnEquals": {"ecs:cluster": self._cluster.cluster_arn}}
        name = self._config.name(_NAME)
        running = stack.format_arn(service="ecs", resource="task", resource_name=f"{name}/*")
        rule = stack.format_arn(
            service="events",
            resource="rule",
            resource_name="StepFunctionsGetEventsForECSTaskRule",
        )
        execution = self._task.execution_role
        assert execution is not None  # noqa: S101 - narrows the type
        for actions, resources, conditions in (
            (["ecs:RunTask"], [self._task.task_definition_arn], here),
            (["ecs:StopTask", "ecs:DescribeTasks"], [running], here),
            (["events:PutTargets", "events:PutRule", "events:DescribeRule"], [rule], None),
            (
                ["iam:PassRole"],
                [self._task.task_role.role_arn, execution.role_arn],
                {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}},
            ),
        ):
            role.add_to_policy(
                iam.PolicyStatement(actions=actions, resources=resources, conditions=conditions)
            )
        accept_wildcards(
            role, "The tasks of the drill's own cluster, which ECS names.", f"ecs:task/{name}/*"
        )
        return role

    def _watch(self) -> None:
        alarm_at_failures(
            self,
            "FailureAlarm",
            config=self._config,
            name=_NAME,
            description="A backup was not made, or could not be restored.",
            machine=self.machine,
        )
        alarm_at(
            self,
            "SilenceAlarm",
            config=self._config,
            name=f"{_NAME}-silent",
            description=f"No backup was made and restored for {_SILENT_DAYS} days.",
            metric=cloudwatch.MathExpression(
                expression="IF(succeeded < 1, 1, 0)",
                using_metrics={
                    "succeeded": self.machine.metric_succeeded(
                        period=Duration.days(1), statistic="Sum"
                    )
                },
                period=Duration.days(1),
            ),
            threshold=1,
            periods=_SILENT_DAYS,
            # No data at all: it has never run.
            missing=cloudwatch.TreatMissingData.BREACHING,
            runbook=_NAME,
        )


@contextmanager
def image_context() -> Iterator[Path]:
    """Yield the folder that the image is built from: Dockerfile, lock and the domain."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for file in sorted((IMAGES / "backup").iterdir()):
            shutil.copyfile(file, folder / file.name)
        shutil.copytree(
            _SOURCE, folder / "python" / "quant", ignore=shutil.ignore_patterns("__pycache__")
        )
        yield folder

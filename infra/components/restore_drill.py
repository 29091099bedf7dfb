"""The daily backup that is a restore drill: dumped, restored beside itself, and then kept."""

from typing import Final

from aws_cdk import CfnOutput, Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from infra.components.alarm import alarm_at
from infra.components.backup_task import BackupTask
from infra.components.scheduled_machine import ScheduledMachine, UnstartedExecutions
from infra.components.steps import accept_history, alarm_at_failures
from infra.components.stores import StoreConnection
from infra.config import BackupConfig, Config
from infra.functions import Schedule
from infra.rules import accept, accept_wildcards
from infra.stacks.network import NetworkStack
from quant_http.routes import Store

_NAME: Final = "restore-drill"
_PREFIX: Final = "database"
_LIMIT: Final = Duration.hours(4)
_SILENT_DAYS: Final = 2


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
        reader: StoreConnection,
        owner: StoreConnection,
        bucket: s3.IBucket,
        key: kms.IKey,
    ):
        """Create the drill, and the task that an operator restores by.

        Args:
            scope: Parent construct.
            construct_id: Identifier below the parent.
            config: The environment's settings.
            settings: When it runs.
            network: Where.
            reader: How the drill connects: as a role that reads everything and writes nothing.
            owner: How the owner of the schema connects, which restores.
            bucket: Where it keeps what it restored.
            key: Encrypts the bucket.
        """
        super().__init__(scope, construct_id)
        self._config = config
        name = config.name(_NAME)
        self._cluster = self._make_cluster(name, network.vpc)
        self._task = self._make_drill(reader, bucket, key)
        self._make_restore(owner, network, bucket, key)
        run = tasks.EcsRunTask(
            self,
            "Run",
            integration_pattern=sfn.IntegrationPattern.RUN_JOB,
            cluster=self._cluster,
            task_definition=self._task.definition,
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

    def _make_restore(
        self, owner: StoreConnection, network: NetworkStack, bucket: s3.IBucket, key: kms.IKey
    ) -> None:
        """Make the task by which an operator restores: it runs only if somebody runs it.

        Nothing outside the VPC reaches the database. ``--yes``, since nobody can answer there.
        """
        name = self._config.name("restore")
        task = BackupTask(
            self,
            "Restore",
            config=self._config,
            name=name,
            database=owner,
            command=["backup", "restore", self._target(bucket), "--replace", "--yes"],
        )
        task.role.add_to_policy(
            iam.PolicyStatement(
                actions=["s3:GetObject"], resources=[bucket.arn_for_objects(f"{_PREFIX}/*")]
            )
        )
        task.role.add_to_policy(
            iam.PolicyStatement(
                actions=["s3:ListBucket"],
                resources=[bucket.bucket_arn],
                conditions={"StringLike": {"s3:prefix": [f"{_PREFIX}/*"]}},
            )
        )
        self._let_use(task.role, bucket, key, "kms:Decrypt")
        groups = [network.client_groups[Store.POSTGRES], network.bucket_clients]
        subnet = network.vpc.isolated_subnets[0].subnet_id
        CfnOutput(
            self,
            "RestoreNetwork",
            value=(
                f"awsvpcConfiguration={{subnets=[{subnet}],"
                f"securityGroups=[{','.join(group.security_group_id for group in groups)}]}}"
            ),
        )

    def _target(self, bucket: s3.IBucket) -> str:
        return f"s3://{bucket.bucket_name}/{_PREFIX}"

    def _make_drill(self, reader: StoreConnection, bucket: s3.IBucket, key: kms.IKey) -> BackupTask:
        """Make the task that reads the database and adds to the bucket; it reads nothing there."""
        task = BackupTask(
            self,
            "Task",
            config=self._config,
            name=self._config.name(_NAME),
            database=reader,
            command=["backup", "drill", self._target(bucket)],
        )
        task.role.add_to_policy(
            iam.PolicyStatement(
                actions=["s3:PutObject", "s3:AbortMultipartUpload"],
                resources=[bucket.arn_for_objects(f"{_PREFIX}/*")],
            )
        )
        # An upload in parts decrypts what it encrypted before.
        # https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html
        self._let_use(task.role, bucket, key, "kms:GenerateDataKey", "kms:Decrypt")
        return task

    def _let_use(self, role: iam.Role, bucket: s3.IBucket, key: kms.IKey, *actions: str) -> None:
        """Let S3 use the key for the role, whose objects have names made up later."""
        role.add_to_policy(
            iam.PolicyStatement(
                actions=list(actions),
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
        task = self._task
        for actions, resources, conditions in (
            (["ecs:RunTask"], [task.definition.task_definition_arn], here),
            (["ecs:StopTask", "ecs:DescribeTasks"], [running], here),
            (["events:PutTargets", "events:PutRule", "events:DescribeRule"], [rule], None),
            (
                ["iam:PassRole"],
                [task.role.role_arn, task.execution_role.role_arn],
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
                expression="IF(FILL(succeeded, 0) < 1, 1, 0)",
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

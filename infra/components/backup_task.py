"""Fargate tasks of the image that has the ``quant`` command and PostgreSQL's programs."""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from aws_cdk import RemovalPolicy, Stack
from aws_cdk import aws_ecr_assets as ecr_assets
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.components.stores import StoreConnection
from infra.config import Config
from infra.paths import IMAGES, ROOT
from infra.rules import accept, accept_wildcards

# A processor for pg_dump, one for Postgres; sorts and indexes take what memory there is.
_CPU_UNITS: Final = 1024
_MEMORY_MIB: Final = 4096
# What Fargate has at least, and at most.
_LEAST_DISK_GIB: Final = 21
_MOST_DISK_GIB: Final = 200
_SOURCE: Final = ROOT / "layers" / "quant" / "python" / "quant"


class BackupTask(Construct):
    """A task definition; its roles let it log in to the database, and no more than is granted.

    Attributes:
        definition: The task definition.
        role: The task's role.
        execution_role: The role by which ECS pulls the image and writes the log.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: Config,
        name: str,
        database: StoreConnection,
        command: Sequence[str],
    ):
        """Create the task definition.

        Args:
            scope: Parent construct.
            construct_id: Identifier below the parent.
            config: The environment's settings.
            name: Physical name of family and log.
            database: How it connects.
            command: Arguments of ``quant``.
        """
        super().__init__(scope, construct_id)
        principal = iam.ServicePrincipal("ecs-tasks.amazonaws.com")
        self.role = iam.Role(self, "Role", assumed_by=principal)
        self.execution_role = iam.Role(self, "ExecutionRole", assumed_by=principal)
        accept_wildcards(
            self.execution_role, "The action that logs in to ECR knows no resources.", "*"
        )
        database.login.grant(self.role)
        self.definition = ecs.FargateTaskDefinition(
            self,
            "Definition",
            family=name,
            cpu=_CPU_UNITS,
            memory_limit_mib=_MEMORY_MIB,
            ephemeral_storage_gib=_disk_gib(config),
            runtime_platform=ecs.RuntimePlatform(
                cpu_architecture=ecs.CpuArchitecture.ARM64,
                operating_system_family=ecs.OperatingSystemFamily.LINUX,
            ),
            execution_role=self.execution_role,
            task_role=self.role,
        )
        log_group = logs.LogGroup(
            self,
            "Logs",
            log_group_name=f"/aws/ecs/{name}",
            retention=config.log_retention,
            removal_policy=RemovalPolicy.RETAIN if config.retain_data else RemovalPolicy.DESTROY,
        )
        with _image_context() as folder:
            self.definition.add_container(
                "Quant",
                image=ecs.ContainerImage.from_asset(
                    str(folder), platform=ecr_assets.Platform.LINUX_ARM64
                ),
                command=list(command),
                environment={
                    "QUANT_ENVIRONMENT": config.environment,
                    "AWS_DEFAULT_REGION": Stack.of(self).region,
                    **database.environment(),
                },
                logging=ecs.LogDrivers.aws_logs(stream_prefix="quant", log_group=log_group),
            )
        accept(
            self.definition,
            "The variables are addresses and names; the role logs in by IAM, without a secret.",
            "AwsSolutions-ECS2",
        )


def _disk_gib(config: Config) -> int:
    """Return room for a dump and what is restored of it, of a database at its largest."""
    most = _LEAST_DISK_GIB if config.database is None else config.database.max_storage_gib
    return min(max(most, _LEAST_DISK_GIB), _MOST_DISK_GIB)


@contextmanager
def _image_context() -> Iterator[Path]:
    """Yield the folder that the image is built from: Dockerfile, lock and the domain."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for file in sorted((IMAGES / "backup").iterdir()):
            shutil.copyfile(file, folder / file.name)
        shutil.copytree(
            _SOURCE, folder / "python" / "quant", ignore=shutil.ignore_patterns("__pycache__")
        )
        yield folder

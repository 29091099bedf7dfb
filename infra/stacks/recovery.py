"""What brings the data back: a locked vault, and dumps that were restored."""

from typing import Any

from aws_cdk import CfnOutput, RemovalPolicy, Stack
from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.components.backup_bucket import BackupBucket
from infra.components.backup_vault import BackupPlan, locked_vault
from infra.components.restore_drill import RestoreDrill
from infra.config import BackupConfig, Config
from infra.stacks.data import DataStack
from infra.stacks.network import NetworkStack


class RecoveryStack(Stack):
    """Backups, out of reach of those who can write what is backed up.

    Attributes:
        drill: The daily backup.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: Config,
        settings: BackupConfig,
        network: NetworkStack,
        data: DataStack,
        **kwargs: Any,
    ):
        """Create the stack.

        Args:
            scope: The app.
            construct_id: Identifier in the app.
            config: The environment's settings.
            settings: What is kept, and for how long.
            network: Where the drill runs.
            data: What is backed up.
            kwargs: As of ``Stack``.
        """
        super().__init__(scope, construct_id, **kwargs)
        if data.backup_database is None:
            msg = f"{config.environment} has no role of the database for backups"
            raise ValueError(msg)
        key = backup_key(self, config)
        vault = locked_vault(self, config=config, settings=settings, key=key)
        BackupPlan(self, "Backups", config=config, settings=settings, vault=vault)
        bucket = BackupBucket(self, "Dumps", config=config, settings=settings, key=key).bucket
        self.drill = RestoreDrill(
            self,
            "Drill",
            config=config,
            settings=settings,
            network=network,
            reader=data.backup_database,
            owner=data.database_owner,
            bucket=bucket,
            key=key,
        )
        CfnOutput(self, "BackupBucketName", value=bucket.bucket_name)
        CfnOutput(self, "DrillArn", value=self.drill.machine.state_machine_arn)


class RecoveryReplicaStack(Stack):
    """The vault in another region that recovery points are copied to."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: Config,
        settings: BackupConfig,
        **kwargs: Any,
    ):
        super().__init__(scope, construct_id, **kwargs)
        locked_vault(self, config=config, settings=settings, key=backup_key(self, config))


def backup_key(scope: Construct, config: Config) -> kms.Key:
    """Return a key for backups alone: losing the data's key loses no backup, and the reverse."""
    return kms.Key(
        scope,
        "Key",
        alias=config.name("backups"),
        description="Encrypts backups",
        enable_key_rotation=True,
        removal_policy=RemovalPolicy.RETAIN if config.retain_data else RemovalPolicy.DESTROY,
    )

"""What AWS Backup keeps in a locked vault: snapshots of the database, the raw documents."""

from typing import Final

from aws_cdk import ArnFormat, Duration, RemovalPolicy, Stack
from aws_cdk import aws_backup as backup
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.components.alarm import alarm_at
from infra.components.backup_role import backup_role
from infra.config import BackupConfig, Config
from infra.rules import accept

_NAME: Final = "backups"
_ENDED_BADLY: Final = ("FAILED", "ABORTED", "EXPIRED")
_KEPT_DAYS: Final = 14
# Before the drill, at an hour when few ask.
_DAILY: Final = events.Schedule.cron(hour="3", minute="30")
_MONTHLY: Final = events.Schedule.cron(hour="3", minute="30", day="1")


def vault_name(config: Config) -> str:
    """Return the name of the vault, the same in every region."""
    return config.name(_NAME)


def locked_vault(
    scope: Construct, *, config: Config, settings: BackupConfig, key: kms.IKey
) -> backup.BackupVault:
    """Create a vault that nobody deletes from, and whose retention nobody can shorten.

    With ``lock_days`` the lock is in compliance mode: after so many days neither the account's
    root nor AWS can take it off. Without, whoever may change the vault can.
    https://docs.aws.amazon.com/aws-backup/latest/devguide/vault-lock.html
    """
    days = settings.lock_days
    return backup.BackupVault(
        scope,
        "Vault",
        backup_vault_name=vault_name(config),
        encryption_key=key,
        block_recovery_point_deletion=True,
        lock_configuration=backup.LockConfiguration(
            min_retention=Duration.days(settings.daily_days),
            max_retention=Duration.days(settings.monthly_days),
            changeable_for=None if days is None else Duration.days(days),
        ),
        removal_policy=RemovalPolicy.RETAIN if config.retain_data else RemovalPolicy.DESTROY,
    )


class BackupPlan(Construct):
    """Daily and monthly recovery points, and an alarm at each job that ends badly."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: Config,
        settings: BackupConfig,
        vault: backup.BackupVault,
    ):
        """Create plan, role, selection and alarm.

        Args:
            scope: Parent construct.
            construct_id: Identifier below the parent.
            config: The environment's settings.
            settings: What is kept, and for how long.
            vault: Where.
        """
        super().__init__(scope, construct_id)
        self._config = config
        self._vault = vault
        plan = backup.BackupPlan(
            self, "Plan", backup_plan_name=config.name(_NAME), backup_vault=vault
        )
        for name, schedule, days in (
            ("daily", _DAILY, settings.daily_days),
            ("monthly", _MONTHLY, settings.monthly_days),
        ):
            plan.add_rule(
                backup.BackupPlanRule(
                    rule_name=name,
                    schedule_expression=schedule,
                    start_window=Duration.hours(1),
                    completion_window=Duration.hours(8),
                    delete_after=Duration.days(days),
                    copy_actions=self._copies(days),
                )
            )
        plan.add_selection(
            "Selection",
            backup_selection_name=config.name(_NAME),
            role=backup_role(
                self,
                config=config,
                vault=vault_name(config),
                database=self._database(),
                raw=self._raw(),
            ),
            # CDK would attach AWS' policies, which reach every resource of the account.
            disable_default_backup_policy=True,
            resources=[
                backup.BackupResource.from_arn(arn) for arn in (self._database(), self._raw())
            ],
        )
        self._watch()

    def _database(self) -> str:
        """Return the ARN of the database, named and not imported."""
        settings = self._config.database
        kind = "db" if settings is None or settings.aurora is None else "cluster"
        return Stack.of(self).format_arn(
            service="rds",
            resource=kind,
            resource_name=self._config.name("database"),
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )

    def _raw(self) -> str:
        stack = Stack.of(self)
        return f"arn:{stack.partition}:s3:::{self._config.name('raw')}-{stack.account}"

    def _copies(self, days: int) -> list[backup.BackupPlanCopyActionProps]:
        region = self._config.replica_region
        if region is None:
            return []
        stack = Stack.of(self)
        arn = (
            f"arn:{stack.partition}:backup:{region}:{stack.account}"
            f":backup-vault:{vault_name(self._config)}"
        )
        vault = backup.BackupVault.from_backup_vault_arn(self, f"Replica{days}", arn)
        return [
            backup.BackupPlanCopyActionProps(
                destination_backup_vault=vault, delete_after=Duration.days(days)
            )
        ]

    def _name(self) -> str:
        return vault_name(self._config)

    def _watch(self) -> None:
        """Set aside what AWS Backup says of a job that ended badly; the alarm is of the queue."""
        config = self._config
        failed = sqs.Queue(
            self,
            "Failed",
            queue_name=config.name("backup-failed"),
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=Duration.days(_KEPT_DAYS),
            removal_policy=RemovalPolicy.RETAIN if config.retain_data else RemovalPolicy.DESTROY,
        )
        accept(
            failed,
            "It is itself where what failed is set aside; nothing consumes it but an operator.",
            "AwsSolutions-SQS3",
        )
        events.Rule(
            self,
            "Rule",
            rule_name=config.name("backup-failed"),
            description="Jobs of AWS Backup that ended badly",
            event_pattern=events.EventPattern(
                source=["aws.backup"],
                detail_type=["Backup Job State Change", "Copy Job State Change"],
                detail={
                    "state": list(_ENDED_BADLY),
                    "$or": [
                        {"backupVaultName": [self._name()]},
                        {"sourceBackupVaultArn": [{"suffix": f":{self._name()}"}]},
                    ],
                },
            ),
            targets=[targets.SqsQueue(failed)],
        )
        alarm_at(
            self,
            "Alarm",
            config=config,
            name="backup-failed",
            description="A job of AWS Backup failed, was stopped or did not start in time.",
            metric=failed.metric_approximate_number_of_messages_visible(
                period=Duration.minutes(5), statistic="Maximum"
            ),
            threshold=1,
        )

"""Where dumps of the database are kept: nobody can change or delete one before its time."""

from aws_cdk import Duration
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.components.bucket import private_bucket
from infra.config import BackupConfig, Config
from infra.rules import accept


class BackupBucket(Construct):
    """A private, versioned, locked bucket under a key of its own.

    Attributes:
        bucket: The bucket.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: Config,
        settings: BackupConfig,
        key: kms.IKey,
    ):
        """Create the bucket.

        Args:
            scope: Parent construct.
            construct_id: Identifier below the parent.
            config: The environment's settings.
            settings: How long backups are kept.
            key: Encrypts the objects; not the database's, so that losing one loses one of both.
        """
        super().__init__(scope, construct_id)
        locked = Duration.days(settings.daily_days)
        self.bucket = private_bucket(
            self,
            "Bucket",
            config=config,
            access_logs=None,
            lifecycle_rules=[
                s3.LifecycleRule(
                    id="kept",
                    expiration=Duration.days(settings.monthly_days),
                    noncurrent_version_expiration=Duration.days(1),
                )
            ],
            versions_expire_after=None,
            encryption=s3.BucketEncryption.KMS,
            encryption_key=key,
            # One request to KMS for many objects.
            bucket_key_enabled=True,
            # Where the vault's lock is final, so is this one: not even the root may delete.
            object_lock_default_retention=(
                s3.ObjectLockRetention.governance(locked)
                if settings.lock_days is None
                else s3.ObjectLockRetention.compliance(locked)
            ),
        )
        accept(
            self.bucket,
            "One task writes it, whose log names each backup; CloudTrail has the requests that "
            "delete. A bucket of logs would have to outlive it.",
            "AwsSolutions-S1",
        )

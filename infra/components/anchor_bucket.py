"""Where the audit log's anchors are out of the reach of those who can write the log."""

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.config import Config


class AnchorBucket(Construct):
    """A private bucket whose objects cannot be changed or deleted before their time.

    Attributes:
        bucket: The bucket.
    """

    def __init__(self, scope: Construct, construct_id: str, *, config: Config):
        super().__init__(scope, construct_id)
        kept = Duration.days(config.anchor_days)
        self.bucket = s3.Bucket(
            self,
            "Bucket",
            # Where data are kept, not even the account's root may delete an anchor in time.
            object_lock_default_retention=(
                s3.ObjectLockRetention.compliance(kept)
                if config.retain_data
                else s3.ObjectLockRetention.governance(kept)
            ),
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            encryption=s3.BucketEncryption.S3_MANAGED,
            enforce_ssl=True,
            versioned=True,
            lifecycle_rules=[
                s3.LifecycleRule(expiration=kept, noncurrent_version_expiration=Duration.days(1))
            ],
            removal_policy=RemovalPolicy.RETAIN if config.retain_data else RemovalPolicy.DESTROY,
        )

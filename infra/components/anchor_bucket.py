"""Where the audit log's anchors are out of the reach of those who can write the log."""

from aws_cdk import Duration
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.components.bucket import private_bucket
from infra.components.replication import ANCHORS_REPLICA, replicate
from infra.config import Config


def anchor_retention(config: Config) -> s3.ObjectLockRetention:
    """Return for how long, and from whom, an anchor is safe."""
    kept = Duration.days(config.anchor_days)
    # Where data are kept, not even the account's root may delete an anchor in time.
    if config.retain_data:
        return s3.ObjectLockRetention.compliance(kept)
    return s3.ObjectLockRetention.governance(kept)


class AnchorBucket(Construct):
    """A private bucket whose objects cannot be changed or deleted before their time.

    Attributes:
        bucket: The bucket.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, config: Config, access_logs: s3.IBucket
    ):
        super().__init__(scope, construct_id)
        self.bucket = private_bucket(
            self,
            "Bucket",
            config=config,
            access_logs=access_logs,
            object_lock_default_retention=anchor_retention(config),
            lifecycle_rules=[
                s3.LifecycleRule(id="kept", expiration=Duration.days(config.anchor_days))
            ],
            versions_expire_after=Duration.days(1),
        )
        replicate(self.bucket, config=config, part=ANCHORS_REPLICA, prefix="", locked=True)

"""The bucket of exports: what callers are given links to."""

from typing import Final

from aws_cdk import Duration
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.components.bucket import private_bucket
from infra.config import Config
from infra.functions import ObjectAccess
from infra.rules import accept_keys

EXPIRING_PREFIX: Final = "exports/"
EXPIRES_AFTER: Final = Duration.days(7)


class ExportBucket(Construct):
    """A private bucket whose job files expire and whose data sets are kept.

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
            lifecycle_rules=[
                s3.LifecycleRule(id="jobs", prefix=EXPIRING_PREFIX, expiration=EXPIRES_AFTER)
            ],
            # The file of a job is written once, and a data set has its version in its key.
            versions_expire_after=Duration.days(1),
        )

    def grant(self, role: iam.Role, access: ObjectAccess) -> None:
        """Let ``role`` read and write the keys it needs."""
        accept_keys(role, self.bucket, (*access.reads, *access.writes))
        for action, patterns in (("s3:GetObject", access.reads), ("s3:PutObject", access.writes)):
            if patterns:
                resources = [self.bucket.arn_for_objects(pattern) for pattern in patterns]
                role.add_to_policy(iam.PolicyStatement(actions=[action], resources=resources))

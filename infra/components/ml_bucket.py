"""The bucket of machine learning: snapshots, features, runs, and the artifacts predictions need."""

from typing import Final

from aws_cdk import Duration
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.components.bucket import private_bucket
from infra.config import Config
from infra.functions import ObjectAccess
from infra.rules import accept_keys
from quant.ml.layout import FEATURES, SNAPSHOTS

# What can be made again from the database, by those who want to repeat a run, for this long.
DATASETS_EXPIRE_AFTER: Final = Duration.days(400)


class MlBucket(Construct):
    """A private bucket whose runs and artifacts are kept for good.

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
                s3.LifecycleRule(id=prefix, prefix=f"{prefix}/", expiration=DATASETS_EXPIRE_AFTER)
                for prefix in (SNAPSHOTS, FEATURES)
            ],
        )

    def grant(self, role: iam.Role, access: ObjectAccess) -> None:
        """Let ``role`` read and write the keys it needs, and list what it may read."""
        accept_keys(role, self.bucket, (*access.reads, *access.writes))
        for action, patterns in (("s3:GetObject", access.reads), ("s3:PutObject", access.writes)):
            if patterns:
                resources = [self.bucket.arn_for_objects(pattern) for pattern in patterns]
                role.add_to_policy(iam.PolicyStatement(actions=[action], resources=resources))
        if access.reads:
            # S3 says that an object is missing, not forbidden, to those alone who may list; that
            # question has no prefix, hence "if exists".
            # https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
            role.add_to_policy(
                iam.PolicyStatement(
                    actions=["s3:ListBucket"],
                    resources=[self.bucket.bucket_arn],
                    conditions={"StringLikeIfExists": {"s3:prefix": list(access.reads)}},
                )
            )

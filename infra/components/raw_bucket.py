"""The bucket of raw documents: everything behind it can be made again from what it holds."""

from collections.abc import Iterable
from typing import Final

from aws_cdk import Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.components.bucket import private_bucket
from infra.components.replication import RAW_REPLICA, replicate
from infra.config import Config
from infra.functions import ObjectAccess
from infra.rules import accept_keys

DOCUMENTS_PREFIX: Final = "raw/"
# Objects that arrive below these prefixes are parsed.
PARSED_PREFIXES: Final = (DOCUMENTS_PREFIX, "drop/prices/")
BACKFILL_PREFIX: Final = "backfill"


class RawBucket(Construct):
    """A private bucket that tells a queue of each document it gets.

    Attributes:
        bucket: The bucket.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: Config,
        arrivals: sqs.Queue,
        access_logs: s3.IBucket,
    ):
        """Create the bucket.

        Args:
            scope: Parent construct.
            construct_id: Identifier below the parent.
            config: The environment's settings.
            arrivals: Queue of the parser.
            access_logs: Bucket of access logs.
        """
        super().__init__(scope, construct_id)
        account = Stack.of(self).account
        # Known before the bucket is made: the queue's policy must name it, and must be there first.
        name = f"{config.name('raw')}-{account}"
        arrivals.add_to_resource_policy(
            iam.PolicyStatement(
                sid="Arrivals",
                principals=[iam.ServicePrincipal("s3.amazonaws.com")],
                actions=["sqs:SendMessage"],
                resources=[arrivals.queue_arn],
                conditions={
                    "ArnEquals": {"aws:SourceArn": f"arn:aws:s3:::{name}"},
                    "StringEquals": {"aws:SourceAccount": account},
                },
            )
        )
        self.bucket = private_bucket(
            self,
            "Bucket",
            config=config,
            access_logs=access_logs,
            bucket_name=name,
            lifecycle_rules=[
                # What collectors remember is written again and again.
                s3.LifecycleRule(
                    id="state",
                    prefix="state/",
                    noncurrent_version_expiration=Duration.days(7),
                ),
                *(
                    s3.LifecycleRule(
                        id=prefix,
                        prefix=f"{prefix}/",
                        expiration=Duration.days(30),
                        noncurrent_version_expiration=Duration.days(1),
                    )
                    for prefix in ("drop", BACKFILL_PREFIX)
                ),
            ],
            # Nobody else has what a source has replaced.
            versions_expire_after=None,
        )
        replicate(
            self.bucket, config=config, part=RAW_REPLICA, prefix=DOCUMENTS_PREFIX, locked=False
        )
        # Not by ``add_event_notification``: that takes a function of its own with rights on every
        # bucket of the account.
        resource = self.bucket.node.default_child
        assert isinstance(resource, s3.CfnBucket)  # noqa: S101 - narrows the type
        resource.notification_configuration = s3.CfnBucket.NotificationConfigurationProperty(
            queue_configurations=[_arrivals_below(prefix, arrivals) for prefix in PARSED_PREFIXES]
        )
        self.bucket.node.add_dependency(arrivals)

    def grant(self, role: iam.Role, access: ObjectAccess) -> None:
        """Let ``role`` read and write the keys it needs."""
        accept_keys(role, self.bucket, (*access.reads, *access.writes))
        for action, patterns in (
            ("s3:GetObject", access.reads),
            ("s3:PutObject", access.writes),
        ):
            if patterns:
                role.add_to_policy(
                    iam.PolicyStatement(actions=[action], resources=self._objects(patterns))
                )
        if access.reads:
            # Without it S3 says of a missing object that it is forbidden.
            # https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
            role.add_to_policy(
                iam.PolicyStatement(actions=["s3:ListBucket"], resources=[self.bucket.bucket_arn])
            )

    def _objects(self, patterns: Iterable[str]) -> list[str]:
        return [self.bucket.arn_for_objects(pattern) for pattern in patterns]


def _arrivals_below(prefix: str, queue: sqs.Queue) -> s3.CfnBucket.QueueConfigurationProperty:
    return s3.CfnBucket.QueueConfigurationProperty(
        event="s3:ObjectCreated:*",
        queue=queue.queue_arn,
        filter=s3.CfnBucket.NotificationFilterProperty(
            s3_key=s3.CfnBucket.S3KeyFilterProperty(
                rules=[s3.CfnBucket.FilterRuleProperty(name="prefix", value=prefix)]
            )
        ),
    )

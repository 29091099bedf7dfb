"""Copies of what cannot be made again, in another region."""

from typing import Final

from aws_cdk import Aws
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3

from infra.config import Config
from infra.rules import accept_wildcards

RAW_REPLICA: Final = "raw-replica"
ANCHORS_REPLICA: Final = "anchors-replica"

_READ: Final = (
    "s3:GetObjectVersionAcl",
    "s3:GetObjectVersionForReplication",
    "s3:GetObjectVersionTagging",
)
_READ_LOCKED: Final = ("s3:GetObjectLegalHold", "s3:GetObjectRetention")
_WRITE: Final = ("s3:ReplicateObject", "s3:ReplicateTags")


def replica_name(config: Config, part: str) -> str:
    """Return the name of a replica, which the stacks of both regions know beforehand."""
    return f"{config.name(part)}-{Aws.ACCOUNT_ID}"


def replicate(bucket: s3.Bucket, *, config: Config, part: str, prefix: str, locked: bool) -> None:
    """Have S3 copy new objects of ``bucket`` to its replica, if the environment has replicas.

    What is deleted here is not deleted there. What S3 needs for it:
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/setting-repl-config-perm-overview.html

    Args:
        bucket: What is copied; it has versions.
        config: The environment's settings.
        part: Name of the replica within the environment.
        prefix: What the keys start with; empty for all.
        locked: Whether objects have a retention, which is copied too.
    """
    if config.replica_region is None:
        return
    replica = f"arn:{Aws.PARTITION}:s3:::{replica_name(config, part)}"
    role = iam.Role(bucket, "ReplicationRole", assumed_by=iam.ServicePrincipal("s3.amazonaws.com"))
    for actions, place in (
        (("s3:GetReplicationConfiguration", "s3:ListBucket"), bucket.bucket_arn),
        ((*_READ, *(_READ_LOCKED if locked else ())), bucket.arn_for_objects(f"{prefix}*")),
        (_WRITE, f"{replica}/{prefix}*"),
    ):
        role.add_to_policy(iam.PolicyStatement(actions=list(actions), resources=[place]))
    resource = bucket.node.default_child
    assert isinstance(resource, s3.CfnBucket)  # noqa: S101 - narrows the type
    resource.replication_configuration = s3.CfnBucket.ReplicationConfigurationProperty(
        role=role.role_arn,
        rules=[
            s3.CfnBucket.ReplicationRuleProperty(
                id=part,
                status="Enabled",
                priority=0,
                filter=s3.CfnBucket.ReplicationRuleFilterProperty(prefix=prefix),
                delete_marker_replication=s3.CfnBucket.DeleteMarkerReplicationProperty(
                    status="Disabled"
                ),
                destination=s3.CfnBucket.ReplicationDestinationProperty(bucket=replica),
            )
        ],
    )
    accept_wildcards(
        role,
        "S3 copies every object below the prefix, whatever its key, to the same key.",
        f"<{_name(resource)}>/{prefix}*",
        f"arn:<AWS::Partition>:s3:::{config.name(part)}-<AWS::AccountId>/{prefix}*",
    )


def _name(resource: s3.CfnBucket) -> str:
    # As ``infra.rules.finding`` writes a logical id.
    return resource.node.path.replace("/Resource", "").partition("/")[2].replace("/", "")

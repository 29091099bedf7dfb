"""The role that AWS Backup takes: it makes backups of what is named, and restores nothing."""

from collections.abc import Iterator
from typing import Any, Final

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.config import Config
from infra.rules import accept_wildcards

_MAKE_SNAPSHOTS: Final = (
    "rds:AddTagsToResource",
    "rds:CopyDBClusterSnapshot",
    "rds:CopyDBSnapshot",
    "rds:CreateDBClusterSnapshot",
    "rds:CreateDBSnapshot",
    "rds:DescribeDBClusterSnapshots",
    "rds:DescribeDBClusters",
    "rds:DescribeDBInstances",
    "rds:DescribeDBSnapshots",
    "rds:ListTagsForResource",
)
_DELETE_SNAPSHOTS: Final = ("rds:DeleteDBClusterSnapshot", "rds:DeleteDBSnapshot")
_READ_BUCKET: Final = (
    "s3:GetBucketAcl",
    "s3:GetBucketLocation",
    "s3:GetBucketNotification",
    "s3:GetBucketTagging",
    "s3:GetBucketVersioning",
    "s3:GetInventoryConfiguration",
    "s3:ListBucket",
    "s3:ListBucketVersions",
    # It learns of changes by events and inventories that it asks for itself.
    "s3:PutBucketNotification",
    "s3:PutInventoryConfiguration",
)
_READ_OBJECTS: Final = (
    "s3:GetObject",
    "s3:GetObjectAcl",
    "s3:GetObjectTagging",
    "s3:GetObjectVersion",
    "s3:GetObjectVersionAcl",
    "s3:GetObjectVersionTagging",
)
_HEAR_OF_CHANGES: Final = (
    "events:DeleteRule",
    "events:DescribeRule",
    "events:DisableRule",
    "events:EnableRule",
    "events:ListTargetsByRule",
    "events:PutRule",
    "events:PutTargets",
    "events:RemoveTargets",
)
_LIST: Final = (
    "cloudwatch:GetMetricData",
    "events:ListRules",
    "kms:DescribeKey",
    "s3:ListAllMyBuckets",
    "tag:GetResources",
)
# Parts of names of the keys that snapshots, and their copies in another region, are encrypted by.
_KEYS: Final = ("data", "backups")


def backup_role(
    scope: Construct, *, config: Config, vault: str, database: str, raw: str
) -> iam.Role:
    """Create the role.

    AWS' own policies for it reach every resource of the account.
    https://docs.aws.amazon.com/aws-backup/latest/devguide/iam-service-roles.html
    https://docs.aws.amazon.com/aws-backup/latest/devguide/s3-backups.html

    Args:
        scope: Parent construct.
        config: The environment's settings.
        vault: Name of the vault, here and in another region.
        database: ARN of the instance or cluster.
        raw: ARN of the bucket of raw documents.
    """
    role = iam.Role(
        scope,
        "Role",
        assumed_by=iam.ServicePrincipal(
            "backup.amazonaws.com",
            conditions={"StringEquals": {"aws:SourceAccount": Stack.of(scope).account}},
        ),
    )
    for statement in _statements(Stack.of(scope), config, vault, database, raw):
        role.add_to_policy(iam.PolicyStatement(**statement))
    _accept(role, config, vault)
    return role


def _statements(
    stack: Stack, config: Config, vault: str, database: str, raw: str
) -> Iterator[dict[str, Any]]:
    def arn(service: str, region: str, rest: str) -> str:
        return f"arn:{stack.partition}:{service}:{region}:{stack.account}:{rest}"

    snapshots = [
        arn("rds", stack.region, f"{kind}:awsbackup:*") for kind in ("snapshot", "cluster-snapshot")
    ]
    for actions, resources in (
        (_MAKE_SNAPSHOTS, [database, *snapshots]),
        (_DELETE_SNAPSHOTS, snapshots),
        (_READ_BUCKET, [raw]),
        (_READ_OBJECTS, [f"{raw}/*"]),
        (_HEAR_OF_CHANGES, [arn("events", stack.region, "rule/AwsBackupManagedRule*")]),
        (
            ("backup:CopyIntoBackupVault", "backup:DescribeBackupVault"),
            [arn("backup", "*", f"backup-vault:{vault}")],
        ),
        (_LIST, ["*"]),
    ):
        yield {"actions": list(actions), "resources": resources}
    # RDS, on the role's behalf, reads a snapshot by one key and writes a copy by another.
    yield {
        "actions": ["kms:CreateGrant"],
        "resources": [arn("kms", "*", "key/*")],
        "conditions": {
            "Bool": {"kms:GrantIsForAWSResource": "true"},
            "ForAnyValue:StringEquals": {
                "kms:ResourceAliases": [f"alias/{config.name(part)}" for part in _KEYS]
            },
            "StringLike": {"kms:ViaService": "rds.*.amazonaws.com"},
        },
    }


def _accept(role: iam.Role, config: Config, vault: str) -> None:
    for reason, resources in (
        (
            "AWS Backup names snapshots and rules itself, with these beginnings.",
            (
                "rds:snapshot:awsbackup:*",
                "rds:cluster-snapshot:awsbackup:*",
                "events:rule/AwsBackupManagedRule*",
            ),
        ),
        (
            "It backs up every document of the bucket.",
            (f"arn:<AWS::Partition>:s3:::{config.name('raw')}-<AWS::AccountId>/*",),
        ),
        (
            "The vault of the same name in whichever region replicas are; keys are bounded by "
            "their aliases, since a key's identifier is known to its own stack alone.",
            (
                f"arn:<AWS::Partition>:backup:*:<AWS::AccountId>:backup-vault:{vault}",
                "arn:<AWS::Partition>:kms:*:<AWS::AccountId>:key/*",
            ),
        ),
        ("These actions list, or read metrics, and know no resources.", ("*",)),
    ):
        accept_wildcards(role, reason, *resources)

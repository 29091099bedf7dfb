"""What all buckets have in common."""

from collections.abc import Sequence
from typing import Any, Final

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.config import Config

# As long as somebody may ask who read what.
ACCESS_LOGS_EXPIRE_AFTER: Final = Duration.days(90)
_TLS_VERSION: Final = 1.2
# What was overwritten or deleted by mistake can be had again for this long.
_VERSIONS_EXPIRE_AFTER: Final = Duration.days(30)


def private_bucket(
    scope: Construct,
    construct_id: str,
    *,
    config: Config,
    access_logs: s3.IBucket | None,
    lifecycle_rules: Sequence[s3.LifecycleRule] = (),
    versions_expire_after: Duration | None = _VERSIONS_EXPIRE_AFTER,
    encryption: s3.BucketEncryption = s3.BucketEncryption.S3_MANAGED,
    **settings: Any,
) -> s3.Bucket:
    """Create a bucket that is private, encrypted, versioned and reached by TLS 1.2 or later.

    By S3's own keys: with a key of ours every reader, and every link that is given away, would
    have to carry the right to use it, and S3 lets no one at an object without asking IAM anyway.

    Args:
        scope: Parent construct.
        construct_id: Identifier below the parent.
        config: The environment's settings.
        access_logs: Bucket that S3 notes in who asked for what; ``None`` for none.
        lifecycle_rules: Rules besides those of all buckets.
        versions_expire_after: How long versions are kept that are no longer current; ``None`` for
            good.
        encryption: By whose keys; anything but S3's own has its reason where it is asked for.
        settings: Further settings of ``s3.Bucket``.
    """
    if access_logs is not None:
        settings |= {
            "server_access_logs_bucket": access_logs,
            "server_access_logs_prefix": f"{scope.node.id.lower()}/",
        }
    rules = [
        *lifecycle_rules,
        s3.LifecycleRule(id="uploads", abort_incomplete_multipart_upload_after=Duration.days(1)),
    ]
    if versions_expire_after is not None:
        rules.append(
            s3.LifecycleRule(
                id="versions",
                noncurrent_version_expiration=versions_expire_after,
                # What is left of an object whose versions are all gone.
                expired_object_delete_marker=True,
            )
        )
    return s3.Bucket(
        scope,
        construct_id,
        versioned=True,
        encryption=encryption,
        enforce_ssl=True,
        minimum_tls_version=_TLS_VERSION,
        block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
        object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
        lifecycle_rules=rules,
        removal_policy=RemovalPolicy.RETAIN if config.retain_data else RemovalPolicy.DESTROY,
        **settings,
    )


def access_log_bucket(scope: Construct, construct_id: str, *, config: Config) -> s3.Bucket:
    """Create the bucket that S3 notes in who asked the others for what."""
    return private_bucket(
        scope,
        construct_id,
        config=config,
        access_logs=None,
        lifecycle_rules=[s3.LifecycleRule(id="logs", expiration=ACCESS_LOGS_EXPIRE_AFTER)],
        versions_expire_after=Duration.days(1),
    )

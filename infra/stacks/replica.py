"""Where another region keeps copies of raw documents and of the audit log's anchors."""

from typing import Any

from aws_cdk import Duration, Stack
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.components.anchor_bucket import anchor_retention
from infra.components.bucket import access_log_bucket, private_bucket
from infra.components.replication import ANCHORS_REPLICA, RAW_REPLICA, replica_name
from infra.config import REGION, Config


class ReplicaStack(Stack):
    """The replicas, which the buckets of the data stack name as what S3 copies them to."""

    def __init__(self, scope: Construct, construct_id: str, *, config: Config, **kwargs: Any):
        if config.replica_region == REGION:
            msg = f"replicas belong in another region than {REGION}"
            raise ValueError(msg)
        super().__init__(scope, construct_id, **kwargs)
        access_logs = access_log_bucket(self, "AccessLogs", config=config)
        private_bucket(
            self,
            "Raw",
            config=config,
            access_logs=access_logs,
            bucket_name=replica_name(config, RAW_REPLICA),
            versions_expire_after=None,
        )
        private_bucket(
            self,
            "Anchors",
            config=config,
            access_logs=access_logs,
            bucket_name=replica_name(config, ANCHORS_REPLICA),
            object_lock_default_retention=anchor_retention(config),
            lifecycle_rules=[
                s3.LifecycleRule(id="kept", expiration=Duration.days(config.anchor_days))
            ],
            versions_expire_after=Duration.days(1),
        )

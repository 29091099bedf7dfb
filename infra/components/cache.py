"""Valkey on AWS."""

from typing import Final

from aws_cdk import SecretValue
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_elasticache as elasticache
from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.components.stores import StoreConnection, generated_credentials, secret_login
from infra.config import CacheConfig, Config
from quant_http.routes import Store

_USER: Final = "quant_app"
# What the API does with the cache: no administration, no flushing, no listing of all keys.
_RIGHTS: Final = "on ~* -@all +@connection +@read +@write +@scripting +@transaction -@dangerous"


class Cache(Construct):
    """Valkey on ElastiCache Serverless: encrypted, TLS only, one user with a password.

    The user group has no user ``default``: Valkey's groups, unlike those of Redis OSS, need none,
    and take no user without a password. Who does not log in may do nothing.
    https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/Clusters.RBAC.html

    Attributes:
        connection: How functions connect.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: Config,
        settings: CacheConfig,
        vpc: ec2.IVpc,
        group: ec2.ISecurityGroup,
        key: kms.IKey,
    ):
        super().__init__(scope, construct_id)
        secret = generated_credentials(self, "Secret", _USER, config.secret_name("valkey"), key)
        password = SecretValue.secrets_manager(secret.secret_arn, json_field="password")
        user = elasticache.CfnUser(
            self,
            "User",
            engine="valkey",
            user_id=config.name("cache-app"),
            user_name=_USER,
            access_string=_RIGHTS,
            # A reference CloudFormation resolves on deployment: the template holds no password.
            authentication_mode={"Type": "password", "Passwords": [password.unsafe_unwrap()]},
        )
        users = elasticache.CfnUserGroup(
            self,
            "Users",
            engine="valkey",
            user_group_id=config.name("cache-users"),
            user_ids=[user.ref],
        )
        cache = elasticache.CfnServerlessCache(
            self,
            "Cache",
            engine="valkey",
            major_engine_version="8",
            serverless_cache_name=config.name("cache"),
            user_group_id=users.ref,
            subnet_ids=vpc.select_subnets(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED).subnet_ids,
            security_group_ids=[group.security_group_id],
            kms_key_id=key.key_id,
            cache_usage_limits=elasticache.CfnServerlessCache.CacheUsageLimitsProperty(
                data_storage=elasticache.CfnServerlessCache.DataStorageProperty(
                    unit="GB", maximum=settings.max_storage_gb
                ),
                ecpu_per_second=elasticache.CfnServerlessCache.ECPUPerSecondProperty(
                    maximum=settings.max_ecpu_per_second
                ),
            ),
            snapshot_retention_limit=settings.snapshot_days,
        )
        self.connection = StoreConnection(
            store=Store.VALKEY,
            host=cache.attr_endpoint_address,
            port=cache.attr_endpoint_port,
            login=secret_login(secret, key),
            tls=True,
        )

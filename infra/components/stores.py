"""Data stores as the functions see them: an endpoint and the secret that opens it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from aws_cdk import Duration, RemovalPolicy, SecretValue
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_elasticache as elasticache
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_rds as rds
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra.config import (
    DATABASE_NAME,
    REGION,
    SECRET_LENGTH,
    TRACKING_NAME,
    CacheConfig,
    Config,
    DatabaseConfig,
    LocalEndpoints,
)
from quant_http.routes import Store

_PREFIX: Final[Mapping[Store, str]] = {
    Store.POSTGRES: "QUANT_DATABASE",
    Store.VALKEY: "QUANT_VALKEY",
}

# What the API does with the cache: no administration, no flushing, no listing of all keys.
_VALKEY_RIGHTS: Final = (
    "on ~* -@all +@connection +@read +@write +@scripting +@transaction -@dangerous"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreConnection:
    """How a function connects to a data store, wherever that store runs.

    Attributes:
        store: Which store.
        host: Host name or address.
        port: TCP port; a token where CloudFormation knows it.
        secret: Credentials, ``{"username": ..., "password": ...}``.
        secret_id: ARN or name the function asks Secrets Manager for.
        key: Key that encrypts the secret, if not the account's own.
        tls: Whether the server speaks TLS.
        extra: Further environment variables.
    """

    store: Store
    host: str
    port: str
    secret: secretsmanager.ISecret
    secret_id: str
    key: kms.IKey | None = None
    tls: bool
    extra: Mapping[str, str] = field(default_factory=dict)

    def environment(self) -> dict[str, str]:
        """Return the environment variables that describe the connection."""
        prefix = _PREFIX[self.store]
        return {
            f"{prefix}_HOST": self.host,
            f"{prefix}_PORT": self.port,
            f"{prefix}_SECRET_ARN": self.secret_id,
            f"{prefix}_TLS": "true" if self.tls else "false",
            **self.extra,
        }

    def grant_credentials(self, role: iam.Role) -> None:
        """Let ``role`` read the credentials."""
        self.secret.grant_read(role)
        if self.key is not None:
            role.add_to_policy(
                iam.PolicyStatement(
                    actions=["kms:Decrypt"],
                    resources=[self.key.key_arn],
                    conditions={
                        "StringEquals": {"kms:ViaService": f"secretsmanager.{REGION}.amazonaws.com"}
                    },
                )
            )


def _reference(secret: secretsmanager.Secret) -> secretsmanager.ISecret:
    """Return ``secret`` without its key.

    A grant on the secret itself would write the reader's role into the key's policy, and the
    stack that holds the key would then depend on the stack of the reader.
    """
    return secretsmanager.Secret.from_secret_complete_arn(secret, "Reference", secret.secret_arn)


def _credentials(
    scope: Construct, construct_id: str, username: str, name: str, key: kms.IKey
) -> secretsmanager.Secret:
    """Return a secret with a user name and a generated password.

    Not ``rds.DatabaseSecret``: its passwords have 30 characters, which is less than 256 bits.
    """
    return secretsmanager.Secret(
        scope,
        construct_id,
        secret_name=name,
        encryption_key=key,
        generate_secret_string=secretsmanager.SecretStringGenerator(
            secret_string_template=json.dumps({"username": username}),
            generate_string_key="password",
            exclude_punctuation=True,
            password_length=SECRET_LENGTH,
        ),
    )


Stores = Mapping[Store, StoreConnection]


def local_stores(scope: Construct, config: Config, endpoints: LocalEndpoints) -> Stores:
    """Return connections to servers on this machine, whose secrets exist already."""

    def connection(store: Store, host: str, port: int, secret: str) -> StoreConnection:
        name = config.secret_name(secret)
        return StoreConnection(
            store=store,
            host=host,
            port=str(port),
            secret=secretsmanager.Secret.from_secret_name_v2(
                scope, f"{store.value.capitalize()}Secret", name
            ),
            secret_id=name,
            tls=False,
            extra=_DATABASE_EXTRA if store is Store.POSTGRES else {},
        )

    return {
        Store.POSTGRES: connection(
            Store.POSTGRES, endpoints.database_host, endpoints.database_port, "database"
        ),
        Store.VALKEY: connection(
            Store.VALKEY, endpoints.valkey_host, endpoints.valkey_port, "valkey"
        ),
    }


_DATABASE_EXTRA: Final = {"QUANT_DATABASE_NAME": DATABASE_NAME}


def local_owner(scope: Construct, config: Config, database: StoreConnection) -> StoreConnection:
    """Return how the owner of the schema connects to this machine's database."""
    name = config.secret_name("database-admin")
    secret = secretsmanager.Secret.from_secret_name_v2(scope, "PostgresOwnerSecret", name)
    return replace(database, secret=secret, secret_id=name)


class Database(Construct):
    """PostgreSQL 18 on RDS: encrypted, TLS only, private.

    Attributes:
        instance: The RDS instance.
        admin_secret: Credentials of the owner of the schema; migrations use them.
        connection: How functions connect, as the role ``quant_app``.
        owner: How the owner of the schema connects.
        tracking: How the tracking server connects to a database of its own on the instance.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: Config,
        settings: DatabaseConfig,
        vpc: ec2.IVpc,
        group: ec2.ISecurityGroup,
        key: kms.IKey,
    ):
        super().__init__(scope, construct_id)
        engine = rds.DatabaseInstanceEngine.postgres(version=rds.PostgresEngineVersion.VER_18)
        self.admin_secret = _credentials(
            self, "AdminSecret", "quant_admin", config.secret_name("database-admin"), key
        )
        app_secret = _credentials(
            self, "AppSecret", "quant_app", config.secret_name("database"), key
        )
        self.instance = rds.DatabaseInstance(
            self,
            "Instance",
            instance_identifier=config.name("database"),
            engine=engine,
            parameter_group=rds.ParameterGroup(
                self,
                "Parameters",
                engine=engine,
                description="TLS only; connections bounded by the functions' concurrency",
                parameters={
                    "rds.force_ssl": "1",
                    "max_connections": str(settings.max_connections),
                },
            ),
            instance_type=ec2.InstanceType(settings.instance_type),
            database_name=DATABASE_NAME,
            credentials=rds.Credentials.from_secret(self.admin_secret),
            vpc=vpc,
            vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED),
            security_groups=[group],
            publicly_accessible=False,
            multi_az=settings.multi_az,
            storage_type=rds.StorageType.GP3,
            allocated_storage=settings.storage_gib,
            max_allocated_storage=settings.max_storage_gib,
            storage_encrypted=True,
            storage_encryption_key=key,
            backup_retention=Duration.days(settings.backup_days),
            copy_tags_to_snapshot=True,
            deletion_protection=settings.deletion_protection,
            removal_policy=(
                RemovalPolicy.SNAPSHOT if config.retain_data else RemovalPolicy.DESTROY
            ),
            auto_minor_version_upgrade=True,
            ca_certificate=rds.CaCertificate.RDS_CA_RSA2048_G1,
        )
        self.connection = StoreConnection(
            store=Store.POSTGRES,
            host=self.instance.db_instance_endpoint_address,
            port=self.instance.db_instance_endpoint_port,
            secret=_reference(app_secret),
            secret_id=app_secret.secret_arn,
            key=key,
            tls=True,
            extra=_DATABASE_EXTRA,
        )
        tracking_secret = _credentials(
            self, "TrackingSecret", TRACKING_NAME, config.secret_name("tracking-database"), key
        )
        self.tracking = replace(
            self.connection,
            secret=_reference(tracking_secret),
            secret_id=tracking_secret.secret_arn,
            extra={"QUANT_DATABASE_NAME": TRACKING_NAME},
        )
        self.owner = replace(
            self.connection,
            secret=_reference(self.admin_secret),
            secret_id=self.admin_secret.secret_arn,
        )


class Cache(Construct):
    """Valkey on ElastiCache Serverless: encrypted, TLS only, one user with a password.

    Attributes:
        connection: How functions connect, as the user ``quant_app``.
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
        name = config.name("cache")
        username = "quant_app"
        secret = _credentials(self, "Secret", username, config.secret_name("valkey"), key)
        password = SecretValue.secrets_manager(secret.secret_arn, json_field="password")
        user = elasticache.CfnUser(
            self,
            "User",
            engine="valkey",
            user_id=config.name("cache-app"),
            user_name=username,
            access_string=_VALKEY_RIGHTS,
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
            serverless_cache_name=name,
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
            secret=_reference(secret),
            secret_id=secret.secret_arn,
            key=key,
            tls=True,
        )

"""What outlives deployments: the data stores and the platform's own keys."""

import json
from typing import Any

from aws_cdk import CfnOutput, RemovalPolicy, SecretValue, Stack
from aws_cdk import aws_kms as kms
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_ses as ses
from constructs import Construct

from infra.components.anchor_bucket import AnchorBucket
from infra.components.audit_queue import AuditQueue
from infra.components.stores import (
    Cache,
    Database,
    StoreConnection,
    Stores,
    local_owner,
    local_stores,
)
from infra.config import Config
from infra.stacks.network import NetworkStack
from quant_http.routes import Store


class DataStack(Stack):
    """Data stores, and the keys that sign and verify access tokens.

    Attributes:
        stores: How to connect to each data store.
        database_owner: How the owner of the schema connects to Postgres.
        signing_key: Private key set; those that sign tokens may read it.
        jwks: Public JSON Web Key set (RFC 7517).
        audit_queue: Where audit entries wait while Postgres is away.
        anchors: Where the audit log's anchors are kept.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: Config,
        network: NetworkStack,
        **kwargs: Any,
    ):
        super().__init__(scope, construct_id, **kwargs)
        self.stores, self.database_owner = self._stores(config, network)
        self.signing_key = self._key_set("SigningKey", config, "signing-key")
        self.jwks = self._key_set("Jwks", config, "jwks")
        self.audit_queue = AuditQueue(self, "Audit", config=config)
        self.anchors = AnchorBucket(self, "Anchors", config=config).bucket
        # LocalStack's CloudFormation cannot make one; there the supervisor verifies the sender.
        if config.local is None:
            ses.EmailIdentity(self, "Sender", identity=ses.Identity.domain(config.email_domain))

    def _key_set(self, name: str, config: Config, part: str) -> secretsmanager.Secret:
        """Declare a key set; ``quant keys ensure`` fills it, CloudFormation never does again."""
        return secretsmanager.Secret(
            self,
            name,
            secret_name=config.secret_name(part),
            secret_string_value=SecretValue.unsafe_plain_text(json.dumps({"keys": []})),
            removal_policy=RemovalPolicy.RETAIN if config.retain_data else RemovalPolicy.DESTROY,
        )

    def _stores(self, config: Config, network: NetworkStack) -> tuple[Stores, StoreConnection]:
        """Return how functions connect to each store, and how the schema's owner does."""
        if config.local is not None:
            stores = local_stores(self, config, config.local)
            return stores, local_owner(self, config, stores[Store.POSTGRES])
        if config.database is None or config.cache is None:
            msg = f"{config.environment} needs database and cache settings"
            raise ValueError(msg)
        key = kms.Key(
            self,
            "Key",
            alias=config.name("data"),
            description="Encrypts the data stores and their credentials",
            enable_key_rotation=True,
            removal_policy=RemovalPolicy.RETAIN if config.retain_data else RemovalPolicy.DESTROY,
        )
        database = Database(
            self,
            "Database",
            config=config,
            settings=config.database,
            vpc=network.vpc,
            group=network.store_groups[Store.POSTGRES],
            key=key,
        )
        cache = Cache(
            self,
            "Cache",
            config=config,
            settings=config.cache,
            vpc=network.vpc,
            group=network.store_groups[Store.VALKEY],
            key=key,
        )
        CfnOutput(self, "DatabaseSecretArn", value=database.owner.secret_id)
        return {
            Store.POSTGRES: database.connection,
            Store.VALKEY: cache.connection,
        }, database.owner

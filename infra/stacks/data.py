"""What outlives deployments: data stores, raw documents, waiting messages, the platform's keys."""

import json
from collections.abc import Mapping
from typing import Any, Final

from aws_cdk import CfnOutput, Duration, RemovalPolicy, SecretValue, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as event_targets
from aws_cdk import aws_kms as kms
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_ses as ses
from constructs import Construct

from infra.all_functions import consumer_of
from infra.components.alarm_topic import AlarmTopic
from infra.components.anchor_bucket import AnchorBucket
from infra.components.bucket import access_log_bucket
from infra.components.cache import Cache
from infra.components.database import Database
from infra.components.export_bucket import ExportBucket
from infra.components.ml_bucket import MlBucket
from infra.components.raw_bucket import RawBucket
from infra.components.stores import (
    Login,
    StoreConnection,
    Stores,
    local_owner,
    local_stores,
    secret_login,
)
from infra.components.work_queue import WorkQueue
from infra.config import SECRET_LENGTH, Config
from infra.functions import API_FUNCTIONS, AUDIT_DRAIN
from infra.rules import accept
from infra.stacks.network import NetworkStack
from quant.pipeline.messages import EVENT_SOURCE, TRADE_DISCLOSED
from quant.pipeline.queues import Queue
from quant_http.routes import Secret, Store

_WORK: Final[Mapping[Queue, str]] = {
    Queue.PARSE: "Raw documents",
    Queue.FETCH: "Filings to be fetched",
    Queue.REPORTS: "Reports of collectors and deliveries",
    Queue.ALERTS: "Disclosed trades",
    Queue.DELIVERIES: "Webhooks",
    Queue.EXPORTS: "Exports",
}
# The most SQS allows: at a minute each, Postgres may be away for 16 hours.
_AUDIT_RECEIVES: Final = 1000


class DataStack(Stack):
    """Data stores, raw documents, queues, and the keys the platform signs with.

    Attributes:
        stores: How to connect to each data store.
        database_owner: How the owner of the schema connects to Postgres.
        tracking_database: How the tracking server connects; ``None`` where the supervisor runs it.
        backup_database: How backups are made; ``None`` where an operator makes them as the owner.
        role_logins: Passwords of the database's roles that the deployment makes, by what they are
            for; the supervisor makes those of the local database.
        signing_key: Private key set; those that sign tokens may read it.
        jwks: Public JSON Web Key set (RFC 7517).
        secrets: All secrets but the stores' credentials.
        audit_queue: Where audit entries wait while Postgres is away.
        anchors: Where the audit log's anchors are kept.
        queues: The queues of the pipeline.
        raw: The raw documents.
        exports: The files of exports.
        ml: The bucket of machine learning.
        bus: Where disclosed trades are announced.
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
        self.tracking_database: StoreConnection | None = None
        self.backup_database: StoreConnection | None = None
        self.role_logins: Mapping[str, Login] = {}
        self.stores, self.database_owner = self._stores(config, network)
        self.signing_key = self._key_set("SigningKey", config, "signing-key")
        self.jwks = self._key_set("Jwks", config, "jwks")
        self.secrets: Mapping[Secret, secretsmanager.Secret] = {
            Secret.JWKS: self.jwks,
            Secret.SIGNING_KEY: self.signing_key,
            Secret.WEBHOOK: self._generated("Webhook", config, "webhook"),
            # A random value until an operator puts the provider's key in.
            Secret.PRICES: self._generated("Prices", config, "prices"),
        }
        AlarmTopic(self, "Alarms", config=config)
        self.audit_queue = WorkQueue(
            self,
            "Audit",
            config=config,
            name="audit",
            work="Audit entries",
            consumer_timeout_s=API_FUNCTIONS[AUDIT_DRAIN].timeout_s,
            receives=_AUDIT_RECEIVES,
            alarm_age=Duration.hours(1),
        )
        self.queues = {queue: self._queue(queue, config) for queue in Queue}
        access_logs = access_log_bucket(self, "AccessLogs", config=config)
        self.raw = RawBucket(
            self,
            "Raw",
            config=config,
            arrivals=self.queues[Queue.PARSE].queue,
            access_logs=access_logs,
        )
        self.exports = ExportBucket(self, "Exported", config=config, access_logs=access_logs)
        self.ml = MlBucket(self, "Ml", config=config, access_logs=access_logs)
        self.bus = events.EventBus(self, "Bus", event_bus_name=config.name("pipeline"))
        events.Rule(
            self,
            "Disclosed",
            event_bus=self.bus,
            event_pattern=events.EventPattern(source=[EVENT_SOURCE], detail_type=[TRADE_DISCLOSED]),
            targets=[event_targets.SqsQueue(self.queues[Queue.ALERTS].queue)],
        )
        self.anchors = AnchorBucket(self, "Anchors", config=config, access_logs=access_logs).bucket
        # LocalStack's CloudFormation cannot make one; there the supervisor verifies the sender.
        if config.local is None:
            ses.EmailIdentity(self, "Sender", identity=ses.Identity.domain(config.email_domain))
        CfnOutput(self, "MlBucketName", value=self.ml.bucket.bucket_name)

    def _key_set(self, name: str, config: Config, part: str) -> secretsmanager.Secret:
        """Declare a key set; ``quant keys ensure`` fills it, CloudFormation never does again."""
        secret = secretsmanager.Secret(
            self,
            name,
            secret_name=config.secret_name(part),
            secret_string_value=SecretValue.unsafe_plain_text(json.dumps({"keys": []})),
            removal_policy=RemovalPolicy.RETAIN if config.retain_data else RemovalPolicy.DESTROY,
        )
        accept(
            secret,
            "The Api stack has the schedule that rotates the signing keys, and publishes their "
            "public halves with each rotation (docs/adr/0010).",
            "AwsSolutions-SMG4",
        )
        return secret

    def _generated(self, name: str, config: Config, part: str) -> secretsmanager.Secret:
        """Declare a secret of random letters and digits."""
        secret = secretsmanager.Secret(
            self,
            name,
            secret_name=config.secret_name(part),
            generate_secret_string=secretsmanager.SecretStringGenerator(
                password_length=SECRET_LENGTH, exclude_punctuation=True
            ),
            removal_policy=RemovalPolicy.RETAIN if config.retain_data else RemovalPolicy.DESTROY,
        )
        accept(
            secret,
            "Another value breaks what others hold: the signatures that receivers of webhooks "
            "verify, or the account at the provider of prices.",
            "AwsSolutions-SMG4",
        )
        return secret

    def _queue(self, queue: Queue, config: Config) -> WorkQueue:
        consumer = consumer_of(queue)
        assert consumer.source is not None  # noqa: S101 - narrows the type
        return WorkQueue(
            self,
            queue.value.capitalize(),
            config=config,
            name=queue.value,
            work=_WORK[queue],
            consumer_timeout_s=consumer.timeout_s,
            receives=consumer.source.receives,
            # A webhook's last attempts are ten hours apart.
            alarm_age=Duration.hours(36 if queue is Queue.DELIVERIES else 6),
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
            group=network.database_group,
            proxy_group=network.store_groups[Store.POSTGRES],
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
        for name, secret in database.secrets.items():
            CfnOutput(self, f"{name}SecretArn", value=secret.secret_arn)
        self.tracking_database = database.tracking
        self.backup_database = database.backup
        self.role_logins = {
            "application": secret_login(database.secrets["App"], key),
            "tracking": database.tracking.login,
            "backup": secret_login(database.secrets["Backup"], key),
        }
        return {
            Store.POSTGRES: database.connection,
            Store.VALKEY: cache.connection,
        }, database.owner

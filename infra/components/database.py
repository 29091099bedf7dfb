"""PostgreSQL 18 on AWS: an RDS instance, or an Aurora Serverless cluster in its place."""

from dataclasses import replace
from typing import Any, Final

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_rds as rds
from constructs import Construct

from infra.components.database_proxy import DatabaseProxy, ProxyUser
from infra.components.monitoring_role import monitoring_role
from infra.components.stores import StoreConnection, generated_credentials
from infra.config import DATABASE_NAME, TRACKING_NAME, AuroraCapacity, Config, DatabaseConfig
from infra.rules import accept
from quant_http.routes import Store

_OWNER: Final = "quant_admin"
_APP: Final = "quant_app"
_BACKUP: Final = "quant_backup"
_PORT: Final = 5432
# Postgres logs no value: values are addresses, tokens' hashes and what others may not read.
_PARAMETERS: Final = {
    "rds.force_ssl": "1",
    # Statements of the schema may hold a password.
    "log_statement": "none",
    # The text of slow ones, whose values are parameters, which are left out: of these, and of
    # those that failed.
    "log_min_duration_statement": "1000",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    # Without details: "Key (email)=(...) already exists."
    "log_error_verbosity": "terse",
    "log_lock_waits": "1",
    "shared_preload_libraries": "pg_stat_statements",
}
# Logs that go to CloudWatch.
_EXPORTS: Final = {"instance": ["postgresql", "upgrade"], "cluster": ["postgresql"]}


class Database(Construct):
    """Postgres: encrypted, private, TLS only, reached through a proxy.

    Attributes:
        server: The instance or the cluster.
        proxy: What everybody connects to.
        connection: How functions connect, as the role ``quant_app``.
        owner: How the owner of the schema connects.
        tracking: How the tracking server connects to a database of its own on the server.
        backup: How backups are made, by a role that reads everything.
        secrets: Credentials by what they are of: the owner, as outputs call it ``Database``, the
            functions' role, the tracking server, and backups.
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
        proxy_group: ec2.ISecurityGroup,
        key: kms.IKey,
    ):
        """Create the server and its proxy.

        Args:
            scope: Parent construct.
            construct_id: Identifier below the parent.
            config: The environment's settings.
            settings: Those of the database.
            vpc: Where both are, in the isolated subnets.
            group: Security group of the server; admits the proxy alone.
            proxy_group: Security group of the proxy; admits clients.
            key: Key that encrypts storage, insights and secrets.
        """
        super().__init__(scope, construct_id)
        self._config = config
        self._settings = settings
        self._key = key
        owner, app, tracking, backup = (
            ProxyUser(
                name=name,
                secret=generated_credentials(
                    self, f"{part}Secret", name, config.secret_name(secret), key
                ),
                # The tracking server hands a URL with a password to MLflow.
                by_iam=name != TRACKING_NAME,
            )
            for part, name, secret in (
                ("Admin", _OWNER, "database-admin"),
                ("App", _APP, "database"),
                ("Tracking", TRACKING_NAME, "tracking-database"),
                ("Backup", _BACKUP, "backup-database"),
            )
        )
        placement: dict[str, Any] = {
            "credentials": rds.Credentials.from_secret(owner.secret),
            "vpc": vpc,
            "vpc_subnets": ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED),
            "security_groups": [group],
        }
        self.server: rds.DatabaseInstance | rds.DatabaseCluster
        if settings.aurora is None:
            self.server = self._instance(placement)
            self._accept_instance(self.server)
            self.server.node.add_dependency(*self._log_groups("instance"))
        else:
            self.server = self._cluster(settings.aurora, placement)
            self.server.node.add_dependency(*self._log_groups("cluster"))
        self.proxy = DatabaseProxy(
            self,
            "Proxy",
            config=config,
            settings=settings,
            vpc=vpc,
            group=proxy_group,
            key=key,
            users=[owner, app, tracking, backup],
        )
        self.proxy.serve(self.server)
        self.connection = StoreConnection(
            store=Store.POSTGRES,
            host=self.proxy.host,
            port=str(_PORT),
            login=self.proxy.login(app),
            tls=True,
            extra={"QUANT_DATABASE_NAME": DATABASE_NAME, "QUANT_DATABASE_AUTH": "iam"},
        )
        self.owner = replace(self.connection, login=self.proxy.login(owner))
        self.tracking = replace(
            self.connection,
            login=self.proxy.login(tracking),
            extra={"QUANT_DATABASE_NAME": TRACKING_NAME},
        )
        self.backup = replace(self.connection, login=self.proxy.login(backup))
        self.secrets = {
            "Database": owner.secret,
            "App": app.secret,
            "Tracking": tracking.secret,
            "Backup": backup.secret,
        }

    def _parameters(self, construct_id: str, engine: rds.IEngine) -> rds.ParameterGroup:
        return rds.ParameterGroup(
            self,
            construct_id,
            engine=engine,
            description="TLS only; connections bounded by the functions' concurrency",
            parameters={
                **_PARAMETERS,
                "max_connections": str(self._settings.max_connections),
            },
        )

    def _log_groups(self, kind: str) -> list[logs.LogGroup]:
        """Return the groups of what the server logs: RDS would make them, and never empty them."""
        config = self._config
        return [
            logs.LogGroup(
                self,
                f"{kind.capitalize()}{export.capitalize()}Logs",
                log_group_name=f"/aws/rds/{kind}/{config.name('database')}/{export}",
                retention=config.log_retention,
                removal_policy=(
                    RemovalPolicy.RETAIN if config.retain_data else RemovalPolicy.DESTROY
                ),
            )
            for export in _EXPORTS[kind]
        ]

    def _common(self, kind: str) -> dict[str, Any]:
        """Return what an ``instance`` and a ``cluster`` have in common."""
        config, settings = self._config, self._settings
        return {
            "storage_encrypted": True,
            "storage_encryption_key": self._key,
            "iam_authentication": True,
            "copy_tags_to_snapshot": True,
            "deletion_protection": settings.deletion_protection,
            "removal_policy": (
                RemovalPolicy.SNAPSHOT if config.retain_data else RemovalPolicy.DESTROY
            ),
            "cloudwatch_logs_exports": _EXPORTS[kind],
            # Seven days of them are free.
            "database_insights_mode": rds.DatabaseInsightsMode.STANDARD,
            "enable_performance_insights": True,
            "performance_insight_retention": rds.PerformanceInsightRetention.DEFAULT,
            "performance_insight_encryption_key": self._key,
            "monitoring_interval": Duration.minutes(1),
            "monitoring_role": monitoring_role(self, "MonitoringRole"),
        }

    def _instance(self, placement: dict[str, Any]) -> rds.DatabaseInstance:
        settings = self._settings
        engine = rds.DatabaseInstanceEngine.postgres(version=rds.PostgresEngineVersion.VER_18)
        return rds.DatabaseInstance(
            self,
            "Instance",
            instance_identifier=self._config.name("database"),
            engine=engine,
            parameter_group=self._parameters("Parameters", engine),
            instance_type=ec2.InstanceType(settings.instance_type),
            database_name=DATABASE_NAME,
            port=_PORT,
            publicly_accessible=False,
            multi_az=settings.multi_az,
            storage_type=rds.StorageType.GP3,
            allocated_storage=settings.storage_gib,
            max_allocated_storage=settings.max_storage_gib,
            backup_retention=Duration.days(settings.backup_days),
            auto_minor_version_upgrade=True,
            ca_certificate=rds.CaCertificate.RDS_CA_RSA2048_G1,
            **placement,
            **self._common("instance"),
        )

    def _accept_instance(self, instance: rds.DatabaseInstance) -> None:
        accept(
            instance,
            "Its proxy alone reaches it: another port hides it from nobody.",
            "AwsSolutions-RDS11",
        )
        if not self._settings.multi_az:
            accept(
                instance,
                "Where no one depends on it, a standby doubles the price for nothing.",
                "AwsSolutions-RDS3",
            )
        if not self._settings.deletion_protection:
            accept(
                instance,
                "Of an environment that is deleted as a whole, and holds nothing of its own.",
                "AwsSolutions-RDS10",
            )

    def _cluster(self, capacity: AuroraCapacity, placement: dict[str, Any]) -> rds.DatabaseCluster:
        settings = self._settings
        engine = rds.DatabaseClusterEngine.aurora_postgres(
            version=rds.AuroraPostgresEngineVersion.VER_18_4
        )

        def instance(name: str, **options: Any) -> rds.IClusterInstance:
            return rds.ClusterInstance.serverless_v2(
                name,
                instance_identifier=self._config.name(f"database-{name.lower()}"),
                publicly_accessible=False,
                auto_minor_version_upgrade=True,
                ca_certificate=rds.CaCertificate.RDS_CA_RSA2048_G1,
                **options,
            )

        return rds.DatabaseCluster(
            self,
            "Cluster",
            cluster_identifier=self._config.name("database"),
            engine=engine,
            parameter_group=self._parameters("ClusterParameters", engine),
            writer=instance("Writer"),
            # As large as the writer at any time, or it could not take its place.
            readers=[instance("Reader", scale_with_writer=True)] if settings.multi_az else [],
            serverless_v2_min_capacity=capacity.least,
            serverless_v2_max_capacity=capacity.most,
            default_database_name=DATABASE_NAME,
            port=_PORT,
            backup=rds.BackupProps(retention=Duration.days(settings.backup_days)),
            **placement,
            **self._common("cluster"),
        )

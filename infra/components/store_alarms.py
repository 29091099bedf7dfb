"""Alarms of the data stores and of what the account admits, each with something to be done."""

from collections.abc import Callable
from typing import Final

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from infra.components.alarm import alarm_at
from infra.config import CacheConfig, Config, DatabaseConfig

_FIVE_MINUTES: Final = Duration.minutes(5)
_GIB: Final = 1024**3
_GB: Final = 10**9
# Shares of a limit at which there is still time to raise it.
_NEAR: Final = 0.8
_NEARER: Final = 0.9
# A quarter of an hour of five-minute periods: a backup or a query alone is no reason.
_LASTING: Final = 3
# RDS lets storage grow when a tenth of it is left, up to its limit: less says that it has not.
# https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_PIOPS.Autoscaling.html
_FREE_STORAGE: Final = 0.05
# Below, Postgres' cache and the operating system fight for what is left.
_FREE_MEMORY_BYTES: Final = 100 * 1024**2

_AT_MOST: Final = cloudwatch.ComparisonOperator.LESS_THAN_OR_EQUAL_TO_THRESHOLD


def database_metric(
    config: Config, settings: DatabaseConfig, name: str, statistic: str
) -> cloudwatch.Metric:
    """Return a metric of RDS of the database.

    https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-metrics.html
    """
    kind = "DBInstanceIdentifier" if settings.aurora is None else "DBClusterIdentifier"
    return _metric("AWS/RDS", name, statistic, {kind: config.name("database")})


def proxy_metric(config: Config, name: str, statistic: str) -> cloudwatch.Metric:
    """Return a metric of the database's proxy.

    https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-proxy.monitoring.html
    """
    return _metric("AWS/RDS", name, statistic, {"ProxyName": config.name("database")})


def cache_metric(config: Config, name: str, statistic: str) -> cloudwatch.Metric:
    """Return a metric of the serverless cache.

    https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/serverless-metrics-events-redis.html
    """
    return _metric("AWS/ElastiCache", name, statistic, {"clusterId": config.name("cache")})


def _metric(
    namespace: str, name: str, statistic: str, dimensions: dict[str, str]
) -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace=namespace,
        metric_name=name,
        dimensions_map=dimensions,
        period=_FIVE_MINUTES,
        statistic=statistic,
    )


def watch_database(scope: Construct, config: Config, settings: DatabaseConfig) -> None:
    """Create the alarms of the database and of its proxy."""

    def metric(name: str, statistic: str) -> cloudwatch.Metric:
        return database_metric(config, settings, name, statistic)

    alarm_at(
        scope,
        "DatabaseConnectionsAlarm",
        config=config,
        name="database-connections",
        description="Postgres has few connections left.",
        metric=metric("DatabaseConnections", "Maximum"),
        threshold=round(settings.max_connections * _NEAR),
    )
    alarm_at(
        scope,
        "DatabaseProxyAlarm",
        config=config,
        name="database-proxy",
        description="The proxy cannot open connections to Postgres.",
        metric=proxy_metric(config, "DatabaseConnectionsSetupFailed", "Sum"),
        threshold=1,
        # While the standby takes over, some fail.
        periods=2,
    )
    watch = _watch_instance if settings.aurora is None else _watch_cluster
    watch(scope, config, settings, metric)


type _Metric = Callable[[str, str], cloudwatch.Metric]


def _watch_instance(
    scope: Construct, config: Config, settings: DatabaseConfig, metric: _Metric
) -> None:
    alarm_at(
        scope,
        "DatabaseLoadAlarm",
        config=config,
        name="database-load",
        description="Postgres' processors are busy.",
        metric=metric("CPUUtilization", "Average"),
        threshold=100 * _NEARER,
        periods=_LASTING,
    )
    alarm_at(
        scope,
        "DatabaseMemoryAlarm",
        config=config,
        name="database-memory",
        description="Postgres' instance has little memory left.",
        metric=metric("FreeableMemory", "Minimum"),
        threshold=_FREE_MEMORY_BYTES,
        comparison=_AT_MOST,
        periods=_LASTING,
        runbook="database-load",
    )
    alarm_at(
        scope,
        "DatabaseStorageAlarm",
        config=config,
        name="database-storage",
        description="Postgres' storage is nearly full, and has not grown.",
        metric=metric("FreeStorageSpace", "Minimum"),
        threshold=round(settings.storage_gib * _GIB * _FREE_STORAGE),
        comparison=_AT_MOST,
    )


def _watch_cluster(
    scope: Construct, config: Config, _settings: DatabaseConfig, metric: _Metric
) -> None:
    # Its storage has no limit that we set; processors and memory are what capacity is.
    # https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora-serverless-v2.setting-capacity.html
    alarm_at(
        scope,
        "DatabaseLoadAlarm",
        config=config,
        name="database-load",
        description="Aurora is at the limit of its capacity.",
        metric=metric("ACUUtilization", "Average"),
        threshold=100 * _NEARER,
        periods=_LASTING,
    )


def watch_cache(scope: Construct, config: Config, settings: CacheConfig) -> None:
    """Create the alarms of Valkey."""
    alarm_at(
        scope,
        "CacheThrottledAlarm",
        config=config,
        name="cache-throttled",
        description="Valkey refuses commands.",
        metric=cache_metric(config, "ThrottledCmds", "Sum"),
        threshold=1,
        periods=2,
    )
    alarm_at(
        scope,
        "CacheFullAlarm",
        config=config,
        name="cache-full",
        description="Valkey is nearly full; it will forget what limits and revocations need.",
        metric=cache_metric(config, "BytesUsedForCache", "Maximum"),
        threshold=settings.max_storage_gb * _GB * _NEARER,
    )


def watch_account(scope: Construct, config: Config) -> None:
    """Create the alarms of what AWS admits to the account: concurrency, and the right to mail."""
    usage = cloudwatch.Metric(
        namespace="AWS/Usage",
        metric_name="ResourceCount",
        dimensions_map={
            "Service": "Lambda",
            "Type": "Resource",
            "Resource": "ConcurrentExecutions",
            "Class": "None",
        },
        period=_FIVE_MINUTES,
        statistic="Maximum",
    )
    alarm_at(
        scope,
        "ConcurrencyAlarm",
        config=config,
        name="concurrency",
        description="The account's concurrency is nearly used up.",
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch-Quotas-Visualize-Alarms.html
        metric=cloudwatch.MathExpression(
            expression="usage / SERVICE_QUOTA(usage)",
            using_metrics={"usage": usage},
            period=_FIVE_MINUTES,
            label="share of the quota",
        ),
        threshold=_NEAR,
    )
    # SES reviews an account at 5 % of bounces or 0.1 % of complaints, and stops it at 10 and 0.5.
    # https://docs.aws.amazon.com/ses/latest/dg/reputationdashboard-cloudwatch-alarm.html
    for name, metric, share in (
        ("mail-bounces", "Reputation.BounceRate", 0.05),
        ("mail-complaints", "Reputation.ComplaintRate", 0.001),
    ):
        alarm_at(
            scope,
            f"{name.title().replace('-', '')}Alarm",
            config=config,
            name=name,
            description="SES may soon take no more mail from this account.",
            metric=cloudwatch.Metric(
                namespace="AWS/SES",
                metric_name=metric,
                period=Duration.hours(1),
                statistic="Maximum",
            ),
            threshold=share,
            # There is a value only while mail is sent.
            missing=cloudwatch.TreatMissingData.IGNORE,
            runbook="mail-reputation",
        )

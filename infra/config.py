"""Everything that differs between the environments, in one place."""

import platform
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal, Self

from aws_cdk import aws_logs as logs

Environment = Literal["local", "dev", "prod"]
Architecture = Literal["arm64", "x86_64"]

REGION: Final = "us-east-1"
TOKEN_AUDIENCE: Final = "quant-api"  # noqa: S105 - a claim's value, not a secret
DATABASE_NAME: Final = "quant"

# How long API Gateway reuses an authorizer's answer for a token; a revoked key lives this long.
AUTHORIZER_CACHE_SECONDS: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalEndpoints:
    """Where the local environment's own Postgres and Valkey listen."""

    database_host: str
    database_port: int
    valkey_host: str
    valkey_port: int

    @classmethod
    def from_context(cls, context: Callable[[str], Any]) -> Self:
        """Read the endpoints from CDK context (``-c database_port=...``)."""
        return cls(
            database_host=context("database_host") or "127.0.0.1",
            database_port=int(context("database_port") or 5432),
            valkey_host=context("valkey_host") or "127.0.0.1",
            valkey_port=int(context("valkey_port") or 6379),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseConfig:
    """Size and safety of the RDS instance.

    Attributes:
        instance_type: EC2 name of the instance class, without ``db.``.
        storage_gib: Allocated storage, GiB.
        max_storage_gib: Limit of storage autoscaling, GiB.
        max_connections: Postgres' ``max_connections``; bounds the functions' concurrency.
        multi_az: Whether a standby waits in the second zone.
        backup_days: Days that point-in-time recovery reaches back.
        deletion_protection: Whether the instance refuses to be deleted.
    """

    instance_type: str
    storage_gib: int
    max_storage_gib: int
    max_connections: int
    multi_az: bool
    backup_days: int
    deletion_protection: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheConfig:
    """Limits and safety of the ElastiCache Serverless cache.

    Attributes:
        max_storage_gb: Upper limit of stored data, GB.
        max_ecpu_per_second: Upper limit of ElastiCache Processing Units per second.
        snapshot_days: Days a daily snapshot is kept; zero for none.
    """

    max_storage_gb: int
    max_ecpu_per_second: int
    snapshot_days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Settings of one environment.

    Attributes:
        environment: Name, also the API's stage name.
        architecture: Instruction set of the functions.
        snap_start: Whether published versions start from a snapshot of their initialised state.
        store_function_concurrency: Reserved concurrency of each function that uses the database;
            ``None`` leaves them in the account's pool.
        interface_endpoints: AWS services reachable from the isolated subnets.
        interface_endpoint_zones: Availability zones each interface endpoint is placed in.
        log_retention: How long CloudWatch keeps log events.
        log_level: Lowest level the functions log.
        retain_data: Whether a deleted stack leaves its secrets and logs behind.
        stage_rate_limit: Requests per second the whole stage admits, public routes included.
        stage_burst_limit: Token bucket of the whole stage, requests.
        database: RDS settings; ``None`` where the local endpoints stand in.
        cache: ElastiCache settings; ``None`` where the local endpoints stand in.
        local: The local endpoints; ``None`` on AWS.
    """

    environment: Environment
    architecture: Architecture = "arm64"
    snap_start: bool = True
    store_function_concurrency: int | None
    interface_endpoints: tuple[str, ...] = ("secretsmanager",)
    interface_endpoint_zones: int
    log_retention: logs.RetentionDays
    log_level: str = "INFO"
    retain_data: bool
    stage_rate_limit: int
    stage_burst_limit: int
    database: DatabaseConfig | None = None
    cache: CacheConfig | None = None
    local: LocalEndpoints | None = None

    @property
    def token_issuer(self) -> str:
        """The ``iss`` claim of access tokens."""
        return f"https://auth.{self.environment}.quant.internal"

    def name(self, part: str) -> str:
        """Return the physical name of a resource."""
        return f"quant-{self.environment}-{part}"

    def secret_name(self, part: str) -> str:
        """Return the name of a secret."""
        return f"quant/{self.environment}/{part}"


def config(environment: str, context: Callable[[str], Any]) -> Config:
    """Return the settings of ``environment``.

    Args:
        environment: ``local``, ``dev`` or ``prod``.
        context: Looks a CDK context value up; read for ``local`` only.

    Raises:
        ValueError: No such environment.
    """
    match environment:
        case "local":
            return _local(LocalEndpoints.from_context(context))
        case "dev":
            return _dev()
        case "prod":
            return _prod()
    msg = f"env must be local, dev or prod, not {environment!r}"
    raise ValueError(msg)


def _local(endpoints: LocalEndpoints) -> Config:
    host_is_arm = platform.machine().lower() in {"aarch64", "arm64"}
    return Config(
        environment="local",
        architecture="arm64" if host_is_arm else "x86_64",
        store_function_concurrency=4,
        interface_endpoint_zones=1,
        log_retention=logs.RetentionDays.ONE_DAY,
        retain_data=False,
        stage_rate_limit=100,
        stage_burst_limit=200,
        local=endpoints,
    )


def _dev() -> Config:
    return Config(
        environment="dev",
        store_function_concurrency=8,
        interface_endpoint_zones=1,
        log_retention=logs.RetentionDays.TWO_WEEKS,
        log_level="DEBUG",
        retain_data=False,
        stage_rate_limit=20,
        stage_burst_limit=40,
        database=DatabaseConfig(
            instance_type="t4g.micro",
            storage_gib=20,
            max_storage_gib=50,
            max_connections=80,
            multi_az=False,
            backup_days=1,
            deletion_protection=False,
        ),
        cache=CacheConfig(max_storage_gb=1, max_ecpu_per_second=1000, snapshot_days=0),
    )


def _prod() -> Config:
    return Config(
        environment="prod",
        store_function_concurrency=40,
        interface_endpoint_zones=2,
        log_retention=logs.RetentionDays.THREE_MONTHS,
        retain_data=True,
        stage_rate_limit=200,
        stage_burst_limit=400,
        database=DatabaseConfig(
            instance_type="t4g.medium",
            storage_gib=50,
            max_storage_gib=200,
            max_connections=300,
            multi_az=True,
            backup_days=14,
            deletion_protection=True,
        ),
        cache=CacheConfig(max_storage_gb=5, max_ecpu_per_second=5000, snapshot_days=1),
    )

"""Everything that differs between the environments, in one place."""

import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, Self

from aws_cdk import aws_logs as logs

from infra.functions import (
    ACCOUNT_CLASS,
    AUTHORIZER_CLASS,
    EVENT_CLASS,
    PARSE_CLASS,
    SINGLE_CLASS,
)
from quant.tiers import EndpointClass

Environment = Literal["local", "dev", "prod"]
Architecture = Literal["arm64", "x86_64"]

REGION: Final = "us-east-1"
TOKEN_AUDIENCE: Final = "quant-api"  # noqa: S105 - a claim's value, not a secret
DATABASE_NAME: Final = "quant"
# Of the tracking server's database on the same instance, and of the role that owns it.
TRACKING_NAME: Final = "mlflow"

# Characters of a generated secret: letters and digits, hence some 380 bits.
SECRET_LENGTH: Final = 64

# How long API Gateway reuses an authorizer's answer for a token; a revoked key lives this long.
AUTHORIZER_CACHE_SECONDS: Final = 60

# The addresses of S3 in ``REGION``, which the gateway endpoint routes; AWS keeps the list.
# https://docs.aws.amazon.com/vpc/latest/userguide/working-with-aws-managed-prefix-lists.html
S3_PREFIX_LIST: Final = "pl-63a5400a"


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalEndpoints:
    """Where the local environment's own Postgres, Valkey, AWS and MLflow listen."""

    database_host: str
    database_port: int
    valkey_host: str
    valkey_port: int
    aws: str
    tracking: str

    @classmethod
    def from_context(cls, context: Callable[[str], Any]) -> Self:
        """Read the endpoints from CDK context (``-c database_port=...``)."""
        return cls(
            database_host=context("database_host") or "127.0.0.1",
            database_port=int(context("database_port") or 5432),
            valkey_host=context("valkey_host") or "127.0.0.1",
            valkey_port=int(context("valkey_port") or 6379),
            aws=context("endpoint_url") or "http://127.0.0.1:4566",
            tracking=context("tracking_uri") or "http://127.0.0.1:5000",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AuroraCapacity:
    """Bounds of Aurora Serverless v2, in capacity units of some 2 GiB of memory each.

    https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora-serverless-v2.setting-capacity.html

    Attributes:
        least: Units it never goes below.
        most: Units it never exceeds.
    """

    least: float
    most: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseConfig:
    """Size and safety of the RDS instance, or of the Aurora cluster in its place.

    Attributes:
        aurora: Capacity of an Aurora Serverless v2 cluster; ``None`` for an instance.
        instance_type: EC2 name of the instance class, without ``db.``.
        storage_gib: Allocated storage, GiB.
        max_storage_gib: Limit of storage autoscaling, GiB.
        max_connections: Postgres' ``max_connections``; bounds the functions' concurrency.
        multi_az: Whether a standby waits in the second zone.
        backup_days: Days that point-in-time recovery reaches back.
        deletion_protection: Whether the instance refuses to be deleted.
    """

    aurora: AuroraCapacity | None = None
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
class DomainConfig:
    """The API's own domain name.

    Attributes:
        name: Fully qualified, such as ``api.quant.example``.
        zone_id: Hosted zone of Route 53 that the certificate is validated and the name answered
            in.
        zone_name: Domain of the zone.
    """

    name: str
    zone_id: str
    zone_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupConfig:
    """What AWS Backup keeps of the database and the raw documents.

    Attributes:
        daily_days: Days a daily recovery point is kept.
        monthly_days: Days a monthly one is kept.
        lock_days: Days after which nobody can weaken the vault's lock any more; ``None`` for a
            vault that administrators may still change.
        drill: When a dump is made and restored by itself, as EventBridge writes it; every day.
    """

    daily_days: int
    monthly_days: int
    lock_days: int | None
    drill: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Settings of one environment.

    Attributes:
        environment: Name, also the API's stage name.
        architecture: Instruction set of the functions.
        snap_start: Whether published versions start from a snapshot of their initialised state.
        concurrency: Reserved concurrency by endpoint class and by the classes of
            ``infra.functions``; together they bound the database's connections.
        interface_endpoints: AWS services reachable from the isolated subnets.
        interface_endpoint_zones: Availability zones each interface endpoint is placed in.
        email_sender: Address the platform's mail comes from; its domain is an identity of SES.
        public_url: Where links in mail lead; ``None`` for the API itself.
        cors_origins: Origins whose scripts may call the API from a browser.
        collector_contact: Whom the sources may write to; ``None`` for the sender of mail.
        prices_provider: Who is asked for prices, a name that ``collect.prices`` knows.
        backfill_batch: Raw documents that a backfill gives the parser at a time.
        fits_at_a_time: Fits of a training run that are computed at a time.
        disclosure_age_days: Days without a newly disclosed trade that raise an alarm.
        log_retention: How long CloudWatch keeps log events.
        log_level: Lowest level the functions log.
        retain_data: Whether a deleted stack leaves its secrets and logs behind.
        stage_rate_limit: Requests per second the whole stage admits, public routes included.
        stage_burst_limit: Token bucket of the whole stage, requests.
        anchor_days: Days that anchors of the audit log cannot be deleted.
        clients_per_plan: Clients each tier's usage plan has room for; they share it.
        database: RDS settings; ``None`` where the local endpoints stand in.
        cache: ElastiCache settings; ``None`` where the local endpoints stand in.
        domain: The API's own domain name; ``None`` for the one API Gateway gives.
        address_limit: Requests an address may send in five minutes before the web ACL refuses
            it; ``None`` for no web ACL.
        shifts_traffic: Whether a new version first gets a tenth of the requests, and all of them
            only if no alarm is raised.
        alarm_email: Who is told of alarms, besides those who subscribe to their topic.
        traces: Whether functions and the API record traces.
        sentry: Whether errors are forwarded to Sentry, by the DSN in a secret.
        replica_region: Region that raw documents and the audit log's anchors are replicated to.
        backup: What AWS Backup keeps; ``None`` for no vault.
        repository: Repository of GitHub, ``<owner>/<name>``, whose workflows may deploy.
        oidc_provider: ARN of the account's identity provider for GitHub; ``None`` to make it.
        local: The local endpoints; ``None`` on AWS.
    """

    environment: Environment
    architecture: Architecture = "arm64"
    snap_start: bool = True
    concurrency: Mapping[str, int]
    interface_endpoints: tuple[str, ...] = ("secretsmanager", "sqs", "email", "events")
    interface_endpoint_zones: int
    email_sender: str
    public_url: str | None = None
    cors_origins: tuple[str, ...] = ()
    collector_contact: str | None = None
    prices_provider: str = "stooq"
    backfill_batch: int = 10
    fits_at_a_time: int = 20
    # Congress rests for five weeks in August; even then some members file.
    disclosure_age_days: int = 14
    log_retention: logs.RetentionDays
    log_level: str = "INFO"
    retain_data: bool
    stage_rate_limit: int
    stage_burst_limit: int
    anchor_days: int
    clients_per_plan: int
    database: DatabaseConfig | None = None
    cache: CacheConfig | None = None
    domain: DomainConfig | None = None
    address_limit: int | None = None
    shifts_traffic: bool = False
    alarm_email: str | None = None
    traces: bool = True
    sentry: bool = False
    replica_region: str | None = None
    backup: BackupConfig | None = None
    repository: str | None = None
    oidc_provider: str | None = None
    local: LocalEndpoints | None = None

    @property
    def token_issuer(self) -> str:
        """The ``iss`` claim of access tokens."""
        return f"https://auth.{self.environment}.quant.internal"

    @property
    def email_domain(self) -> str:
        """The domain of the platform's mail."""
        return self.email_sender.partition("@")[2]

    def name(self, part: str) -> str:
        """Return the physical name of a resource."""
        return f"quant-{self.environment}-{part}"

    def function_name(self, handler: str) -> str:
        """Return the physical name of the function of ``<folder>.<module>``."""
        return self.name(handler.replace(".", "-"))

    def secret_name(self, part: str) -> str:
        """Return the name of a secret."""
        return f"quant/{self.environment}/{part}"


def config(environment: str, context: Callable[[str], Any]) -> Config:
    """Return the settings of ``environment``.

    Args:
        environment: ``local``, ``dev`` or ``prod``.
        context: Looks a CDK context value up: ``email_sender``, ``public_url``, ``cors_origins``
            (comma-separated), ``collector_contact``, ``prices_provider``, ``alarm_email``,
            ``replica_region``, ``repository``, ``oidc_provider``, ``sentry`` (``true``),
            ``shifts_traffic`` (``false``: a release that waits for nothing), the three of the
            domain (``domain_name``, ``zone_id``, ``zone_name``) and, for ``local``, the endpoints.

    Raises:
        ValueError: No such environment.
    """
    match environment:
        case "local":
            settings = _local(LocalEndpoints.from_context(context))
        case "dev":
            settings = _dev()
        case "prod":
            settings = _prod()
        case _:
            msg = f"env must be local, dev or prod, not {environment!r}"
            raise ValueError(msg)
    origins = context("cors_origins")
    return replace(
        settings,
        email_sender=context("email_sender") or settings.email_sender,
        public_url=context("public_url") or settings.public_url,
        cors_origins=tuple(origins.split(",")) if origins else settings.cors_origins,
        collector_contact=context("collector_contact") or settings.collector_contact,
        prices_provider=context("prices_provider") or settings.prices_provider,
        domain=_domain(context) or settings.domain,
        shifts_traffic=settings.shifts_traffic and context("shifts_traffic") != "false",
        alarm_email=context("alarm_email") or settings.alarm_email,
        sentry=context("sentry") == "true" or settings.sentry,
        replica_region=context("replica_region") or settings.replica_region,
        repository=context("repository") or settings.repository,
        oidc_provider=context("oidc_provider") or settings.oidc_provider,
    )


def _domain(context: Callable[[str], Any]) -> DomainConfig | None:
    """Return the domain that the context names, if it does.

    Raises:
        ValueError: Only part of it is named.
    """
    parts = {name: context(name) for name in ("domain_name", "zone_id", "zone_name")}
    if not any(parts.values()):
        return None
    missing = [name for name, value in parts.items() if not value]
    if missing:
        msg = f"a domain also needs {', '.join(missing)}"
        raise ValueError(msg)
    return DomainConfig(
        name=parts["domain_name"], zone_id=parts["zone_id"], zone_name=parts["zone_name"]
    )


def _concurrency(
    *,
    data: int,
    account: int,
    auth: int,
    analytics: int,
    export: int,
    authorizer: int,
    event: int,
    parse: int,
) -> dict[str, int]:
    return {
        EndpointClass.DATA: data,
        ACCOUNT_CLASS: account,
        EndpointClass.AUTH: auth,
        EndpointClass.ANALYTICS: analytics,
        EndpointClass.EXPORT: export,
        AUTHORIZER_CLASS: authorizer,
        EVENT_CLASS: event,
        PARSE_CLASS: parse,
        SINGLE_CLASS: 1,
    }


def _local(endpoints: LocalEndpoints) -> Config:
    host_is_arm = platform.machine().lower() in {"aarch64", "arm64"}
    return Config(
        environment="local",
        architecture="arm64" if host_is_arm else "x86_64",
        concurrency=_concurrency(
            data=3, account=2, auth=3, analytics=2, export=1, authorizer=8, event=2, parse=2
        ),
        email_sender="no-reply@local.quant.example",
        interface_endpoint_zones=1,
        # LocalStack's Step Functions know no batches: each document goes alone.
        backfill_batch=1,
        # Each takes a core.
        fits_at_a_time=2,
        log_retention=logs.RetentionDays.ONE_DAY,
        retain_data=False,
        stage_rate_limit=100,
        stage_burst_limit=200,
        anchor_days=1,
        clients_per_plan=1,
        local=endpoints,
    )


def _dev() -> Config:
    return Config(
        environment="dev",
        concurrency=_concurrency(
            data=2, account=1, auth=2, analytics=2, export=1, authorizer=6, event=2, parse=2
        ),
        email_sender="no-reply@dev.quant.example",
        interface_endpoint_zones=1,
        log_retention=logs.RetentionDays.TWO_WEEKS,
        log_level="DEBUG",
        retain_data=False,
        stage_rate_limit=20,
        stage_burst_limit=40,
        anchor_days=7,
        clients_per_plan=10,
        database=DatabaseConfig(
            # One connection for each function is more than a micro has memory for.
            instance_type="t4g.small",
            storage_gib=20,
            max_storage_gib=50,
            max_connections=180,
            multi_az=False,
            backup_days=1,
            deletion_protection=False,
        ),
        cache=CacheConfig(max_storage_gb=1, max_ecpu_per_second=1000, snapshot_days=0),
        address_limit=1000,
        backup=BackupConfig(
            daily_days=7, monthly_days=35, lock_days=None, drill="cron(30 4 * * ? *)"
        ),
    )


def _prod() -> Config:
    return Config(
        environment="prod",
        concurrency=_concurrency(
            data=8, account=3, auth=4, analytics=4, export=2, authorizer=32, event=2, parse=8
        ),
        email_sender="no-reply@quant.example",
        interface_endpoint_zones=2,
        log_retention=logs.RetentionDays.THREE_MONTHS,
        retain_data=True,
        stage_rate_limit=200,
        stage_burst_limit=400,
        # As long as the log keeps what they bear witness of: three years, by the month.
        anchor_days=1096 + 31,
        clients_per_plan=500,
        database=DatabaseConfig(
            instance_type="t4g.medium",
            storage_gib=50,
            max_storage_gib=200,
            max_connections=440,
            multi_az=True,
            backup_days=14,
            deletion_protection=True,
        ),
        cache=CacheConfig(max_storage_gb=5, max_ecpu_per_second=5000, snapshot_days=1),
        # Twice what a premium client may send from one address.
        address_limit=2000,
        shifts_traffic=True,
        backup=BackupConfig(
            daily_days=35, monthly_days=400, lock_days=3, drill="cron(30 4 * * ? *)"
        ),
    )

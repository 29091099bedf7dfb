"""Settings of the platform, read from the environment and validated when first used.

Every variable starts with ``QUANT_``. A secret is never in the environment: a variable names it
(``..._SECRET_ARN``) and its value is read from Secrets Manager once per process.
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from functools import cache
from typing import Annotated, Any, Final, Self

import msgspec
from msgspec import Meta

from quant.db.login import login_token
from quant.environment import Settings, Variable
from quant.secrets import SecretStr, read_secret

Port = Annotated[int, Meta(ge=1, le=65535)]
NonEmpty = Annotated[str, Meta(min_length=1)]
Positive = Annotated[float, Meta(gt=0)]
HttpsUrl = Annotated[str, Meta(pattern=r"^https://")]
# No query and no fragment, so that a path can be put behind it.
BaseUrl = Annotated[str, Meta(pattern=r"^https?://[^\s?#]+\Z")]

# A revoked session is remembered this long: no access token may outlive it.
MAX_TOKEN_LIFETIME_S: Final = 3600


class Environment(StrEnum):
    """Where the system runs."""

    LOCAL = "local"
    DEV = "dev"
    PROD = "prod"


class Credentials(msgspec.Struct, frozen=True):
    """User name and password, in the form RDS and ElastiCache secrets have."""

    username: NonEmpty
    password: SecretStr

    @classmethod
    def from_json(cls, document: str) -> Self:
        """Read the content of a secret.

        Raises:
            ValueError: It has no user name and password.
        """
        return msgspec.json.decode(document, type=cls, dec_hook=_hidden)


def _hidden(_: type, value: Any) -> SecretStr:
    return SecretStr(msgspec.convert(value, str))


class _StoreSettings(Settings):
    """Endpoint of a data store; outside ``local`` only TLS is accepted."""

    environment: Annotated[Environment, Variable("QUANT_ENVIRONMENT")]
    host: NonEmpty
    port: Port
    tls: bool = True

    @classmethod
    def rules(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Yield TLS that is off where it must be on."""
        if not values.get("tls", True) and values.get("environment") is not Environment.LOCAL:
            yield "tls", "TLS may be off only in the local environment"


def _credentials_in(secret_arn: str) -> Credentials:
    return Credentials.from_json(read_secret(secret_arn))


class DatabaseAuth(StrEnum):
    """By what Postgres knows who logs in."""

    IAM = "iam"
    PASSWORD = "password"  # noqa: S105 - the kind, not one


class DatabaseSettings(_StoreSettings, prefix="QUANT_DATABASE_"):
    """Where Postgres is and how to log in (``QUANT_DATABASE_*``).

    By IAM the role is in ``user`` and there is no secret; by password both are in the secret.
    """

    auth: DatabaseAuth = DatabaseAuth.PASSWORD
    user: NonEmpty | None = None
    secret_arn: NonEmpty | None = None
    name: NonEmpty = "quant"
    connect_timeout_s: Positive = 2.0

    @classmethod
    def rules(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Yield besides what logging in takes and is not there."""
        yield from super().rules(values)
        needed = "user" if values.get("auth") is DatabaseAuth.IAM else "secret_arn"
        if values.get(needed, "") is None:
            yield needed, "is needed to log in"

    def credentials(self) -> Credentials:
        """Return what opens a connection now: by IAM good for 15 minutes, else the secret's."""
        if self.auth is DatabaseAuth.IAM:
            assert self.user is not None  # noqa: S101 - narrows the type
            token = login_token(self.host, self.port, self.user)
            return Credentials(username=self.user, password=SecretStr(token))
        assert self.secret_arn is not None  # noqa: S101 - likewise
        return _credentials_in(self.secret_arn)


class DatabaseOwnerSettings(DatabaseSettings):
    """How the owner of the schema logs in (``QUANT_DATABASE_OWNER_*``)."""

    user: Annotated[NonEmpty | None, Variable("QUANT_DATABASE_OWNER_USER")] = None
    secret_arn: Annotated[NonEmpty | None, Variable("QUANT_DATABASE_OWNER_SECRET_ARN")] = None


class RoleSettings(Settings, prefix="QUANT_ROLES_"):
    """Secrets of the roles that migrations let log in (``QUANT_ROLES_*``).

    ``None`` where somebody else makes the role.
    """

    application_secret_arn: NonEmpty | None = None
    tracking_secret_arn: NonEmpty | None = None
    backup_secret_arn: NonEmpty | None = None


class ValkeySettings(_StoreSettings, prefix="QUANT_VALKEY_"):
    """Where Valkey is and how to log in (``QUANT_VALKEY_*``)."""

    secret_arn: NonEmpty
    # Reads must go on without the cache, so a lost Valkey may only cost a request this long.
    timeout_s: Positive = 0.25

    def credentials(self) -> Credentials:
        """Read the user name and the password from Secrets Manager."""
        return _credentials_in(self.secret_arn)


class TokenSettings(Settings, prefix="QUANT_TOKEN_"):
    """What access tokens must say and where their keys are (``QUANT_TOKEN_*``)."""

    issuer: HttpsUrl
    audience: NonEmpty
    jwks_secret_arn: NonEmpty


class SigningSettings(TokenSettings):
    """What a minter of access tokens needs besides (``QUANT_TOKEN_*``)."""

    signing_key_secret_arn: NonEmpty
    lifetime_s: Annotated[int, Meta(gt=0, le=MAX_TOKEN_LIFETIME_S)] = 1800


class ApiKeySettings(Settings, prefix="QUANT_API_KEY_"):
    """Secrets that hold each tier's API key (``QUANT_API_KEY_SECRET_ARNS``, a JSON object)."""

    secret_arns: dict[str, NonEmpty]


class AuditSettings(Settings, prefix="QUANT_AUDIT_"):
    """Where audit entries wait while Postgres is away (``QUANT_AUDIT_*``)."""

    queue_url: NonEmpty


class AnchorSettings(Settings, prefix="QUANT_AUDIT_ANCHOR_"):
    """Where the audit log's anchors are kept (``QUANT_AUDIT_ANCHOR_BUCKET``)."""

    bucket: NonEmpty


class PasswordSettings(Settings, prefix="QUANT_PASSWORD_"):
    """Cost of argon2id (``QUANT_PASSWORD_*``); less than OWASP's least only in ``local``."""

    environment: Annotated[Environment, Variable("QUANT_ENVIRONMENT")]
    memory_kib: Annotated[int, Meta(ge=8)] = 19_456
    iterations: Annotated[int, Meta(ge=1)] = 2
    parallelism: Annotated[int, Meta(ge=1)] = 1

    @classmethod
    def rules(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Yield costs that are for the local environment alone."""
        if values.get("environment") is Environment.LOCAL:
            return
        # The defaults are OWASP's least.
        for name in ("memory_kib", "iterations"):
            if values.get(name, getattr(cls, name)) < getattr(cls, name):
                yield name, "cheap password hashes are for the local environment"


class EmailSettings(Settings, prefix="QUANT_"):
    """Who sends mail, and where its links lead."""

    # Unknown is treated as the strictest.
    environment: Environment = Environment.PROD
    sender: Annotated[NonEmpty, Variable("QUANT_EMAIL_SENDER")]
    public_url: BaseUrl

    @classmethod
    def rules(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Yield a base of links that is not https where it must be: they carry tokens."""
        local = values.get("environment") is Environment.LOCAL
        if values.get("public_url", "").startswith("http:") and not local:
            yield "public_url", "must be https outside the local environment"


class LimitSettings(Settings, prefix="QUANT_FALLBACK_"):
    """What the limiter does while Valkey is away (``QUANT_FALLBACK_*``)."""

    # Most environments a function may have: each lets this part of a limit through. The default
    # is the reserved concurrency of the largest environment.
    share: Annotated[int, Meta(ge=1)] = 40


class RawSettings(Settings, prefix="QUANT_RAW_"):
    """Where raw documents are kept (``QUANT_RAW_BUCKET``)."""

    bucket: NonEmpty


class CollectorSettings(Settings, prefix="QUANT_COLLECTOR_"):
    """Whom the collectors ask, and how they introduce themselves (``QUANT_COLLECTOR_*``)."""

    house_url: NonEmpty = "https://disclosures-clerk.house.gov"
    senate_url: NonEmpty = "https://efdsearch.senate.gov"
    legislators_url: NonEmpty = "https://unitedstates.github.io/congress-legislators"
    prices_url: NonEmpty | None = None  # None: the provider's own
    prices_provider: NonEmpty = "stooq"
    prices_secret_arn: NonEmpty | None = None
    contact: NonEmpty  # e-mail or URL in the user agent
    requests_per_second: Positive = 1.0
    timeout_s: Positive = 30.0


class SentrySettings(Settings, prefix="QUANT_SENTRY_"):
    """Where errors are forwarded to (``QUANT_SENTRY_*``)."""

    secret_arn: NonEmpty  # of the DSN


class QueueSettings(Settings, prefix="QUANT_"):
    """Queues and bus of the pipeline; a function has those it sends to (``QUANT_*_QUEUE_URL``)."""

    fetch_queue_url: NonEmpty | None = None
    reports_queue_url: NonEmpty | None = None
    deliveries_queue_url: NonEmpty | None = None
    event_bus_name: NonEmpty | None = None


class WebhookSettings(Settings, prefix="QUANT_WEBHOOK_"):
    """The secret every webhook's own signing secret is derived from (``QUANT_WEBHOOK_*``)."""

    secret_arn: NonEmpty


class ExportSettings(Settings, prefix="QUANT_"):
    """Where files of exports are kept, and where exports that take long wait for their turn."""

    export_bucket: NonEmpty
    exports_queue_url: NonEmpty


class MlSettings(Settings, prefix="QUANT_ML_"):
    """Where features, runs and artifacts are kept (``QUANT_ML_BUCKET``)."""

    bucket: NonEmpty


class FeatureSettings(Settings, prefix="QUANT_FEATURES_"):
    """How much memory the computation of features may take (``QUANT_FEATURES_MEMORY_LIMIT``)."""

    # As DuckDB takes it; what does not fit goes to the temporary directory.
    memory_limit: Annotated[str, Meta(pattern=r"^[0-9]+(MB|GB|MiB|GiB)\Z")] = "2GB"


class TrackingSettings(Settings, prefix="QUANT_TRACKING_"):
    """Where the tracking server listens, and whether calls are signed (``QUANT_TRACKING_*``)."""

    uri: BaseUrl
    signed: bool = True  # with the caller's AWS credentials, as API Gateway's IAM authorizer asks


# An origin as browsers send it (RFC 6454, section 6.2): no wildcard, and https unless local.
Origin = Annotated[
    str,
    Meta(pattern=r"^(https://[a-z0-9.-]+|http://(localhost|127\.0\.0\.1))(:[0-9]{1,5})?\Z"),
]


class EdgeSettings(Settings, prefix="QUANT_"):
    """How answers present themselves to browsers (``QUANT_CORS_ORIGINS``, a JSON array)."""

    # Unknown is treated as the strictest.
    environment: Environment = Environment.PROD
    cors_origins: frozenset[Origin] = frozenset()


@cache
def database_settings() -> DatabaseSettings:
    """Return the process's database settings."""
    return DatabaseSettings()


@cache
def valkey_settings() -> ValkeySettings:
    """Return the process's Valkey settings."""
    return ValkeySettings()


@cache
def limit_settings() -> LimitSettings:
    """Return the process's limiter settings."""
    return LimitSettings()


@cache
def edge_settings() -> EdgeSettings:
    """Return the process's edge settings."""
    return EdgeSettings()

"""Settings of the platform, read from the environment and validated when first used.

Every variable starts with ``QUANT_``. A secret is never in the environment: a variable names it
(``..._SECRET_ARN``) and its value is read from Secrets Manager once per process.
"""

from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from typing import Annotated, Any, Final, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    Field,
    SecretStr,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, SettingsConfigDict

from quant.db.login import login_token
from quant.secrets import read_secret

Port = Annotated[int, Field(ge=1, le=65535)]
NonEmpty = Annotated[str, Field(min_length=1)]

# A revoked session is remembered this long: no access token may outlive it.
MAX_TOKEN_LIFETIME_S: Final = 3600


class Environment(StrEnum):
    """Where the system runs."""

    LOCAL = "local"
    DEV = "dev"
    PROD = "prod"


class Credentials(BaseModel, frozen=True):
    """User name and password, in the form RDS and ElastiCache secrets have."""

    username: NonEmpty
    password: SecretStr


class _StoreSettings(BaseSettings):
    """Endpoint of a data store; outside ``local`` only TLS is accepted."""

    environment: Environment = Field(validation_alias="QUANT_ENVIRONMENT")
    host: NonEmpty
    port: Port
    tls: bool = True

    @model_validator(mode="after")
    def _require_tls(self) -> Self:
        if not self.tls and self.environment is not Environment.LOCAL:
            msg = f"TLS may be off only in the local environment, not in {self.environment}"
            raise ValueError(msg)
        return self


def _credentials_in(secret_arn: str) -> Credentials:
    return Credentials.model_validate_json(read_secret(secret_arn))


class DatabaseAuth(StrEnum):
    """By what Postgres knows who logs in."""

    IAM = "iam"
    PASSWORD = "password"  # noqa: S105 - the kind, not one


class DatabaseSettings(_StoreSettings):
    """Where Postgres is and how to log in (``QUANT_DATABASE_*``).

    By IAM the role is in ``user`` and there is no secret; by password both are in the secret.
    """

    model_config = SettingsConfigDict(env_prefix="QUANT_DATABASE_", frozen=True)

    auth: DatabaseAuth = DatabaseAuth.PASSWORD
    user: NonEmpty | None = Field(default=None, validate_default=True)
    secret_arn: NonEmpty | None = Field(default=None, validate_default=True)
    name: NonEmpty = "quant"
    connect_timeout_s: float = Field(default=2.0, gt=0)

    @field_validator("user", "secret_arn")
    @classmethod
    def _require_login(cls, value: str | None, info: ValidationInfo) -> str | None:
        needed = "user" if info.data.get("auth") is DatabaseAuth.IAM else "secret_arn"
        if value is None and info.field_name == needed:
            kind = "missing"
            raise PydanticCustomError(kind, "Field required by the way of logging in")
        return value

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

    user: NonEmpty | None = Field(
        default=None, validate_default=True, validation_alias="QUANT_DATABASE_OWNER_USER"
    )
    secret_arn: NonEmpty | None = Field(
        default=None, validate_default=True, validation_alias="QUANT_DATABASE_OWNER_SECRET_ARN"
    )


class RoleSettings(BaseSettings):
    """Secrets of the roles that migrations let log in (``QUANT_ROLES_*``).

    ``None`` where somebody else makes the role.
    """

    model_config = SettingsConfigDict(env_prefix="QUANT_ROLES_", frozen=True)

    application_secret_arn: NonEmpty | None = None
    tracking_secret_arn: NonEmpty | None = None
    backup_secret_arn: NonEmpty | None = None


class ValkeySettings(_StoreSettings):
    """Where Valkey is and how to log in (``QUANT_VALKEY_*``)."""

    model_config = SettingsConfigDict(env_prefix="QUANT_VALKEY_", frozen=True)

    secret_arn: NonEmpty
    # Reads must go on without the cache, so a lost Valkey may only cost a request this long.
    timeout_s: float = Field(default=0.25, gt=0)

    def credentials(self) -> Credentials:
        """Read the user name and the password from Secrets Manager."""
        return _credentials_in(self.secret_arn)


def _https(value: str) -> str:
    if not value.startswith("https://"):
        msg = "the issuer must be an https URL"
        raise ValueError(msg)
    return value


class TokenSettings(BaseSettings):
    """What access tokens must say and where their keys are (``QUANT_TOKEN_*``)."""

    model_config = SettingsConfigDict(env_prefix="QUANT_TOKEN_", frozen=True)

    issuer: Annotated[str, AfterValidator(_https)]
    audience: NonEmpty
    jwks_secret_arn: NonEmpty


class SigningSettings(TokenSettings):
    """What a minter of access tokens needs besides (``QUANT_TOKEN_*``)."""

    signing_key_secret_arn: NonEmpty
    lifetime_s: int = Field(default=1800, gt=0, le=MAX_TOKEN_LIFETIME_S)

    @classmethod
    def of(cls, variables: Mapping[str, str]) -> Self:
        """Return the settings that variables other than the process's own describe."""
        prefix = "QUANT_TOKEN_"
        values: dict[str, Any] = {
            name.removeprefix(prefix).lower(): value
            for name, value in variables.items()
            if name.startswith(prefix)
        }
        return cls(**values)


class ApiKeySettings(BaseSettings):
    """Secrets that hold each tier's API key (``QUANT_API_KEY_SECRET_ARNS``, a JSON object)."""

    model_config = SettingsConfigDict(env_prefix="QUANT_API_KEY_", frozen=True)

    secret_arns: dict[str, NonEmpty]


class AuditSettings(BaseSettings):
    """Where audit entries wait while Postgres is away (``QUANT_AUDIT_*``)."""

    model_config = SettingsConfigDict(env_prefix="QUANT_AUDIT_", frozen=True)

    queue_url: NonEmpty


class AnchorSettings(BaseSettings):
    """Where the audit log's anchors are kept (``QUANT_AUDIT_ANCHOR_BUCKET``)."""

    model_config = SettingsConfigDict(env_prefix="QUANT_AUDIT_ANCHOR_", frozen=True)

    bucket: NonEmpty


class PasswordSettings(BaseSettings):
    """Cost of argon2id (``QUANT_PASSWORD_*``); less than OWASP's least only in ``local``."""

    model_config = SettingsConfigDict(env_prefix="QUANT_PASSWORD_", frozen=True)

    environment: Environment = Field(validation_alias="QUANT_ENVIRONMENT")
    memory_kib: int = Field(default=19_456, ge=8)
    iterations: int = Field(default=2, ge=1)
    parallelism: int = Field(default=1, ge=1)

    @model_validator(mode="after")
    def _require_cost(self) -> Self:
        cheap = self.memory_kib < 19_456 or self.iterations < 2
        if cheap and self.environment is not Environment.LOCAL:
            msg = f"cheap password hashes are for the local environment, not for {self.environment}"
            raise ValueError(msg)
        return self


class EmailSettings(BaseSettings):
    """Who sends mail, and where its links lead."""

    model_config = SettingsConfigDict(env_prefix="QUANT_", frozen=True)

    # Unknown is treated as the strictest.
    environment: Environment = Environment.PROD
    sender: NonEmpty = Field(validation_alias="QUANT_EMAIL_SENDER")
    public_url: Annotated[str, Field(pattern=r"^https?://[^\s?#]+$")]

    @model_validator(mode="after")
    def _require_https(self) -> Self:
        if self.public_url.startswith("http:") and self.environment is not Environment.LOCAL:
            msg = "links of mails carry tokens: outside the local environment they are https"
            raise ValueError(msg)
        return self


class LimitSettings(BaseSettings):
    """What the limiter does while Valkey is away (``QUANT_FALLBACK_*``)."""

    model_config = SettingsConfigDict(env_prefix="QUANT_FALLBACK_", frozen=True)

    # Most environments a function may have: each lets this part of a limit through. The default
    # is the reserved concurrency of the largest environment.
    share: int = Field(default=40, ge=1)


class RawSettings(BaseSettings):
    """Where raw documents are kept (``QUANT_RAW_BUCKET``)."""

    model_config = SettingsConfigDict(env_prefix="QUANT_RAW_", frozen=True)

    bucket: NonEmpty


class CollectorSettings(BaseSettings):
    """Whom the collectors ask, and how they introduce themselves (``QUANT_COLLECTOR_*``)."""

    model_config = SettingsConfigDict(env_prefix="QUANT_COLLECTOR_", frozen=True)

    house_url: NonEmpty = "https://disclosures-clerk.house.gov"
    senate_url: NonEmpty = "https://efdsearch.senate.gov"
    legislators_url: NonEmpty = "https://unitedstates.github.io/congress-legislators"
    prices_url: NonEmpty | None = None  # None: the provider's own
    prices_provider: NonEmpty = "stooq"
    prices_secret_arn: NonEmpty | None = None
    contact: NonEmpty  # e-mail or URL in the user agent
    requests_per_second: float = Field(default=1.0, gt=0)
    timeout_s: float = Field(default=30.0, gt=0)


class SentrySettings(BaseSettings):
    """Where errors are forwarded to (``QUANT_SENTRY_*``)."""

    model_config = SettingsConfigDict(env_prefix="QUANT_SENTRY_", frozen=True)

    secret_arn: NonEmpty  # of the DSN


class QueueSettings(BaseSettings):
    """Queues and bus of the pipeline; a function has those it sends to (``QUANT_*_QUEUE_URL``)."""

    model_config = SettingsConfigDict(env_prefix="QUANT_", frozen=True)

    fetch_queue_url: NonEmpty | None = None
    reports_queue_url: NonEmpty | None = None
    deliveries_queue_url: NonEmpty | None = None
    event_bus_name: NonEmpty | None = None


class WebhookSettings(BaseSettings):
    """The secret every webhook's own signing secret is derived from (``QUANT_WEBHOOK_*``)."""

    model_config = SettingsConfigDict(env_prefix="QUANT_WEBHOOK_", frozen=True)

    secret_arn: NonEmpty


class ExportSettings(BaseSettings):
    """Where files of exports are kept, and where exports that take long wait for their turn."""

    model_config = SettingsConfigDict(env_prefix="QUANT_", frozen=True)

    export_bucket: NonEmpty
    exports_queue_url: NonEmpty


class MlSettings(BaseSettings):
    """Where features, runs and artifacts are kept (``QUANT_ML_BUCKET``)."""

    model_config = SettingsConfigDict(env_prefix="QUANT_ML_", frozen=True)

    bucket: NonEmpty


class FeatureSettings(BaseSettings):
    """How much memory the computation of features may take (``QUANT_FEATURES_MEMORY_LIMIT``)."""

    model_config = SettingsConfigDict(env_prefix="QUANT_FEATURES_", frozen=True)

    # As DuckDB takes it; what does not fit goes to the temporary directory.
    memory_limit: Annotated[str, Field(pattern=r"^[0-9]+(MB|GB|MiB|GiB)$")] = "2GB"


class TrackingSettings(BaseSettings):
    """Where the tracking server listens, and whether calls are signed (``QUANT_TRACKING_*``)."""

    model_config = SettingsConfigDict(env_prefix="QUANT_TRACKING_", frozen=True)

    uri: Annotated[str, Field(pattern=r"^https?://[^\s?#]+$")]
    signed: bool = True  # with the caller's AWS credentials, as API Gateway's IAM authorizer asks


# An origin as browsers send it (RFC 6454, section 6.2): no wildcard, and https unless local.
Origin = Annotated[
    str,
    Field(pattern=r"^(https://[a-z0-9.-]+|http://(localhost|127\.0\.0\.1))(:[0-9]{1,5})?$"),
]


class EdgeSettings(BaseSettings):
    """How answers present themselves to browsers (``QUANT_CORS_ORIGINS``, a JSON array)."""

    model_config = SettingsConfigDict(env_prefix="QUANT_", frozen=True)

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

"""Settings of the platform, read from the environment and validated when first used.

Every variable starts with ``QUANT_``. A secret is never in the environment: a variable names it
(``..._SECRET_ARN``) and its value is read from Secrets Manager once per process.
"""

from enum import StrEnum
from functools import cache
from typing import Annotated, Final, Self

from pydantic import AfterValidator, BaseModel, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

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
    secret_arn: NonEmpty
    tls: bool = True

    @model_validator(mode="after")
    def _require_tls(self) -> Self:
        if not self.tls and self.environment is not Environment.LOCAL:
            msg = f"TLS may be off only in the local environment, not in {self.environment}"
            raise ValueError(msg)
        return self

    def credentials(self) -> Credentials:
        """Read the store's credentials from Secrets Manager."""
        return Credentials.model_validate_json(read_secret(self.secret_arn))


class DatabaseSettings(_StoreSettings):
    """Where Postgres is and how to log in (``QUANT_DATABASE_*``)."""

    model_config = SettingsConfigDict(env_prefix="QUANT_DATABASE_", frozen=True)

    name: NonEmpty = "quant"
    connect_timeout_s: float = Field(default=2.0, gt=0)


class ValkeySettings(_StoreSettings):
    """Where Valkey is and how to log in (``QUANT_VALKEY_*``)."""

    model_config = SettingsConfigDict(env_prefix="QUANT_VALKEY_", frozen=True)

    # Reads must go on without the cache, so a lost Valkey may only cost a request this long.
    timeout_s: float = Field(default=0.25, gt=0)


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


class ApiKeySettings(BaseSettings):
    """Secrets that hold each tier's API key (``QUANT_API_KEY_SECRET_ARNS``, a JSON object)."""

    model_config = SettingsConfigDict(env_prefix="QUANT_API_KEY_", frozen=True)

    secret_arns: dict[str, NonEmpty]


class AuditSettings(BaseSettings):
    """Where audit entries wait while Postgres is away (``QUANT_AUDIT_*``)."""

    model_config = SettingsConfigDict(env_prefix="QUANT_AUDIT_", frozen=True)

    queue_url: NonEmpty


@cache
def database_settings() -> DatabaseSettings:
    """Return the process's database settings."""
    return DatabaseSettings()


@cache
def valkey_settings() -> ValkeySettings:
    """Return the process's Valkey settings."""
    return ValkeySettings()

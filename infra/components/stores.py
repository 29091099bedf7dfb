"""Data stores as the functions see them: an endpoint and what opens it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra.config import DATABASE_NAME, REGION, SECRET_LENGTH, Config, LocalEndpoints
from infra.rules import accept
from quant_http.routes import Store

_PREFIX: Final[Mapping[Store, str]] = {
    Store.POSTGRES: "QUANT_DATABASE",
    Store.VALKEY: "QUANT_VALKEY",
}


class Login(Protocol):
    """What opens a store to a role that it was granted to."""

    def environment(self, prefix: str) -> dict[str, str]:
        """Return the environment variables that name it."""

    def grant(self, role: iam.Role) -> None:
        """Let ``role`` log in by it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretLogin:
    """A user name and a password in a secret, ``{"username": ..., "password": ...}``.

    Attributes:
        secret: The secret.
        secret_id: ARN or name that Secrets Manager is asked for.
        key: Key that encrypts the secret, if not the account's own.
    """

    secret: secretsmanager.ISecret
    secret_id: str
    key: kms.IKey | None = None

    def environment(self, prefix: str) -> dict[str, str]:
        """Return the variable that names the secret."""
        return {f"{prefix}_SECRET_ARN": self.secret_id}

    def grant(self, role: iam.Role) -> None:
        """Let ``role`` read the secret."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class IamLogin:
    """A role of the database that IAM lets others be.

    Attributes:
        user: The role of the database.
        resource: ARN of that role at the proxy.
    """

    user: str
    resource: str

    def environment(self, prefix: str) -> dict[str, str]:
        """Return the variable that names the role of the database."""
        return {f"{prefix}_USER": self.user}

    def grant(self, role: iam.Role) -> None:
        """Let ``role`` log in as that role and no other."""
        role.add_to_policy(
            iam.PolicyStatement(actions=["rds-db:connect"], resources=[self.resource])
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreConnection:
    """How a function connects to a data store, wherever that store runs.

    Attributes:
        store: Which store.
        host: Host name or address.
        port: TCP port; a token where CloudFormation knows it.
        login: What opens it.
        tls: Whether the server speaks TLS.
        extra: Further environment variables.
    """

    store: Store
    host: str
    port: str
    login: Login
    tls: bool
    extra: Mapping[str, str] = field(default_factory=dict)

    def environment(self) -> dict[str, str]:
        """Return the environment variables that describe the connection."""
        prefix = _PREFIX[self.store]
        return {
            f"{prefix}_HOST": self.host,
            f"{prefix}_PORT": self.port,
            f"{prefix}_TLS": "true" if self.tls else "false",
            **self.login.environment(prefix),
            **self.extra,
        }

    def owner_environment(self) -> dict[str, str]:
        """Return the variables that a function has besides, to log in as the schema's owner."""
        return self.login.environment(f"{_PREFIX[self.store]}_OWNER")


Stores = Mapping[Store, StoreConnection]


def generated_credentials(
    scope: Construct, construct_id: str, username: str, name: str, key: kms.IKey
) -> secretsmanager.Secret:
    """Return a new secret with a user name and a generated password.

    Not ``rds.DatabaseSecret``: its passwords have 30 characters, which is less than 256 bits.
    """
    secret = secretsmanager.Secret(
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
    accept(
        secret,
        "Its 380 bits open a store that only this VPC reaches. It is changed by giving it a new "
        "value and deploying; what would rotate it by itself would hold an administrator's rights "
        "all the time.",
        "AwsSolutions-SMG4",
    )
    return secret


def secret_login(secret: secretsmanager.Secret, key: kms.IKey) -> SecretLogin:
    """Return a login by ``secret``, without writing its readers into the key's policy.

    A grant on the secret itself would, and the stack that holds the key would then depend on the
    stack of the reader.
    """
    reference = secretsmanager.Secret.from_secret_complete_arn(
        secret, "Reference", secret.secret_arn
    )
    return SecretLogin(secret=reference, secret_id=secret.secret_arn, key=key)


def local_stores(scope: Construct, config: Config, endpoints: LocalEndpoints) -> Stores:
    """Return connections to servers on this machine, whose secrets exist already."""

    def connection(store: Store, host: str, port: int, secret: str) -> StoreConnection:
        return StoreConnection(
            store=store,
            host=host,
            port=str(port),
            login=_existing(scope, f"{store.value.capitalize()}Secret", config, secret),
            tls=False,
            extra={"QUANT_DATABASE_NAME": DATABASE_NAME} if store is Store.POSTGRES else {},
        )

    return {
        Store.POSTGRES: connection(
            Store.POSTGRES, endpoints.database_host, endpoints.database_port, "database"
        ),
        Store.VALKEY: connection(
            Store.VALKEY, endpoints.valkey_host, endpoints.valkey_port, "valkey"
        ),
    }


def local_owner(scope: Construct, config: Config, database: StoreConnection) -> StoreConnection:
    """Return how the owner of the schema connects to this machine's database."""
    return replace(
        database, login=_existing(scope, "PostgresOwnerSecret", config, "database-admin")
    )


def _existing(scope: Construct, construct_id: str, config: Config, secret: str) -> SecretLogin:
    name = config.secret_name(secret)
    reference = secretsmanager.Secret.from_secret_name_v2(scope, construct_id, name)
    return SecretLogin(secret=reference, secret_id=name)

"""Roles that log in to the database, and their passwords."""

from base64 import b64encode

from pg8000.native import identifier, literal
from scramp import ScramMechanism
from sqlalchemy import Connection, text

from quant.settings import Credentials

_MECHANISM = "SCRAM-SHA-256"
# Postgres' own default (``scram_iterations``).
_ITERATIONS = 4096


def ensure_role(connection: Connection, credentials: Credentials) -> bool:
    """Create a role that may log in where it is absent, and set its password.

    Postgres is given what it would keep of the password, not the password: statements that change
    roles may be logged. Source: https://www.postgresql.org/docs/18/catalog-pg-authid.html

    Args:
        connection: Of a role that may create roles.
        credentials: Of the role.

    Returns:
        Whether it is new.
    """
    known = connection.scalar(
        text("select 1 from pg_roles where rolname = :role"), {"role": credentials.username}
    )
    verifier = literal(scram_verifier(credentials.password.get_secret_value()))
    connection.exec_driver_sql(
        f"{'alter' if known else 'create'} role {identifier(credentials.username)}"
        f" with login password {verifier}"
    )
    return not known


def scram_verifier(password: str) -> str:
    """Return what Postgres keeps of a password (RFC 5803, section 3)."""
    salt, stored_key, server_key, iterations = ScramMechanism(_MECHANISM).make_auth_info(
        password, iteration_count=_ITERATIONS
    )
    salt64, stored64, server64 = (
        b64encode(part).decode() for part in (salt, stored_key, server_key)
    )
    return f"{_MECHANISM}${iterations}:{salt64}${stored64}:{server64}"

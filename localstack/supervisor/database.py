"""The database and its two roles, as the hosted database has them from its administrator."""

import json
from dataclasses import asdict, dataclass
from typing import Any

from pg8000.native import identifier, literal

from supervisor.servers import PostgresServer

DATABASE = "quant"
OWNER_ROLE = "quant_owner"
APP_ROLE = "quant_app"
SAMPLE = "sample"


def ensure_roles(server: PostgresServer, owner_password: str, app_password: str) -> None:
    """Create the owner and the application role where absent, and set their passwords."""
    connection = server.connect()
    try:
        for role, password in ((OWNER_ROLE, owner_password), (APP_ROLE, app_password)):
            known = connection.run("select 1 from pg_roles where rolname = :role", role=role)
            verb = "alter" if known else "create"
            connection.run(
                f"{verb} role {identifier(role)} with login nosuperuser nocreatedb nocreaterole"
                f" password {literal(password)}"
            )
    finally:
        connection.close()


def ensure_database(server: PostgresServer, name: str = DATABASE) -> None:
    """Create a database of the owner role where absent; only the two roles may connect to it.

    The application role gets no right inside: migrations grant what it needs.
    """
    connection = server.connect()
    try:
        if not connection.run("select 1 from pg_database where datname = :name", name=name):
            connection.run(f"create database {identifier(name)} owner {identifier(OWNER_ROLE)}")
        connection.run(f"revoke all on database {identifier(name)} from public")
        connection.run(f"grant connect on database {identifier(name)} to {identifier(APP_ROLE)}")
    finally:
        connection.close()


@dataclass(frozen=True)
class Contents:
    """What is noted of a database in the database itself, so that both go together.

    Attributes:
        data: ``SAMPLE`` or the digest of the folder it was seeded from, empty before.
        seeded: whether the seeding ended.
        migrations: digest of the migrations that brought it to ``revision``.
        revision: of the schema.
    """

    data: str = ""
    seeded: bool = False
    migrations: str = ""
    revision: str = ""


def contents(server: PostgresServer, name: str = DATABASE) -> Contents:
    """Return what was noted of a database, nothing where it is absent."""
    rows = _run(
        server,
        "select shobj_description(oid, 'pg_database') from pg_database where datname = :name",
        name=name,
    )
    comment = str(rows[0][0] or "") if rows else ""
    if comment and not comment.startswith("{"):  # of a time when only the data was noted
        return Contents(data=comment, seeded=True)
    return Contents(**json.loads(comment)) if comment else Contents()


def note_contents(server: PostgresServer, value: Contents, name: str = DATABASE) -> None:
    """Note what a database holds."""
    comment = literal(json.dumps(asdict(value)))
    _run(server, f"comment on database {identifier(name)} is {comment}")


def revision(server: PostgresServer, name: str = DATABASE) -> str:
    """Return the revision of the schema, empty where nothing was migrated."""
    connection = server.connect(name)
    try:
        [[table]] = connection.run("select to_regclass('alembic_version')::text")
        rows = connection.run("select version_num from alembic_version") if table else []
    finally:
        connection.close()
    return str(rows[0][0]) if rows else ""


def drop_database(server: PostgresServer, name: str = DATABASE) -> None:
    """Drop a database with the sessions it has."""
    _run(server, f"drop database {identifier(name)} with (force)")


def _run(server: PostgresServer, statement: str, **parameters: str) -> list[list[Any]]:
    connection = server.connect()
    try:
        return connection.run(statement, **parameters) or []
    finally:
        connection.close()

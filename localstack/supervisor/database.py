"""The database and its two roles, as the hosted database has them from its administrator."""

import json
from dataclasses import asdict, dataclass
from typing import Any

from pg8000.native import identifier, literal

from supervisor.servers import PostgresServer

DATABASE = "quant"
OWNER_ROLE = "quant_owner"
APP_ROLE = "quant_app"
TRACKING_DATABASE = "mlflow"
TRACKING_ROLE = "mlflow"
SAMPLE = "sample"


def ensure_roles(server: PostgresServer, owner_password: str, app_password: str) -> None:
    """Create the owner and the application role where absent, and set their passwords.

    The owner may do what restoring a backup takes: make and rename databases of its own, and end
    other roles' sessions. The hosted database's administrator may, too.
    """
    for role, password in ((OWNER_ROLE, owner_password), (APP_ROLE, app_password)):
        _ensure_role(server, role, password)
    owner = identifier(OWNER_ROLE)
    _run(server, f"alter role {owner} createdb")
    _run(server, f"grant pg_signal_backend to {owner}")


def ensure_tracking(server: PostgresServer, password: str) -> None:
    """Create the tracking server's database and its owner where absent, and set the password.

    No other role may connect to it, and this one to no other of ours.
    """
    _ensure_role(server, TRACKING_ROLE, password)
    name = identifier(TRACKING_DATABASE)
    if not _run(server, "select 1 from pg_database where datname = :name", name=TRACKING_DATABASE):
        _run(server, f"create database {name} owner {identifier(TRACKING_ROLE)}")
    _run(server, f"revoke all on database {name} from public")


def _ensure_role(server: PostgresServer, role: str, password: str) -> None:
    known = _run(server, "select 1 from pg_roles where rolname = :role", role=role)
    _run(
        server,
        f"{'alter' if known else 'create'} role {identifier(role)}"
        f" with login nosuperuser nocreatedb nocreaterole password {literal(password)}",
    )


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


def has_tracked_models(server: PostgresServer, name: str = DATABASE) -> bool:
    """Tell whether any version of a model was published whose run the tracking server knows."""
    connection = server.connect(name)
    try:
        return bool(
            connection.run("select 1 from model_versions where tracking_run is not null limit 1")
        )
    finally:
        connection.close()


def identity(server: PostgresServer, name: str = DATABASE) -> str:
    """Return what tells a database from any that had or will have its name, on any server."""
    [[system, number]] = _run(
        server,
        "select system_identifier, oid from pg_control_system(), pg_database where datname = :name",
        name=name,
    )
    return f"{system}-{number}"


def drop_database(server: PostgresServer, name: str = DATABASE) -> None:
    """Drop a database with the sessions it has, where there is one."""
    _run(server, f"drop database if exists {identifier(name)} with (force)")


def _run(server: PostgresServer, statement: str, **parameters: str) -> list[list[Any]]:
    connection = server.connect()
    try:
        return connection.run(statement, **parameters) or []
    finally:
        connection.close()

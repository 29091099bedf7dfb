"""The database and its two roles, as the hosted database has them from its administrator."""

from pg8000.native import identifier, literal

from supervisor.servers import PostgresServer

DATABASE = "quant"
OWNER_ROLE = "quant_owner"
APP_ROLE = "quant_app"


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


def seed_marker(server: PostgresServer, name: str = DATABASE) -> str:
    """Return the digest of the data the database was seeded from, empty before."""
    connection = server.connect()
    try:
        rows = connection.run(
            "select shobj_description(oid, 'pg_database') from pg_database where datname = :name",
            name=name,
        )
    finally:
        connection.close()
    return str(rows[0][0] or "") if rows else ""


def set_seed_marker(server: PostgresServer, value: str, name: str = DATABASE) -> None:
    """Note in the database itself which data it was seeded from, so that both go together."""
    connection = server.connect()
    try:
        connection.run(f"comment on database {identifier(name)} is {literal(value)}")
    finally:
        connection.close()

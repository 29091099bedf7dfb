"""The tracking server's own database, on the server of the platform's."""

from typing import Final

from pg8000.native import identifier
from sqlalchemy import Connection, text

from quant.db.roles import ensure_role
from quant.settings import Credentials

DATABASE: Final = "mlflow"


def ensure_tracking(connection: Connection, credentials: Credentials) -> None:
    """Create the database and the role that owns it where absent, and set the password.

    No other role may connect to it. Nothing is done within a transaction: Postgres creates no
    database in one.

    Args:
        connection: In autocommit mode, of a role that may create roles and databases.
        credentials: Of the role that owns the database.
    """
    ensure_role(connection, credentials)
    role, database = identifier(credentials.username), identifier(DATABASE)
    there = connection.scalar(
        text("select 1 from pg_database where datname = :name"), {"name": DATABASE}
    )
    if not there:
        # Who creates a role administers it, but may not give databases to it.
        # https://www.postgresql.org/docs/16/role-attributes.html
        connection.exec_driver_sql(f"grant {role} to current_user with set true, inherit false")
        connection.exec_driver_sql(f"create database {database} owner {role}")
        connection.exec_driver_sql(f"set role {role}")
        connection.exec_driver_sql(f"revoke all on database {database} from public")
        connection.exec_driver_sql("reset role")

"""The role that backups are made as: it reads everything and changes nothing."""

from pg8000.native import identifier
from sqlalchemy import Connection

from quant.db.roles import ensure_role
from quant.settings import Credentials


def ensure_backup_role(connection: Connection, credentials: Credentials) -> None:
    """Create the role where absent, set its password, and let it read the connection's database.

    ``pg_read_all_data`` covers tables that later migrations make, and the audit log.
    Source: https://www.postgresql.org/docs/18/predefined-roles.html

    Args:
        connection: In autocommit mode, of a role that may create roles and grant that one.
        credentials: Of the role.
    """
    ensure_role(connection, credentials)
    role = identifier(credentials.username)
    database = identifier(connection.exec_driver_sql("select current_database()").scalar_one())
    connection.exec_driver_sql(f"grant pg_read_all_data to {role}")
    connection.exec_driver_sql(f"grant connect on database {database} to {role}")
    # Not its security, which is that no right to write is granted.
    connection.exec_driver_sql(f"alter role {role} set default_transaction_read_only = on")

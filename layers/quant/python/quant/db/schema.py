"""The schema revision this code needs.

A constant, because functions carry neither Alembic nor the migrations; a test holds it equal to
the newest migration.
"""

from typing import Final

from sqlalchemy import Connection, text

SCHEMA_REVISION: Final = "0011"


def current_revision(connection: Connection) -> str | None:
    """Return the revision the database is at, or ``None`` if it was never migrated."""
    if connection.scalar(text("select to_regclass('alembic_version')")) is None:
        return None
    revision: str | None = connection.scalar(text("select version_num from alembic_version"))
    return revision


def is_beyond(revision: str | None, wanted: str) -> bool:
    """Say whether a database at ``revision`` has ``wanted`` behind it.

    Revisions are numbers of four digits in the order in which they are applied. Code bears a schema
    that is newer than its own: the schema comes first, and stays when code is rolled back.
    """
    return revision is not None and revision > wanted

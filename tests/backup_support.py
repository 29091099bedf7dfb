"""What tests of backups share."""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from audit_support import logged_in
from supervisor.database import OWNER_ROLE
from support import Database
from typer.testing import CliRunner, Result

from quant.backup.server import Access
from quant.backup.tools import Tools
from quant.cli import app
from quant.secrets import SecretStr
from quant.settings import Credentials

# Of pg_dump's text what is not data: comments, settings of the session, a token made each time.
_NOT_DATA = ("--", "SET ", "SELECT pg_catalog.set_config", "\\restrict", "\\unrestrict")


def access_to(database: Database, role: str = OWNER_ROLE, password: str | None = None) -> Access:
    secret = password or database.passwords[role]
    return Access(
        host="127.0.0.1",
        port=database.server.port,
        database=database.name,
        tls=False,
        credentials=lambda: Credentials(username=role, password=SecretStr(secret)),
    )


@contextmanager
def operator(database: Database) -> Iterator[pytest.MonkeyPatch]:
    """Let the ``quant`` command work on a database as the owner of the schema."""
    with logged_in(database, OWNER_ROLE) as patch:
        yield patch


def backup(*arguments: str, given: str | None = None) -> Result:
    return CliRunner().invoke(app, ["backup", *arguments], input=given)


def sorted_dump(database: Database) -> str:
    """A digest of the lines that pg_dump writes of the data, in an order of their own."""
    text = Tools.find().run(
        "pg_dump",
        ["--data-only", "--no-password"],
        access_to(database, database.server.user, database.server.password).environment(),
    )
    lines = sorted(line for line in text.splitlines() if line and not line.startswith(_NOT_DATA))
    assert len(lines) > 100
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def run(database: Database, statement: str, name: str = "postgres") -> list[list[object]]:
    """Run a statement as the superuser, outside the database unless it is named."""
    connection = database.server.connect(name)
    try:
        return connection.run(statement) or []
    finally:
        connection.close()


def databases(database: Database, part: str) -> list[str]:
    """Names of the databases that a restore made of ``database``."""
    prefix = f"{database.name}{part}"
    rows = run(
        database, f"select datname::text from pg_database where starts_with(datname, '{prefix}')"
    )
    return [str(name) for (name,) in rows]


def scratch_folders() -> list[Path]:
    return list(Path(tempfile.gettempdir()).glob(f"quant-scratch-{os.getpid()}-*"))


def worker(database: Database, command: str, target: Path) -> "subprocess.Popen[bytes]":
    """A process that makes or restores a backup, to be killed."""
    given = json.dumps(
        {
            "port": database.server.port,
            "database": database.name,
            "user": OWNER_ROLE,
            "password": database.passwords[OWNER_ROLE],
            "target": str(target),
        }
    )
    script = Path(__file__).with_name("backup_worker.py")
    return subprocess.Popen(
        [sys.executable, str(script), command], env={**os.environ, "TEST_BACKUP": given}
    )

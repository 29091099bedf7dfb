"""What the fixtures hand to tests."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from supervisor.database import APP_ROLE, OWNER_ROLE
from supervisor.servers import PostgresServer

PROJECT = Path(__file__).resolve().parents[1]
SUPERVISOR = PROJECT / "localstack" / "supervisor"


@contextmanager
def server_directory(prefix: str) -> Iterator[Path]:
    """A folder for a server's files.

    Not one of pytest's: those are closed to other accounts, and PostgreSQL runs as another one
    where the tests run as root.
    """
    directory = Path(tempfile.mkdtemp(prefix=f"quant-{prefix}-"))
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@dataclass(frozen=True)
class Database:
    """A migrated database of a test module.

    Attributes:
        server: the server it is on.
        name: its name.
        passwords: by role.
    """

    server: PostgresServer
    name: str
    passwords: dict[str, str] = field(repr=False)

    @property
    def url(self) -> str:
        """SQLAlchemy URL of the application role."""
        return self.server.url(self.name, APP_ROLE, self.passwords[APP_ROLE])

    @property
    def owner_url(self) -> str:
        """SQLAlchemy URL of the owner role, which may change the schema."""
        return self.server.url(self.name, OWNER_ROLE, self.passwords[OWNER_ROLE])

    @property
    def superuser_url(self) -> str:
        """SQLAlchemy URL of the server's superuser."""
        return self.server.url(self.name)


@dataclass(frozen=True)
class LocalCloud:
    """The deployed API under test.

    Attributes:
        url: its base URL, without a slash at the end.
        run: content of ``run.json``; empty with ``--base-url``.
        name: of the local cloud; empty with ``--base-url``.
    """

    url: str
    run: dict[str, Any] = field(repr=False)
    name: str = ""

    def token(self, tier: str = "free") -> str:
        """A new access token of a tier."""
        if not self.name:
            variable = f"QUANT_TOKEN_{tier.upper()}"
            if variable not in os.environ:
                pytest.skip(f"--base-url is given and {variable} is not set")
            return os.environ[variable]
        command = [str(Path(sys.prefix) / "bin" / "quant"), "token", "--tier", tier, "--quiet"]
        environment = {**os.environ, **self.run["environment"]}
        result = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=True
        )
        return result.stdout.strip()

    def hold(self, server: str, *, kill: bool = False) -> None:
        """Take ``postgres`` or ``valkey`` down until ``release``, with kill -9 if asked."""
        self._supervise("hold", server, *(["--kill"] if kill else []))

    def release(self, server: str) -> None:
        """Start a held server and wait until it answers."""
        self._supervise("release", server)

    def status(self) -> dict[str, Any]:
        """How the servers are, as ``status --json`` says."""
        command = [sys.executable, str(SUPERVISOR), "status", "--name", self.name, "--json"]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        status: dict[str, Any] = json.loads(result.stdout)
        return status

    def _supervise(self, command: str, *arguments: str) -> None:
        if not self.name:
            pytest.skip("--base-url is given: its servers are not ours to stop")
        subprocess.run(
            [sys.executable, str(SUPERVISOR), command, *arguments, "--name", self.name], check=True
        )

"""PgBouncer in front of Postgres, as RDS Proxy is on AWS.

In ``session`` mode a client keeps its connection of the server until it leaves, like one that is
pinned at RDS Proxy; in ``transaction`` mode it has one for each transaction.

Sources: https://www.pgbouncer.org/config.html, https://www.pgbouncer.org/usage.html
"""

import os
import re
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pg8000.native
from environment import PROJECT
from supervisor.servers import PostgresServer, Server

# A client finds no free connection this long before it is turned away, as at our RDS Proxy
# (``infra/components/database_proxy.py``).
BORROW_S: Final = 5
_UNPACKED: Final = PROJECT / ".local/pgbouncer"
_ADMINISTRATOR: Final = "bench"
_MISSING: Final = "there is no pgbouncer on this machine: install it, on Debian by apt"


class NoPoolerError(RuntimeError):
    """PgBouncer is not installed and cannot be fetched."""


class PgBouncer(Server):
    """A pooler for all databases of a server, for as many clients as come.

    Args:
        postgres: The server; the pooler runs as the same user.
        directory: Where its configuration goes, readable to that user.
        users: Passwords by role.
        mode: ``session`` or ``transaction``.
        pool_size: Most connections of the server, of one role to one database.
        port: TCP port.

    Raises:
        NoPoolerError: There is no PgBouncer.
    """

    name = "pgbouncer"

    def __init__(
        self,
        postgres: PostgresServer,
        directory: Path,
        users: Mapping[str, str],
        *,
        mode: str,
        pool_size: int,
        port: int,
    ) -> None:
        super().__init__(port, directory / f"pgbouncer-{mode}-{pool_size}.log")
        self._postgres = postgres
        self._program = _program()
        self._settings = directory / "pgbouncer.ini"
        self._password = secrets.token_urlsafe(16)
        self._users = {**users, _ADMINISTRATOR: self._password}
        self._mode = mode
        self._pool_size = pool_size

    def account(self) -> tuple[int, int] | None:
        return self._postgres.account()

    def environment(self) -> Mapping[str, str]:
        libraries = [str(folder) for folder in _UNPACKED.glob("usr/lib/*") if folder.is_dir()]
        return {**super().environment(), "LD_LIBRARY_PATH": os.pathsep.join(libraries)}

    def prepare(self) -> None:
        users = self._settings.with_name("users.txt")
        self._settings.parent.chmod(0o711)  # for the server's user, who reads two files there
        for path, lines in (
            (users, [f'"{name}" "{password}"' for name, password in self._users.items()]),
            (self._settings, self._lines(users)),
        ):
            path.touch(mode=0o600)
            path.write_text("\n".join(lines) + "\n")
            if (account := self.account()) is not None:
                os.chown(path, *account)

    def _lines(self, users: Path) -> list[str]:
        return [
            "[databases]",
            f"* = host={self._postgres.host} port={self._postgres.port}",
            "[pgbouncer]",
            f"listen_addr = {self.host}",
            f"listen_port = {self.port}",
            "unix_socket_dir =",
            "auth_type = scram-sha-256",
            f"auth_file = {users}",
            f"admin_users = {_ADMINISTRATOR}",
            f"pool_mode = {self._mode}",
            f"default_pool_size = {self._pool_size}",
            "max_client_conn = 1000",
            f"query_wait_timeout = {BORROW_S}",
            # "quant" becomes "quant - <address>", by which Postgres knows whose are through here.
            "application_name_add_host = 1",
            "log_connections = 0",
            "log_disconnections = 0",
        ]

    def command(self) -> list[str]:
        return [self._program, str(self._settings)]

    def ready(self) -> bool:
        try:
            return bool(self.show("version"))
        except (pg8000.native.DatabaseError, pg8000.native.InterfaceError, OSError):
            return False

    def version(self) -> str:
        [row] = self.show("version")
        return str(row["version"]).removeprefix("PgBouncer ")

    def show(self, what: str) -> list[dict[str, Any]]:
        """What its console shows of ``what``, row by row."""
        connection = pg8000.native.Connection(
            _ADMINISTRATOR,
            host=self.host,
            port=self.port,
            password=self._password,
            database="pgbouncer",
            timeout=5,
        )
        try:
            rows = connection.run(f"show {what}") or []
            names = [column["name"] for column in connection.columns or ()]
            return [dict(zip(names, row, strict=True)) for row in rows]
        finally:
            connection.close()


def _program() -> str:
    """The path of PgBouncer, fetched by apt below ``.local`` where it is not installed."""
    unpacked = _UNPACKED / "usr/sbin/pgbouncer"
    path = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin"
    found = shutil.which("pgbouncer", path=path)
    if found is None and not unpacked.exists():
        _fetch()
    return found or str(unpacked)


def _fetch() -> None:
    # Not installed: that would start a service and ask for root.
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise NoPoolerError(_MISSING)
    with tempfile.TemporaryDirectory() as folder:
        try:
            depends = _output(["apt-cache", "depends", "pgbouncer"], folder)
            libraries = set(re.findall(r"^ *Depends: (lib(?!c6)\S+)$", depends, re.MULTILINE))
            _output(["apt-get", "download", "pgbouncer", *sorted(libraries)], folder)
            for package in sorted(Path(folder).glob("*.deb")):
                _output(["dpkg-deb", "--extract", str(package), str(_UNPACKED)], folder)
        except subprocess.CalledProcessError as error:
            raise NoPoolerError(f"{_MISSING}\n{error.stderr}") from error


def _output(command: list[str], folder: str) -> str:
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout

"""A Postgres server of one's own, for as long as a restored backup is looked at.

It costs the platform's own server nothing, needs no right there, and has every role one asks for.
"""

import os
import pwd
import secrets
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from pg8000.native import identifier

from quant.backup.errors import ToolError
from quant.backup.server import MAINTENANCE, Access
from quant.backup.tools import Tools
from quant.secrets import SecretStr
from quant.settings import Credentials

_USER: Final = "postgres"
_PORT: Final = 5432  # of the socket alone
# Postgres does not run as root; who is root lends it one of these accounts.
_ACCOUNTS: Final = ("embedded_postgres", "postgres")
_PREFIX: Final = "quant-scratch"
_START_S: Final = 120
_SETTINGS: Final = {
    "listen_addresses": "",
    "port": str(_PORT),
    # What is lost with the machine is made again.
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "4GB",
    "autovacuum": "off",
    "maintenance_work_mem": "256MB",
    "timezone": "UTC",
}


@contextmanager
def scratch_server(tools: Tools) -> Iterator[Access]:
    """Start a server in a temporary folder, reached by a socket in it alone; remove both after.

    Raises:
        ToolError: It does not start.
    """
    _sweep(tools)
    folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}-{os.getpid()}-"))
    account = _account()
    credentials = Credentials(username=_USER, password=SecretStr(secrets.token_urlsafe(24)))
    try:
        if account:
            os.chown(folder, account["user"], account["group"])
        access = Access(
            host=str(folder),
            port=_PORT,
            database=MAINTENANCE,
            tls=False,
            credentials=lambda: credentials,
        )
        _initialise(tools, folder, access, account)
        try:
            yield access
        finally:
            _stop(tools, folder, account)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _account() -> dict[str, Any]:
    """Return how a program of the server is run, by the arguments of ``subprocess``."""
    if os.geteuid() != 0:
        return {}
    for name in _ACCOUNTS:
        with suppress(KeyError):
            entry = pwd.getpwnam(name)
            return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    msg = f"Postgres does not run as root, and there is no account {' or '.join(_ACCOUNTS)}"
    raise ToolError(msg)


def _initialise(tools: Tools, folder: Path, access: Access, account: dict[str, Any]) -> None:
    data = folder / "data"
    password = folder / "password"
    password.touch(mode=0o600)
    password.write_text(access.credentials().password.get_secret_value())
    if account:
        os.chown(password, account["user"], account["group"])
    tools.run(
        "initdb",
        [
            f"--pgdata={data}",
            f"--username={_USER}",
            f"--pwfile={password}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--no-sync",
        ],
        {},
        cwd=folder,
        **account,
    )
    password.unlink()
    settings = _SETTINGS | {"unix_socket_directories": str(folder)}
    with (data / "postgresql.conf").open("a") as file:
        file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())
    arguments = [
        f"--pgdata={data}",
        f"--log={folder / 'log'}",
        f"--timeout={_START_S}",
        "--wait",
        "start",
    ]
    try:
        tools.run("pg_ctl", arguments, {}, cwd=folder, **account)
    except ToolError as error:
        log = (folder / "log").read_text() if (folder / "log").exists() else ""
        msg = f"the scratch server does not start: {log.strip()[-1000:] or error}"
        raise ToolError(msg) from error


def _stop(tools: Tools, folder: Path, account: dict[str, Any]) -> None:
    arguments = [f"--pgdata={folder / 'data'}", "--mode=immediate", "--wait", "stop"]
    tools.run("pg_ctl", arguments, {}, cwd=folder, **account)


def _sweep(tools: Tools) -> None:
    """Stop and remove the servers of processes that were killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}-*-*"):
        owner = int(folder.name.split("-")[2])
        if _alive(owner):
            continue
        with suppress(ToolError, OSError):
            _stop(tools, folder, _account())
        shutil.rmtree(folder, ignore_errors=True)


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def ensure_roles(session: Any, roles: Iterable[str]) -> list[str]:
    """Create the roles that are missing, without a password, and return their names."""
    there = {name for (name,) in session.run("select rolname::text from pg_roles")}
    missing = [role for role in roles if role not in there]
    for role in missing:
        session.run(f"create role {identifier(role)} login")
    return missing

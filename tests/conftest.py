"""Fixtures that start real servers, each once per session and only where a test asks for it."""

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [
    path
    for path in (
        str(PROJECT / "tests"),
        str(PROJECT / "localstack"),
        str(PROJECT / "layers" / "quant" / "python"),
    )
    if path not in sys.path
]

from supervisor.database import APP_ROLE, OWNER_ROLE, ensure_database, ensure_roles  # noqa: E402
from supervisor.servers import PostgresServer, ValkeyServer, free_port  # noqa: E402
from support import SUPERVISOR, Database, LocalCloud, server_directory  # noqa: E402

TEMPLATE_DATABASE = "quant_template"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--base-url",
        default=os.environ.get("QUANT_BASE_URL"),
        help="run e2e tests against the API at this URL instead of starting a local cloud; "
        "tokens then come from QUANT_TOKEN_<TIER> in the environment",
    )
    parser.addoption("--slow", action="store_true", help="run tests that take minutes, too")
    parser.addoption(
        "--local-cloud",
        help="run e2e tests against this running local cloud (such as `default`, that of "
        "`make run`) instead of starting one",
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--slow"):
        return
    for item in items:
        if item.get_closest_marker("slow"):
            item.add_marker(pytest.mark.skip(reason="takes minutes; give --slow to run it"))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    """Give each process whole files, and all that share what is slow to make."""
    return _Scheduling(config, log)


class _Scheduling(LoadScopeScheduling):
    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        for folder in ("tests/e2e/", "tests/infra/"):
            # One local cloud for all but the test of updates, which has its own; one synthesis.
            if file.startswith(folder) and not file.endswith("/test_update.py"):
                return folder
        return file


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server as its superuser finds it: no roles, no database of ours."""
    with server_directory("postgres") as directory:
        server = PostgresServer(directory / "data", secrets.token_urlsafe(16), durable=False)
        server.start()
        try:
            server.wait_ready()
            yield server
        finally:
            server.stop()


@pytest.fixture(scope="session")
def valkey() -> Iterator[ValkeyServer]:
    """A Valkey server; its content is shared by the session's tests."""
    with server_directory("valkey") as directory:
        server = ValkeyServer(directory, secrets.token_urlsafe(16))
        server.start()
        try:
            server.wait_ready()
            yield server
        finally:
            server.stop()


@pytest.fixture(scope="session")
def role_passwords(postgres: PostgresServer) -> dict[str, str]:
    """Passwords of the owner and the application role on the test server."""
    passwords = {OWNER_ROLE: secrets.token_urlsafe(16), APP_ROLE: secrets.token_urlsafe(16)}
    ensure_roles(postgres, passwords[OWNER_ROLE], passwords[APP_ROLE])
    return passwords


@pytest.fixture(scope="session")
def migrate() -> Callable[[str], None]:
    """Brings the database at a URL to the newest schema; override it to test another one."""
    from quant.db.migrate import upgrade

    return upgrade


@pytest.fixture(scope="session")
def migrated_template(
    postgres: PostgresServer, role_passwords: dict[str, str], migrate: Callable[[str], None]
) -> str:
    """Name of a migrated, empty database that others are copied from."""
    ensure_database(postgres, TEMPLATE_DATABASE)
    migrate(postgres.url(TEMPLATE_DATABASE, OWNER_ROLE, role_passwords[OWNER_ROLE]))
    return TEMPLATE_DATABASE


@pytest.fixture(scope="module")
def database(
    postgres: PostgresServer, role_passwords: dict[str, str], migrated_template: str
) -> Iterator[Database]:
    """A fresh migrated database for the test module."""
    name = f"quant_{secrets.token_hex(6)}"
    _run(postgres, f"create database {name} template {migrated_template} owner {OWNER_ROLE}")
    ensure_database(postgres, name)
    yield Database(postgres, name, role_passwords)
    _run(postgres, f"drop database {name} with (force)")


def _run(server: PostgresServer, statement: str) -> None:
    # A connection for each statement: a test may have killed the server since the last one.
    connection = server.connect()
    try:
        connection.run(statement)
    finally:
        connection.close()


@pytest.fixture(scope="session")
def local_cloud(request: pytest.FixtureRequest) -> Iterator[LocalCloud]:
    """The API at ``--base-url``, or else of a local cloud ``test`` on free ports."""
    base_url = request.config.getoption("--base-url")
    if base_url:
        yield LocalCloud(base_url.rstrip("/"), {})
        return
    running = request.config.getoption("--local-cloud")
    if running:
        run = json.loads((PROJECT / ".local" / running / "run.json").read_text())
        yield LocalCloud(run["url"], run, running)
        return
    name = "test"
    supervise = [sys.executable, str(SUPERVISOR)]
    servers = ("localstack", "postgres", "valkey", "tracking")
    ports = [f"--{server}-port={free_port()}" for server in servers]
    subprocess.run([*supervise, "stop", "--name", name], check=True, capture_output=True)
    result = subprocess.run(
        [*supervise, "run", "--name", name, "--json", *ports],
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode != 0:
        pytest.fail(f"the local cloud did not start:\n{result.stderr}", pytrace=False)
    run = json.loads(result.stdout)
    try:
        yield LocalCloud(run["url"], run, name)
    finally:
        subprocess.run([*supervise, "stop", "--name", name], check=True, capture_output=True)


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real disclosures; tests that use it carry the marker ``realdata``."""
    given = os.environ.get("QUANT_DATA_DIR")
    directory = Path(given) if given else PROJECT.parent / "shared" / "data"
    with suppress(OSError):
        if any(directory.iterdir()):
            return directory
    pytest.skip(f"no real data in {directory}; set QUANT_DATA_DIR to the folder")

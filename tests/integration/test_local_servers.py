import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pg8000.native
import psutil
import pytest
from supervisor import cloud, deploy
from supervisor.commands import Commands
from supervisor.database import (
    APP_ROLE,
    OWNER_ROLE,
    SAMPLE,
    TRACKING_DATABASE,
    TRACKING_ROLE,
    Contents,
    contents,
    drop_database,
    ensure_database,
    ensure_roles,
    ensure_tracking,
    identity,
    note_contents,
)
from supervisor.progress import Progress
from supervisor.servers import (
    PortBusyError,
    PostgresServer,
    Server,
    ServerError,
    ValkeyServer,
    free_port,
    port_is_open,
)
from supervisor.state import write_json
from support import SUPERVISOR, server_directory


def eventually(condition: Callable[[], bool], timeout: float = 20) -> bool:
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


@pytest.fixture
def own_postgres() -> Iterator[PostgresServer]:
    with server_directory("own-postgres") as directory:
        server = PostgresServer(directory / "data", "p@ss/w:rd %", durable=False)
        server.start()
        server.wait_ready()
        yield server
        server.stop()


@pytest.fixture
def own_valkey() -> Iterator[ValkeyServer]:
    with server_directory("own-valkey") as directory:
        server = ValkeyServer(directory, "p@ss/w:rd %")
        server.start()
        server.wait_ready()
        yield server
        server.stop()


def talk(server: ValkeyServer, *lines: str) -> str:
    with socket.create_connection((server.host, server.port), timeout=5) as connection:
        connection.sendall("".join(f"{line}\r\n" for line in (*lines, "QUIT")).encode())
        return b"".join(iter(lambda: connection.recv(4096), b"")).decode()


def test_postgres_is_version_18_and_hashes_passwords_with_scram(postgres: PostgresServer) -> None:
    connection = postgres.connect()
    [[version, method]] = connection.run(
        "select current_setting('server_version'), current_setting('password_encryption')"
    )
    connection.close()
    assert version.startswith("18.")
    assert method == "scram-sha-256"


@pytest.mark.parametrize("password", ["wrong", ""])
def test_postgres_refuses_a_wrong_password(postgres: PostgresServer, password: str) -> None:
    with pytest.raises(pg8000.native.DatabaseError, match="28P01"):
        pg8000.native.Connection(
            postgres.user, host=postgres.host, port=postgres.port, password=password
        )


def test_postgres_keeps_data_and_restarts_after_kill_9(own_postgres: PostgresServer) -> None:
    connection = own_postgres.connect()
    connection.run("create table kept (x int)")
    connection.run("insert into kept values (42)")
    pid = own_postgres.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    assert eventually(lambda: not own_postgres.running)
    assert (own_postgres.data_dir / "postmaster.pid").exists()
    own_postgres.start()
    own_postgres.wait_ready()
    again = own_postgres.connect()
    assert again.run("select x from kept") == [[42]]
    again.close()


def test_postgres_ignores_a_pid_file_of_another_process(own_postgres: PostgresServer) -> None:
    own_postgres.kill()
    pid_file = own_postgres.data_dir / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]))
    own_postgres.start()
    own_postgres.wait_ready()


def test_postgres_names_data_of_another_version(own_postgres: PostgresServer) -> None:
    own_postgres.stop()
    (own_postgres.data_dir / "PG_VERSION").write_text("17\n")
    with pytest.raises(ServerError, match="made by PostgreSQL 17"):
        own_postgres.start()


def test_application_role_cannot_change_the_schema(own_postgres: PostgresServer) -> None:
    ensure_roles(own_postgres, "owner-password", "app-password")
    ensure_database(own_postgres, "roles")
    ensure_roles(own_postgres, "owner-password", "app-password")
    ensure_database(own_postgres, "roles")

    def connect(user: str, password: str) -> pg8000.native.Connection:
        return pg8000.native.Connection(
            user,
            host=own_postgres.host,
            port=own_postgres.port,
            password=password,
            database="roles",
        )

    owner = connect(OWNER_ROLE, "owner-password")
    owner.run("create table t (x int)")
    app = connect(APP_ROLE, "app-password")
    for statement in ("create table u (x int)", "create schema s", "select * from t"):
        with pytest.raises(pg8000.native.DatabaseError, match="permission denied"):
            app.run(statement)
    owner.run(f"grant select on t to {APP_ROLE}")
    assert app.run("select * from t") == []
    app.close()
    owner.close()


def test_tracking_role_and_the_others_cannot_reach_each_others_databases(
    own_postgres: PostgresServer,
) -> None:
    ensure_roles(own_postgres, "owner-password", "app-password")
    ensure_database(own_postgres)
    ensure_tracking(own_postgres, "before")
    ensure_tracking(own_postgres, "tracking-password")

    def connect(user: str, password: str, database: str) -> None:
        pg8000.native.Connection(
            user,
            host=own_postgres.host,
            port=own_postgres.port,
            password=password,
            database=database,
        ).close()

    connect(TRACKING_ROLE, "tracking-password", TRACKING_DATABASE)
    for user, password, database in (
        (TRACKING_ROLE, "tracking-password", "quant"),
        (OWNER_ROLE, "owner-password", TRACKING_DATABASE),
        (APP_ROLE, "app-password", TRACKING_DATABASE),
    ):
        with pytest.raises(pg8000.native.DatabaseError, match="permission denied for database"):
            connect(user, password, database)


def test_a_database_made_again_is_another(own_postgres: PostgresServer) -> None:
    ensure_roles(own_postgres, "owner-password", "app-password")
    ensure_database(own_postgres)
    before = identity(own_postgres)
    assert identity(own_postgres) == before
    drop_database(own_postgres)
    ensure_database(own_postgres)
    assert identity(own_postgres) != before


def test_valkey_refuses_a_wrong_or_missing_password(valkey: ValkeyServer) -> None:
    assert talk(valkey, "GET x").startswith("-NOAUTH")
    assert talk(valkey, f"AUTH {valkey.user} wrong").startswith("-WRONGPASS")
    assert talk(valkey, f"AUTH {valkey.user} {valkey.password}", "PING").startswith("+OK\r\n+PONG")


def test_valkey_user_has_no_administrative_commands(valkey: ValkeyServer) -> None:
    answer = talk(valkey, f"AUTH {valkey.user} {valkey.password}", "CONFIG GET dir")
    assert "-NOPERM" in answer


def test_valkey_restarts_empty_after_kill_9(own_valkey: ValkeyServer) -> None:
    login = f'AUTH {own_valkey.user} "{own_valkey.password}"'
    assert talk(own_valkey, login, "SET x 1").startswith("+OK\r\n+OK")
    own_valkey.kill()
    own_valkey.start()
    own_valkey.wait_ready()
    assert talk(own_valkey, login, "GET x").startswith("+OK\r\n$-1")


@pytest.mark.parametrize("fixture", ["own_postgres", "own_valkey"])
def test_stop_frees_the_port_and_leaves_no_process(
    fixture: str, request: pytest.FixtureRequest
) -> None:
    server: Server = request.getfixturevalue(fixture)
    pid = server.pid
    assert pid is not None
    family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    server.stop()
    assert not port_is_open(server.port)
    assert [process for process in family if process.is_running()] == []


def test_a_busy_port_is_named(own_valkey: ValkeyServer, tmp_path: Path) -> None:
    other = ValkeyServer(tmp_path, "x", port=own_valkey.port)
    with pytest.raises(PortBusyError, match=str(own_valkey.port)):
        other.start()


def test_what_a_database_holds_is_noted_in_it(own_postgres: PostgresServer) -> None:
    ensure_roles(own_postgres, "owner-password", "app-password")
    assert contents(own_postgres) == Contents()
    ensure_database(own_postgres)
    noted = Contents(data="it's", seeded=True, migrations="m", revision="r")
    note_contents(own_postgres, noted)
    assert contents(own_postgres) == noted


class Loader:
    """Loads data into a real database by stand-ins for the migration and the seeding."""

    def __init__(
        self, postgres: PostgresServer, valkey: ValkeyServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.postgres, self.valkey = postgres, valkey
        self.migrations = 0
        self.forgotten = 0
        self.interrupted = False
        self.digest = "first"
        monkeypatch.setattr(deploy, "migrate", self._migrate)
        monkeypatch.setattr(deploy, "migrations_digest", lambda: self.digest)
        monkeypatch.setattr(deploy, "seed", self._seed)
        ensure_roles(postgres, "owner-password", "app-password")
        ensure_database(postgres)

    def load(self, data: Path | None) -> str:
        said = io.StringIO()
        commands = Commands(self.postgres.data_dir)
        progress = Progress(said)
        cloud._Load(
            self.postgres, self.valkey, data, {}, commands, progress, forget=self._forget
        ).run()
        return said.getvalue()

    def rows(self) -> list[str]:
        connection = self.postgres.connect("quant")
        try:
            return [row[0] for row in connection.run("select source from trades order by 1")]
        finally:
            connection.close()

    def _forget(self) -> None:
        self.forgotten += 1

    def _migrate(self, *_: object) -> None:
        self.migrations += 1
        self._run("create table if not exists alembic_version (version_num text)")
        self._run("truncate alembic_version")
        self._run("insert into alembic_version values ('0001')")
        self._run("create table if not exists trades (source text)")

    def _seed(self, _: object, __: object, data: Path | None) -> None:
        self._run(f"insert into trades values ('{data.name if data else SAMPLE}')")
        if self.interrupted:
            raise KeyboardInterrupt

    def _run(self, statement: str) -> None:
        connection = self.postgres.connect("quant")
        connection.run(statement)
        connection.close()


@pytest.fixture
def loader(
    own_postgres: PostgresServer, own_valkey: ValkeyServer, monkeypatch: pytest.MonkeyPatch
) -> Loader:
    return Loader(own_postgres, own_valkey, monkeypatch)


@pytest.fixture
def real(tmp_path: Path) -> Path:
    folder = tmp_path / "real"
    folder.mkdir()
    (folder / "trades.json").write_text("[]")
    return folder


def test_real_data_replaces_the_sample_and_what_was_cached(loader: Loader, real: Path) -> None:
    loader.load(None)
    assert loader.rows() == [SAMPLE]
    login = f'AUTH {loader.valkey.user} "{loader.valkey.password}"'
    talk(loader.valkey, login, "SET cached 1")
    assert loader.forgotten == 0
    assert "drop the database" in loader.load(real)
    assert loader.forgotten == 1
    assert loader.rows() == ["real"]
    assert talk(loader.valkey, login, "GET cached").startswith("+OK\r\n$-1")
    assert contents(loader.postgres).data not in {"", SAMPLE}


def test_real_data_is_kept_where_none_is_named(loader: Loader, real: Path) -> None:
    loader.load(real)
    assert loader.load(None) == ""
    assert loader.rows() == ["real"]


@pytest.mark.parametrize("first_is_real", [True, False])
def test_what_was_seeded_in_part_is_not_mixed_either(
    loader: Loader, real: Path, *, first_is_real: bool
) -> None:
    loader.interrupted = True
    with pytest.raises(KeyboardInterrupt):
        loader.load(real if first_is_real else None)
    loader.interrupted = False
    loader.load(None if first_is_real else real)
    assert loader.rows() == [SAMPLE if first_is_real else "real"]


def test_a_migrated_database_is_migrated_again_only_by_other_migrations(loader: Loader) -> None:
    loader.load(None)
    loader.load(None)
    assert loader.migrations == 1
    loader.digest = "second"
    loader.load(None)
    assert loader.migrations == 2
    loader._run("update alembic_version set version_num = '0000'")
    loader.load(None)
    assert loader.migrations == 3


class DaemonUnderTest:
    """A daemon with PostgreSQL and Valkey; LocalStack has no environment here and fails."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.environment = {**os.environ, "QUANT_LOCAL_ROOT": str(root)}
        servers = ("localstack", "postgres", "valkey", "tracking")
        self.ports = {name: free_port() for name in servers}
        options = [f"--{name}-port={port}" for name, port in self.ports.items()]
        self.process = subprocess.Popen(
            [sys.executable, str(SUPERVISOR), "daemon", *options],
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def call(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, str(SUPERVISOR), *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def servers(self) -> dict[str, dict[str, object]]:
        servers: dict[str, dict[str, object]] = json.loads(self.call("status", "--json").stdout)[
            "servers"
        ]
        return servers

    def stores_are_up(self) -> bool:
        servers = self.servers()
        return all(servers.get(name, {}).get("state") == "up" for name in ("postgres", "valkey"))

    def family(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)


@pytest.fixture
def daemon() -> Iterator[DaemonUnderTest]:
    with server_directory("daemon") as root:
        daemon = DaemonUnderTest(root)
        try:
            assert eventually(daemon.stores_are_up)
            yield daemon
        finally:
            daemon.process.terminate()
            daemon.process.wait(60)


def test_daemon_kill_9_leaves_no_child(daemon: DaemonUnderTest) -> None:
    family = daemon.family()
    assert len(family) >= 2
    daemon.process.kill()
    daemon.process.wait()
    _, alive = psutil.wait_procs(family, timeout=20)
    assert alive == []
    assert not any(port_is_open(port) for port in daemon.ports.values())


def test_daemon_stops_its_servers(daemon: DaemonUnderTest) -> None:
    family = daemon.family()
    assert daemon.call("stop").stdout == "Stopped.\n"
    assert daemon.process.wait(1) == 0
    assert [process for process in family if process.is_running()] == []
    assert not any(port_is_open(port) for port in daemon.ports.values())
    assert daemon.call("stop").stdout == "Was not running.\n"


def test_daemon_restarts_a_killed_server(daemon: DaemonUnderTest) -> None:
    before = daemon.servers()["postgres"]["pid"]
    assert isinstance(before, int)
    os.kill(before, signal.SIGKILL)

    def restarted() -> bool:
        postgres = daemon.servers()["postgres"]
        return postgres["state"] == "up" and postgres["pid"] != before

    assert eventually(restarted)
    assert daemon.servers()["postgres"]["restarts"] == 1


def test_daemon_holds_and_releases_a_server(daemon: DaemonUnderTest) -> None:
    assert daemon.call("hold", "valkey", "--kill").returncode == 0
    assert not port_is_open(daemon.ports["valkey"])
    assert daemon.servers()["valkey"]["state"] == "held"
    assert daemon.call("release", "valkey").returncode == 0
    assert port_is_open(daemon.ports["valkey"])


def test_a_server_that_is_not_there_cannot_be_held(daemon: DaemonUnderTest) -> None:
    result = daemon.call("hold", "tracking")
    assert result.returncode == 1
    assert "has no server tracking" in result.stderr


def test_stop_says_that_the_bucket_could_not_be_kept(daemon: DaemonUnderTest) -> None:
    # LocalStack is not up.
    write_json(
        daemon.root / "default" / "ml.json", {"bucket": "ml", "database": "1-2", "tracking": False}
    )
    result = daemon.call("stop")
    assert result.returncode == 1
    assert "could not be kept" in result.stderr
    assert daemon.process.wait(1) == 0
    assert daemon.call("stop").stdout == "Was not running.\n"


def test_daemon_follows_what_is_asked_of_it(daemon: DaemonUnderTest) -> None:
    task = {"bucket": "ml", "database": "1-2", "tracking": True}
    write_json(daemon.root / "default" / "ml.json", task)
    # MLflow has no environment here.
    assert eventually(lambda: daemon.servers().get("tracking", {}).get("state") == "failed")
    write_json(daemon.root / "default" / "ml.json", {**task, "tracking": False})
    assert eventually(lambda: "tracking" not in daemon.servers())
    (daemon.root / "default" / "ml.json").unlink()


def test_status_is_an_error_while_a_server_is_down(daemon: DaemonUnderTest) -> None:
    result = daemon.call("status")
    assert result.returncode == 1
    assert "localstack  failed" in result.stdout


def test_run_names_a_busy_port_and_its_option() -> None:
    with server_directory("busy") as root, socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = subprocess.run(
            [sys.executable, str(SUPERVISOR), "run", f"--postgres-port={port}"]
            + [f"--{name}-port={free_port()}" for name in ("localstack", "valkey")],
            env={**os.environ, "QUANT_LOCAL_ROOT": str(root)},
            capture_output=True,
            text=True,
            check=False,
        )
    assert result.returncode == 1
    assert f"port {port} on 127.0.0.1 is in use" in result.stderr
    assert "--postgres-port" in result.stderr

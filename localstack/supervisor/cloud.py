"""What the commands do: bring a local cloud up, describe it, hold its servers, take it down."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import psutil

from supervisor import database, deploy, environments, mail
from supervisor.commands import Commands, StepError
from supervisor.daemon import HOLD, HOLD_KILL
from supervisor.localstack_server import MARKER
from supervisor.progress import Progress
from supervisor.servers import (
    HOST,
    VALKEY_USER,
    PostgresServer,
    ValkeyServer,
    descendants,
    kill_all,
    port_is_open,
    tail,
)
from supervisor.state import (
    PROJECT,
    SERVERS,
    Ports,
    State,
    digest,
    exclusive,
    read_json,
    write_json,
)

DEMO_PATH = "/api/v1/trades?limit=3"

_POLL = 0.1
_UP_TIMEOUT = 120.0
_STOP_TIMEOUT = 60.0


def run(state: State, ports: Ports, data: Path | None, progress: Progress) -> dict[str, Any]:
    """Bring the local cloud up, or up to date where it is up already.

    Args:
        state: where it keeps its things.
        ports: where its servers listen.
        data: folder to seed the database from; the sample where None and the database is empty.
        progress: told about every step.

    Returns:
        What ``run.json`` then says.

    Raises:
        StepError: a step failed; whatever this call had started is stopped again.
        ServerError: likewise, of a server.
    """
    state.directory.mkdir(parents=True, exist_ok=True)
    with exclusive(state.run_lock):
        already_up = _daemon_to_keep(state, ports, progress)
        if not already_up:
            _require_free(ports)
        commands = Commands(state.logs)
        try:
            return _bring_up(state, ports, data, commands, progress)
        except BaseException:
            commands.cancel()
            if not already_up:
                progress.say("Stopping what was started")
                take_down(state)
            raise


def install(state: State, progress: Progress) -> None:
    """Make the environments of LocalStack and of Lambda where they are not up to date.

    Raises:
        StepError: one could not be made.
    """
    _make_environments(state, Commands(state.logs), progress)


def stop(state: State) -> bool:
    """Take the local cloud down, keeping the database.

    Returns:
        Whether it was up.

    Raises:
        StepError: a process or a port is left.
    """
    if not state.directory.exists():
        return False
    with exclusive(state.run_lock):
        return take_down(state)


def take_down(state: State) -> bool:
    """Do what ``stop`` does, for a caller that holds the run lock."""
    alive = state.daemon_alive()
    published = read_json(state.daemon_file)
    processes = _processes(state, published)
    if alive and published:
        with contextlib.suppress(ProcessLookupError):
            os.kill(published["pid"], signal.SIGTERM)
    deadline = time.monotonic() + _STOP_TIMEOUT
    while state.daemon_alive() and time.monotonic() < deadline:
        time.sleep(_POLL)
    # With the daemon killed its servers are already ending (Linux) or have to be ended.
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate()
    kill_all(processes, grace=10)
    for name in SERVERS:
        state.control_file(name).unlink(missing_ok=True)
    state.daemon_file.unlink(missing_ok=True)
    left = [str(process.pid) for process in processes if process.is_running()]
    servers = published.get("servers", {}).values()
    busy = [str(server["port"]) for server in servers if server["pid"] and _busy(server["port"])]
    if left or busy:
        raise StepError(
            f"stop: processes left: {', '.join(left) or 'none'}; "
            f"ports still open: {', '.join(busy) or 'none'}"
        )
    return alive


def status(state: State) -> dict[str, Any]:
    """Return how the daemon and its servers are, with ``run.json`` under ``run``.

    ``healthy`` is true where all three servers are up.
    """
    alive = state.daemon_alive()
    servers = read_json(state.daemon_file).get("servers", {}) if alive else {}
    healthy = bool(servers) and all(server["state"] == "up" for server in servers.values())
    return {
        "name": state.name,
        "daemon": alive,
        "healthy": healthy,
        "servers": servers,
        "run": read_json(state.run_file),
    }


def hold(state: State, server: str, *, kill: bool) -> None:
    """Take one server down, and keep it down until ``release``.

    Args:
        state: the local cloud.
        server: its name.
        kill: end it with kill -9 rather than in order.

    Raises:
        StepError: the cloud is not up, or the server is not down in time.
    """
    _require_up(state)
    control = state.control_file(server)
    control.parent.mkdir(exist_ok=True)
    temporary = control.with_name(f".{server}")
    temporary.write_text(HOLD_KILL if kill else HOLD)
    temporary.replace(control)
    _wait_for_state(state, server, "held")


def release(state: State, server: str) -> None:
    """Let a held server run again and wait until it is up.

    Raises:
        StepError: the cloud is not up, or the server is not up in time.
    """
    _require_up(state)
    state.control_file(server).unlink(missing_ok=True)
    _wait_for_state(state, server, "up")


def _daemon_to_keep(state: State, ports: Ports, progress: Progress) -> bool:
    """Tell whether a sound daemon runs; take one down that cannot go on."""
    if not state.daemon_alive():
        take_down(state)  # whatever a killed daemon may have left
        return False
    servers = read_json(state.daemon_file).get("servers", {})
    for name, wanted in asdict(ports).items():
        current = servers.get(name, {}).get("port", wanted)
        if current != wanted:
            raise StepError(
                f"the local cloud {state.name!r} is up with {name} on port {current}, not {wanted};"
                " stop it first, or choose another --name"
            )
    for name in SERVERS:
        state.control_file(name).unlink(missing_ok=True)
    failed = {name: server["error"] for name, server in servers.items() if _is_failed(server)}
    outdated = not all(environment.current() for environment in _environments(state))
    if servers and not failed and not outdated:
        return True
    reason = "; ".join(failed.values()) or "its Python environments have changed"
    progress.say(f"Starting afresh: {reason}")
    take_down(state)
    return False


def _is_failed(server: dict[str, Any]) -> bool:
    return bool(server["state"] == "failed")


def _environments(state: State) -> list[environments.Environment]:
    return [
        environments.localstack_environment(state.root),
        environments.runtime_environment(state.root),
    ]


def _require_free(ports: Ports) -> None:
    for name, port in asdict(ports).items():
        if port_is_open(port):
            raise StepError(
                f"port {port} on {HOST} is in use by another process; "
                f"end that, or choose another port with --{name}-port"
            )


def _bring_up(
    state: State, ports: Ports, data: Path | None, commands: Commands, progress: Progress
) -> dict[str, Any]:
    endpoints = deploy.Endpoints(ports)
    credentials = state.credentials()
    postgres = PostgresServer(state.postgres, credentials.postgres, port=ports.postgres)
    valkey = ValkeyServer(state.valkey, credentials.valkey, port=ports.valkey)
    with ThreadPoolExecutor(max_workers=3) as pool:
        try:
            assembly = pool.submit(_make_assembly, state, endpoints, commands, progress)
            _make_environments(state, commands, progress)
            _raise_if_failed(assembly)
            if not state.daemon_alive():
                _start_daemon(state, ports)
            pool.submit(deploy.preload)
            with progress.step(f"PostgreSQL on port {ports.postgres}"):
                _wait_for_state(state, "postgres", "up")
                database.ensure_roles(postgres, credentials.owner, credentials.app)
                database.ensure_database(postgres)
            with progress.step(f"Valkey on port {ports.valkey}"):
                _wait_for_state(state, "valkey", "up")
            with progress.step(f"LocalStack on port {ports.localstack}"):
                _wait_for_state(state, "localstack", "up")
                deploy.bootstrap(endpoints)
                secrets = deploy.create_secrets(endpoints, credentials)
            _raise_if_failed(assembly)
            settings = deploy.quant_environment(endpoints, secrets)
            load = _Load(postgres, valkey, data, dict(settings), commands, progress)
            loaded = pool.submit(load.run)
            assembled = assembly.result()
            _raise_if_failed(loaded)
            outputs, is_new = _deploy(state, endpoints, assembled, commands, progress)
            _raise_if_failed(loaded)
            mail.allow_sender(endpoints, outputs)
            settings |= deploy.token_environment(endpoints, outputs)
            settings |= deploy.pipeline_environment(outputs)
            with progress.step("signing keys and demo token"):
                token = deploy.make_token(endpoints, settings)
            loaded.result()
            with progress.step("analytics"):
                deploy.precompute(endpoints)
        except BaseException:
            commands.cancel()
            raise
    if is_new:
        with progress.step("check the configuration"):
            deploy.check_configuration(endpoints)
    instance = _instance(state)
    content = {
        "name": state.name,
        "url": deploy.api_url(outputs, endpoints),
        "endpoint_url": endpoints.aws,
        "token": token,
        "ports": asdict(ports),
        "pids": {name: read_json(state.daemon_file)["servers"][name]["pid"] for name in SERVERS},
        "outputs": outputs,
        "secrets": secrets,
        "environment": settings,
        "database": {
            "host": HOST,
            "port": ports.postgres,
            "name": database.DATABASE,
            "passwords": {
                postgres.user: credentials.postgres,
                database.OWNER_ROLE: credentials.owner,
                database.APP_ROLE: credentials.app,
            },
        },
        "valkey": {
            "host": HOST,
            "port": ports.valkey,
            "username": VALKEY_USER,
            "password": credentials.valkey,
        },
        "deployed": {"localstack": instance, "assembly": assembled},
        "synthetic": database.contents(postgres).data == database.SAMPLE,
        "logs": str(state.logs),
    }
    write_json(state.run_file, content)
    return content


def _make_environments(state: State, commands: Commands, progress: Progress) -> None:
    if not all(environment.current() for environment in _environments(state)):
        with progress.step("make the Python environments of LocalStack and Lambda"):
            environments.ensure_all(commands, state.root)


def _raise_if_failed(future: Future[Any]) -> None:
    """Let a failure in the background be known as soon as there is something to be told."""
    if future.done():
        future.result()


def _make_assembly(
    state: State, endpoints: deploy.Endpoints, commands: Commands, progress: Progress
) -> str:
    with progress.step("layers and OpenAPI document"):
        deploy.build_artifacts(commands)
    with progress.step("synthesise the stacks"):
        return deploy.synthesise(commands, state, endpoints)


@dataclass(frozen=True)
class _Load:
    """Brings the schema and the data up to date."""

    postgres: PostgresServer
    valkey: ValkeyServer
    data: Path | None
    settings: dict[str, str]
    commands: Commands
    progress: Progress

    def run(self) -> None:
        noted = database.contents(self.postgres)
        held = noted.data
        kept = held if noted.seeded else database.SAMPLE
        wanted = digest([self.data]) if self.data else kept
        if held and (held == database.SAMPLE) != (wanted == database.SAMPLE):
            self._start_afresh()
        self._migrate()
        self._seed(wanted)

    def _start_afresh(self) -> None:
        with self.progress.step("drop the database: real data is not mixed with the sample"):
            database.drop_database(self.postgres)
            database.ensure_database(self.postgres)
            # Entries go by a version of the data, which a new database counts from the start.
            self.valkey.clear()

    def _migrate(self) -> None:
        noted = database.contents(self.postgres)
        migrations = deploy.migrations_digest()
        revision = database.revision(self.postgres)
        if revision and (noted.migrations, noted.revision) == (migrations, revision):
            return
        with self.progress.step("migrate the database"):
            deploy.migrate(self.commands, self.settings)
        revision = database.revision(self.postgres)
        now = replace(noted, migrations=migrations, revision=revision)
        database.note_contents(self.postgres, now)

    def _seed(self, wanted: str) -> None:
        noted = database.contents(self.postgres)
        if noted.seeded and noted.data == wanted:
            return
        with self.progress.step(f"seed the database from {self.data or 'the sample'}"):
            # Noted before: what was seeded in part must not be taken for an empty database.
            noted = replace(noted, data=wanted, seeded=False)
            database.note_contents(self.postgres, noted)
            deploy.seed(self.commands, self.settings, self.data)
            database.note_contents(self.postgres, replace(noted, seeded=True))


def _deploy(
    state: State,
    endpoints: deploy.Endpoints,
    assembly: str,
    commands: Commands,
    progress: Progress,
) -> tuple[dict[str, str], bool]:
    """Deploy unless this LocalStack already has this assembly.

    Returns:
        The stacks' outputs, and whether they may differ from those of the last run.
    """
    before = read_json(state.run_file)
    deployed = before.get("deployed", {})
    if deployed == {"localstack": _instance(state), "assembly": assembly}:
        return dict(before["outputs"]), False
    if deployed.get("assembly") == assembly and not deploy.stacks_exist(endpoints):
        with progress.step("put the stacks back"):
            return deploy.restore(state, endpoints), False
    with progress.step("cdk deploy"):
        return deploy.deploy(commands, state, endpoints), True


def _instance(state: State) -> str:
    """Identify the running LocalStack process: its resources go with it."""
    server = read_json(state.daemon_file)["servers"]["localstack"]
    return f"{server['pid']}/{server['created']}"


def _start_daemon(state: State, ports: Ports) -> None:
    state.logs.mkdir(parents=True, exist_ok=True)
    main = Path(__file__).with_name("__main__.py").parent
    options = [f"--{name}-port={port}" for name, port in asdict(ports).items()]
    command = [sys.executable, str(main), "daemon", "--name", state.name, *options]
    with (state.logs / "daemon.log").open("ab") as log:
        process = subprocess.Popen(  # noqa: S603
            command,
            cwd=PROJECT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    deadline = time.monotonic() + _UP_TIMEOUT
    while not state.daemon_file.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            raise StepError(
                f"the daemon did not start; {state.logs / 'daemon.log'} ends:\n"
                f"{tail(state.logs / 'daemon.log')}"
            )
        time.sleep(_POLL)


def _wait_for_state(state: State, name: str, wanted: str) -> None:
    deadline = time.monotonic() + _UP_TIMEOUT
    while True:
        server = read_json(state.daemon_file).get("servers", {}).get(name, {})
        if server.get("state") == wanted:
            return
        log = state.logs / f"{name}.log"
        if server.get("state") == "failed":
            raise StepError(f"{server['error']}; {log} ends:\n{tail(log)}")
        if not state.daemon_alive():
            log = state.logs / "daemon.log"
            raise StepError(f"the daemon is gone; {log} ends:\n{tail(log)}")
        if time.monotonic() > deadline:
            raise StepError(
                f"{name} is {server.get('state', 'unknown')} rather than {wanted} after "
                f"{_UP_TIMEOUT:.0f} s; {log} ends:\n{tail(log)}"
            )
        time.sleep(_POLL)


def _require_up(state: State) -> None:
    if not state.daemon_alive():
        raise StepError(f"the local cloud {state.name!r} is not up")


def _processes(state: State, published: dict[str, Any]) -> list[psutil.Process]:
    """Return the servers last published and everything that descends from them."""
    found: dict[int, psutil.Process] = {}
    for server in published.get("servers", {}).values():
        with contextlib.suppress(psutil.NoSuchProcess):
            if server["pid"] is not None:
                process = psutil.Process(server["pid"])
                if process.create_time() == server["created"]:
                    found[process.pid] = process
                    found |= {child.pid: child for child in descendants(process.pid)}
    return [*found.values(), *(p for p in _marked(state) if p.pid not in found)]


def _marked(state: State) -> Iterator[psutil.Process]:
    """Find processes of this cloud's LocalStack that outlived it."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            if process.environ().get(MARKER) == str(state.localstack):
                yield process


def _busy(port: int) -> bool:
    deadline = time.monotonic() + 5
    while port_is_open(port):
        if time.monotonic() > deadline:
            return True
        time.sleep(_POLL)
    return False

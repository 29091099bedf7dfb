"""What the commands do: bring a local cloud up, describe it, hold its servers, take it down."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import psutil

from supervisor import database, deploy, environments, mail
from supervisor.commands import Commands, StepError
from supervisor.daemon import HOLD, HOLD_KILL
from supervisor.learning import Learning, require_free, tracking_is_up
from supervisor.localstack_server import MARKER
from supervisor.progress import Progress
from supervisor.published import UP_TIMEOUT, servers, wait_for_state
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
    TRACKING,
    Ports,
    State,
    digest,
    exclusive,
    read_json,
    write_json,
)

DEMO_PATH = "/api/v1/trades?limit=3"

_POLL = 0.1
_STOP_TIMEOUT = 60.0


def run(
    state: State, ports: Ports, data: Path | None, progress: Progress, *, ml: bool = False
) -> dict[str, Any]:
    """Bring the local cloud up, or up to date where it is up already.

    Args:
        state: where it keeps its things.
        ports: where its servers listen.
        data: folder to seed the database from; the sample where None and the database is empty.
        progress: told about every step.
        ml: whether to have a tracking server, and to train where nothing was trained yet. One that
            is up stays.

    Returns:
        What ``run.json`` then says.

    Raises:
        StepError: a step failed; whatever this call had started is stopped again.
        ServerError: likewise, of a server.
    """
    state.directory.mkdir(parents=True, exist_ok=True)
    with exclusive(state.run_lock):
        tracking = ml or tracking_is_up(state)
        already_up = _daemon_to_keep(state, ports, progress)
        if not already_up:
            for name, port in ports.by_server(tracking=tracking).items():
                require_free(name, port)
        commands = Commands(state.logs)
        try:
            return _bring_up(state, ports, data, commands, progress, tracking=tracking)
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
        StepError: a process or a port is left, or the bucket of machine learning is lost.
    """
    if not state.directory.exists():
        return False
    with exclusive(state.run_lock):
        was_up = take_down(state)
        if was_up and state.ml_file.exists():
            # The daemon removes it when it has done what it says.
            state.ml_file.unlink()
            raise StepError(
                "stopped, but what the bucket of machine learning held could not be kept, apart "
                f"from what was kept before; {state.logs / 'daemon.log'} says why"
            )
        return was_up


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
    _release_all(state)
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

    ``healthy`` is true where all its servers are up.
    """
    alive = state.daemon_alive()
    about = servers(state) if alive else {}
    healthy = bool(about) and all(server["state"] == "up" for server in about.values())
    return {
        "name": state.name,
        "daemon": alive,
        "healthy": healthy,
        "servers": about,
        "run": read_json(state.run_file),
    }


def hold(state: State, server: str, *, kill: bool) -> None:
    """Take one server down, and keep it down until ``release``.

    Args:
        state: the local cloud.
        server: its name.
        kill: end it with kill -9 rather than in order.

    Raises:
        StepError: the cloud is not up or has no such server, or that is not down in time.
    """
    _require_up(state, server)
    control = state.control_file(server)
    control.parent.mkdir(exist_ok=True)
    temporary = control.with_name(f".{server}")
    temporary.write_text(HOLD_KILL if kill else HOLD)
    temporary.replace(control)
    wait_for_state(state, server, "held")


def release(state: State, server: str) -> None:
    """Let a held server run again and wait until it is up.

    Raises:
        StepError: the cloud is not up or has no such server, or that is not up in time.
    """
    _require_up(state, server)
    state.control_file(server).unlink(missing_ok=True)
    wait_for_state(state, server, "up")


def _daemon_to_keep(state: State, ports: Ports, progress: Progress) -> bool:
    """Tell whether a sound daemon runs; take one down that cannot go on."""
    if not state.daemon_alive():
        take_down(state)  # whatever a killed daemon may have left
        return False
    about = servers(state)
    for name, wanted in asdict(ports).items():
        current = about.get(name, {}).get("port", wanted)
        if current != wanted:
            raise StepError(
                f"the local cloud {state.name!r} is up with {name} on port {current}, not {wanted};"
                " stop it first, or choose another --name"
            )
    _release_all(state)
    failed = {name: server["error"] for name, server in about.items() if _is_failed(server)}
    needed = _environments(state)
    if TRACKING in about:
        needed.append(environments.tracking_environment(state.root))
    outdated = not all(environment.current() for environment in needed)
    if about and not failed and not outdated:
        return True
    reason = "; ".join(failed.values()) or "its Python environments have changed"
    progress.say(f"Starting afresh: {reason}")
    take_down(state)
    return False


def _release_all(state: State) -> None:
    for name in (*SERVERS, TRACKING):
        state.control_file(name).unlink(missing_ok=True)


def _is_failed(server: dict[str, Any]) -> bool:
    return bool(server["state"] == "failed")


def _environments(state: State) -> list[environments.Environment]:
    return [
        environments.localstack_environment(state.root),
        environments.runtime_environment(state.root),
    ]


def _bring_up(
    state: State,
    ports: Ports,
    data: Path | None,
    commands: Commands,
    progress: Progress,
    *,
    tracking: bool,
) -> dict[str, Any]:
    endpoints = deploy.Endpoints(ports)
    credentials = state.credentials()
    postgres = PostgresServer(state.postgres, credentials.postgres, port=ports.postgres)
    valkey = ValkeyServer(state.valkey, credentials.valkey, port=ports.valkey)
    learning = Learning(state, endpoints, postgres, commands, progress, tracking)
    with ThreadPoolExecutor(max_workers=3) as pool:
        try:
            assembly = pool.submit(_make_assembly, state, endpoints, commands, progress)
            _make_environments(state, commands, progress)
            learning.make_environment()
            _raise_if_failed(assembly)
            if not state.daemon_alive():
                _start_daemon(state, ports)
            pool.submit(deploy.preload)
            with progress.step(f"PostgreSQL on port {ports.postgres}"):
                wait_for_state(state, "postgres", "up")
                database.ensure_roles(postgres, credentials.owner, credentials.app)
                database.ensure_database(postgres)
            with progress.step(f"Valkey on port {ports.valkey}"):
                wait_for_state(state, "valkey", "up")
            with progress.step(f"LocalStack on port {ports.localstack}"):
                wait_for_state(state, "localstack", "up")
                deploy.bootstrap(endpoints)
                secrets = deploy.create_secrets(endpoints, credentials)
            _raise_if_failed(assembly)
            settings = deploy.quant_environment(endpoints, secrets)
            load = _Load(
                postgres, valkey, data, dict(settings), commands, progress, learning.forget
            )
            loaded = pool.submit(load.run)
            assembled = assembly.result()
            _raise_if_failed(loaded)
            outputs, is_new = _deploy(state, endpoints, assembled, commands, progress)
            _raise_if_failed(loaded)
            mail.allow_sender(endpoints, outputs)
            settings |= {
                **deploy.token_environment(endpoints, outputs),
                **deploy.pipeline_environment(outputs),
                **deploy.ml_environment(endpoints, outputs, tracking=tracking),
            }
            with progress.step("signing keys and demo token"):
                token = deploy.make_token(endpoints, settings)
            loaded.result()
            learning.start(outputs)
            with progress.step("analytics"):
                deploy.precompute(endpoints)
            learning.finish(settings)
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
        "pids": {name: server["pid"] for name, server in servers(state).items()},
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
        "tracking_uri": endpoints.tracking if tracking else None,
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
    forget: Callable[[], None]

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
            self.forget()
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
    server = servers(state)["localstack"]
    return f"{server['pid']}/{server['created']}"


def _start_daemon(state: State, ports: Ports) -> None:
    state.logs.mkdir(parents=True, exist_ok=True)
    # Of a daemon that was killed; its bucket is gone.
    state.ml_file.unlink(missing_ok=True)
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
    deadline = time.monotonic() + UP_TIMEOUT
    while not state.daemon_file.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            raise StepError(
                f"the daemon did not start; {state.logs / 'daemon.log'} ends:\n"
                f"{tail(state.logs / 'daemon.log')}"
            )
        time.sleep(_POLL)


def _require_up(state: State, server: str) -> None:
    if not state.daemon_alive():
        raise StepError(f"the local cloud {state.name!r} is not up")
    if server not in servers(state):
        raise StepError(f"the local cloud {state.name!r} has no server {server}")


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

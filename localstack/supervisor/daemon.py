"""The process that owns the servers: starts them, keeps them up, holds and stops them.

It has one thread, since its children die with the thread that started them (``guard.py``). The
commands talk to it through files: ``control/<server>`` present means hold that server down,
``ml.json`` asks for what machine learning needs, and ``daemon.json`` says how everything is.
"""

import contextlib
import logging
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from supervisor.environments import localstack_environment, plux_home, runtime_environment
from supervisor.localstack_server import LocalStackServer
from supervisor.ml_task import MlTask, keep, tracking_server
from supervisor.servers import PostgresServer, Server, ServerError, ValkeyServer
from supervisor.state import TRACKING, Ports, State, exclusive, write_json

HOLD = "stop"
HOLD_KILL = "kill"

_POLL = 0.1
_FIRST_DELAY = 0.25
_LONGEST_DELAY = 30.0
_STEADY_AFTER = 30.0

_logger = logging.getLogger("supervisor")


class Managed:
    """One server and what to do about it.

    Attributes:
        state: ``new``, ``starting``, ``up``, ``held``, ``restarting`` or ``failed``.
        error: why it last failed, empty where it has not.
        restarts: how often it was restarted after ending unexpectedly.

    Args:
        server: the server.
        control_file: says to hold it down while it exists.
        restart: whether to restart it when it ends unexpectedly.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        server: Server,
        control_file: Path,
        *,
        restart: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.server = server
        self.state = "new"
        self.error = ""
        self.restarts = 0
        self._control_file = control_file
        self._restart = restart
        self._clock = clock
        self._been_up = False
        self._failures = 0
        self._since = clock()

    def step(self) -> None:
        """Look at the server and do the one thing that is due."""
        wanted = self._hold_wanted()
        if wanted:
            if self.state != "held":
                self.server.kill() if wanted == HOLD_KILL else self.server.stop()
                self._enter("held")
        elif self.state in {"new", "held"} or (
            self.state == "restarting" and self._clock() - self._since >= self._delay()
        ):
            self._start()
        elif self.state in {"starting", "up"}:
            self._watch()

    def describe(self) -> dict[str, Any]:
        """Return the state as it is published."""
        pid = self.server.pid
        return {
            "state": self.state,
            "port": self.server.port,
            "pid": pid,
            "created": _created(pid),
            "restarts": self.restarts,
            "error": self.error,
        }

    def _hold_wanted(self) -> str:
        try:
            return self._control_file.read_text().strip() or HOLD
        except FileNotFoundError:
            return ""

    def _start(self) -> None:
        if self.state == "restarting":
            self.restarts += 1
        try:
            self.server.start()
        except (ServerError, OSError) as error:
            self._fail(str(error))
        else:
            self._enter("starting")

    def _watch(self) -> None:
        if not self.server.running:
            self._fail(f"{self.server.name} ended with exit code {self.server.exit_code}")
        elif self.state == "up":
            if self._clock() - self._since >= _STEADY_AFTER:
                self._failures = 0
        elif self.server.ready():
            self._been_up = True
            self.error = ""
            self._enter("up")
        elif self._clock() - self._since > self.server.ready_timeout:
            self.server.kill()
            self._fail(f"{self.server.name} did not answer in {self.server.ready_timeout:.0f} s")

    def _fail(self, error: str) -> None:
        self.error = error
        self._failures += 1
        # A server that never came up has a cause that a restart does not cure.
        self._enter("restarting" if self._restart and self._been_up else "failed")

    def _delay(self) -> float:
        return min(_LONGEST_DELAY, _FIRST_DELAY * 2.0 ** (self._failures - 1))

    def _enter(self, state: str) -> None:
        _logger.info("%s: %s %s", self.server.name, state, self.error)
        self.state = state
        self._since = self._clock()


def build(state: State, ports: Ports) -> dict[str, Managed]:
    """Return the three servers that every local cloud has, none of them started."""
    credentials = state.credentials()
    logs = state.logs
    servers: list[Server] = [
        PostgresServer(
            state.postgres,
            credentials.postgres,
            port=ports.postgres,
            log_file=logs / "postgres.log",
        ),
        ValkeyServer(
            state.valkey,
            credentials.valkey,
            port=ports.valkey,
            log_file=logs / "valkey.log",
        ),
        LocalStackServer(
            environment=localstack_environment(state.root).path,
            runtime_python=runtime_environment(state.root).python,
            directory=state.localstack,
            home=plux_home(state.root),
            port=ports.localstack,
            log_file=logs / "localstack.log",
        ),
    ]
    # LocalStack keeps its resources in memory: restarted it would be up and empty, so its end is
    # reported instead and `run` starts a new one and deploys to it.
    return {
        server.name: Managed(
            server, state.control_file(server.name), restart=server.name != "localstack"
        )
        for server in servers
    }


class MlFollower:
    """Does what ``ml.json`` asks for.

    Args:
        state: the local cloud.
        ports: where its servers listen.
        servers: by name; the tracking server comes and goes there.
    """

    def __init__(self, state: State, ports: Ports, servers: dict[str, Managed]) -> None:
        self._state, self._ports, self._servers = state, ports, servers
        self._task: MlTask | None = None

    def step(self) -> None:
        """Have the tracking server that is asked for."""
        wanted = MlTask.of(self._state)
        if wanted == self._task:
            return
        self._drop()
        if wanted and wanted.tracking:
            server = tracking_server(self._state, self._ports, wanted)
            control_file = self._state.control_file(TRACKING)
            self._servers[TRACKING] = Managed(server, control_file, restart=True)
        self._task = wanted

    def finish(self) -> None:
        """End the tracking server and keep what the bucket holds, for LocalStack is to end."""
        self._drop()
        if self._task is None:
            return
        try:
            keep(self._state, self._task, self._ports)
        except Exception:
            # Whatever it was, the servers have to be stopped; `stop` sees that the file is left.
            _logger.exception("the bucket of machine learning could not be kept")
        else:
            self._state.ml_file.unlink(missing_ok=True)

    def _drop(self) -> None:
        managed = self._servers.pop(TRACKING, None)
        if managed:
            _logger.info("%s: stopping", TRACKING)
            managed.server.stop()


def main(state: State, ports: Ports) -> None:
    """Run until SIGTERM or SIGINT, then stop all servers.

    Raises:
        BlockingIOError: another daemon has this state folder.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    stopping = False

    def on_signal(*_: object) -> None:
        nonlocal stopping
        stopping = True

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)
    with contextlib.ExitStack() as stack:
        _lock(stack, state)
        servers = build(state, ports)
        learning = MlFollower(state, ports, servers)
        published: dict[str, Any] = {}
        try:
            while not stopping:
                learning.step()
                for managed in servers.values():
                    managed.step()
                published = _publish(state, servers, published)
                time.sleep(_POLL)
        finally:
            learning.finish()
            # LocalStack first: its functions use the other two.
            for managed in reversed(servers.values()):
                _logger.info("%s: stopping", managed.server.name)
                managed.server.stop()
            state.daemon_file.unlink(missing_ok=True)
            _logger.info("stopped")


def _lock(stack: contextlib.ExitStack, state: State) -> None:
    # Whoever asks whether a daemon lives takes the lock for an instant.
    for _ in range(10):
        with contextlib.suppress(BlockingIOError):
            stack.enter_context(exclusive(state.daemon_lock, wait=False))
            return
        time.sleep(_POLL)
    raise BlockingIOError(f"another daemon holds {state.daemon_lock}")


def _publish(state: State, servers: dict[str, Managed], before: dict[str, Any]) -> dict[str, Any]:
    content = {
        "pid": os.getpid(),
        "servers": {name: managed.describe() for name, managed in servers.items()},
    }
    if content != before:
        write_json(state.daemon_file, content)
    return content


def _created(pid: int | None) -> float | None:
    # With the pid it tells a process from a later one of the same number.
    if pid is None:
        return None
    try:
        return psutil.Process(pid).create_time()
    except psutil.NoSuchProcess:
        return None

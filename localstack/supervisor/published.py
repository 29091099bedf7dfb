"""What the daemon publishes of its servers, and how to wait for it."""

import time
from typing import Any

from supervisor.commands import StepError
from supervisor.servers import tail
from supervisor.state import State, read_json

UP_TIMEOUT = 120.0

_POLL = 0.1


def servers(state: State) -> dict[str, dict[str, Any]]:
    """Return the servers by name, as last published; none where no daemon has published any."""
    published: dict[str, dict[str, Any]] = read_json(state.daemon_file).get("servers", {})
    return published


def wait_for_state(state: State, name: str, wanted: str) -> None:
    """Wait until a server is in a state of ``Managed.state``.

    Raises:
        StepError: it failed, the daemon is gone, or it takes too long.
    """
    deadline = time.monotonic() + UP_TIMEOUT
    while True:
        server = servers(state).get(name, {})
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
                f"{UP_TIMEOUT:.0f} s; {log} ends:\n{tail(log)}"
            )
        time.sleep(_POLL)


def wait_until_gone(state: State, name: str) -> None:
    """Wait until the daemon has a server no more.

    Raises:
        StepError: it takes too long.
    """
    deadline = time.monotonic() + UP_TIMEOUT
    while name in servers(state):
        if time.monotonic() > deadline:
            raise StepError(f"{name} is still there after {UP_TIMEOUT:.0f} s")
        time.sleep(_POLL)

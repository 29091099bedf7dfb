"""A Valkey cluster, clients that do not give up, and the count of what passed."""

import secrets
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import valkey
from supervisor.servers import VALKEY_USER, ValkeyServer, free_port
from support import server_directory
from valkey.cluster import ValkeyCluster

from quant.limits import Decision, Window
from quant.limits.windows import Limiter

SLOTS = 16384


class ClusterNode(ValkeyServer):
    """A Valkey server in cluster mode, whose user may set the cluster up."""

    def __init__(self, directory: Path, password: str) -> None:
        super().__init__(directory, password)
        self.bus_port = free_port()

    def prepare(self) -> None:
        super().prepare()
        path = self.directory / "valkey.conf"
        settings = path.read_text().replace(" -@admin", "")
        path.write_text(
            f"{settings}cluster-enabled yes\ncluster-port {self.bus_port}\n"
            "cluster-node-timeout 5000\n"
        )


@contextmanager
def cluster_nodes(nodes: int = 3) -> Iterator[list[ClusterNode]]:
    """A cluster of primaries that share the slots evenly."""
    password = secrets.token_urlsafe(16)
    with server_directory("cluster") as directory:
        servers = [ClusterNode(directory / str(number), password) for number in range(nodes)]
        try:
            for server in servers:
                server.start()
            for server in servers:
                server.wait_ready()
            _join(servers)
            yield servers
        finally:
            for server in servers:
                server.stop()


@contextmanager
def cluster(nodes: int = 3) -> Iterator[ValkeyCluster]:
    """A client of a cluster that knows all of it."""
    with cluster_nodes(nodes) as servers:
        client = ValkeyCluster(
            host=servers[0].host,
            port=servers[0].port,
            username=VALKEY_USER,
            password=servers[0].password,
            socket_timeout=10,
        )
        try:
            yield client
        finally:
            client.close()


def _join(servers: Sequence[ClusterNode]) -> None:
    clients = [connect(server) for server in servers]
    bounds = [SLOTS * number // len(servers) for number in range(len(servers) + 1)]
    for number, client in enumerate(clients):
        client.execute_command("CLUSTER ADDSLOTSRANGE", bounds[number], bounds[number + 1] - 1)
        first = servers[0]
        client.execute_command("CLUSTER MEET", first.host, first.port, first.bus_port)
    deadline = time.monotonic() + 30
    while not all(_sees(client, len(servers)) for client in clients):
        assert time.monotonic() < deadline, "the cluster did not form"
        time.sleep(0.1)
    for client in clients:
        client.close()


def _sees(client: valkey.Valkey, nodes: int) -> bool:
    info = client.execute_command("CLUSTER INFO")
    fields = (
        info if isinstance(info, dict) else dict(line.split(":") for line in info.decode().split())
    )
    return fields["cluster_state"] == "ok" and int(fields["cluster_known_nodes"]) == nodes


def connect(server: ValkeyServer, timeout: float = 10) -> valkey.Valkey:
    """A client of a server, for any number of threads."""
    return valkey.Valkey(
        port=server.port, username=VALKEY_USER, password=server.password, socket_timeout=timeout
    )


def hammer(
    limiter: Callable[[], Limiter],
    subject: str,
    window: Window,
    *,
    clients: int,
    windows: float,
    pause: float = 0.005,
) -> Callable[[], list[Decision]]:
    """Have clients ask without end for a number of windows' lengths.

    Returns:
        What waits for them and returns the decisions on the first ``windows`` lengths after the
        first pass, by the deciding clock.
    """
    decisions: list[list[Decision]] = [[] for _ in range(clients)]
    deadline = time.monotonic() + window.seconds * windows + 2

    def ask(mine: list[Decision]) -> None:
        own = limiter()
        while time.monotonic() < deadline:
            decision = own.check(subject, [window])
            mine.append(decision)
            if not decision.allowed:
                time.sleep(pause)

    threads = [threading.Thread(target=ask, args=(mine,)) for mine in decisions]
    for thread in threads:
        thread.start()

    def wait() -> list[Decision]:
        for thread in threads:
            thread.join()
        everything = [decision for mine in decisions for decision in mine]
        end = min(passes(everything)) + round(window.seconds * windows * 1_000_000)
        return [decision for decision in everything if decision.time_us < end]

    return wait


def passes(decisions: Sequence[Decision]) -> list[int]:
    """When requests passed, microseconds, in order."""
    return sorted(decision.time_us for decision in decisions if decision.allowed)


def most_in_any_window(times: Sequence[int], seconds: float) -> int:
    """The greatest number of times within any interval of a length, both ends included."""
    length = round(seconds * 1_000_000)
    most = start = 0
    for end, moment in enumerate(times):
        while times[start] < moment - length:
            start += 1
        most = max(most, end - start + 1)
    return most


def counting(client: Any) -> tuple[Any, list[str]]:
    """A client and the commands sent through it."""
    sent: list[str] = []

    class Counting:
        def __getattr__(self, name: str) -> Any:
            sent.append(name)
            return getattr(client, name)

    return Counting(), sent

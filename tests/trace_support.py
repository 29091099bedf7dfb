"""An X-Ray daemon that gives what it was sent to the test."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

ROOT = "1-67891233-abcdef012345678912345678"
PARENT = "1234567890abcdef"
SAMPLED = f"Root={ROOT};Parent={PARENT};Sampled=1"


class Daemon:
    """Takes segment documents by UDP."""

    def __init__(self, receiver: socket.socket) -> None:
        self._receiver = receiver
        host, port = receiver.getsockname()
        self.address = f"{host}:{port}"

    def documents(self) -> list[dict[str, Any]]:
        """What has arrived; datagrams to the same machine do so at once."""
        found = []
        while True:
            try:
                datagram = self._receiver.recv(65_535)
            except BlockingIOError:
                return found
            header, _, content = datagram.partition(b"\n")
            assert json.loads(header) == {"format": "json", "version": 1}
            found.append(json.loads(content))


@contextmanager
def xray_daemon() -> Iterator[Daemon]:
    """Run a daemon for the block."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.setblocking(False)
        yield Daemon(receiver)


def names(document: dict[str, Any]) -> list[Any]:
    """Names of a document and its parts, as nested lists."""
    parts = [names(part) for part in document.get("subsegments", [])]
    return [document["name"], *parts] if parts else [document["name"]]

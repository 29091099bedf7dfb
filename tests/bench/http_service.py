"""A service of uvicorn's, asked over one kept connection."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil
from environment import Share
from supervisor.servers import free_port, port_is_open

_START_S = 60.0


class Service:
    """One worker; leaving it ends the process.

    Args:
        application: ``<module>:<name>``.
        folder: Where the module is.
        variables: Environment variables besides those of this process.
        memory_mb: Memory whose share of a CPU it gets once it listens, as a function's would;
            ``None`` for all it can use.
    """

    def __init__(
        self, application: str, folder: Path, variables: Mapping[str, str], memory_mb: int | None
    ) -> None:
        self._application = application
        self._folder = folder
        self._variables = variables
        self._share = Share(memory_mb) if memory_mb is not None else None
        self._port = free_port()

    def __enter__(self) -> Self:
        options = ("--port", str(self._port), "--log-level", "warning", "--no-access-log")
        self.process = psutil.Popen(
            [sys.executable, "-m", "uvicorn", *options, self._application],
            cwd=self._folder,
            env={**os.environ, **self._variables},
            stdin=subprocess.DEVNULL,
        )
        try:
            deadline = time.monotonic() + _START_S
            while not port_is_open(self._port):
                if self.process.poll() is not None or time.monotonic() > deadline:
                    msg = f"{self._application} does not start"
                    raise RuntimeError(msg)
                time.sleep(0.1)
            self._connection = socket.create_connection(("127.0.0.1", self._port))
            self._connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._share is not None:
                self._share.hold(self.process.pid)
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._connection.close()
        self._close()

    def at(self, target: str) -> "Page":
        return Page(self, target)

    def get(self, target: str) -> tuple[float, bytes]:
        """Seconds until the answer, and its body.

        Raises:
            AssertionError: It is not 200.
        """
        request = f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\n\r\n".encode()
        started = time.perf_counter()
        self._connection.sendall(request)
        received = b""
        while b"\r\n\r\n" not in received:
            received += self._connection.recv(1 << 20)
        head, _, body = received.partition(b"\r\n\r\n")
        first, *lines = head.decode().lower().split("\r\n")
        [length] = [int(line.partition(":")[2]) for line in lines if line.startswith("content-le")]
        while len(body) < length:
            body += self._connection.recv(1 << 20)
        seconds = time.perf_counter() - started
        if " 200 " not in first:
            raise AssertionError(body.decode())
        return seconds, body

    def _close(self) -> None:
        self.process.kill()
        self.process.wait()
        if self._share is not None:
            self._share.close()


class Page:
    """One resource of a service."""

    def __init__(self, service: Service, target: str) -> None:
        self._service = service
        self._target = target
        self.process = service.process

    def ask(self) -> tuple[float, bytes]:
        return self._service.get(self._target)

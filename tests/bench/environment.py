"""Execution environments as Lambda has them, without it: AWS's runtime client, a share of a CPU.

One process runs ``python -m awslambdaric``, AWS's own runtime interface client, against a Runtime
API that is served here on a socket and does as little as possible, since its time is measured too.
Its CPU is bounded by a cgroup, as Lambda's is by the function's memory.

Sources: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html,
https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html (1,769 MB are one vCPU)
"""

import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import psutil

PROJECT: Final = Path(__file__).resolve().parents[2]
FUNCTIONS: Final = PROJECT / "functions"
LAYERS: Final = PROJECT / "build/local/layers"
# What Lambda's python3.13 has besides Python, made by ``localstack/supervisor install``.
INTERPRETER: Final = PROJECT / ".local/envs/runtime/bin/python"

MB_OF_ONE_CPU: Final = 1_769
_PERIOD_US: Final = 20_000
_START_S: Final = 120.0
_ARN: Final = "arn:aws:lambda:us-east-1:000000000000:function:bench"


class FunctionFailedError(RuntimeError):
    """The function could not be initialised or has ended."""


@dataclass(frozen=True)
class Answer:
    """What a function made of one event.

    Attributes:
        payload: The answer as the runtime client sent it, JSON.
        seconds: From the event's first byte to the answer's last.
        is_error: Whether the handler raised.
    """

    payload: bytes
    seconds: float
    is_error: bool

    @property
    def document(self) -> Any:
        return json.loads(self.payload)


class Share:
    """A cgroup whose processes together get a share of one CPU.

    Args:
        memory_mb: Memory of the function that has this share at AWS.

    Raises:
        OSError: Control groups cannot be made here: it takes root, and Linux.
    """

    def __init__(self, memory_mb: int) -> None:
        quota = round(_PERIOD_US * memory_mb / MB_OF_ONE_CPU)
        name = f"quant-bench-{uuid.uuid4().hex[:12]}"
        root = Path("/sys/fs/cgroup")
        if (root / "cgroup.controllers").exists():
            (root / "cgroup.subtree_control").write_text("+cpu")
            self._folder = root / name
            self._folder.mkdir()
            (self._folder / "cpu.max").write_text(f"{quota} {_PERIOD_US}")
        else:
            self._folder = root / "cpu" / name
            self._folder.mkdir()
            (self._folder / "cpu.cfs_period_us").write_text(str(_PERIOD_US))
            (self._folder / "cpu.cfs_quota_us").write_text(str(quota))

    def hold(self, pid: int) -> None:
        """Bound a process and all its threads."""
        (self._folder / "cgroup.procs").write_text(str(pid))

    def close(self) -> None:
        """Remove the group; its processes must have ended."""
        self._folder.rmdir()


def cpu_seconds(process: psutil.Process) -> float:
    """What a process has had of a CPU; where Linux tells it, to the nanosecond.

    Source: https://docs.kernel.org/scheduler/sched-stats.html
    """
    threads = list(Path(f"/proc/{process.pid}/task").glob("*/schedstat"))
    if threads:
        return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e9
    times = process.cpu_times()
    return float(times.user + times.system)


class Environment:
    """One execution environment; leaving it ends the process.

    Args:
        handler: ``<module>.<name>`` as Lambda has it.
        variables: The function's environment variables.
        layers: Names of its layers below ``build/local``; what is in several comes from the last,
            as at AWS.
        code: Folder of the function's code.
        packages: Further folders to import from.
        memory_mb: Memory whose share of a CPU it gets once it is initialised, as Lambda gives a
            whole one until then; ``None`` for all it can use.
        shared_init: Whether it has no more than that share from the start of its process on.
        snap_start: Whether it is initialised for a snapshot and restored from it: hooks run as at
            AWS, though the process is the same before and after.
        under: Command that runs the process, such as a profiler's.

    Attributes:
        init_seconds: From the start of the process until it asked for its first event (or, with
            ``snap_start``, until it was ready for its snapshot).
        init_cpu_seconds: What the process had of a CPU until then.
        restore_seconds: From the end of the snapshot until it asked for its first event.
    """

    def __init__(
        self,
        handler: str,
        *,
        variables: Mapping[str, str],
        layers: Sequence[str] = (),
        code: Path = FUNCTIONS,
        packages: Sequence[Path] = (),
        memory_mb: int | None = None,
        shared_init: bool = False,
        snap_start: bool = False,
        under: Sequence[str] = (),
    ) -> None:
        self._handler = handler
        self._layers = layers
        self._code = code
        self._packages = packages
        self._variables = variables
        self._shared_init = shared_init
        self._snap_start = snap_start
        self._under = under
        self._share = Share(memory_mb) if memory_mb is not None else None
        self._scratch = Path(tempfile.mkdtemp(prefix="quant-bench-"))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(_START_S)
        self._connection: socket.socket | None = None
        self._buffer = b""
        self.init_seconds = 0.0
        self.init_cpu_seconds = 0.0
        self.restore_seconds = 0.0

    def __enter__(self) -> Self:
        host, port = self._listener.getsockname()
        layers = [LAYERS / name / "python" for name in reversed(self._layers)]
        environment = {
            "PATH": os.defpath,
            "HOME": str(self._scratch),
            "TMPDIR": str(self._scratch),
            "LANG": "en_US.UTF-8",
            "AWS_LAMBDA_RUNTIME_API": f"{host}:{port}",
            "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start" if self._snap_start else "on-demand",
            "AWS_LAMBDA_FUNCTION_NAME": self._handler.replace(".", "-"),
            "LAMBDA_TASK_ROOT": str(self._code),
            "PYTHONPATH": os.pathsep.join(map(str, [self._code, *layers, *self._packages])),
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_REGION": "us-east-1",
            **self._variables,
        }
        self._log = (self._scratch / "output.log").open("wb")
        started = time.perf_counter()
        self.process = psutil.Popen(
            [*self._under, str(INTERPRETER), "-P", "-m", "awslambdaric", self._handler],
            cwd=self._code,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )
        try:
            if self._share is not None and self._shared_init:
                self._share.hold(self.process.pid)
            path, body = self._request()
            self.init_seconds = time.perf_counter() - started
            self.init_cpu_seconds = cpu_seconds(self.process)
            if self._snap_start and path.endswith("/restore/next"):
                started = time.perf_counter()
                self._respond(b"")
                path, body = self._request()
                self.restore_seconds = time.perf_counter() - started
            if not path.endswith("/invocation/next"):
                raise FunctionFailedError(
                    f"{path}: {body.decode()[:2000]}\n{self.output()[-4000:]}"
                )
            if self._share is not None:
                self._share.hold(self.process.pid)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def invoke(self, event: bytes) -> Answer:
        """Have the function handle one event, JSON.

        Raises:
            FunctionFailedError: The process has ended.
        """
        headers = (
            f"Lambda-Runtime-Aws-Request-Id: {uuid.uuid4()}\r\n"
            f"Lambda-Runtime-Deadline-Ms: {int(time.time() * 1000) + 30_000}\r\n"
            f"Lambda-Runtime-Invoked-Function-Arn: {_ARN}\r\n"
            "Lambda-Runtime-Trace-Id: Root=1-00000000-000000000000000000000000;Sampled=0\r\n"
        )
        started = time.perf_counter()
        self._respond(event, headers)
        path, payload = self._request()
        seconds = time.perf_counter() - started
        self._respond(b"", status="202 Accepted")
        following, _ = self._request()
        if not following.endswith("/invocation/next"):
            raise FunctionFailedError(f"unexpected request for {following}")
        return Answer(payload, seconds, is_error=path.endswith("/error"))

    def output(self) -> str:
        """What the process has written so far."""
        self._log.flush()
        return (self._scratch / "output.log").read_text(errors="replace")

    @property
    def resident_bytes(self) -> int:
        """Resident set of the process."""
        return int(self.process.memory_info().rss)

    @property
    def sockets(self) -> int:
        """Network connections that the process holds."""
        return len(self.process.net_connections())

    def close(self) -> None:
        """End the process and remove what it left."""
        if self.process.is_running():
            self.process.kill()
        self.process.wait()
        for opened in (self._connection, self._listener, self._log):
            if opened is not None:
                opened.close()
        if self._share is not None:
            self._share.close()
        shutil.rmtree(self._scratch, ignore_errors=True)

    def _respond(self, body: bytes, headers: str = "", *, status: str = "200 OK") -> None:
        assert self._connection is not None
        head = (
            f"HTTP/1.1 {status}\r\n{headers}"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self._connection.sendall(head.encode() + body)

    def _request(self) -> tuple[str, bytes]:
        """The next request of the runtime client: its path and body."""
        if self._connection is None:
            self._connect()
        while b"\r\n\r\n" not in self._buffer:
            self._receive()
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        headers = {
            name.lower(): value.strip() for name, _, value in (x.partition(":") for x in lines)
        }
        if headers.get("transfer-encoding") == "chunked":
            return first.split()[1], self._chunked()
        length = int(headers.get("content-length", 0))
        if headers.get("expect") == "100-continue":
            assert self._connection is not None
            self._connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        while len(self._buffer) < length:
            self._receive()
        body, self._buffer = self._buffer[:length], self._buffer[length:]
        return first.split()[1], body

    def _chunked(self) -> bytes:
        body = b""
        while True:
            while b"\r\n" not in self._buffer:
                self._receive()
            size, _, self._buffer = self._buffer.partition(b"\r\n")
            length = int(size.split(b";")[0], 16)
            while len(self._buffer) < length + 2:
                self._receive()
            body, self._buffer = body + self._buffer[:length], self._buffer[length + 2 :]
            if not length:
                return body

    def _receive(self) -> None:
        assert self._connection is not None
        received = self._connection.recv(1 << 20)
        if received:
            self._buffer += received
            return
        # The client opens one connection for the initialisation and another for events.
        self._connection.close()
        self._connect()

    def _connect(self) -> None:
        deadline = time.monotonic() + _START_S
        self._listener.settimeout(0.25)
        while True:
            try:
                self._connection, _ = self._listener.accept()
                break
            except TimeoutError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise FunctionFailedError(
                        f"the process has ended or hangs\n{self.output()[-4000:]}"
                    ) from None
        self._connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._connection.settimeout(_START_S)

"""The Runtime API a function's process talks to, one server per execution environment.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

import queue
import socketserver
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import override

PREFIX = "/2018-06-01/runtime"


@dataclass
class Invocation:
    """One event for the function and, once ``done`` is set, what the function made of it.

    ``deadline`` is in seconds since the epoch. ``is_error`` tells which of the Runtime API's
    ``response`` and ``error`` the ``payload`` came by.
    """

    request_id: str
    event: bytes
    function_arn: str
    trace_id: str
    deadline: float
    done: threading.Event = field(default_factory=threading.Event)
    payload: bytes = b""
    is_error: bool = False

    def finish(self, payload: bytes, *, is_error: bool) -> None:
        """Set what the function answered and wake who waits for it."""
        self.payload = payload
        self.is_error = is_error
        self.done.set()


class _Server(ThreadingHTTPServer):
    @override
    def server_bind(self) -> None:
        # HTTPServer would look its own name up in the DNS.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.socket.getsockname()


class RuntimeApi:
    """Serves one function process on a loopback port.

    ``ready`` is set by the process's first request for an event, ``init_error`` holds the payload
    of its report of a failed initialisation.
    """

    def __init__(self) -> None:
        self.ready = threading.Event()
        self.init_error: bytes | None = None
        self._waiting: queue.SimpleQueue[Invocation | None] = queue.SimpleQueue()
        self._current: Invocation | None = None
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(
            target=self._server.serve_forever,
            kwargs={"poll_interval": 0.1},
            name="lambda-runtime-api",
            daemon=True,
        )
        self._thread.start()

    @property
    def address(self) -> str:
        """``host:port``, the form of ``AWS_LAMBDA_RUNTIME_API``."""
        return f"127.0.0.1:{self._server.server_port}"

    def submit(self, invocation: Invocation) -> None:
        """Queue an event for the process."""
        self._waiting.put(invocation)

    def close(self) -> None:
        """Stop serving; a runtime waiting for its next event sees its connection closed."""
        self._waiting.put(None)
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def next_invocation(self) -> Invocation | None:
        """Block until there is an event; None after `close`."""
        self.ready.set()
        self._current = self._waiting.get()
        return self._current

    def finish(self, request_id: str, payload: bytes, *, is_error: bool) -> bool:
        """Hand a result to its invoker; False if it is not for the event being processed."""
        current = self._current
        if current is None or current.request_id != request_id or current.done.is_set():
            return False
        current.finish(payload, is_error=is_error)
        return True


def _handler(api: RuntimeApi) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # The headers and the body of an event leave in two writes, which Nagle's algorithm and
        # delayed acknowledgements would part by 40 ms.
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            if self.path != f"{PREFIX}/invocation/next":
                self._answer(404)
                return
            invocation = api.next_invocation()
            if invocation is None:
                self.close_connection = True
                return
            headers = {
                "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
                "Lambda-Runtime-Deadline-Ms": str(int(invocation.deadline * 1000)),
                "Lambda-Runtime-Invoked-Function-Arn": invocation.function_arn,
                "Lambda-Runtime-Trace-Id": invocation.trace_id,
                "Content-Type": "application/json",
            }
            self._answer(200, invocation.event, headers)

        def do_POST(self) -> None:
            payload = self._body()
            match self.path.removeprefix(f"{PREFIX}/").split("/"):
                case ["init", "error"]:
                    api.init_error = payload
                    self._answer(202)
                case ["invocation", request_id, ("response" | "error") as kind]:
                    known = api.finish(request_id, payload, is_error=kind == "error")
                    self._answer(202 if known else 400)
                case _:
                    self._answer(404)

        def _body(self) -> bytes:
            if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length") or 0))
            chunks = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                chunks.append(self.rfile.read(size))
                self.rfile.readline()
            while self.rfile.readline().strip():
                pass
            return b"".join(chunks)

        def _answer(
            self, status: int, body: bytes = b"", headers: dict[str, str] | None = None
        ) -> None:
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        @override
        def log_message(self, format: str, *args: object) -> None:
            """Requests of the runtime are not worth a line each."""

    return Handler

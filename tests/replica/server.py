"""The replica's HTTP server, and its control for tests in other processes.

``PUT /_replica/faults`` takes a JSON array of faults (the fields of ``Fault``) and
``GET /_replica/requests`` answers with the requests so far.
"""

import dataclasses
import hashlib
import json
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from replica.content import Content, sample
from replica.faults import Fault
from replica.sites import Request, Response, Senate, routes

CONTROL = "/_replica/"
LAST_MODIFIED = "Tue, 07 Jan 2025 14:00:00 GMT"


@dataclass(frozen=True)
class Seen:
    """A request that was received; ``connection`` tells connections apart."""

    at: float
    method: str
    path: str
    headers: dict[str, str]
    connection: int
    status: int


class Replica:
    """A running replica, on a free port unless one is given.

    Attributes:
        content: What it serves; may be changed while it runs.
        senate: The eFD's state.
        faults: What it answers instead; the first that matches.
        seen: Requests so far.
        url: Its origin.
    """

    def __init__(self, content: Content | None = None, *, port: int = 0) -> None:
        self.content = content or sample(datetime.now(UTC).date())
        self.senate = Senate()
        self.faults: list[Fault] = []
        self.seen: list[Seen] = []
        self._routes = routes(self.senate)
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _Handler)
        self._server.daemon_threads = True
        self._server.replica = self  # type: ignore[attr-defined]
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def serve(self) -> None:
        """Serve until the end."""
        self._server.serve_forever(poll_interval=0.05)

    def paths(self) -> list[str]:
        """Paths of the requests so far, and forget them."""
        paths = [seen.path for seen in self.seen]
        self.seen.clear()
        return paths

    def fault(self, path: str) -> Fault | None:
        """The fault for a path, used once more."""
        for fault in self.faults:
            if fault.matches(path):
                fault.use()
                return fault
        return None

    def respond(self, request: Request) -> Response:
        """The answer of the site that has the path."""
        site = next(
            site for prefix, site in self._routes.items() if request.path.startswith(prefix)
        )
        response = site(self.content, request)
        return _validate(response, request) if response.validated else response


def _validate(response: Response, request: Request) -> Response:
    etag = f'"{hashlib.sha256(response.body).hexdigest()[:16]}"'
    headers = [*response.headers, ("ETag", etag), ("Last-Modified", LAST_MODIFIED)]
    if request.headers.get("If-None-Match") == etag:
        return Response(304, headers=headers)
    return dataclasses.replace(response, headers=headers)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Headers and body leave together; else each answer waits for the client's delayed ACK.
    wbufsize = -1
    disable_nagle_algorithm = True

    @property
    def _replica(self) -> Replica:
        return self.server.replica  # type: ignore[attr-defined,no-any-return]

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_PUT(self) -> None:
        self._answer()

    def log_message(self, *args: Any) -> None:
        """Be quiet."""

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path, query = urlsplit(self.path).path, urlsplit(self.path).query
        with suppress(ConnectionError):
            if path.startswith(CONTROL):
                self._control(path, body)
            elif fault := self._replica.fault(path):
                self._record(path, fault.status)
                self._fail(fault)
            else:
                request = Request(
                    self.command,
                    path,
                    dict(parse_qsl(query)),
                    self.headers,
                    self._cookies(),
                    dict(parse_qsl(body.decode(), keep_blank_values=True)),
                )
                response = self._replica.respond(request)
                self._record(path, response.status)
                headers = [("Content-Type", response.content_type), *response.headers]
                self._send(response.status, headers, response.body)

    def _cookies(self) -> dict[str, str]:
        cookies = SimpleCookie(self.headers.get("Cookie"))
        return {name: morsel.value for name, morsel in cookies.items()}

    def _record(self, path: str, status: int) -> None:
        self._replica.seen.append(
            Seen(
                time.monotonic(),
                self.command,
                path,
                dict(self.headers),
                self.client_address[1],
                status,
            )
        )

    def _control(self, path: str, body: bytes) -> None:
        replica = self._replica
        if self.command == "PUT" and path == f"{CONTROL}faults":
            replica.faults[:] = [Fault(**fault) for fault in json.loads(body)]
            self._send(204, [], b"")
        elif self.command == "GET" and path == f"{CONTROL}requests":
            seen = json.dumps([dataclasses.asdict(request) for request in replica.seen])
            self._send(200, [("Content-Type", "application/json")], seen.encode())
        else:
            self._send(404, [], b"")

    def _send(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        if status not in {204, 304}:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _fail(self, fault: Fault) -> None:
        body = fault.body.encode(fault.encoding)
        self.close_connection = fault.truncated or fault.endless
        self.send_response(fault.status)
        for name, value in fault.headers.items():
            self.send_header(name, value)
        if fault.endless:
            self.send_header("Transfer-Encoding", "chunked")
        else:
            length = len(body) + 1000 * fault.truncated
            self.send_header("Content-Length", str(length))
        self.end_headers()
        for part in _parts(fault, body):
            self.wfile.write(part)
            self.wfile.flush()


def _parts(fault: Fault, body: bytes) -> Iterator[bytes]:
    if fault.drip_s:
        for byte in body:
            time.sleep(fault.drip_s)
            yield bytes([byte])
    else:
        yield body if not fault.endless else b""
    while fault.endless:
        yield b"10000\r\n" + bytes(0x10000) + b"\r\n"

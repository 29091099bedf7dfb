"""The X-Ray daemon: takes segment documents by UDP and keeps the latest in a file.

https://docs.aws.amazon.com/xray/latest/devguide/xray-api-sendingdata.html#xray-api-daemon
"""

import json
import os
import socket
import tempfile
import threading
from functools import cache
from pathlib import Path
from typing import Any

# The two files together hold some ten thousand requests.
FILE_LIMIT = 16 * 1024 * 1024
DATAGRAM_HEADER = b'{"format": "json", "version": 1}\n'
LONGEST_DATAGRAM = 65_535
# Documents wait here while the interpreter is busy with requests, bytes.
RECEIVE_BUFFER = 4 * 1024 * 1024


class Collector:
    """Receives documents on a port of the loopback interface and appends them to a file.

    Args:
        file: holds a document a line; beside it, under the name ``.1``, an older one.
        file_limit: size from which a new file is begun, bytes.
    """

    def __init__(self, file: Path, file_limit: int = FILE_LIMIT) -> None:
        self._file = file
        self._older = file.with_name(f"{file.name}.1")
        self._limit = file_limit
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        self._socket.bind(("127.0.0.1", 0))
        self._sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        threading.Thread(target=self._receive, name="xray-daemon", daemon=True).start()

    @property
    def address(self) -> str:
        """``host:port``, the form of ``AWS_XRAY_DAEMON_ADDRESS``."""
        host, port = self._socket.getsockname()
        return f"{host}:{port}"

    def send(self, document: dict[str, Any]) -> None:
        """Send a document as a function would."""
        content = json.dumps(document, separators=(",", ":")).encode()
        self._sender.sendto(DATAGRAM_HEADER + content, self._socket.getsockname())

    def _receive(self) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        file = self._file.open("ab", buffering=0)
        while True:
            header, _, content = self._socket.recv(LONGEST_DATAGRAM).partition(b"\n")
            if not header.startswith(b"{") or b"\n" in content:
                continue
            if file.tell() > self._limit:
                file.close()
                self._file.replace(self._older)
                file = self._file.open("ab", buffering=0)
            file.write(content + b"\n")


@cache
def collector() -> Collector:
    """Return the collector of this LocalStack, started on first use."""
    root = os.environ.get("FILESYSTEM_ROOT") or tempfile.mkdtemp(prefix="quant-traces-")
    return Collector(Path(root, "traces.jsonl"))

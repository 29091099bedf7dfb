"""Read PDFs in a process of its own: whatever a PDF does to the reader, the caller survives.

The process takes PDFs one after the other over pipes, each message preceded by its length in 8
bytes, and answers in JSON. It may use ``MEMORY_LIMIT`` bytes; when it ends, by a crash or for
taking longer than ``TIME_LIMIT_S``, the next document gets a new one.
"""

import atexit
import json
import os
import select
import struct
import subprocess
import sys
import threading
import time
from contextlib import suppress
from typing import IO, Any, Final

from quant.parsers.model import DocumentError, Unreadable
from quant.parsers.pdf import Char, Line, Page, Shape, read_pdf

MEMORY_LIMIT: Final = 512 * 2**20  # of address space; a PTR takes some 40 MiB of it
TIME_LIMIT_S: Final = 30.0

_LENGTH: Final = struct.Struct(">Q")


class _Died(Exception):  # noqa: N818 (control flow, not an error of the program)
    """The process ended before it answered."""


class PdfReader:
    """Reads PDFs in a child process, which starts with the first and is used by one at a time."""

    def __init__(self, time_limit_s: float = TIME_LIMIT_S) -> None:
        self._time_limit_s = time_limit_s
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def read(self, content: bytes) -> list[Page]:
        """Read a PDF.

        Raises:
            DocumentError: It cannot be read, takes too long, or ends two processes.
        """
        with self._lock:
            try:
                answer = self._ask(content)
            except _Died:
                # Somebody may have killed it: only a document that does it again is to blame.
                try:
                    answer = self._ask(content)
                except _Died as died:
                    detail = "the reader crashed"
                    raise DocumentError(Unreadable.DAMAGED, detail) from died
        if "error" in answer:
            raise DocumentError(Unreadable(answer["error"]), answer["detail"])
        return [_decode(page) for page in answer["pages"]]

    def close(self) -> None:
        """End the process, if there is one."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with suppress(OSError):  # what was not sent can no longer be
                    pipe.close()

    def _ask(self, content: bytes) -> Any:
        process = self._start()
        deadline = time.monotonic() + self._time_limit_s
        try:
            assert process.stdin is not None  # noqa: S101 (for the type checker: it is a pipe)
            assert process.stdout is not None  # noqa: S101
            process.stdin.write(_LENGTH.pack(len(content)) + content)
            process.stdin.flush()
            (length,) = _LENGTH.unpack(_receive(process.stdout, _LENGTH.size, deadline))
            return json.loads(_receive(process.stdout, length, deadline))
        except TimeoutError as error:
            self.close()
            detail = f"not read within {self._time_limit_s:g} s"
            raise DocumentError(Unreadable.TOO_LARGE, detail) from error
        except (OSError, ValueError, _Died) as error:
            self.close()
            raise _Died from error

    def _start(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self.close()
            environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
            self._process = subprocess.Popen(
                [sys.executable, "-m", "quant.parsers.pdf_process"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=environment,
            )
        return self._process


_READER: Final = PdfReader()
atexit.register(_READER.close)


def read_pdf_apart(content: bytes) -> list[Page]:
    """Read a PDF in the process's one child.

    Raises:
        DocumentError: It cannot be read, takes too long, or ends the child.
    """
    return _READER.read(content)


def _receive(pipe: IO[bytes], length: int, deadline: float) -> bytes:
    received = bytearray()
    while len(received) < length:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([pipe], [], [], left)[0]:
            raise TimeoutError
        piece = os.read(pipe.fileno(), min(length - len(received), 2**20))
        if not piece:
            raise _Died
        received += piece
    return bytes(received)


def _decode(page: Any) -> Page:
    lines = (Line(y, tuple(Char(*char) for char in chars)) for y, chars in page["lines"])
    shapes = (Shape(*shape) for shape in page["shapes"])
    return Page(tuple(lines), tuple(shapes), page["image_share"])


def _encode(page: Page) -> dict[str, Any]:
    return {
        "lines": [
            (line.y, [(char.text, char.x0, char.x1) for char in line.chars]) for line in page.lines
        ],
        "shapes": [(box.x0, box.y0, box.x1, box.y1, box.segments) for box in page.shapes],
        "image_share": page.image_share,
    }


def _answer(content: bytes) -> dict[str, Any]:
    try:
        return {"pages": [_encode(page) for page in read_pdf(content)]}
    except DocumentError as error:
        return {"error": error.reason, "detail": error.detail}
    except MemoryError:
        return {"error": Unreadable.TOO_LARGE, "detail": "takes too much memory"}


def _serve(requests: IO[bytes], answers: IO[bytes]) -> None:
    """Answer until the requests end."""
    while header := requests.read(_LENGTH.size):
        (length,) = _LENGTH.unpack(header)
        answer = json.dumps(_answer(requests.read(length))).encode()
        answers.write(_LENGTH.pack(len(answer)) + answer)
        answers.flush()


def _main() -> None:
    with suppress(ImportError, ValueError, OSError):  # where the system has no such limit
        import resource  # noqa: PLC0415

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _serve(sys.stdin.buffer, sys.stdout.buffer)


if __name__ == "__main__":
    _main()

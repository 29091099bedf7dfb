"""Traces: what an invocation waited for, as subsegments of AWS X-Ray.

Lambda makes the segment of an invocation and runs a daemon beside the function, which takes
documents by UDP: so a trace needs no network of ours, no endpoint and no library. What an
invocation recorded is sent as one datagram when it ends. Where Lambda does not sample the
invocation, or there is no daemon, recording is a look at a context variable and nothing is sent.

Documents hold names, times, statements without their values and our own ids; nothing that a client
sent.

Sources: https://docs.aws.amazon.com/xray/latest/devguide/xray-api-segmentdocuments.html,
https://docs.aws.amazon.com/xray/latest/devguide/xray-api-sendingdata.html
"""

import json
import os
import re
import socket
import time
from contextvars import ContextVar, Token
from functools import cache
from types import TracebackType
from typing import Any, Final, Self

HEADER_VARIABLE: Final = "_X_AMZN_TRACE_ID"
DAEMON_VARIABLE: Final = "AWS_XRAY_DAEMON_ADDRESS"
DATAGRAM_HEADER: Final = b'{"format": "json", "version": 1}\n'
# X-Ray takes documents of 64 kB; a subsegment has a fifth of a kilobyte, or one with a statement.
MOST_SUBSEGMENTS: Final = 100
LONGEST_STATEMENT: Final = 300

_ROOT: Final = re.compile(r"1-[0-9a-f]{8}-[0-9a-f]{24}")
_PARENT: Final = re.compile(r"[0-9a-f]{16}")
_CLIENT_ERROR, _THROTTLED, _SERVER_ERROR = 400, 429, 500

_current: ContextVar["Subsegment | None"] = ContextVar("subsegment", default=None)


class Subsegment:
    """A part of an invocation, measured while it is the context of a ``with`` statement.

    Args:
        document: Its fields besides the times.
        budget: How many further subsegments the invocation may record, in a list of one.
    """

    __slots__ = ("_budget", "_token", "document")

    def __init__(self, document: dict[str, Any], budget: list[int]) -> None:
        self.document = {"id": os.urandom(8).hex(), **document}
        self._budget = budget
        self._token: Token[Subsegment | None] | None = None

    def __enter__(self) -> Self:
        self._token = _current.set(self)
        self.document["start_time"] = time.time()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._token is not None:
            _current.reset(self._token)
        self.end(error)

    def begin(self) -> Self:
        """Begin it without a ``with`` statement; nothing can be recorded as a part of it."""
        self.document["start_time"] = time.time()
        return self

    def end(self, error: BaseException | None = None) -> None:
        """End it, with a fault where an error ended it.

        Of the error only its type is recorded: messages may hold what a client sent.
        """
        self.document["end_time"] = time.time()
        if error is not None:
            self.document["fault"] = True
            exception = {"id": os.urandom(8).hex(), "type": type(error).__name__}
            self.document["cause"] = {"exceptions": [exception]}

    def annotate(self, **values: str | int | float | bool | None) -> None:
        """Add values that traces can be searched by; none for ``None``."""
        annotations = self.document.setdefault("annotations", {})
        annotations.update({name: value for name, value in values.items() if value is not None})

    def answered(self, method: str, status: int) -> None:
        """Say what HTTP request this was and how it was answered."""
        self.document["http"] = {"request": {"method": method}, "response": {"status": status}}
        if status >= _SERVER_ERROR:
            self.document["fault"] = True
        elif status >= _CLIENT_ERROR:
            self.document["error"] = True
            if status == _THROTTLED:
                self.document["throttle"] = True

    def part(self, fields: dict[str, Any]) -> "Subsegment | Unsampled":
        """Return a new part of it."""
        if self._budget[0] <= 0:
            return UNSAMPLED
        self._budget[0] -= 1
        made = Subsegment(fields, self._budget)
        self.document.setdefault("subsegments", []).append(made.document)
        return made


class Unsampled:
    """Stands for a subsegment where nothing is recorded."""

    __slots__ = ()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def begin(self) -> Self:
        """Do nothing."""
        return self

    def end(self, error: BaseException | None = None) -> None:
        """Do nothing."""

    def annotate(self, **values: str | int | float | bool | None) -> None:
        """Do nothing."""

    def answered(self, method: str, status: int) -> None:
        """Do nothing."""


UNSAMPLED: Final = Unsampled()


class Invocation(Subsegment):
    """All that an invocation records; sent when it ends."""

    __slots__ = ("_address",)

    def __init__(self, name: str, *, root: str, parent: str, address: str) -> None:
        """Make the subsegment of Lambda's segment ``parent`` in the trace ``root``."""
        fields = {"name": name, "type": "subsegment", "trace_id": root, "parent_id": parent}
        super().__init__(fields, [MOST_SUBSEGMENTS])
        self._address = address

    def end(self, error: BaseException | None = None) -> None:
        """End it and send it."""
        super().end(error)
        _send(self.document, self._address)


def invocation(name: str) -> Invocation | Unsampled:
    """Return what records an invocation, as Lambda has decided in its trace header.

    Args:
        name: Name of the route or function.
    """
    header = os.environ.get(HEADER_VARIABLE, "")
    address = os.environ.get(DAEMON_VARIABLE, "")
    if not address or "Sampled=1" not in header:
        return UNSAMPLED
    fields = dict(part.strip().partition("=")[::2] for part in header.split(";"))
    root, parent = fields.get("Root", ""), fields.get("Parent", "")
    if not _ROOT.fullmatch(root) or not _PARENT.fullmatch(parent):
        return UNSAMPLED
    return Invocation(name, root=root, parent=parent, address=address)


def part(name: str) -> Subsegment | Unsampled:
    """Return a part of what is being recorded, to be used in a ``with`` statement."""
    current = _current.get()
    return UNSAMPLED if current is None else current.part({"name": name})


def remote(name: str, **fields: Any) -> Subsegment | Unsampled:
    """Return a part that waits for another service.

    Args:
        name: Name of the service.
        fields: Fields of its document, such as ``metadata``.
    """
    current = _current.get()
    if current is None:
        return UNSAMPLED
    return current.part({"name": name, "namespace": "remote", **fields})


def statement(text: str) -> Subsegment | Unsampled:
    """Return a part that waits for a statement of Postgres.

    Args:
        text: The statement, with placeholders for its values.
    """
    current = _current.get()
    if current is None:
        return UNSAMPLED
    query = " ".join(text[: 2 * LONGEST_STATEMENT].split())[:LONGEST_STATEMENT]
    sql = {"database_type": "PostgreSQL", "sanitized_query": query}
    return current.part({"name": "postgres", "namespace": "remote", "sql": sql})


def aws_call(service: str, operation: str) -> Subsegment | Unsampled:
    """Return a part that waits for an AWS API."""
    current = _current.get()
    if current is None:
        return UNSAMPLED
    return current.part({"name": service, "namespace": "aws", "aws": {"operation": operation}})


def _send(document: dict[str, Any], address: str) -> None:
    """Send a document; one that cannot be sent at once is lost, which must hurt nobody."""
    try:
        host, _, port = address.rpartition(":")
        content = json.dumps(document, separators=(",", ":")).encode()
        _socket().sendto(DATAGRAM_HEADER + content, (host, int(port)))
    except (OSError, ValueError, TypeError):
        return


@cache
def _socket() -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.setblocking(False)
    return made

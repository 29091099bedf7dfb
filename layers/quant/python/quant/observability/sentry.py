"""Errors in the log as events of Sentry.

Sources: https://develop.sentry.dev/sdk/data-model/envelopes/,
https://develop.sentry.dev/sdk/data-model/event-payloads/,
https://develop.sentry.dev/sdk/expected-features/rate-limiting/
"""

import json
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from quant.observability.redaction import mask

TIMEOUT_S: Final = 10.0
# Of Sentry's answer to too many events, where it does not say for how long.
_DEFAULT_PAUSE_S: Final = 60.0
_TOO_MANY: Final = 429
_LONGEST_TEXT: Final = 8192
# Lines that Lambda itself writes when a function does not get to say anything.
_CRASHES: Final = ("Task timed out", "[ERROR]", "Runtime.")
_TAGS: Final = ("service", "route", "request_id", "function_request_id", "cold_start", "event")


@dataclass(frozen=True, slots=True)
class Dsn:
    """Where events go, and by which key.

    Attributes:
        url: Address that takes envelopes.
        key: The project's public key.
    """

    url: str
    key: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a DSN, ``https://<key>@<host>/<path>/<project>``.

        Raises:
            ValueError: It is none.
        """
        parts = urllib.parse.urlsplit(text.strip())
        path, _, project = parts.path.rpartition("/")
        if parts.scheme not in {"http", "https"} or not (parts.username and project):
            msg = "not a DSN of Sentry"
            raise ValueError(msg)
        host = parts.netloc.rpartition("@")[2]
        return cls(f"{parts.scheme}://{host}{path}/api/{project}/envelope/", parts.username)


def events(batch: Mapping[str, Any], *, environment: str) -> Iterator[dict[str, Any]]:
    """Yield the errors among lines of a log; those that are alike once, with their number.

    Args:
        batch: What CloudWatch Logs hands to a subscriber, unpacked.
        environment: Name of the environment.
    """
    found: dict[tuple[str, ...], dict[str, Any]] = {}
    for line in batch["logEvents"]:
        event = _event(line, batch["logGroup"], environment)
        if event is None:
            continue
        alike = found.setdefault(tuple(event["fingerprint"]), event)
        alike["extra"]["occurrences"] = alike["extra"].get("occurrences", 0) + 1
    yield from found.values()


def _event(line: Mapping[str, Any], group: str, environment: str) -> dict[str, Any] | None:
    text = mask(line["message"])
    try:
        fields = json.loads(text)
    except ValueError:
        fields = None
    if not isinstance(fields, dict):
        if not any(crash in text for crash in _CRASHES):
            return None
        # The words after a crash have its ids and times in them: they tell the kind of it only.
        kind = next(crash for crash in _CRASHES if crash in text)
        fields = {"level": "ERROR", "message": text, "exception_name": kind}
    if fields.get("level") not in {"ERROR", "CRITICAL"}:
        return None
    service = str(fields.get("service") or group.rpartition("/")[2])
    kind = str(fields.get("exception_name") or fields.get("error") or fields.get("message"))
    return {
        # Of the line, so that one that is delivered twice is one event.
        "event_id": uuid.uuid5(uuid.NAMESPACE_OID, f"{group} {line['id']}").hex,
        "timestamp": line["timestamp"] / 1000,
        "platform": "python",
        "level": "error" if fields["level"] == "ERROR" else "fatal",
        "environment": environment,
        "server_name": group,
        "logger": service,
        "fingerprint": [str(fields.get("route") or service), kind],
        "tags": {name: str(fields[name]) for name in _TAGS if fields.get(name) is not None},
        "exception": {
            "values": [{"type": kind, "value": str(fields.get("message"))[:_LONGEST_TEXT]}]
        },
        "extra": {"traceback": str(fields.get("exception", ""))[-_LONGEST_TEXT:]},
    }


def envelope(event: Mapping[str, Any]) -> bytes:
    """Return the envelope of an event."""
    payload = json.dumps(event).encode()
    header = json.dumps({"event_id": event["event_id"]}).encode()
    item = json.dumps({"type": "event", "length": len(payload)}).encode()
    return b"\n".join((header, item, payload)) + b"\n"


class Client:
    """Posts events, and stops for as long as Sentry asks for.

    Args:
        clock: Seconds of a clock that never goes back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._resumes = float("-inf")

    def send(self, dsn: Dsn, found: Iterable[Mapping[str, Any]]) -> tuple[int, int]:
        """Post events one by one; return how many were sent, and how many dropped.

        Raises:
            OSError: Sentry cannot be reached, or fails; ``urllib.error.HTTPError`` among them.
        """
        sent = dropped = 0
        for event in found:
            if self._clock() < self._resumes or not self._post(dsn, envelope(event)):
                dropped += 1
            else:
                sent += 1
        return sent, dropped

    def _post(self, dsn: Dsn, body: bytes) -> bool:
        request = urllib.request.Request(  # noqa: S310 - the scheme was looked at
            dsn.url,
            data=body,
            headers={
                "Content-Type": "application/x-sentry-envelope",
                "X-Sentry-Auth": f"Sentry sentry_version=7, sentry_client=quant, "
                f"sentry_key={dsn.key}",
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S):  # noqa: S310 - likewise
                return True
        except urllib.error.HTTPError as error:
            if error.code != _TOO_MANY:
                raise
            self._resumes = self._clock() + _pause(error.headers.get("Retry-After"))
            return False


def _pause(value: str | None) -> float:
    try:
        return max(0.0, float(value or ""))
    except ValueError:
        return _DEFAULT_PAUSE_S

"""Errors reach Sentry once, masked, and stop where it asks for that."""

import base64
import gzip
import http.server
import importlib
import json
import threading
import urllib.error
from pathlib import Path

import pytest

from quant.observability.sentry import Client, Dsn, envelope, events

PROJECT = Path(__file__).resolve().parents[2]
GROUP = "/aws/lambda/quant-prod-trades-list"
ERROR = {
    "level": "ERROR",
    "message": "request failed",
    "service": "trades.list",
    "route": "trades.list",
    "request_id": "request-1",
    "exception_name": "KeyError",
    "exception": "Traceback ...\nKeyError: 'x'",
}


def batch(*messages):
    return {
        "logGroup": GROUP,
        "logEvents": [
            {
                "id": str(number),
                "timestamp": 1_790_000_000_000,
                "message": each if isinstance(each, str) else json.dumps(each),
            }
            for number, each in enumerate(messages)
        ],
    }


class Sentry(http.server.ThreadingHTTPServer):
    """Takes envelopes; answers with what it is told, then with 200."""

    def __init__(self):
        self.taken = []
        self.answers = []
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def dsn(self):
        return Dsn.parse(f"http://public@127.0.0.1:{self.server_port}/42")


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status, headers = self.server.answers.pop(0) if self.server.answers else (200, {})
        if status == 200:
            self.server.taken.append((self.path, dict(self.headers), body))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def sentry():
    with Sentry() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_an_error_is_an_event_of_its_route_and_exception(sentry):
    [event] = events(batch(ERROR, {**ERROR, "level": "INFO"}), environment="prod")
    assert Client().send(sentry.dsn, [event]) == (1, 0)
    [(path, headers, body)] = sentry.taken
    assert path == "/api/42/envelope/"
    assert "sentry_key=public" in headers["X-Sentry-Auth"]
    header, item, payload = body.rstrip(b"\n").split(b"\n")
    assert json.loads(header)["event_id"] == event["event_id"]
    assert json.loads(item) == {"type": "event", "length": len(payload)}
    sent = json.loads(payload)
    assert sent["fingerprint"] == ["trades.list", "KeyError"]
    assert sent["environment"] == "prod"
    assert sent["tags"]["request_id"] == "request-1"
    assert sent["exception"]["values"] == [{"type": "KeyError", "value": "request failed"}]


def test_alike_errors_are_one_event_and_a_line_keeps_its_id():
    twice = batch(ERROR, ERROR, {**ERROR, "exception_name": "ValueError"})
    first, second = events(twice, environment="prod")
    assert (first["extra"]["occurrences"], second["extra"]["occurrences"]) == (2, 1)
    again, _ = events(twice, environment="prod")
    assert again["event_id"] == first["event_id"] != second["event_id"]


def test_what_lambda_says_of_a_crash_is_an_event_whatever_its_ids():
    lines = (
        "2026-11-27T01:00:00Z 0a1b Task timed out after 10.01 seconds",
        "2026-11-27T01:00:09Z 9f8e Task timed out after 10.02 seconds",
        "START RequestId: 0a1b Version: 7",
    )
    [event] = events(batch(*lines), environment="dev")
    assert event["fingerprint"] == ["quant-prod-trades-list", "Task timed out"]
    assert event["extra"]["occurrences"] == 2


def test_nothing_secret_leaves():
    secret = {
        **ERROR,
        "message": "refused Bearer eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl",
        "exception": "ValueError: jane.doe@example.org from 203.0.113.77",
    }
    [event] = events(batch(secret), environment="prod")
    text = envelope(event).decode()
    for part in ("eyJzdWIi", "jane.doe", "203.0.113.77"):
        assert part not in text


def test_it_stops_for_as_long_as_sentry_asks(sentry):
    now = [0.0]
    client = Client(clock=lambda: now[0])
    found = list(
        events(batch(ERROR, {**ERROR, "exception_name": "ValueError"}), environment="prod")
    )
    sentry.answers = [(429, {"Retry-After": "30"})]
    assert client.send(sentry.dsn, found) == (0, 2)
    now[0] = 29.0
    assert client.send(sentry.dsn, found) == (0, 2)
    assert sentry.taken == []
    now[0] = 30.0
    assert client.send(sentry.dsn, found) == (2, 0)
    assert len(sentry.taken) == 2


def test_a_sentry_that_fails_is_tried_again_by_lambda(sentry):
    sentry.answers = [(503, {})]
    found = list(events(batch(ERROR), environment="prod"))
    with pytest.raises(urllib.error.HTTPError):
        Client().send(sentry.dsn, found)


@pytest.mark.parametrize("text", ["", "x" * 64, "https://sentry.example/1", "ftp://k@h/1"])
def test_what_is_no_dsn_is_refused(text):
    with pytest.raises(ValueError, match="DSN"):
        Dsn.parse(text)


def test_the_path_of_a_dsn_is_kept():
    dsn = Dsn.parse("https://key@sentry.example/base/7\n")
    assert dsn == Dsn("https://sentry.example/base/api/7/envelope/", "key")


def test_the_function_forwards_what_cloudwatch_hands_it(sentry, monkeypatch):
    monkeypatch.setenv("QUANT_SENTRY_SECRET_ARN", "quant/prod/sentry")
    monkeypatch.syspath_prepend(str(PROJECT / "functions"))
    forward = importlib.import_module("errors.forward")
    monkeypatch.setattr(forward, "_dsn", lambda: sentry.dsn)
    data = base64.b64encode(gzip.compress(json.dumps(batch(ERROR)).encode())).decode()
    assert forward.handler({"awslogs": {"data": data}}, None) == {"sent": 1, "dropped": 0}

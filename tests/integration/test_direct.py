"""Endpoints that are asked without FastAPI answer as they do through it."""

import importlib

import pytest
from limit_support import connect
from tests.integration.conftest import LambdaContext, rest_api_event

from quant.errors import NotFoundError, StoreUnavailableError
from quant_http.direct import DirectEndpoint
from quant_http.routes import ROUTES

TRADES = "/api/v1/trades"
POLITICIANS = "/api/v1/politicians"

pytestmark = pytest.mark.usefixtures("disclosures")


@pytest.fixture
def ask(api, valkey, monkeypatch):
    """Ask directly and through FastAPI, without a kept answer; statuses, headers and bodies."""
    direct = DirectEndpoint.answer
    stored = connect(valkey)

    async def counted(self, request):
        answer = await direct(self, request)
        counted.answered += answer is not None
        return answer

    async def none(_self, _request):
        return None

    def ask(path, query, headers=()):
        answers = []
        for function in (counted, none):
            monkeypatch.setattr(DirectEndpoint, "answer", function)
            stored.flushdb()
            answers.append(api.get(path, query, dict(headers)))
        return answers, counted

    counted.answered = 0
    yield ask
    stored.close()


def essence(answer):
    headers = {name: value for name, value in answer.headers.items() if name != "x-request-id"}
    body = answer.json if answer.body else None
    if answer.status >= 400:
        body.pop("request_id")
        headers.pop("content-length")
    # Two requests count as two.
    for name in [name for name in headers if "ratelimit" in name]:
        del headers[name]
    return answer.status, headers, body


@pytest.mark.parametrize(
    ("path", "query"),
    [
        (TRADES, {}),
        (TRADES, {"limit": 50, "ticker": "AAA", "sort": "-amount"}),
        (TRADES, {"transaction_from": "2020-01-01", "amount_min": "1001", "party": "republican"}),
        (TRADES, {"ticker": "BRK.B", "transaction_to": "2024-02-29"}),
        (POLITICIANS, {"limit": 2, "state": "or", "in_office": "true"}),
        (POLITICIANS, {"search": "wy"}),
        ("/api/v1/stats/leaderboard", {"by": "volume"}),
        ("/api/v1/tickers", {"search": "A"}),
    ],
)
@pytest.mark.parametrize("headers", [{}, {"Accept-Encoding": "gzip"}], ids=["plain", "gzip"])
def test_what_is_valid_is_answered_alike(ask, path, query, headers):
    (first, second), counted = ask(path, query, headers)
    assert counted.answered == 1
    assert first.status == 200
    assert essence(first) == essence(second)


@pytest.mark.parametrize(
    "query",
    [
        {"limit": 0},
        {"limit": ""},
        {"limit": "x", "sort": "y", "amount_min": "-1"},
        {"unknown": "1"},
        {"ticker": ["AAA", "AAA"]},
        {"chamber": ""},
        {"transaction_from": "2020-02-30"},
        {"cursor": "x"},
        {"cursor": "x" * 5_000},
    ],
    ids=str,
)
def test_what_is_not_valid_is_refused_alike(ask, query):
    (first, second), _ = ask(TRADES, query)
    assert first.status == 422
    assert essence(first) == essence(second)


@pytest.mark.parametrize("path", [f"{TRADES}/", "/api/v1/trade", "/"])
def test_other_paths_are_answered_alike(api, path):
    handler = importlib.import_module("trades.list").handler
    answer = handler(rest_api_event(path), LambdaContext())
    assert answer["statusCode"] in {307, 404}


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (StoreUnavailableError("away"), 503),
        (NotFoundError("no such thing"), 404),
        (RuntimeError("a secret"), 500),
    ],
    ids=lambda value: type(value).__name__,
)
def test_errors_are_answered_alike(ask, monkeypatch, error, status):
    def failing(*_arguments, **_keywords):
        raise error

    monkeypatch.setattr(importlib.import_module("trades.list"), "page_entity", failing)
    (first, second), _ = ask(TRADES, {})
    assert first.status == status
    assert essence(first) == essence(second)
    assert "secret" not in str(first.json)


@pytest.mark.parametrize("declared", [r for r in ROUTES if r.cached], ids=lambda r: r.name)
def test_lists_that_are_kept_are_asked_directly(api, declared):
    app = importlib.import_module(declared.name).app
    assert (app._direct is not None) == ("{" not in declared.path)

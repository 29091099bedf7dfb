"""Answers that the guard gives from the cache: to whom, to what, and in which form."""

import asyncio
import dataclasses
import importlib
import re
from pathlib import Path

import pytest
from limit_support import connect
from starlette.requests import Request
from tests.integration.conftest import LambdaContext, authorizer_context, rest_api_event

from quant.errors import UnauthorizedError
from quant.tiers import TIERS
from quant_http.answers import COMPRESS_FROM_BYTES, KeptAnswer, query_of
from quant_http.bodies import MAX_BODY_BYTES
from quant_http.caller import caller
from quant_http.guard import Guard
from quant_http.routes import ROUTES, Store, route

FUNCTIONS = Path(__file__).resolve().parents[2] / "functions"
TRADES = "/api/v1/trades"
GZIP = {"Accept-Encoding": "gzip"}

pytestmark = pytest.mark.usefixtures("disclosures")


@pytest.fixture
def queries(api, monkeypatch):
    """The handler of trades, and how often its endpoint was asked."""
    module = importlib.import_module("trades.list")
    asked = []
    original = module.page_entity

    def counted(*arguments, **keywords):
        asked.append(arguments)
        return original(*arguments, **keywords)

    monkeypatch.setattr(module, "page_entity", counted)
    return asked


def varying(answer):
    """Headers but those of the request and of the limiter."""
    return {
        name: value
        for name, value in answer.headers.items()
        if name != "x-request-id" and "ratelimit" not in name
    }


def test_routes_declare_whether_their_answers_are_cached():
    for declared in ROUTES:
        folder, _, module = declared.name.partition(".")
        source = (FUNCTIONS / folder / f"{module}.py").read_text()
        kept = re.search(r"\b(page|report|document)_entity\(", source) is not None
        assert declared.cached == kept, declared.name
        if declared.cached:
            assert declared.method == "GET"
            assert declared.is_limited
            assert Store.VALKEY in declared.stores


@pytest.mark.parametrize("headers", [{}, GZIP], ids=["plain", "gzip"])
@pytest.mark.parametrize("limit", [1, 50])
def test_an_answer_from_the_cache_is_that_of_the_endpoint(api, queries, headers, limit):
    query = {"limit": limit, "ticker": "BBB" if headers else "AAA"}
    read = api.get(TRADES, query, headers)
    kept = api.get(TRADES, query, headers)
    assert len(queries) == 1
    assert (kept.status, kept.body) == (200, read.body)
    assert varying(kept) == varying(read)
    assert kept.headers["content-type"] == "application/json"
    assert kept.headers["cache-control"] == "private, no-cache"
    assert ("vary" in kept.headers) == (len(kept.body) >= COMPRESS_FROM_BYTES)
    assert ("content-encoding" in kept.headers) == (limit == 50 and headers == GZIP)
    # The other form is of the same entity.
    other = api.get(TRADES, query, {} if headers else GZIP)
    assert (other.body, other.headers["etag"]) == (kept.body, kept.headers["etag"])
    assert len(queries) == 1


def test_what_the_client_has_is_not_sent_again(api, queries):
    query = {"limit": 3, "ticker": "AAA"}
    tag = api.get(TRADES, query).headers["etag"]
    answers = [api.get(TRADES, query, {"If-None-Match": tag, **form}) for form in ({}, GZIP)]
    assert [(answer.status, answer.body) for answer in answers] == [(304, b"")] * 2
    assert [answer.headers["etag"] for answer in answers] == [tag] * 2
    assert len(queries) == 1


def test_the_order_of_parameters_does_not_matter_but_their_number_does(api, queries):
    first = api.get(TRADES, {"limit": 4, "ticker": "AAA"})
    assert api.get(TRADES, {"ticker": "AAA", "limit": 4}).body == first.body
    assert len(queries) == 1
    assert api.get(TRADES, {"limit": 4, "ticker": ["AAA", "AAA"]}).status == 422
    assert api.get(TRADES, {"limit": 4, "ticker": "AAA", "unknown": ""}).status == 422


def test_accounts_of_all_tiers_get_the_same_answer_and_limits_of_their_own(api, queries):
    query = {"limit": 5, "ticker": "AAA"}
    answers = {
        tier: api.get(TRADES, query, authorizer=authorizer_context(tier=tier)) for tier in TIERS
    }
    assert len(queries) == 1
    assert len({answer.body for answer in answers.values()}) == 1
    for tier, answer in answers.items():
        limit = TIERS[tier].requests_per_minute
        assert answer.headers["ratelimit-limit"] == str(limit)
        assert answer.headers["ratelimit-remaining"] == str(limit - 1)


def test_scope_and_body_are_checked_before_the_answer_is_given(api, queries):
    query = {"limit": 6, "ticker": "AAA"}
    assert api.get(TRADES, query).status == 200
    narrow = authorizer_context(scope="account")
    assert api.get(TRADES, query, authorizer=narrow).status == 403
    assert api.get(TRADES, query, authorizer={}).status == 401
    assert api.get(TRADES, query, body=b"x" * (MAX_BODY_BYTES + 1)).status == 413
    assert api.get(TRADES, query, {"Content-Type": "text/plain"}, body=b"x").status == 415
    head = rest_api_event(TRADES, query, method="HEAD")
    handler = importlib.import_module("trades.list").handler
    assert handler(head, LambdaContext())["statusCode"] == 405
    assert len(queries) == 1


def scope_of(event):
    return {
        "type": "http",
        "method": "GET",
        "path": event["path"],
        "query_string": b"",
        "headers": [],
        "state": {"request_id": "x", "answer_headers": {}},
        "aws.event": event,
    }


@pytest.mark.parametrize("declared", [r for r in ROUTES if r.cached], ids=lambda r: r.name)
def test_no_endpoint_whose_answers_are_kept_is_told_who_asks(api, declared):
    from starlette.requests import Request

    told = []

    async def endpoint(scope, receive, send):
        assert caller(Request(scope_of(event)))
        with pytest.raises(UnauthorizedError):
            caller(Request(scope))
        told.append(scope)

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    event = rest_api_event(declared.path)
    loop = asyncio.new_event_loop()
    loop.run_until_complete(Guard(endpoint, declared, None)(scope_of(event), receive, None))
    loop.close()
    assert len(told) == 1


def test_an_answer_is_named_by_route_path_and_parameters():
    def named(path, query=b"", name="trades.list"):
        from starlette.requests import Request

        scope = {"type": "http", "path": path, "query_string": query}
        return query_of(Request(scope), dataclasses.replace(route("trades.list"), name=name))

    assert named("/a", b"x=1&y=2") == named("/a", b"y=2&x=1")
    different = [
        named("/a"),
        named("/A"),
        named("/a", b"x=1"),
        named("/a", b"x=1&x=1"),
        named("/a", b"x=1%262"),
        named("/a", b"x="),
        named("/a\nx=1"),
        named("x=1\n/a"),
        named("/a", name="trades.recent"),
    ]
    assert len(set(different)) == len(different)


@pytest.mark.parametrize("state", [None, 0, 17])
@pytest.mark.parametrize("form", [b"identity", b"gzip, br"])
@pytest.mark.parametrize("document", [b"{}", b'{"a":"\n"}' * COMPRESS_FROM_BYTES])
def test_what_is_kept_is_read_back(document, form, state):
    request = Request({"type": "http", "headers": [(b"accept-encoding", form)]})
    kept = KeptAnswer.of(document, state, request)
    assert KeptAnswer.load(kept.dump()) == kept
    asked = form != b"identity"
    assert kept.compressed == (asked and len(document) >= COMPRESS_FROM_BYTES)
    assert len(kept.dump()) < len(document) + 50


def test_an_answer_evicted_without_its_version_is_read(api, queries, valkey):
    query = {"limit": 8, "ticker": "AAA"}
    api.get(TRADES, query)
    direct = connect(valkey)
    direct.delete("{quant:answers}:version")
    direct.close()
    assert api.get(TRADES, query).status == 200
    assert len(queries) == 2

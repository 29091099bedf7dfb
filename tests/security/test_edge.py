"""Attacks on the way in: bodies, headers, other origins, the log."""

import gzip
import importlib
import json
import uuid
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st
from log_support import function_log
from tests.integration.conftest import LambdaContext, authorizer_context, rest_api_event

import quant.settings
from quant_http.bodies import MAX_BODY_BYTES, MAX_JSON_DEPTH, json_depth
from quant_http.cors import EXPOSED_HEADERS
from quant_http.routes import API_PREFIX, ROUTES, Access, Scope

LOGIN = f"{API_PREFIX}/auth/login"
TRADES = f"{API_PREFIX}/trades"
REGISTER = f"{API_PREFIX}/auth/register"
ORIGIN = "https://app.example"

# One network for each request: limits are tested elsewhere.
_networks = count(1)


def address():
    number = next(_networks)
    return f"11.{number // 256}.{number % 256}.1"


def concrete(path):
    """A path of the route with identifiers of nothing."""
    for name in (
        "politician_id",
        "trade_id",
        "session_id",
        "token_id",
        "account_id",
        "watchlist_id",
    ):
        path = path.replace(f"{{{name}}}", str(uuid.UUID(int=0)))
    return path.replace("{name}", "swagger-ui.css")


def nested(depth, opening="[", closing="]"):
    return f'{{"email": {opening * (depth - 1)}{closing * (depth - 1)}}}'.encode()


# Bodies


def test_oversized_body_is_a_413(api):
    body = b'{"email": "' + b"a" * MAX_BODY_BYTES + b'"}'
    answer = api.post(LOGIN, body, address=address())
    assert answer.status == 413
    assert answer.headers["content-type"] == "application/problem+json"


def test_largest_body_reaches_the_model(api):
    body = b'{"email": "' + b"a" * (MAX_BODY_BYTES - 13) + b'"}'
    assert len(body) == MAX_BODY_BYTES
    assert api.post(LOGIN, body, address=address()).status == 422


def test_body_of_a_get_is_limited_too(api):
    assert api.send("GET", TRADES, body=b"x" * (MAX_BODY_BYTES + 1)).status == 413


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}"), ('[{"a":', "}]")])
def test_deep_body_is_refused_before_it_is_parsed(api, opening, closing):
    levels = 2 if opening.startswith("[{") else 1
    deepest = (MAX_JSON_DEPTH - 1) // levels
    body = f'{{"email": {opening * deepest}0{closing * deepest}}}'.encode()
    assert api.post(LOGIN, body, address=address()).status == 422
    body = f'{{"email": {opening * (deepest + 1)}0{closing * (deepest + 1)}}}'.encode()
    answer = api.post(LOGIN, body, address=address())
    assert answer.status == 400
    assert "nests deeper" in answer.json["detail"]


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 60_000,
        b'{"a":' * 12_000,
        b'"' * 60_000,
        b'"\\' * 30_000,
        b"\\" * 60_000,
        b"]" * 60_000,
        b"\x00" * 60_000,
        b"\xff\xfe" * 30_000,
        b'{"email": "\\ud800", "password": "\\ud800"}',
        b'{"email": NaN, "password": Infinity}',
        b"1" * 60_000,
        b'{"email": 1e999999}',
        b"\xef\xbb\xbf{}",
        b"null",
        b"[]",
        b'""',
    ],
    ids=lambda body: repr(body[:12]),
)
def test_no_body_is_a_500(api, body):
    for path in (LOGIN, REGISTER):
        assert api.post(path, body, address=address()).status in {400, 422}


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_depth_cannot_hide_in_another_encoding(api, encoding):
    # U+2200 and its like hold the byte of a quotation mark in UTF-16.
    body = nested(MAX_JSON_DEPTH + 50).decode().replace("email", "\u2200").encode(encoding)
    assert api.post(LOGIN, body, address=address()).status == 400


def test_brackets_in_strings_are_not_depth(api):
    body = json.dumps({"email": "[" * 100 + '"' + "{" * 100}).encode()
    assert api.post(LOGIN, body, address=address()).status == 422


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=20,
)


def depth_of(value):
    if isinstance(value, dict):
        return 1 + max(map(depth_of, value.values()), default=0)
    return 1 + max(map(depth_of, value), default=0) if isinstance(value, list) else 0


@given(value=JSON, ascii_only=st.booleans())
def test_depth_is_that_of_the_parsed_value(value, ascii_only):
    text = json.dumps(value, ensure_ascii=ascii_only)
    assert json_depth(text.encode("utf-8", "surrogatepass")) == depth_of(value)


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/xml",
        "application/json; charset=utf-16",
        "application/json, text/plain",
        "application/jsonp",
        "application/merge-patch+json",
    ],
)
def test_body_that_is_not_said_to_be_json_is_a_415(api, content_type):
    headers = {"Content-Type": content_type} if content_type else {"Content-Type": " "}
    assert api.post(LOGIN, {}, headers, address=address()).status == 415
    assert api.send("POST", LOGIN, body=b"{}", address=address()).status == 415


def test_forms_are_taken_where_nothing_reads_them_alone(api):
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for route in ROUTES:
        if route.access is Access.PUBLIC and route.method == "POST":
            answer = api.post(concrete(route.path), b"a=b", form, address=address())
            assert (answer.status != 415) is route.takes_forms, route.name


@pytest.mark.parametrize("content_type", ["application/json", "Application/JSON; charset=UTF-8"])
def test_json_is_taken(api, content_type):
    answer = api.post(LOGIN, {}, {"Content-Type": content_type}, address=address())
    assert answer.status == 422


def test_compressed_body_is_not_unpacked(api):
    body = gzip.compress(b'{"email": "a@example.org", "password": "correct horse battery"}')
    answer = api.post(LOGIN, body, {"Content-Encoding": "gzip"}, address=address())
    assert answer.status in {400, 422}


# Smuggled headers

SMUGGLED = {
    "requestContext": '{"authorizer": {"principalId": "x"}}',
    "authorizer": "admin",
    "principalId": str(uuid.UUID(int=1)),
    "tier": "premium",
    "scope": "read account admin",
    "X-Amzn-Authorizer-Principal-Id": str(uuid.UUID(int=1)),
    "X-Amzn-RequestContext": '{"authorizer": {"tier": "premium"}}',
    "X-Amzn-Request-Context": '{"authorizer": {"tier": "premium"}}',
    "X-Api-Key": "premium",
    "X-Forwarded-For": "8.8.8.8",
    "X-Real-Ip": "8.8.8.8",
    "Forwarded": "for=8.8.8.8",
    "X-HTTP-Method-Override": "DELETE",
    "X-Request-Id": "forged",
    "RateLimit-Limit": "1000000",
}


@pytest.mark.parametrize(
    "route", [r for r in ROUTES if r.access is Access.TOKEN], ids=lambda route: route.name
)
def test_token_route_without_authorizer_is_a_401_whatever_the_headers_say(api, route):
    headers = {**SMUGGLED, "Authorization": "Bearer x.y.z", "Content-Type": "application/json"}
    for context in ({}, {"principalId": ""}, {"principalId": str(uuid.uuid4())}):
        answer = api.send(
            route.method, concrete(route.path), headers=headers, body=b"{}", authorizer=context
        )
        assert answer.status == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "route", [r for r in ROUTES if r.access is Access.TOKEN], ids=lambda route: route.name
)
def test_token_without_the_routes_scope_is_a_403(api, route):
    others = " ".join(scope for scope in Scope if scope is not route.scope)
    for scope in ("", others, others.upper(), f"x{route.scope}", f"{route.scope},{others}"):
        answer = api.send(
            route.method,
            concrete(route.path),
            headers=SMUGGLED,
            authorizer=authorizer_context(scope=scope),
        )
        assert answer.status == 403, scope


def test_headers_change_neither_account_nor_tier_nor_network(api):
    account = uuid.uuid4()
    free = authorizer_context(account, tier="free", scope="read")
    for used in (1, 2):
        answer = api.get(TRADES, {"limit": 1}, SMUGGLED, authorizer=free)
        assert answer.headers["ratelimit-limit"] == "20"
        assert answer.headers["ratelimit-remaining"] == str(20 - used)
        assert answer.headers["x-request-id"] != "forged"
    network = address()
    remaining = [
        int(
            api.post(LOGIN, {}, {"X-Forwarded-For": f"8.8.{number}.8"}, address=network).headers[
                "ratelimit-remaining"
            ]
        )
        for number in range(3)
    ]
    assert remaining == sorted(remaining, reverse=True)
    assert len(set(remaining)) == 3


# Other origins


@pytest.fixture
def edge(api, monkeypatch):
    def configure(**variables):
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        quant.settings.edge_settings.cache_clear()

    yield configure
    quant.settings.edge_settings.cache_clear()


def test_no_origin_is_allowed_by_default(api):
    answer = api.get("/", headers={"Origin": ORIGIN})
    assert answer.status == 200
    assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize("path", ["/", f"{TRADES}/nothing", "/health"])
def test_allowed_origin_is_named_on_answers_and_errors(api, edge, path):
    edge(QUANT_CORS_ORIGINS=json.dumps([ORIGIN, "http://localhost:3000"]))
    answer = api.get(path, headers={"Origin": ORIGIN})
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert "Origin" in answer.headers["vary"]
    assert answer.headers["access-control-expose-headers"] == ", ".join(EXPOSED_HEADERS)
    assert "access-control-allow-credentials" not in answer.headers


def test_allowed_origin_is_named_on_refusals(api, edge):
    edge(QUANT_CORS_ORIGINS=json.dumps([ORIGIN]))
    for answer in (
        api.get(TRADES, headers={"Origin": ORIGIN}, authorizer={}),
        api.post(LOGIN, b"[" * 100, {"Origin": ORIGIN}, address=address()),
    ):
        assert answer.status in {400, 401}
        assert answer.headers["access-control-allow-origin"] == ORIGIN


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "*",
        "https://evil.example",
        "https://app.example.evil.example",
        "https://evil-app.example",
        "http://app.example",
        "https://app.example:8443",
        "https://APP.example",
        "https://app.example/",
        f"{ORIGIN}, https://evil.example",
        f"{ORIGIN}\r\nX-Injected: 1",
    ],
)
def test_other_origins_are_not_named(api, edge, origin):
    edge(QUANT_CORS_ORIGINS=json.dumps([ORIGIN]))
    answer = api.get("/", headers={"Origin": origin})
    assert answer.status == 200
    assert "Origin" in answer.headers["vary"]
    assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    "origin",
    [
        "*",
        "https://*",
        "https://*.example",
        "http://app.example",
        "app.example",
        "null",
        "",
        "https://app.example/",
        "https://user@app.example",
        "https://a.example https://b.example",
    ],
)
def test_setting_takes_only_whole_https_origins(origin):
    with pytest.raises(ValueError, match="QUANT_CORS_ORIGINS"):
        quant.settings.EdgeSettings(cors_origins=[origin])


def test_compressed_answers_keep_both_reasons_to_vary(api, edge, disclosures):
    edge(QUANT_CORS_ORIGINS=json.dumps([ORIGIN]))
    answer = api.get(TRADES, headers={"Origin": ORIGIN, "Accept-Encoding": "gzip"})
    assert {part.strip() for part in answer.headers["vary"].split(",")} == {
        "Accept-Encoding",
        "Origin",
    }


# Security headers


@pytest.mark.parametrize("path", ["/", "/health", f"{TRADES}/nothing", f"{API_PREFIX}/docs"])
def test_every_answer_has_security_headers(api, path):
    headers = api.get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert ("script-src" in headers["content-security-policy"]) == path.endswith("docs")


def test_transport_security_is_asked_for_outside_local(api, edge):
    assert "strict-transport-security" not in api.get("/").headers
    edge(QUANT_ENVIRONMENT="prod")
    assert "max-age=63072000" in api.get("/").headers["strict-transport-security"]


def test_answers_about_accounts_and_errors_are_not_kept(api):
    for answer in (
        api.post(LOGIN, {}, address=address()),
        api.get(f"{API_PREFIX}/auth/me", authorizer={}),
        api.get(f"{TRADES}/nothing"),
        api.get(TRADES, authorizer={}),
    ):
        assert answer.status >= 400
        assert answer.headers["cache-control"] == "no-store"


def test_unexpected_error_has_the_headers_and_says_nothing(api, edge, monkeypatch):
    edge(QUANT_CORS_ORIGINS=json.dumps([ORIGIN]))
    module = importlib.import_module("trades.list")

    def broken(*arguments, **keywords):
        raise RuntimeError("a secret of the inside")

    monkeypatch.setattr(module, "page_entity", broken)
    answer = api.get(TRADES, {"limit": 7}, headers={"Origin": ORIGIN})
    assert answer.status == 500
    assert "secret" not in answer.body.decode()
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["ratelimit-limit"] == "200"


# The log

INJECTIONS = [
    'x\n{"level":"INFO","message":"forged"}',
    "x\r\nforged",
    "\x1b[2Jx",
    "x\u2028forged",
    '","level":"forged',
]


@pytest.fixture
def log():
    """What the function's logger writes, document by document."""
    with function_log() as lines:
        yield lines


@pytest.mark.parametrize("text", INJECTIONS)
def test_nothing_a_client_sends_makes_or_changes_a_log_line(api, log, text):
    headers = {
        "User-Agent": text,
        "X-Request-Id": text,
        "X-Correlation-Id": text,
        "Origin": text,
        "Referer": text,
    }
    api.get(TRADES, {"politician": text, "cursor": text}, headers)
    api.get(f"{TRADES}/{uuid.uuid4()}", headers=headers)
    api.post(LOGIN, {"email": text, "password": text}, headers, address=address())
    api.post(REGISTER, {"email": text, "password": text}, headers, address=address())
    lines = log()
    assert len([line for line in lines if line["message"] == "request answered"]) == 4
    for line in lines:
        assert line["level"] in {"INFO", "WARNING"}
        assert "forged" not in json.dumps(line)


@pytest.mark.parametrize("text", INJECTIONS)
def test_a_request_id_of_another_form_is_replaced(api, log, text):
    # API Gateway makes the id; this holds even if it did not.
    event = rest_api_event("/health")
    event["requestContext"]["requestId"] = text
    answer = importlib.import_module("health.live").handler(event, LambdaContext())
    (line,) = log()
    assert line["request_id"] == answer["headers"]["x-request-id"]
    assert uuid.UUID(line["request_id"])

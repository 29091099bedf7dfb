import uuid
from itertools import count

import pytest
from log_support import function_log
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool
from tests.integration.conftest import authorizer_context

import quant.breaker
import quant.limits
from quant.observability.catalogue import LIMITER_FALLBACK, NAMESPACE
from quant.tiers import ANONYMOUS_CLASS_LIMITS, TIERS, EndpointClass
from quant_http.routes import ROUTES, Access

TRADES = "/api/v1/trades"
USAGE = "/api/v1/usage"
LOGIN = "/api/v1/auth/login"

pytestmark = pytest.mark.usefixtures("disclosures")
_addresses = count(1)


@pytest.fixture
def account():
    return uuid.uuid4()


@pytest.fixture
def address():
    """Of a network no other test uses."""
    return f"10.{next(_addresses)}.0.1"


def limit_fields(answer, prefix="ratelimit-"):
    return tuple(int(answer.headers[f"{prefix}{name}"]) for name in ("limit", "remaining", "reset"))


def refusals(database, target):
    engine = create_engine(database.superuser_url, poolclass=NullPool)
    with engine.connect() as connection:
        return connection.execute(
            text("select * from audit_log where event = 'limit_exceeded' and target = :target"),
            {"target": target},
        ).all()


def test_answers_count_down_and_the_request_over_the_limit_is_a_429(api, account):
    free = authorizer_context(account, tier="free")
    for used in range(1, 21):
        answer = api.get(TRADES, {"limit": 1}, authorizer=free)
        assert answer.status == 200
        limit, remaining, reset = limit_fields(answer)
        assert (limit, remaining) == (20, 20 - used)
        assert 50 <= reset <= 60
        assert limit_fields(answer, "x-ratelimit-") == (limit, remaining, reset)
    refused = api.get(TRADES, {"limit": 1}, authorizer=free)
    assert refused.status == 429
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json["status"] == 429
    assert refused.json["request_id"] == refused.headers["x-request-id"]
    assert limit_fields(refused)[:2] == (20, 0)
    assert 50 <= int(refused.headers["retry-after"]) <= 60


@pytest.mark.parametrize("tier", ["free", "basic", "premium"])
def test_limit_is_the_tiers(api, tier):
    answer = api.get(TRADES, {"limit": 1}, authorizer=authorizer_context(tier=tier))
    assert limit_fields(answer)[0] == TIERS[tier].requests_per_minute


def test_requests_of_all_routes_and_tokens_of_an_account_count_together(api, account):
    for path in (TRADES, "/api/v1/politicians", f"{TRADES}/{uuid.uuid4()}"):
        answer = api.get(path, authorizer=authorizer_context(account, tier="basic"))
    assert answer.status == 404
    assert limit_fields(answer)[:2] == (60, 57)


def test_invalid_requests_count(api, account):
    basic = authorizer_context(account, tier="basic")
    assert limit_fields(api.get(TRADES, {"limit": 0}, authorizer=basic))[:2] == (60, 59)


def test_refused_scope_does_not_count(api, account):
    context = authorizer_context(account, tier="basic", scope="account")
    answer = api.get(TRADES, authorizer=context)
    assert answer.status == 403
    assert "ratelimit-limit" not in answer.headers
    assert limit_fields(api.get(TRADES, authorizer={**context, "scope": "read"}))[1] == 59


def test_refusal_is_on_record_once(api, account, database):
    free = authorizer_context(account, tier="free")
    for _ in range(25):
        api.get(TRADES, {"limit": 1}, {"User-Agent": "curl"}, authorizer=free, address="192.0.2.7")
    (entry,) = refusals(database, f"account:{account}")
    assert entry.actor == account
    assert entry.network == "192.0.2.0/24"
    assert entry.details == {
        "route": "trades.list",
        "window": "tier",
        "limit": 20,
        "window_s": 60,
    }


def test_network_without_token_has_the_limit_of_its_class(api, address, database):
    statuses = [
        api.post(LOGIN, {}, address=address).status
        for _ in range(ANONYMOUS_CLASS_LIMITS[EndpointClass.AUTH] + 2)
    ]
    assert statuses == [422] * ANONYMOUS_CLASS_LIMITS[EndpointClass.AUTH] + [429] * 2
    neighbour = address.removesuffix("1") + "2"
    assert api.post(LOGIN, {}, address=neighbour).status == 429
    (entry,) = refusals(database, f"network:{address.removesuffix('1')}0/24")
    assert entry.actor is None
    assert entry.details["window"] == "auth"


def test_unknown_networks_share_a_limit(api):
    answers = [api.post(LOGIN, {}, address="") for _ in range(2)]
    remaining = [limit_fields(answer)[1] for answer in answers]
    assert remaining[0] - remaining[1] == 1


def test_usage_tells_each_window_and_counts_itself_once(api, account):
    context = authorizer_context(account, tier="basic")
    api.get(TRADES, {"limit": 1}, authorizer=context)
    api.get(USAGE, authorizer=context)
    answer = api.get(USAGE, authorizer=context)
    assert answer.status == 200
    assert answer.headers["cache-control"] == "no-store"
    usage = answer.json
    assert (usage["tier"], usage["exact"], usage["monthly_quota"]) == ("basic", True, 100_000)
    windows = {window.pop("name"): window for window in usage["windows"]}
    assert {name: window["used"] for name, window in windows.items()} == {
        "tier": 3,
        "auth": 0,
        "analytics": 0,
        "export": 0,
    }
    assert windows["tier"]["remaining"] == limit_fields(answer)[1] == 57
    assert windows["export"] == {
        "limit": TIERS["basic"].class_limits[EndpointClass.EXPORT],
        "window_s": 60,
        "used": 0,
        "remaining": TIERS["basic"].class_limits[EndpointClass.EXPORT],
        "reset_s": 0,
    }


def test_usage_refuses_unknown_parameters(api):
    assert api.get(USAGE, {"tier": "premium"}).status == 422


def test_routes_without_valkey_and_health_are_not_limited(api):
    for _ in range(70):
        answer = api.get("/health/ready", address="198.51.100.1")
    assert answer.status == 200
    assert "ratelimit-limit" not in answer.headers
    assert "ratelimit-limit" not in api.get("/").headers
    unlimited = {route.name for route in ROUTES if not route.is_limited}
    assert not any(route.access is Access.TOKEN for route in ROUTES if route.name in unlimited)


@pytest.fixture
def no_valkey(api, monkeypatch):
    def away():
        raise ConnectionRefusedError

    def start(share):
        monkeypatch.setenv("QUANT_FALLBACK_SHARE", str(share))
        quant.settings.limit_settings.cache_clear()
        quant.limits.limiter.cache_clear()
        monkeypatch.setattr(quant.limits.limiter()._store, "_client", away)

    yield start
    quant.settings.limit_settings.cache_clear()
    quant.limits.limiter.cache_clear()
    quant.breaker.breaker.cache_clear()


def test_without_valkey_an_environment_lets_its_share_through(api, account, no_valkey, caplog):
    no_valkey(share=4)
    free = authorizer_context(account, tier="free")
    with function_log() as logged:
        answers = [api.get(TRADES, {"limit": 1}, authorizer=free) for _ in range(8)]
        metrics = [line for line in logged() if LIMITER_FALLBACK.name in line]
    assert [answer.status for answer in answers] == [200] * 5 + [429] * 3
    assert limit_fields(answers[0])[:2] == (5, 4)
    assert 50 <= int(answers[-1].headers["retry-after"]) <= 60
    warnings = [record.message for record in caplog.records if record.levelname == "WARNING"]
    assert warnings == ["valkey is unavailable: ConnectionRefusedError"]
    assert len(metrics) == 8
    for metric in metrics:
        assert metric[LIMITER_FALLBACK.name] == 1
        assert metric["_aws"]["CloudWatchMetrics"][0]["Namespace"] == NAMESPACE


def test_without_valkey_usage_says_that_it_is_not_exact(api, account, no_valkey):
    no_valkey(share=10)
    usage = api.get(USAGE, authorizer=authorizer_context(account, tier="premium")).json
    assert usage["exact"] is False
    assert usage["windows"][0] == {
        "name": "tier",
        "limit": 20,
        "window_s": 60,
        "used": 1,
        "remaining": 19,
        "reset_s": 60,
    }


def test_share_larger_than_a_limit_refuses(api, no_valkey):
    no_valkey(share=40)
    assert api.get(TRADES, authorizer=authorizer_context(tier="free")).status == 429


def test_refusal_stands_where_it_cannot_be_recorded(api, account, monkeypatch, caplog):
    import quant.audit
    from quant.errors import StoreUnavailableError

    def away(*arguments, **keywords):
        raise StoreUnavailableError("postgres")

    monkeypatch.setattr(quant.audit, "record_or_queue", away)
    free = authorizer_context(account, tier="free")
    statuses = [api.get(TRADES, {"limit": 1}, authorizer=free).status for _ in range(21)]
    assert statuses == [200] * 20 + [429]
    assert "the audit log and its queue are unavailable" in caplog.messages

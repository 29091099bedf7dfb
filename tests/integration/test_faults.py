import time

import pytest
from cache_support import get_or_read
from sqlalchemy import text

import quant.valkey_store
from quant.breaker import RETRY_AFTER_S, ValkeyBreaker
from quant.cache import AnswerCache
from quant.valkey_store import ValkeyStore

POLITICIANS = "/api/v1/politicians"
TRADES = "/api/v1/trades"

pytestmark = pytest.mark.usefixtures("disclosures")


@pytest.fixture
def postgres_down(postgres):
    postgres.kill()
    yield postgres
    if not postgres.running:
        postgres.start()
        postgres.wait_ready()


@pytest.fixture
def valkey_down(valkey):
    valkey.kill()
    yield valkey
    if not valkey.running:
        valkey.start()
        valkey.wait_ready()


def test_without_postgres_reads_are_503_and_recover_by_themselves(api, postgres_down):
    paths = (f"{POLITICIANS}/W000001", POLITICIANS)
    for path in paths:
        answer = api.get(path)
        assert answer.status == 503
        assert answer.headers["content-type"] == "application/problem+json"
        assert int(answer.headers["retry-after"]) > 0
        assert "127.0.0.1" not in answer.body.decode()
    postgres_down.start()
    postgres_down.wait_ready()
    assert [api.get(path).status for path in paths] == [200, 200]


def test_connection_lost_between_requests_is_not_noticed(api, database, postgres):
    requests = ((f"{POLITICIANS}/W000001", {}), (POLITICIANS, {"limit": 8}))
    assert [api.get(path, query).status for path, query in requests] == [200, 200]
    superuser = postgres.connect(database.name)
    ended = superuser.run(
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'quant'"
    )
    superuser.close()
    # In one process here; a function has one route.
    assert ended == [[True], [True]]
    quant.valkey_store.client().flushdb()
    assert [api.get(path, query).status for path, query in requests] == [200, 200]


def test_without_valkey_reads_are_answered(api, valkey_down):
    for limit in (11, 12, 13):
        assert api.get(TRADES, {"limit": limit}).status == 200


def test_readiness_tells_required_from_optional(api, postgres, valkey):
    assert api.get("/health/ready").json["status"] == "ready"
    valkey.kill()
    try:
        degraded = api.get("/health/ready")
        assert (degraded.status, degraded.json["status"]) == (200, "degraded")
        assert [d["name"] for d in degraded.json["dependencies"] if not d["ok"]] == ["valkey"]
        postgres.kill()
        try:
            unavailable = api.get("/health/ready")
            assert unavailable.status == 503
            assert unavailable.headers["content-type"] == "application/problem+json"
            assert int(unavailable.headers["retry-after"]) > 0
            failed = {d["name"] for d in unavailable.json["dependencies"] if not d["ok"]}
            assert failed == {"postgres", "schema", "valkey"}
        finally:
            postgres.start()
            postgres.wait_ready()
    finally:
        valkey.start()
        valkey.wait_ready()
    assert api.get("/health/ready").json["status"] == "ready"


def test_readiness_notices_an_older_schema(api, database):
    from sqlalchemy import create_engine

    engine = create_engine(database.owner_url)
    with engine.begin() as connection:
        connection.execute(text("update alembic_version set version_num = '0000'"))
    try:
        answer = api.get("/health/ready")
        assert answer.status == 503
        schema = next(d for d in answer.json["dependencies"] if d["name"] == "schema")
        assert schema["detail"].startswith("at revision 0000")
    finally:
        from quant.db.schema import SCHEMA_REVISION

        with engine.begin() as connection:
            connection.execute(
                text("update alembic_version set version_num = :r"), {"r": SCHEMA_REVISION}
            )
        engine.dispose()


def test_lost_valkey_is_not_asked_again_at_once():
    asked = []

    def broken():
        asked.append(time.monotonic())
        raise ConnectionRefusedError

    now = [0.0]
    guard = ValkeyBreaker(clock=lambda: now[0])
    store = ValkeyStore(broken, lambda: guard)
    cache = AnswerCache(store)
    for _ in range(3):
        assert get_or_read(cache, store, "query", lambda: (b"answer", 1)) == b"answer"
    assert len(asked) == 1
    now[0] = RETRY_AFTER_S
    get_or_read(cache, store, "query", lambda: (b"answer", 1))
    assert len(asked) == 2

"""How often a request waits for Valkey, counted on the wire."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from limit_support import connect
from relay_support import relay
from sqlalchemy import text
from tests.integration.conftest import authorizer_context, serving

from quant.observability.counters import Counters
from quant.tiers import TIERS

TRADES = "/api/v1/trades"
LOGIN = "/api/v1/auth/login"

pytestmark = pytest.mark.usefixtures("disclosures")


@dataclass(frozen=True)
class Wire:
    """What reaches Valkey while something is done."""

    trips: Callable[[], int]
    calls: Callable[[], dict[str, int]]

    def during(self, do):
        """Answer, round trips, and calls of the commands that requests send."""
        trips, calls = self.trips(), self.calls()
        answer = do()
        after = self.calls()
        made = {name: after[name] - calls.get(name, 0) for name in after}
        sent = ("evalsha", "eval", "mget")
        return answer, self.trips() - trips, {name: made[name] for name in sent if made.get(name)}


@dataclass(frozen=True)
class Relayed:
    """Where Valkey is for the handlers."""

    port: int
    password: str


@pytest.fixture(scope="module")
def wired(database, valkey):
    with (
        relay(valkey.port) as counting,
        serving(database, Relayed(counting.port, valkey.password)) as api,
    ):
        direct = connect(valkey)

        def calls():
            stats = direct.info("commandstats")
            return {name.removeprefix("cmdstat_"): stat["calls"] for name, stat in stats.items()}

        yield api, Wire(lambda: counting.round_trips, calls)
        direct.close()


@pytest.fixture
def api(wired):
    return wired[0]


@pytest.fixture
def wire(wired, api, monkeypatch):
    """The wire, of an environment that is connected and has just handed its counters over."""
    served = Counters(clock=lambda: 0.0)
    monkeypatch.setattr("quant_http.telemetry.counters", lambda: served)
    assert api.get(TRADES, {"limit": 1}).status == 200
    assert api.get(f"{TRADES}/{uuid.uuid4()}").status == 404
    return wired[1]


DECIDED = {"evalsha": 1}
LOOKED_UP = {"evalsha": 1, "mget": 1}


def test_an_answer_that_is_kept_takes_one_and_any_other_two(api, wire, disclosures):
    query = {"limit": 2, "ticker": "AAA"}
    missed, trips, calls = wire.during(lambda: api.get(TRADES, query))
    assert (missed.status, trips, calls) == (200, 2, LOOKED_UP)
    hit, trips, calls = wire.during(lambda: api.get(TRADES, query))
    assert (hit.body, trips, calls) == (missed.body, 1, LOOKED_UP)
    # The data change, and an import says so.
    disclosures.execute(text("update data_version set version = version + 1"))
    disclosures.commit()
    from quant_http.answers import cache

    cache.announce(disclosures.scalar(text("select version from data_version")))
    stale, trips, calls = wire.during(lambda: api.get(TRADES, query))
    assert (stale.status, trips, calls) == (200, 2, LOOKED_UP)
    assert stale.json["data_version"] == missed.json["data_version"] + 1


@pytest.mark.parametrize(
    ("send", "status", "calls"),
    [
        (lambda api: api.get(TRADES, {"limit": 0}), 422, LOOKED_UP),
        (lambda api: api.get(f"{TRADES}/{uuid.uuid4()}"), 404, DECIDED),
        (lambda api: api.post(LOGIN, {}, address="10.77.0.1"), 422, DECIDED),
    ],
    ids=["invalid", "not cached", "public"],
)
def test_a_request_whose_answer_is_not_kept_takes_one(api, wire, send, status, calls):
    answer, *sent = wire.during(lambda: send(api))
    assert answer.status == status
    assert sent == [1, calls]


def test_a_refusal_takes_one_and_does_not_get_the_answer(api, wire):
    free = authorizer_context(tier="free")
    for _ in range(TIERS["free"].requests_per_minute):
        assert api.get(TRADES, {"limit": 1}, authorizer=free).status == 200
    answer, trips, calls = wire.during(lambda: api.get(TRADES, {"limit": 1}, authorizer=free))
    assert (answer.status, trips, calls) == (429, 1, LOOKED_UP)
    assert "etag" not in answer.headers


def test_a_refused_scope_takes_none(api, wire):
    narrow = authorizer_context(scope="account")
    answer, *sent = wire.during(lambda: api.get(TRADES, {"limit": 1}, authorizer=narrow))
    assert (answer.status, sent) == (403, [0, {}])


def test_a_server_without_the_script_takes_one_more(api, wire, valkey):
    direct = connect(valkey)
    direct.script_flush()
    direct.close()
    answer, trips, calls = wire.during(lambda: api.get(TRADES, {"limit": 1}))
    assert (answer.status, trips, calls) == (200, 2, {**LOOKED_UP, "eval": 1})
    assert answer.headers["ratelimit-limit"] == str(TIERS["premium"].requests_per_minute)
    _, trips, calls = wire.during(lambda: api.get(TRADES, {"limit": 1}))
    assert (trips, calls) == (1, LOOKED_UP)


def test_a_connection_takes_one_more(api, wire):
    from quant.valkey_store import client

    client().close()
    answer, trips, calls = wire.during(lambda: api.get(TRADES, {"limit": 1}))
    assert (answer.status, trips, calls) == (200, 2, LOOKED_UP)

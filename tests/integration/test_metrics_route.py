"""GET /metrics: exact counters over environments, and the state of the data."""

import uuid

import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.integration.conftest import authorizer_context

from quant.breaker import ValkeyBreaker
from quant.db.schema import SCHEMA_REVISION
from quant.observability import counters as kept
from quant.observability.counters import HAND_OVER_SECONDS, KEY, Counters
from quant.valkey_store import ValkeyStore, client

METRICS = "/metrics"
ADMIN = uuid.uuid4()


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def counted(api):
    """An environment's counters with a clock of its own; nothing was counted before."""
    client().delete(KEY)
    clock = Clock()
    made = Counters(ValkeyStore(), clock=clock)

    def request(route="trades.list", status=200, seconds=0.02, **noted):
        given = {"refused": False, "fallbacks": 0, "hits": 0, "misses": 0, **noted}
        made.request(route, "GET", status, seconds, **given)

    request.clock = clock
    yield request
    client().delete(KEY)


@pytest.fixture
def scrape(api, monkeypatch):
    def scrape():
        # Else the scrapes would count as well.
        monkeypatch.setattr("quant_http.telemetry.counters", lambda: Counters(_lost_store()))
        answer = api.get(METRICS, authorizer=authorizer_context(ADMIN))
        assert answer.status == 200, answer.body
        assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert answer.headers["cache-control"] == "no-store"
        found = {}
        for family in text_string_to_metric_families(answer.body.decode()):
            assert family.documentation
            for sample in family.samples:
                found[sample.name, *sorted(sample.labels.items())] = sample.value
        return found

    return scrape


def _lost_store():
    """A Valkey that is away for one environment, with a breaker of its own."""

    def refuse():
        raise ConnectionError

    breaker = ValkeyBreaker()
    return ValkeyStore(refuse, lambda: breaker)


def test_counts_of_all_environments_are_added_up(counted, scrape):
    counted(seconds=0.02)
    other = Counters(ValkeyStore())
    other.request("trades.list", "GET", 200, 0.3, refused=False, fallbacks=0, hits=1, misses=0)
    found = scrape()
    labels = [("method", "GET"), ("route", "trades.list"), ("status", "200")]
    assert found["quant_http_requests_total", *labels] == 2
    assert found["quant_answer_cache_total", ("outcome", "hit")] == 1
    name = "quant_http_request_duration_seconds"
    bounds = {
        dict(labels)["le"]: value
        for (sample, *labels), value in found.items()
        if sample == f"{name}_bucket"
    }
    # Cumulative; the bound of the objective is inclusive.
    assert bounds == {
        "0.05": 1, "0.1": 1, "0.3": 2, "1": 2, "3": 2, "10": 2, "+Inf": 2
    }  # fmt: skip
    assert found[f"{name}_sum", ("route", "trades.list")] == pytest.approx(0.32)
    assert found[f"{name}_count", ("route", "trades.list")] == 2


def test_an_environment_hands_over_at_once_and_then_every_ten_seconds(counted, scrape):
    def requests():
        return scrape().get(
            (
                "quant_http_requests_total",
                ("method", "GET"),
                ("route", "trades.list"),
                ("status", "429"),
            )
        )

    counted(status=429, refused=True, fallbacks=2)
    assert requests() == 1
    counted.clock.now += HAND_OVER_SECONDS - 1
    counted(status=429, refused=True)
    assert requests() == 1
    counted.clock.now += 1
    counted(status=429, refused=True)
    assert requests() == 3
    found = scrape()
    assert found["quant_limiter_refusals_total", ("route", "trades.list")] == 3
    assert found["quant_limiter_fallback_total", ("route", "trades.list")] == 2


def test_nothing_is_counted_twice_where_valkey_is_away(counted, scrape):
    lost = Counters(_lost_store(), clock=counted.clock)
    for _ in range(3):
        counted.clock.now += HAND_OVER_SECONDS
        lost.request("trades.list", "GET", 200, 0.1, refused=False, fallbacks=0, hits=0, misses=0)
    assert not [name for name, *_ in scrape() if name == "quant_http_requests_total"]


def test_what_waits_is_bounded(counted):
    made = Counters(ValkeyStore(), clock=counted.clock)
    for number in range(3 * kept.MOST_PENDING):
        made.request(f"r{number}", "GET", 200, 0, refused=False, fallbacks=0, hits=0, misses=0)
    assert len(made._pending) <= kept.MOST_PENDING + 2


def test_state_is_read_at_the_scrape(counted, scrape):
    found = scrape()
    assert found["quant_schema_info", ("revision", SCHEMA_REVISION)] == 1
    assert found["quant_store_up", ("store", "postgres")] == 1
    assert found["quant_store_up", ("store", "valkey")] == 1
    [build] = [dict(labels) for (name, *labels) in found if name == "quant_build_info"]
    assert build["schema"] == SCHEMA_REVISION
    sources = [dict(labels)["source"] for (name, *labels) in found if name == "quant_source_stale"]
    assert sorted(sources) == ["house", "legislators", "prices", "senate"]
    for name in ("outbox_messages", "outbox_age_seconds", "filings_to_fetch", "documents_rejected"):
        assert found[(f"quant_{name}",)] >= 0


def test_requests_through_the_gateway_are_counted(api, counted, monkeypatch):
    fresh = Counters(ValkeyStore())
    monkeypatch.setattr("quant_http.telemetry.counters", lambda: fresh)
    for _ in range(3):
        api.get("/api/v1/status")
    fresh._hand_over()
    assert kept.read()["requests status.show GET 200"] == 3
    # Without Valkey there is nothing to hand over to.
    api.get("/health")
    fresh._hand_over()
    assert not [name for name in kept.read() if "health.live" in name]


def test_metrics_are_for_administrators(api):
    member = authorizer_context(scope="read account")
    assert api.get(METRICS, authorizer=member).status == 403

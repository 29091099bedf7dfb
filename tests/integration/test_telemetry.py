"""What one request leaves behind: a trace, ids in its lines, metrics in the last."""

import uuid

import pytest
from log_support import function_log
from tests.integration.conftest import authorizer_context
from trace_support import SAMPLED, names, xray_daemon

from quant.db import prepared
from quant.observability import tracing
from quant.observability.catalogue import NAMESPACE, REQUEST_METRICS

TRADES = "/api/v1/trades"

pytestmark = pytest.mark.usefixtures("disclosures")


@pytest.fixture
def daemon(monkeypatch):
    with xray_daemon() as daemon:
        monkeypatch.setenv(tracing.DAEMON_VARIABLE, daemon.address)
        monkeypatch.setenv(tracing.HEADER_VARIABLE, SAMPLED)
        yield daemon


@pytest.fixture
def account():
    return uuid.uuid4()


def metrics_of(line):
    [directive] = line["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == NAMESPACE
    assert directive["Dimensions"] == [["service"]]
    assert line["service"]
    units = {metric.name: metric.unit for metric in REQUEST_METRICS}
    assert all(units[metric["Name"]] == metric["Unit"] for metric in directive["Metrics"])
    return {metric["Name"]: line[metric["Name"]] for metric in directive["Metrics"]}


def test_a_request_is_traced_to_the_stores(api, account, daemon):
    authorizer = authorizer_context(account)
    api.get(TRADES, {"limit": 3}, authorizer=authorizer)  # Valkey may not know the script yet
    daemon.documents()
    prepared.close()  # so that it has to connect
    query = {"limit": 1, "ticker": "AAPL"}
    first = api.get(TRADES, query, authorizer=authorizer)
    second = api.get(TRADES, query, authorizer=authorizer)
    assert (first.status, second.status) == (200, 200)
    read, kept = daemon.documents()
    limits = ["limits", ["valkey"]]
    assert names(kept) == ["trades.list", limits]
    assert names(read)[:2] == ["trades.list", limits]
    handler = names(read)[2]
    assert handler[:2] == ["handler", ["postgres connect"]]
    assert handler[-2:] == [["postgres"], ["cache", ["valkey"]]]
    assert read["annotations"] == {
        "request_id": first.headers["x-request-id"],
        "route": "trades.list",
        "principal": str(account),
    }
    assert "AAPL" not in str(read)


def test_every_line_of_a_request_names_it_and_the_last_has_its_metrics(api, account):
    query = {"limit": 2, "ticker": "MSFT"}
    authorizer = authorizer_context(account)
    with function_log() as log:
        answers = [api.get(TRADES, query, authorizer=authorizer) for _ in range(2)]
        answers.append(api.get(TRADES, {"limit": "x"}, authorizer=authorizer))
        answers.append(api.get(TRADES, authorizer={}))
        lines = log()
    assert [line["status"] for line in lines] == [200, 200, 422, 401]
    for line, answer in zip(lines, answers, strict=True):
        assert line["request_id"] == answer.headers["x-request-id"]
        assert line["route"] == "trades.list"
        assert line["function_request_id"]
    # The last came without an account, and no earlier one's may stick to it.
    assert [line.get("principal") for line in lines] == [str(account)] * 3 + [None]
    found = [metrics_of(line) for line in lines]
    assert all(metrics.pop("Duration") > 0 for metrics in found)
    assert found == [{"CacheMisses": 1}, {"CacheHits": 1}, {}, {}]


def test_what_is_refused_by_the_limiter_counts_as_throttled(api, account):
    authorizer = authorizer_context(account, tier="free")
    with function_log() as log:
        statuses = [api.get(TRADES, {"limit": 1}, authorizer=authorizer).status for _ in range(30)]
        lines = log()
    assert 429 in statuses
    throttled = [metrics_of(line).get("Throttled", 0) for line in lines if "status" in line]
    assert throttled == [int(status == 429) for status in statuses]


def test_an_unexpected_error_is_a_fault_without_what_the_client_sent(
    api, account, daemon, monkeypatch
):
    def fail(*_, **__):
        msg = "canary.person@example.org"
        raise RuntimeError(msg)

    monkeypatch.setattr("quant_http.guard.refuse_body", fail)
    with function_log() as log:
        answer = api.get(TRADES, {"limit": 1}, authorizer=authorizer_context(account))
        failed, answered = log()
    assert answer.status == 500
    assert failed["message"] == "request failed"
    assert "[email]" in failed["exception"]
    assert failed["request_id"] == answered["request_id"] == answer.headers["x-request-id"]
    assert metrics_of(answered)["ServerErrors"] == 1
    [document] = daemon.documents()
    assert document["fault"] is True
    assert "canary" not in str(document)


def test_a_principal_that_is_no_account_is_not_logged(api):
    with function_log() as log:
        api.get(TRADES, authorizer=authorizer_context("somebody@example.org"))
        [line] = log()
    assert "principal" not in line
    assert "example.org" not in str(line)

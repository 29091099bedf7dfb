"""Segments, the daemon that keeps them, and metrics out of log lines."""

import json
import logging
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from localstack.services.apigateway.next_gen.execute_api.handlers import resource_router

from quant_localstack.telemetry import traces
from quant_localstack.telemetry.collector import Collector
from quant_localstack.telemetry.metrics import Series, data_of, values_in
from quant_localstack.telemetry.request_log import hide_paths

ROOT = "1-67891233-abcdef012345678912345678"


def documents(file: Path, count: int) -> list[dict[str, Any]]:
    """What a collector has written, once there is that much."""
    deadline = time.monotonic() + 10
    while True:
        found = [json.loads(line) for line in file.read_bytes().splitlines() if line]
        if len(found) >= count or time.monotonic() > deadline:
            return found
        time.sleep(0.01)


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], list[dict[str, Any]]]:
    """Documents that arrive at the daemon, at least so many."""
    file = tmp_path / "traces.jsonl"
    file.touch()
    collector = Collector(file)
    monkeypatch.setattr(traces, "collector", lambda: collector)
    return lambda count: documents(file, count)


def test_daemon_keeps_documents_and_begins_a_new_file(tmp_path: Path) -> None:
    file = tmp_path / "traces.jsonl"
    file.touch()
    collector = Collector(file, file_limit=100)
    for number in range(3):
        collector.send({"number": number, "padding": "x" * 100})
        while [document["number"] for document in documents(file, 1)] != [number]:
            time.sleep(0.01)
    [older] = documents(tmp_path / "traces.jsonl.1", 1)
    assert older["number"] == 1


@pytest.mark.parametrize(
    ("incoming", "active", "sampled"),
    [
        (f"Root={ROOT};Parent=1234567890abcdef;Sampled=1", False, True),
        (f"Root={ROOT};Parent=1234567890abcdef;Sampled=0", True, False),
        (f"Root={ROOT}", True, True),
        (f"Root={ROOT}", False, False),
    ],
)
def test_function_is_traced_as_decided_before_or_as_it_asks(
    kept: Callable[[int], list[dict[str, Any]]], incoming: str, active: bool, sampled: bool
) -> None:
    segments = traces.FunctionSegments(incoming, active=active)
    segments.end(name="f", arn="arn:f", request_id="r", init_seconds=0.5, is_error=True)
    assert segments.header.startswith(f"Root={ROOT};Parent=")
    assert segments.header.endswith(f"Sampled={int(sampled)}")
    assert bool(segments.report) is sampled
    if not sampled:
        return
    service, function = kept(2)
    assert service["origin"] == "AWS::Lambda"
    assert service.get("parent_id") == ("1234567890abcdef" if "Parent" in incoming else None)
    assert function["parent_id"] == service["id"]
    assert function["id"] in segments.header
    assert function["fault"] is True
    [initialization] = function["subsegments"]
    assert initialization["end_time"] - initialization["start_time"] == pytest.approx(0.5)


def record(**fields: Any) -> str:
    metrics = [{"Name": "Duration", "Unit": "Milliseconds"}, {"Name": "Hits"}]
    directive = {"Namespace": "N", "Dimensions": [["service"], []], "Metrics": metrics}
    about = {"Timestamp": 90_000, "CloudWatchMetrics": [directive]}
    return json.dumps({"_aws": about, "service": "s", "Duration": 1.5, "Hits": [2, 3], **fields})


def test_metrics_are_in_lines_of_the_embedded_format() -> None:
    lines = ["START", record(), '{"message": "_aws"}', '{"_aws": 1}', '"_aws" is no JSON']
    found = list(values_in(lines))
    with_service = Series("N", "Duration", "Milliseconds", (("service", "s"),), 60_000)
    assert found[0] == (with_service, 1.5)
    assert [value for series, value in found if series.name == "Hits"] == [2, 3, 2, 3]
    assert {series.dimensions for series, _ in found} == {(("service", "s"),), ()}


def test_a_record_without_its_value_costs_no_other_line() -> None:
    broken = json.loads(record())
    del broken["Duration"]
    assert len(list(values_in([json.dumps(broken), record()]))) == 6


def test_equal_values_are_counted_and_many_are_parted() -> None:
    series = Series("N", "Duration", "Milliseconds", (), 60_000)
    counts = Counter({float(value): 2 for value in range(151)})
    first, second = data_of({series: counts})["N"]
    assert (len(first["Values"]), len(second["Values"])) == (150, 1)
    assert first["Counts"][0] == 2.0
    assert first["Timestamp"] == 60


def test_paths_of_clients_are_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("localstack.request.http")
    hide_paths()
    with caplog.at_level(logging.INFO, logger.name):
        logger.info("%s %s => %d", "GET", "/_aws/execute-api/id/local/api/v1/someone", 200)
        logger.info("%s %s => %d", "GET", "/_localstack/health", 200)
        resource_router.LOG.warning("nothing was found for: %s %s", "GET", "/api/v1/someone")
    assert caplog.messages == [
        "GET /_aws/execute-api/id/local/... => 200",
        "GET /_localstack/health => 200",
        "nothing was found for: GET /...",
    ]

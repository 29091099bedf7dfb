import json
import socket
import threading

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError
from trace_support import PARENT, ROOT, SAMPLED, names, xray_daemon

from quant.observability import tracing
from quant.observability.aws_calls import traced


@pytest.fixture
def daemon(monkeypatch):
    with xray_daemon() as daemon:
        monkeypatch.setenv(tracing.DAEMON_VARIABLE, daemon.address)
        monkeypatch.setenv(tracing.HEADER_VARIABLE, SAMPLED)
        yield daemon


def test_an_invocation_is_one_document_below_the_segment_of_lambda(daemon):
    with tracing.invocation("trades.list") as invocation:
        invocation.annotate(request_id="r", principal=None)
        with tracing.part("limits"), tracing.remote("valkey", metadata={"command": "EVALSHA"}):
            pass
        with tracing.part("handler"), tracing.statement("select\n   1 where a = :a"):
            pass
        invocation.answered("GET", 200)
    [document] = daemon.documents()
    assert names(document) == ["trades.list", ["limits", ["valkey"]], ["handler", ["postgres"]]]
    assert document["type"] == "subsegment"
    assert (document["trace_id"], document["parent_id"]) == (ROOT, PARENT)
    assert document["annotations"] == {"request_id": "r"}
    assert document["http"] == {"request": {"method": "GET"}, "response": {"status": 200}}
    assert not {"error", "fault", "throttle"} & document.keys()
    [valkey] = document["subsegments"][0]["subsegments"]
    assert (valkey["namespace"], valkey["metadata"]) == ("remote", {"command": "EVALSHA"})
    [query] = document["subsegments"][1]["subsegments"]
    assert query["sql"] == {
        "database_type": "PostgreSQL",
        "sanitized_query": "select 1 where a = :a",
    }
    assert document["start_time"] <= query["start_time"] <= query["end_time"]
    assert query["end_time"] <= document["end_time"]


@pytest.mark.parametrize(
    ("status", "flags"),
    [
        (304, set()),
        (404, {"error"}),
        (429, {"error", "throttle"}),
        (503, {"fault"}),
    ],
)
def test_flags_say_whose_fault_it_was(daemon, status, flags):
    with tracing.invocation("f") as invocation:
        invocation.answered("GET", status)
    [document] = daemon.documents()
    assert {"error", "fault", "throttle"} & document.keys() == flags


def test_of_an_error_only_its_type_is_told(daemon):
    with (
        pytest.raises(ValueError, match="canary"),
        tracing.invocation("f"),
        tracing.part("handler"),
    ):
        raise ValueError("canary of a client")
    [document] = daemon.documents()
    for part in (document, *document["subsegments"]):
        assert part["fault"] is True
        [exception] = part["cause"]["exceptions"]
        assert exception["type"] == "ValueError"
    assert "canary" not in json.dumps(document)


@pytest.mark.parametrize(
    "header",
    [
        "",
        f"Root={ROOT};Parent={PARENT};Sampled=0",
        f"Root={ROOT};Sampled=1",
        f"Root={'1' * 100};Parent={PARENT};Sampled=1",
        f"Root={ROOT};Parent=x;Sampled=1",
        "Sampled=1",
    ],
)
def test_what_lambda_has_not_sampled_is_not_recorded(daemon, monkeypatch, header):
    monkeypatch.setenv(tracing.HEADER_VARIABLE, header)
    with tracing.invocation("f") as invocation:
        assert invocation is tracing.UNSAMPLED
        assert tracing.part("handler") is tracing.UNSAMPLED
        assert tracing.statement("select 1") is tracing.UNSAMPLED
        assert tracing.aws_call("s3", "GetObject") is tracing.UNSAMPLED
    assert daemon.documents() == []


def test_without_a_daemon_there_is_no_socket(monkeypatch):
    monkeypatch.delenv(tracing.DAEMON_VARIABLE, raising=False)
    monkeypatch.setenv(tracing.HEADER_VARIABLE, SAMPLED)
    tracing._socket.cache_clear()
    with tracing.invocation("f") as invocation:
        assert invocation is tracing.UNSAMPLED
    assert tracing._socket.cache_info().currsize == 0


@pytest.mark.parametrize("address", ["127.0.0.1:9", "no.such.host.invalid:2000", "nonsense", ":x"])
def test_a_lost_daemon_hurts_nobody(monkeypatch, address):
    monkeypatch.setenv(tracing.DAEMON_VARIABLE, address)
    monkeypatch.setenv(tracing.HEADER_VARIABLE, SAMPLED)
    for _ in range(3):
        with tracing.invocation("f"), tracing.part("handler"):
            pass


def test_an_invocation_records_a_bounded_number_of_parts(daemon):
    with tracing.invocation("f"):
        for _ in range(3 * tracing.MOST_SUBSEGMENTS):
            with tracing.statement("select '" + "x" * 10_000):
                pass
    [document] = daemon.documents()
    assert len(document["subsegments"]) == tracing.MOST_SUBSEGMENTS
    assert len(json.dumps(document)) < 64 * 1024


def test_threads_that_an_invocation_starts_record_nothing(daemon):
    found = []
    with tracing.invocation("f"):
        thread = threading.Thread(target=lambda: found.append(tracing.part("elsewhere")))
        thread.start()
        thread.join()
    assert found == [tracing.UNSAMPLED]
    [document] = daemon.documents()
    assert "subsegments" not in document


def test_calls_of_aws_are_parts(daemon):
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    client = traced(
        boto3.client(
            "secretsmanager",
            endpoint_url=f"http://127.0.0.1:{port}",
            region_name="us-east-1",
            aws_access_key_id="k",
            aws_secret_access_key="s",
            config=boto3.session.Config(retries={"total_max_attempts": 1}),
        )
    )
    with tracing.invocation("f"), pytest.raises(EndpointConnectionError):
        client.get_secret_value(SecretId="canary")
    [document] = daemon.documents()
    [call] = document["subsegments"]
    assert (call["name"], call["namespace"]) == ("secrets-manager", "aws")
    assert call["aws"] == {"operation": "GetSecretValue"}
    assert call["fault"] is True
    assert "canary" not in json.dumps(document)

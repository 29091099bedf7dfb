"""What the running platform says about one request: its trace, its log lines, its metrics."""

import json
import secrets
import subprocess
import sys
import time
import uuid
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from deployed_support import PREFIX, Deployed
from e2e_support import TIMEOUT_S, Platform, bearer, eventually
from support import SUPERVISOR

from quant.observability.catalogue import DURATION, NAMESPACE, SERVICE

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

TRADES = "/api/v1/trades"
ROUTE = "trades.list"
GROUPS = [f"/aws/lambda/{PREFIX}{name}" for name in ("trades-list", "authorizer-jwt")]


@pytest.fixture(scope="module")
def platform(local_cloud):
    if not local_cloud.name:
        pytest.skip("--base-url is given: its logs and traces are not ours to read")
    with httpx.Client(base_url=local_cloud.url, timeout=TIMEOUT_S) as client:
        yield Platform(local_cloud, client)


def supervise_trace(platform, request_id, *options):
    """What `trace` prints of a request, or None while there is nothing."""
    name = ("--name", platform.cloud.name)
    done = subprocess.run(
        [sys.executable, str(SUPERVISOR), "trace", request_id, *name, *options],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout if done.returncode == 0 else None


def traced(platform, request_id, invocations):
    """The trace of a request with its lines, once the last line of each invocation is stored."""

    def whole():
        printed = supervise_trace(platform, request_id, "--json")
        found = json.loads(printed) if printed else {"lines": []}
        reports = [line for line in found["lines"] if line["message"].startswith("REPORT")]
        return found if len(reports) >= invocations else None

    return eventually(whole, within_s=20)


def ask(platform, token, **query):
    answer = platform.get(TRADES, token, **query)
    return answer, answer.headers["x-request-id"]


def walk(span):
    yield span
    for child in span["children"]:
        yield from walk(child)


def tree(span):
    """Names of spans, as nested lists; of segments their origin."""
    return [span.get("origin") or span["name"], *map(tree, span["children"])]


def child(span, name):
    [found] = [each for each in span["children"] if name in (each["name"], each.get("origin"))]
    return found


def function_of(call):
    """The spans of the function itself, below the two segments of Lambda."""
    service = child(call, "AWS::Lambda")
    function = child(service, "AWS::Lambda::Function")
    assert service["name"] == function["name"]
    [own] = [each for each in function["children"] if each["name"] != "Initialization"]
    return own


def test_one_request_is_traced_from_the_gateway_to_the_stores(platform):
    # A token that the gateway has no answer about yet, and a page that is in no cache.
    token = platform.cloud.token("premium")
    page = {"limit": 3, "transaction_from": f"19{secrets.randbelow(90) + 10}-01-02"}
    ask(platform, platform.cloud.token("premium"), limit=1)  # so that functions are up
    answer, request_id = ask(platform, token, **page)
    assert answer.status_code == 200, answer.text
    found = traced(platform, request_id, invocations=2)
    print(supervise_trace(platform, request_id))  # noqa: T201 - for those who read along

    [gateway] = found["roots"]
    assert gateway["origin"] == "AWS::ApiGateway::Stage"
    assert gateway["aws"]["api_gateway"]["request_id"] == request_id
    assert gateway["http"]["response"]["status"] == 200
    authorizer, route = map(function_of, gateway["children"])
    assert authorizer["name"] == "authorizer.jwt"
    # Whether its session was revoked: Valkey says, and Postgres where Valkey was not told yet.
    asked = {each["name"] for each in authorizer["children"]}
    assert "valkey" in asked
    assert asked <= {"valkey", "postgres", "postgres connect", "secrets-manager"}
    assert route["name"] == ROUTE
    assert [each["name"] for each in route["children"]] == ["limits", "handler"]
    assert {each["name"] for each in child(route, "limits")["children"]} == {"valkey"}
    query, kept = child(route, "handler")["children"][-2:]
    assert query["name"] == "postgres"
    assert "select version from data_version" in query["sql"]["sanitized_query"]
    assert tree(kept) == ["cache", ["valkey"]]
    assert route["annotations"]["request_id"] == request_id
    assert uuid.UUID(route["annotations"]["principal"])

    trace_ids = {span["trace_id"] for span in walk(gateway) if "trace_id" in span}
    assert trace_ids == {found["trace_id"]}
    assert found["trace_id"] in answer.headers["x-amzn-trace-id"]
    for span in walk(gateway):
        assert span["start_time"] <= span["end_time"]
        for part in span["children"]:
            if part["name"] != "Initialization":
                assert span["start_time"] <= part["start_time"]


@pytest.mark.parametrize(
    ("query", "status"), [({"limit": 2}, 200), ({"limit": "canary"}, 422)], ids=["200", "422"]
)
def test_every_line_of_a_request_is_found_by_its_id(platform, query, status):
    logs = platform.aws("logs")
    token = platform.cloud.token("premium")
    # Alone in its millisecond: lines are stamped when they are stored.
    time.sleep(1)
    began = int(time.time() * 1000)
    answer, request_id = ask(platform, token, **query)
    assert answer.status_code == status
    found = traced(platform, request_id, invocations=2)["lines"]
    written = [
        (group, event["message"].rstrip("\n"))
        for group in GROUPS
        for event in logs.filter_log_events(logGroupName=group, startTime=began)["events"]
    ]
    assert sorted((line["group"], line["message"]) for line in found) == sorted(written)
    own = [json.loads(message) for _, message in written if message.startswith("{")]
    assert own
    for line in own:
        assert line["request_id"] == request_id
        assert line["xray_trace_id"] in answer.headers["x-amzn-trace-id"]
        assert line["function_request_id"]
    assert "canary" not in str(written)


def test_a_refused_token_is_a_line_of_the_authorizer(platform):
    answer = platform.http.get(TRADES, headers=bearer("qat_" + "A" * 43))
    assert answer.status_code == 403
    request_id = answer.json()["request_id"]
    found = traced(platform, request_id, invocations=1)
    [line] = [json.loads(line["message"]) for line in found["lines"] if "{" in line["message"]]
    assert line["request_id"] == request_id
    assert line["service"] == "authorizer.jwt"
    assert line["message"].startswith("token refused")


def test_lines_of_an_event_are_found_by_the_id_of_its_invocation(platform):
    answer = platform.aws("lambda").invoke(
        FunctionName=f"{PREFIX}pipeline-measure", Qualifier="live", Payload=b'{"id": "canary-id"}'
    )
    assert "FunctionError" not in answer
    found = traced(platform, answer["ResponseMetadata"]["RequestId"], invocations=1)
    [line] = [
        json.loads(line["message"]) for line in found["lines"] if '"measured"' in line["message"]
    ]
    assert line["event_id"] == "canary-id"
    assert line["function_request_id"] == answer["ResponseMetadata"]["RequestId"]


def requests_counted(platform):
    """Requests of the route that CloudWatch knows of in this hour."""
    now = datetime.now(UTC)
    points = platform.aws("cloudwatch").get_metric_statistics(
        Namespace=NAMESPACE,
        MetricName=DURATION.name,
        Dimensions=[{"Name": SERVICE, "Value": ROUTE}],
        StartTime=now - timedelta(hours=1),
        EndTime=now + timedelta(minutes=1),
        Period=60,
        Statistics=["SampleCount", "Average"],
    )["Datapoints"]
    assert all(point["Average"] > 0 for point in points)
    return sum(point["SampleCount"] for point in points)


def test_requests_are_metrics_in_cloudwatch(platform):
    token = platform.cloud.token("premium")
    before = requests_counted(platform)
    for _ in range(5):
        assert ask(platform, token, limit=1)[0].status_code == 200
    # Others' requests may still be on their way.
    eventually(lambda: requests_counted(platform) >= before + 5, within_s=20)


def test_a_measure_of_the_pipeline_is_a_metric(platform):
    Deployed(platform).invoke("pipeline-measure")
    listed = eventually(
        lambda: platform.aws("cloudwatch").list_metrics(
            Namespace=NAMESPACE, MetricName="OutboxAge"
        )["Metrics"],
        within_s=20,
    )
    assert [{"Name": SERVICE, "Value": "pipeline.measure"}] in [
        metric["Dimensions"] for metric in listed
    ]

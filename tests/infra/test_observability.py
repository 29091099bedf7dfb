"""Dashboards and saved queries ask for what exists: metrics, resources, log groups, fields."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from infra.components.queries import ACCESS_LOG, QUERIES, Query
from infra_support import Assembly, text_of
from log_support import function_log

from quant.observability import catalogue

# What Logs Insights and Powertools' logger give every line.
# https://docs.aws.amazon.com/powertools/python/latest/core/logger/
GIVEN = {"level", "message", "service", "exception_name", "exception", "timestamp"}
WORDS = {
    *("fields", "filter", "stats", "sort", "limit", "by", "as", "asc", "desc", "like", "and"),
    *("or", "count", "sum", "max", "pct", "latest", "bin", "ispresent", "m"),
}
# The queries of event functions, by what else their lines say.
OF_EVENTS = {
    "set-aside-causes": {"error"},
    "rejected-documents": {"key", "reason", "outcome"},
    "errors-by-function": set(),
    "refused-tokens": set(),
}


def _fields(query: Query) -> set[str]:
    """Return the fields that a query reads."""
    text = re.sub(r"\"[^\"]*\"|'[^']*'|/[^/\n]*/", "", query.text)
    made = set(re.findall(r"\bas (\w+)", text))
    names = set(re.findall(r"(?<![@\w])[A-Za-z_]\w*", text))
    return names - made - WORDS


def _answered() -> dict[str, Any]:
    """Return the line that ends a request, with all its metrics."""
    from quant_http import telemetry

    scope: Any = {"aws.event": {"requestContext": {"authorizer": {"principalId": "x"}}}}
    with function_log() as lines:
        telemetry.identify(scope, "request-1", "trades.list")
        observed = telemetry.begin()
        telemetry.note_fallback()
        telemetry.end("trades.list", "GET", 503, 0.2, observed)
        [line] = lines()
    return line


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.name)
def test_queries_ask_for_fields_that_lines_have(query: Query, assemble: Any) -> None:
    asked = _fields(query)
    assert asked or "@timestamp" in query.text
    [groups] = [set(groups) for groups in [next(iter(query.groups.values()))]]
    if groups == {ACCESS_LOG}:
        known = set(json.loads(_access_format(assemble("prod"))))
    elif query.name in OF_EVENTS:
        known = GIVEN | OF_EVENTS[query.name]
    else:
        known = GIVEN | set(_answered())
    assert asked <= known, asked - known


def _access_format(assembly: Assembly) -> str:
    [stage] = assembly.properties("AWS::ApiGateway::Stage")
    return str(stage["AccessLogSetting"]["Format"])


def test_queries_name_log_groups_that_exist(assembly: Assembly) -> None:
    existing = {
        group["LogGroupName"]
        for stack in assembly.templates
        for group in assembly.properties("AWS::Logs::LogGroup", stack)
        if isinstance(group.get("LogGroupName"), str)
    }
    definitions = assembly.properties("AWS::Logs::QueryDefinition", "Observability")
    for definition in definitions:
        named = definition["LogGroupNames"]
        assert 1 <= len(named) <= 50, definition["Name"]
        assert set(named) <= existing, definition["Name"]
        asked = {parameter["Name"] for parameter in definition.get("Parameters", ())}
        assert asked == set(re.findall(r"{{(\w+)}}", definition["QueryString"]))


def test_one_query_or_another_reads_each_function(assembly: Assembly) -> None:
    read = {
        group
        for definition in assembly.properties("AWS::Logs::QueryDefinition", "Observability")
        if "/errors-by-function" in definition["Name"]
        for group in definition["LogGroupNames"]
    }
    functions = {f"/aws/lambda/{each['FunctionName']}" for each in assembly.functions().values()}
    # That of the deployment says in the deployment what went wrong.
    assert functions - read == {f"/aws/lambda/{assembly.config.name('schema-migrate')}"}


def _metrics(assembly: Assembly) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Yield namespace, name and dimensions of every metric on a dashboard."""
    for dashboard in assembly.properties("AWS::CloudWatch::Dashboard", "Observability"):
        body = json.loads(text_of(dashboard["DashboardBody"]))
        for widget in body["widgets"]:
            for metric in widget["properties"].get("metrics", ()):
                namespace, *rest = metric
                if isinstance(namespace, str):
                    names = [each for each in rest if isinstance(each, str)]
                    yield namespace, names[0], dict(zip(names[1::2], names[2::2], strict=True))


def test_dashboards_show_metrics_that_are_written(assemble: Callable[[str], Assembly]) -> None:
    prod = assemble("prod")
    own = {
        metric.name for metric in vars(catalogue).values() if isinstance(metric, catalogue.Metric)
    }
    queues = {queue["QueueName"] for queue in prod.properties("AWS::SQS::Queue", "Data")}
    machines = {
        machine["StateMachineName"]
        for stack in prod.templates
        for machine in prod.properties("AWS::StepFunctions::StateMachine", stack)
    }
    found = list(_metrics(prod))
    assert len(found) > 40
    for namespace, name, dimensions in found:
        if namespace == catalogue.NAMESPACE:
            assert name in own, name
        if namespace == "AWS/SQS":
            assert dimensions["QueueName"] in queues
        if namespace == "AWS/States":
            assert dimensions["StateMachineArn"].rpartition(":")[2] in machines
    bodies = json.dumps(prod.properties("AWS::CloudWatch::Dashboard", "Observability"))
    searched = set(re.findall(r"MetricName=\W*(\w+)", bodies))
    searched |= set(re.findall(r"SELECT SUM\((\w+)\)", bodies))
    assert searched
    assert searched <= own


def test_it_imports_nothing_and_exports_nothing(assembly: Assembly) -> None:
    template = assembly.templates["Observability"]
    assert "Fn::ImportValue" not in json.dumps(template)
    assert not [each for each in template.get("Outputs", {}).values() if "Export" in each]

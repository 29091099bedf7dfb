"""The pipeline: who may reach what, when functions run, what watches them, how a backfill runs."""

import json
from typing import Any

import pytest
from infra.functions import SINGLE_CLASS
from infra.pipeline_functions import MEASURE, PARSE, PIPELINE_FUNCTIONS, RELAY
from infra_support import Assembly

SCHEDULED = {name: needs for name, needs in PIPELINE_FUNCTIONS.items() if needs.schedule}


def _text(node: Any) -> str:
    """Return a value of a template as one string, with what only AWS knows left out."""
    match node:
        case str():
            return node
        case {"Fn::Join": [separator, parts]}:
            return str(separator).join(_text(part) for part in parts)
    return ""


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def test_raw_documents_are_versioned_encrypted_and_private(assembly: Assembly) -> None:
    resource, statement = assembly.bucket("Raw")
    bucket = resource["Properties"]
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    assert bucket["BucketEncryption"]
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert statement["Effect"] == "Deny"
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_raw_documents_never_expire(assembly: Assembly) -> None:
    bucket, _ = assembly.bucket("Raw")
    rules = bucket["Properties"]["LifecycleConfiguration"]["Rules"]
    expiring = [
        rule for rule in rules if {"ExpirationInDays", "NoncurrentVersionExpiration"} & rule.keys()
    ]
    assert {rule["Prefix"] for rule in expiring} == {"state/", "drop/", "backfill/"}


def test_arrivals_are_told_once_the_queue_may_be_told(assembly: Assembly) -> None:
    bucket, _ = assembly.bucket("Raw")
    told = bucket["Properties"]["NotificationConfiguration"]["QueueConfigurations"]
    prefixes = {configuration["Filter"]["S3Key"]["Rules"][0]["Value"] for configuration in told}
    assert prefixes == {"raw/", "drop/prices/"}
    assert [name for name in bucket["DependsOn"] if name.startswith("ParseQueuePolicy")]


@pytest.mark.parametrize("name", PIPELINE_FUNCTIONS)
def test_functions_reach_either_the_internet_or_the_database(assembly: Assembly, name: str) -> None:
    _, function = assembly.function(name)
    needs = PIPELINE_FUNCTIONS[name]
    assert ("VpcConfig" in function) is bool(needs.stores)
    assert ("QUANT_DATABASE_HOST" in function["Environment"]["Variables"]) is bool(needs.stores)
    assert needs.egress is not bool(needs.stores)


@pytest.mark.parametrize("name", PIPELINE_FUNCTIONS)
def test_functions_touch_their_own_objects_alone(assembly: Assembly, name: str) -> None:
    _, function = assembly.function(name)
    access = PIPELINE_FUNCTIONS[name].objects
    found: dict[str, set[str]] = {}
    for statement in assembly.statements(function["Role"]["Fn::GetAtt"][0]):
        for action in _list(statement["Action"]):
            if action.startswith("s3:"):
                keys = {_text(item).partition("/")[2] for item in _list(statement["Resource"])}
                found.setdefault(action, set()).update(keys)
    expected = {"s3:GetObject": set(access.reads), "s3:PutObject": set(access.writes)}
    if access.reads:
        expected["s3:ListBucket"] = {""}
    assert found == {action: keys for action, keys in expected.items() if keys}


def test_collectors_never_run_twice_at_a_time(assembly: Assembly) -> None:
    for name, needs in PIPELINE_FUNCTIONS.items():
        if needs.collects:
            _, function = assembly.function(name)
            assert needs.concurrency == SINGLE_CLASS
            assert function["ReservedConcurrentExecutions"] == 1
            assert function["Environment"]["Variables"]["QUANT_COLLECTOR_CONTACT"]


def test_schedules_are_those_of_the_needs(assembly: Assembly) -> None:
    schedules = assembly.properties("AWS::Scheduler::Schedule", "Pipeline")
    rules = assembly.properties("AWS::Events::Rule", "Pipeline")
    aliases = assembly.resources("AWS::Lambda::Alias", "Pipeline")
    functions = assembly.functions()

    def handler(alias: dict[str, str]) -> str:
        function = aliases[alias["Ref"]]["Properties"]["FunctionName"]["Ref"]
        return str(functions[function]["Handler"].removesuffix(".handler"))

    found = {
        handler(schedule["Target"]["Arn"]): (
            schedule["ScheduleExpression"],
            schedule["ScheduleExpressionTimezone"],
        )
        for schedule in schedules
    }
    housekeeping = {
        handler(rule["Targets"][0]["Arn"]): (rule["ScheduleExpression"], "Etc/UTC")
        for rule in rules
    }
    assert set(housekeeping) == {RELAY, MEASURE}
    assert found | housekeeping == {
        name: (needs.schedule.expression, needs.schedule.timezone)
        for name, needs in SCHEDULED.items()
        if needs.schedule
    }


def test_failed_runs_wait_for_the_next_one(assembly: Assembly) -> None:
    configurations = assembly.properties("AWS::Lambda::EventInvokeConfig", "Pipeline")
    assert len(configurations) == len(SCHEDULED)
    assert {configuration["MaximumRetryAttempts"] for configuration in configurations} == {0}


def test_disclosed_trades_reach_the_alerts(assembly: Assembly) -> None:
    [rule] = assembly.properties("AWS::Events::Rule", "Data")
    assert rule["EventPattern"] == {
        "source": ["quant.pipeline"],
        "detail-type": ["trade.disclosed"],
    }
    [target] = rule["Targets"]
    assert "AlertsQueue" in str(target["Arn"])


def _machine(assembly: Assembly) -> dict[str, Any]:
    [machine] = assembly.properties("AWS::StepFunctions::StateMachine", "Pipeline")
    definition: dict[str, Any] = json.loads(_text(machine["DefinitionString"]))
    return definition


def test_backfill_maps_the_parser_over_keys(assembly: Assembly) -> None:
    documents = _machine(assembly)["States"]["Documents"]
    assert documents["Type"] == "Map"
    assert documents["ItemProcessor"]["ProcessorConfig"]["Mode"] == "DISTRIBUTED"
    assert documents["ItemReader"]["Resource"].endswith(":states:::s3:listObjectsV2")
    assert documents["ItemReader"]["Parameters"]["Prefix.$"] == "$.prefix"
    assert documents["MaxConcurrency"] == assembly.config.concurrency["parse"]
    parse = documents["ItemProcessor"]["States"]["Parse"]
    assert parse["Retry"][0]["ErrorEquals"] == ["States.ALL"]
    batched = assembly.config.environment != "local"
    assert ("ItemBatcher" in documents) is batched
    assert parse["Parameters"] == {"Items.$": "$.Items" if batched else "States.Array($)"}


def test_backfill_retries_for_longer_than_postgres_is_away(assembly: Assembly) -> None:
    [retry] = _machine(assembly)["States"]["Documents"]["ItemProcessor"]["States"]["Parse"]["Retry"]
    waits = [
        min(retry["MaxDelaySeconds"], retry["IntervalSeconds"] * retry["BackoffRate"] ** attempt)
        for attempt in range(retry["MaxAttempts"])
    ]
    # Full jitter waits half of that on average.
    assert sum(waits) / 2 > 15 * 60


def test_backfill_may_not_touch_raw_documents(assembly: Assembly) -> None:
    [machine] = assembly.properties("AWS::StepFunctions::StateMachine", "Pipeline")
    allowed: dict[str, list[str]] = {}
    for statement in assembly.statements(machine["RoleArn"]["Fn::GetAtt"][0]):
        for action in _list(statement["Action"]):
            allowed.setdefault(action, []).append(_text(statement["Resource"]))
    assert allowed["s3:PutObject"] == allowed["s3:GetObject"] == ["/backfill/*"]
    assert len(allowed["lambda:InvokeFunction"]) == 1
    assert allowed["states:StartExecution"][0].endswith(f":{assembly.config.name('backfill')}")


def test_alarms_watch_what_no_queue_sets_aside(assembly: Assembly) -> None:
    alarms = assembly.alarms("Pipeline")
    assert set(alarms) == {
        "pipeline-errors",
        "source-refused",
        "source-changed",
        "source-stale",
        "layout-unknown",
        "disclosure-age",
    }
    age = alarms["disclosure-age"]
    assert age["Threshold"] == assembly.config.disclosure_age_days * 86_400
    assert age["Dimensions"] == [{"Name": "service", "Value": MEASURE}]
    assert age["TreatMissingData"] == "breaching"
    assert alarms["layout-unknown"]["Dimensions"] == [{"Name": "service", "Value": PARSE}]
    errors = [metric for metric in alarms["pipeline-errors"]["Metrics"] if "MetricStat" in metric]
    assert len(errors) == len(SCHEDULED)

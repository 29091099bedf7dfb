"""The audit log's upkeep runs by schedule, with no more rights than it needs."""

import json
from typing import Any

import pytest
from infra.functions import AUDIT_ANCHOR, AUDIT_MAINTENANCE
from infra_support import Assembly

from quant.audit.retention import RETENTION_DAYS

SCHEDULES = {
    "audit-anchor": (AUDIT_ANCHOR, "cron(5 * * * ? *)"),
    "audit-maintenance": (AUDIT_MAINTENANCE, "cron(25 3 * * ? *)"),
}


def _alias(assembly: Assembly, name: str) -> str:
    function, _ = assembly.function(name)
    [alias] = [
        alias
        for alias, resource in assembly.resources("AWS::Lambda::Alias").items()
        if resource["Properties"]["FunctionName"] == {"Ref": function}
    ]
    return alias


def _schedule(assembly: Assembly, name: str) -> dict[str, Any]:
    [schedule] = [
        schedule
        for schedule in assembly.properties("AWS::Scheduler::Schedule")
        if schedule["Name"] == assembly.config.name(name)
    ]
    return schedule


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedule_invokes_the_function_alone(assembly: Assembly, name: str) -> None:
    function, expression = SCHEDULES[name]
    schedule = _schedule(assembly, name)
    assert schedule["ScheduleExpression"] == expression
    target = schedule["Target"]
    assert target["Arn"] == {"Ref": _alias(assembly, function)}
    assert json.loads(target["Input"]) == {}
    assert 0 < target["RetryPolicy"]["MaximumRetryAttempts"] < 10
    role = target["RoleArn"]["Fn::GetAtt"][0]
    [statement] = assembly.statements(role)
    assert statement["Action"] == "lambda:InvokeFunction"
    assert statement["Resource"] == target["Arn"]
    trusted = assembly.resources("AWS::IAM::Role")[role]["Properties"]["AssumeRolePolicyDocument"]
    assert trusted["Statement"][0]["Principal"] == {"Service": "scheduler.amazonaws.com"}


@pytest.mark.parametrize("name", SCHEDULES)
def test_alarm_is_raised_by_a_failure_and_by_silence(assembly: Assembly, name: str) -> None:
    function, _ = assembly.function(SCHEDULES[name][0])
    [alarm] = [
        alarm
        for alarm in assembly.properties("AWS::CloudWatch::Alarm")
        if alarm["AlarmName"] == assembly.config.name(name)
    ]
    assert alarm["TreatMissingData"] == "breaching"
    assert (alarm["Threshold"], alarm["EvaluationPeriods"]) == (1, 1)
    metrics = {metric["Id"]: metric for metric in alarm["Metrics"]}
    for metric, name_of in {"runs": "Invocations", "errors": "Errors"}.items():
        stat = metrics[metric]["MetricStat"]
        assert stat["Metric"]["MetricName"] == name_of
        assert stat["Metric"]["Dimensions"] == [
            {"Name": "FunctionName", "Value": {"Ref": function}}
        ]
        assert stat["Period"] == 24 * 3600


def test_anchors_cannot_be_changed_and_are_nobodys_to_read(assembly: Assembly) -> None:
    resource, statement = assembly.bucket("Anchors")
    bucket = resource["Properties"]
    prod = assembly.config.environment == "prod"
    assert bucket["ObjectLockEnabled"] is True
    retention = bucket["ObjectLockConfiguration"]["Rule"]["DefaultRetention"]
    assert retention["Mode"] == ("COMPLIANCE" if prod else "GOVERNANCE")
    if prod:
        # An anchor proves something for as long as the log keeps what is before it.
        assert retention["Days"] >= max(RETENTION_DAYS.values()) + 31
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert "BucketEncryption" in bucket
    assert (statement["Effect"], statement["Action"]) == ("Deny", "s3:*")
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_who_may_write_the_log_anew_may_not_write_anchors(assembly: Assembly) -> None:
    rights = {}
    for name in (AUDIT_ANCHOR, AUDIT_MAINTENANCE):
        _, function = assembly.function(name)
        rights[name] = json.dumps(assembly.statements(function["Role"]["Fn::GetAtt"][0]))
    owner = "database-admin" if assembly.config.environment == "local" else "/quant_admin"
    assert "s3:PutObject" in rights[AUDIT_ANCHOR]
    assert owner not in rights[AUDIT_ANCHOR]
    assert "s3:" not in rights[AUDIT_MAINTENANCE]
    assert owner in rights[AUDIT_MAINTENANCE]

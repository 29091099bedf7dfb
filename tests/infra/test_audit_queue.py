"""Audit entries that wait: encrypted, TLS only, drained in batches, set aside with an alarm."""

from infra.functions import AUDIT_DRAIN, FUNCTIONS
from infra_support import Assembly


def _queues(assembly: Assembly) -> tuple[dict, dict]:
    queues = assembly.properties("AWS::SQS::Queue", "Data")
    [waiting] = [queue for queue in queues if "RedrivePolicy" in queue]
    [aside] = [queue for queue in queues if "RedrivePolicy" not in queue]
    return waiting, aside


def test_queues_are_encrypted_and_keep_as_long_as_sqs_can(assembly: Assembly) -> None:
    for queue in _queues(assembly):
        assert queue["SqsManagedSseEnabled"] is True
        assert queue["MessageRetentionPeriod"] == 14 * 24 * 3600


def test_queues_take_tls_alone(assembly: Assembly) -> None:
    policies = assembly.properties("AWS::SQS::QueuePolicy", "Data")
    assert len(policies) == 2
    for policy in policies:
        [statement] = policy["PolicyDocument"]["Statement"]
        assert statement["Effect"] == "Deny"
        assert statement["Action"] == "sqs:*"
        assert statement["Principal"] == {"AWS": "*"}
        assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_entries_are_tried_for_most_of_a_day_and_then_set_aside(assembly: Assembly) -> None:
    waiting, _ = _queues(assembly)
    redrive = waiting["RedrivePolicy"]
    assert "SetAside" in str(redrive["deadLetterTargetArn"])
    assert redrive["maxReceiveCount"] * waiting["VisibilityTimeout"] >= 16 * 3600
    assert waiting["VisibilityTimeout"] >= 6 * FUNCTIONS[AUDIT_DRAIN].timeout_s


def test_drain_reports_what_it_could_not_append(assembly: Assembly) -> None:
    [mapping] = assembly.properties("AWS::Lambda::EventSourceMapping")
    function, _ = assembly.function(AUDIT_DRAIN)
    [alias] = [
        alias
        for alias, resource in assembly.resources("AWS::Lambda::Alias").items()
        if resource["Properties"]["FunctionName"] == {"Ref": function}
    ]
    assert f"'Ref': '{alias}'" in str(mapping["FunctionName"])
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert "AuditQueue" in str(mapping["EventSourceArn"])


def test_alarms_watch_the_queues_the_schedules_and_the_limiter(assembly: Assembly) -> None:
    alarms = {
        alarm["AlarmName"]: alarm
        for stack in ("Data", "Api")
        for alarm in assembly.properties("AWS::CloudWatch::Alarm", stack)
    }
    assert set(alarms) == {
        assembly.config.name(name)
        for name in (
            "audit-set-aside",
            "audit-age",
            "audit-anchor",
            "audit-maintenance",
            "limiter-fallback",
        )
    }
    aside = alarms[assembly.config.name("audit-set-aside")]
    assert (aside["Threshold"], aside["EvaluationPeriods"]) == (1, 1)
    assert "SetAside" in str(aside["Dimensions"])
    [query] = alarms[assembly.config.name("limiter-fallback")]["Metrics"]
    assert "LimiterFallback" in query["Expression"]


def test_signing_key_is_rotated_by_schedule(assembly: Assembly) -> None:
    [schedule] = assembly.properties("AWS::SecretsManager::RotationSchedule")
    assert "SigningKey" in str(schedule["SecretId"])
    assert schedule["RotationRules"] == {"ScheduleExpression": "rate(30 days)"}
    assert schedule["RotateImmediatelyOnUpdate"] is False

"""Queues: encrypted, TLS only, drained in batches, and what nobody could process set aside."""

from typing import Any

import pytest
from infra.all_functions import FUNCTIONS, consumer_of
from infra.functions import API_FUNCTIONS, AUDIT_DRAIN, FunctionNeeds, QueueSource
from infra_support import Assembly

from quant.pipeline.queues import Queue

AUDIT = "audit"
NAMES = (AUDIT, *Queue)


def _queue(assembly: Assembly, name: str) -> dict[str, Any]:
    wanted = assembly.config.name(name)
    [found] = [
        queue
        for queue in assembly.properties("AWS::SQS::Queue", "Data")
        if queue["QueueName"] == wanted
    ]
    return found


def _consumer(name: str) -> FunctionNeeds:
    return API_FUNCTIONS[AUDIT_DRAIN] if name == AUDIT else consumer_of(Queue(name))


def test_every_queue_has_one_for_what_is_set_aside(assembly: Assembly) -> None:
    queues = assembly.resources("AWS::SQS::Queue", "Data")
    assert len(queues) == 2 * len(NAMES)
    for name in NAMES:
        redrive = _queue(assembly, name)["RedrivePolicy"]
        aside = queues[redrive["deadLetterTargetArn"]["Fn::GetAtt"][0]]["Properties"]
        assert aside["QueueName"] == assembly.config.name(f"{name}-set-aside")
        assert "RedrivePolicy" not in aside


def test_queues_are_encrypted_and_keep_as_long_as_sqs_can(assembly: Assembly) -> None:
    for queue in assembly.properties("AWS::SQS::Queue", "Data"):
        assert queue["SqsManagedSseEnabled"] is True
        assert queue["MessageRetentionPeriod"] == 14 * 24 * 3600


def test_queues_take_tls_alone_and_only_from_their_services(assembly: Assembly) -> None:
    policies = assembly.properties("AWS::SQS::QueuePolicy", "Data")
    assert len(policies) == 2 * len(NAMES)
    services = []
    for policy in policies:
        denied, *allowed = policy["PolicyDocument"]["Statement"]
        assert denied["Effect"] == "Deny"
        assert denied["Action"] == "sqs:*"
        assert denied["Principal"] == {"AWS": "*"}
        assert denied["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        for statement in allowed:
            assert "aws:SourceArn" in str(statement["Condition"]["ArnEquals"])
            services.append((str(policy["Queues"]), statement["Principal"]["Service"]))
    assert len(services) == 2
    assert any("Parse" in queue and service == "s3.amazonaws.com" for queue, service in services)
    assert any(
        "Alerts" in queue and service == "events.amazonaws.com" for queue, service in services
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_batch_has_ended_before_it_is_delivered_again(assembly: Assembly, name: str) -> None:
    assert _queue(assembly, name)["VisibilityTimeout"] >= 6 * _consumer(name).timeout_s


def test_audit_entries_are_tried_for_most_of_a_day(assembly: Assembly) -> None:
    waiting = _queue(assembly, AUDIT)
    tries = waiting["RedrivePolicy"]["maxReceiveCount"]
    assert tries * waiting["VisibilityTimeout"] >= 16 * 3600


@pytest.mark.parametrize("queue", Queue)
def test_messages_are_tried_as_often_as_their_consumer_says(
    assembly: Assembly, queue: Queue
) -> None:
    source = consumer_of(queue).source
    assert source is not None
    redrive = _queue(assembly, queue)["RedrivePolicy"]
    assert redrive["maxReceiveCount"] == source.receives


def _sources() -> dict[str, QueueSource | None]:
    fed = {needs.name: needs.source for needs in FUNCTIONS.values() if needs.source}
    return {AUDIT_DRAIN: None, **fed}


@pytest.mark.parametrize(("name", "source"), _sources().items())
def test_consumers_report_what_they_could_not_process(
    assembly: Assembly, name: str, source: QueueSource | None
) -> None:
    stack = assembly.stack_of(name)
    function, _ = assembly.function(name)
    [alias] = [
        alias
        for alias, resource in assembly.resources("AWS::Lambda::Alias", stack).items()
        if resource["Properties"]["FunctionName"] == {"Ref": function}
    ]
    [mapping] = [
        mapping
        for mapping in assembly.properties("AWS::Lambda::EventSourceMapping", stack)
        if f"'Ref': '{alias}'" in str(mapping["FunctionName"])
    ]
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    queue = source.queue if source else AUDIT
    assert f"{queue.capitalize()}Queue" in str(mapping["EventSourceArn"])


def test_every_queue_has_its_alarms(assembly: Assembly) -> None:
    alarms = {
        alarm["AlarmName"]: alarm for alarm in assembly.properties("AWS::CloudWatch::Alarm", "Data")
    }
    kinds = ("set-aside", "age")
    assert set(alarms) == {
        assembly.config.name(f"{name}-{kind}") for name in NAMES for kind in kinds
    }
    for name in NAMES:
        aside = alarms[assembly.config.name(f"{name}-set-aside")]
        assert (aside["Threshold"], aside["EvaluationPeriods"]) == (1, 1)
        assert f"{name.capitalize()}SetAside" in str(aside["Dimensions"])

"""Every alarm names a runbook that exists and is announced; every runbook is some alarm's."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from infra_support import PROJECT, Assembly

RUNBOOKS = PROJECT / "docs" / "runbooks"
ALARMS = ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm")
SECTIONS = ["What it means", "What to look at first", "What to do", "When it is over"]
PATH = re.compile(r"\. Runbook: docs/runbooks/([a-z0-9-]+)\.md$")
# Of what an operator switches on; test_error_forwarder.py has its alarm.
SWITCHED_ON = {"errors-set-aside"}
# Of alarms that are only there for others to be combined of.
UNANNOUNCED = "Part of "


def _alarms(assembly: Assembly) -> Iterator[dict[str, Any]]:
    for stack in assembly.templates:
        for kind in ALARMS:
            yield from assembly.properties(kind, stack)


def _runbook(alarm: dict[str, Any]) -> str:
    named = PATH.search(alarm["AlarmDescription"])
    assert named is not None, alarm["AlarmName"]
    return named[1]


def test_every_alarm_names_a_runbook(assembly: Assembly) -> None:
    for alarm in _alarms(assembly):
        assert (RUNBOOKS / f"{_runbook(alarm)}.md").is_file(), alarm["AlarmName"]


def test_every_runbook_is_some_alarms(assemble: Callable[[str], Assembly]) -> None:
    named = {_runbook(alarm) for alarm in _alarms(assemble("prod"))}
    written = {path.stem for path in RUNBOOKS.glob("*.md")} - {"README"}
    assert written - SWITCHED_ON == named


@pytest.mark.parametrize("path", sorted(RUNBOOKS.glob("[a-z]*.md")), ids=lambda path: path.stem)
def test_runbooks_say_what_to_do(path: Any) -> None:
    text = path.read_text()
    assert text.startswith(f"# {path.stem}\n")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == SECTIONS
    assert len(text.splitlines()) <= 45
    for name in re.findall(r"\]\(([a-z0-9-]+\.md)\)", text):
        assert (RUNBOOKS / name).is_file(), name


def test_alarms_and_their_ends_are_announced(assembly: Assembly) -> None:
    topic = f":sns:us-east-1:<AWS::AccountId>:{assembly.config.name('alarms')}"
    for alarm in _alarms(assembly):
        if alarm["AlarmDescription"].startswith(UNANNOUNCED):
            assert "AlarmActions" not in alarm
            continue
        for actions in ("AlarmActions", "OKActions"):
            [action] = alarm[actions]
            # By name: the topic is of a stack that must be free to change.
            assert _text(action).endswith(topic), alarm["AlarmName"]


def _text(action: Any) -> str:
    [_, parts] = action["Fn::Join"]
    return "".join(part if isinstance(part, str) else f"<{part['Ref']}>" for part in parts)


def test_the_topic_is_encrypted_and_cloudwatchs(assembly: Assembly) -> None:
    [(name, topic)] = [
        (name, resource)
        for name, resource in assembly.resources("AWS::SNS::Topic", "Data").items()
        if resource["Properties"]["TopicName"] == assembly.config.name("alarms")
    ]
    [key_id] = [topic["Properties"]["KmsMasterKeyId"]["Fn::GetAtt"][0]]
    key = assembly.resources("AWS::KMS::Key", "Data")[key_id]["Properties"]
    own = {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
    [granted] = [
        statement
        for statement in key["KeyPolicy"]["Statement"]
        if statement["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    ]
    assert granted["Action"] == ["kms:Decrypt", "kms:GenerateDataKey*"]
    assert granted["Condition"] == own
    [policy] = [
        policy["PolicyDocument"]["Statement"]
        for policy in assembly.properties("AWS::SNS::TopicPolicy", "Data")
        if policy["Topics"] == [{"Ref": name}]
    ]
    refusal, permission = sorted(policy, key=lambda statement: statement["Effect"], reverse=True)
    assert refusal["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert (permission["Action"], permission["Condition"]) == ("sns:Publish", own)
    assert permission["Principal"] == {"Service": "cloudwatch.amazonaws.com"}

"""Errors are forwarded only where that is switched on, from every function but the forwarder."""

from collections.abc import Callable
from pathlib import Path

import pytest
from infra.all_functions import FUNCTIONS
from infra.components.error_forwarder import FORWARD
from infra_support import PROJECT, Assembly, as_list, dummy_artefacts, synthesise

KINDS = ("AWS::Logs::SubscriptionFilter", "AWS::Lambda::Function", "AWS::SecretsManager::Secret")


@pytest.fixture(scope="module")
def forwarding(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    artefacts = dummy_artefacts(tmp_path_factory.mktemp("artefacts"))
    folder, module = FORWARD.split(".")
    (artefacts.functions / folder).mkdir()
    for name in ("__init__", module):
        (artefacts.functions / folder / f"{name}.py").touch()
    return synthesise("prod", artefacts, tmp_path_factory.mktemp("forwarding"), sentry="true")


def test_nothing_of_it_exists_unless_it_is_switched_on(
    assemble: Callable[[str], Assembly],
) -> None:
    for kind in KINDS:
        assert not assemble("prod").resources(kind, "Observability")


def test_every_function_is_read_and_nothing_else(forwarding: Assembly) -> None:
    filters = forwarding.properties("AWS::Logs::SubscriptionFilter", "Observability")
    groups = {each["LogGroupName"] for each in filters}
    assert groups == {f"/aws/lambda/{forwarding.config.function_name(name)}" for name in FUNCTIONS}
    assert len(filters) == len(groups)
    # Its own log would feed itself.
    assert f"/aws/lambda/{forwarding.config.function_name(FORWARD)}" not in groups
    [pattern] = {each["FilterPattern"] for each in filters}
    assert pattern == '?"ERROR" ?"CRITICAL" ?"Task timed out"'
    assert len(forwarding.templates["Observability"]["Resources"]) < 450


def test_it_is_outside_the_network_and_may_read_the_dsn_alone(forwarding: Assembly) -> None:
    [(_, function)] = [
        item
        for item in forwarding.resources("AWS::Lambda::Function", "Observability").items()
        if item[1]["Properties"]["Handler"] == f"{FORWARD}.handler"
    ]
    properties = function["Properties"]
    assert "VpcConfig" not in properties
    assert properties["ReservedConcurrentExecutions"] == 1
    assert (PROJECT / "functions" / Path(*FORWARD.split("."))).with_suffix(".py").is_file()
    statements = forwarding.statements(properties["Role"]["Fn::GetAtt"][0])
    allowed = {action for statement in statements for action in as_list(statement["Action"])}
    assert {action for action in allowed if action.startswith("secretsmanager:")} == {
        "secretsmanager:GetSecretValue",
        "secretsmanager:DescribeSecret",
    }
    assert "sqs:SendMessage" in allowed


def test_what_fails_is_tried_twice_more_and_set_aside(forwarding: Assembly) -> None:
    [config] = forwarding.properties("AWS::Lambda::EventInvokeConfig", "Observability")
    assert config["MaximumRetryAttempts"] == 2
    assert "OnFailure" in config["DestinationConfig"]
    names = [
        alarm["AlarmName"]
        for alarm in forwarding.properties("AWS::CloudWatch::Alarm", "Observability")
    ]
    assert forwarding.config.name("errors-set-aside") in names

"""A release serves a tenth of the requests first; alarms send it back, and nothing else can."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from infra.all_functions import FUNCTIONS
from infra.config import config
from infra.functions import AUTHORIZER
from infra_support import Assembly

from quant.observability.catalogue import NAMESPACE, SERVER_ERRORS
from quant_http.routes import ROUTES

# What a client waits for.
SHIFTED = {AUTHORIZER, *(route.name for route in ROUTES)}


@pytest.fixture(scope="module")
def prod(assemble: Callable[[str], Assembly]) -> Assembly:
    return assemble("prod")


def _alias(assembly: Assembly, name: str) -> tuple[str, dict[str, Any]]:
    """Return the alias of a function, and its version's logical id."""
    function, _ = assembly.function(name)
    [(logical_id, alias)] = [
        (logical_id, alias)
        for logical_id, alias in assembly.resources(
            "AWS::Lambda::Alias", assembly.stack_of(name)
        ).items()
        if alias["Properties"]["FunctionName"] == {"Ref": function}
    ]
    return logical_id, alias


def _alarm(assembly: Assembly, name: str) -> tuple[str, dict[str, Any]]:
    wanted = assembly.config.name(f"{name.replace('.', '-')}-errors")
    [(logical_id, alarm)] = [
        (logical_id, alarm)
        for logical_id, alarm in assembly.resources(
            "AWS::CloudWatch::Alarm", assembly.stack_of(name)
        ).items()
        if alarm["Properties"]["AlarmName"] == wanted
    ]
    return logical_id, alarm["Properties"]


def _groups(assembly: Assembly) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for stack in assembly.templates:
        for logical_id, group in assembly.resources(
            "AWS::CodeDeploy::DeploymentGroup", stack
        ).items():
            yield stack, logical_id, group["Properties"]


def test_what_requests_wait_for_is_shifted_in_production_alone(assembly: Assembly) -> None:
    groups = {group["DeploymentGroupName"] for _, _, group in _groups(assembly)}
    names = {assembly.config.function_name(name) for name in SHIFTED}
    assert groups == (names if assembly.config.environment == "prod" else set())
    for name in FUNCTIONS:
        _, alias = _alias(assembly, name)
        shifted = assembly.config.shifts_traffic and name in SHIFTED
        assert ("UpdatePolicy" in alias) is shifted, name


def test_aliases_are_left_to_their_group(prod: Assembly) -> None:
    groups = {
        group["DeploymentGroupName"]: (stack, logical_id)
        for stack, logical_id, group in _groups(prod)
    }
    for name in SHIFTED:
        stack, group = groups[prod.config.function_name(name)]
        assert stack == prod.stack_of(name)
        _, alias = _alias(prod, name)
        [application] = prod.resources("AWS::CodeDeploy::Application", stack)
        assert alias["UpdatePolicy"] == {
            "CodeDeployLambdaAliasUpdate": {
                "ApplicationName": {"Ref": application},
                "DeploymentGroupName": {"Ref": group},
            }
        }


def test_applications_have_the_names_of_their_stacks(prod: Assembly) -> None:
    for stack in {stack for stack, _, _ in _groups(prod)}:
        [application] = prod.properties("AWS::CodeDeploy::Application", stack)
        assert application["ApplicationName"] == prod.config.name(stack.lower())
        assert application["ComputePlatform"] == "Lambda"


def test_a_tenth_of_the_requests_is_served_for_five_minutes(prod: Assembly) -> None:
    for _, _, group in _groups(prod):
        assert group["DeploymentConfigName"] == "CodeDeployDefault.LambdaCanary10Percent5Minutes"
        assert group["DeploymentStyle"] == {
            "DeploymentOption": "WITH_TRAFFIC_CONTROL",
            "DeploymentType": "BLUE_GREEN",
        }


def test_alarms_of_the_function_and_of_the_api_send_it_back(prod: Assembly) -> None:
    groups = {group["DeploymentGroupName"]: group for _, _, group in _groups(prod)}
    api_alarm = prod.config.name("api-errors")
    assert api_alarm in {
        alarm["AlarmName"] for alarm in prod.properties("AWS::CloudWatch::Alarm", "Api")
    }
    for name in SHIFTED:
        group = groups[prod.config.function_name(name)]
        own, _ = _alarm(prod, name)
        assert group["AlarmConfiguration"]["Enabled"] is True
        watched = group["AlarmConfiguration"]["Alarms"]
        # That of the API is in a stack that comes later.
        assert watched == [{"Name": {"Ref": own}}, {"Name": api_alarm}]
        assert group["AutoRollbackConfiguration"] == {
            "Enabled": True,
            "Events": ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM"],
        }


def _metrics(alarm: dict[str, Any]) -> dict[str, tuple[str, dict[str, Any]]]:
    """Return name and dimensions of what an alarm combines, by namespace."""
    return {
        item["MetricStat"]["Metric"]["Namespace"]: (
            item["MetricStat"]["Metric"]["MetricName"],
            {one["Name"]: one["Value"] for one in item["MetricStat"]["Metric"]["Dimensions"]},
        )
        for item in alarm["Metrics"]
        if "MetricStat" in item
    }


def test_a_release_is_judged_by_the_new_version(prod: Assembly) -> None:
    for name in SHIFTED:
        function, _ = prod.function(name)
        _, alias = _alias(prod, name)
        _, alarm = _alarm(prod, name)
        assert _metrics(alarm) == {
            NAMESPACE: (SERVER_ERRORS.name, {"service": name}),
            "AWS/Lambda": (
                "Errors",
                {
                    "FunctionName": {"Ref": function},
                    "Resource": {"Fn::Join": ["", [{"Ref": function}, ":live"]]},
                    "ExecutedVersion": alias["Properties"]["FunctionVersion"],
                },
            ),
        }
        assert "AlarmActions" not in alarm


def test_every_function_has_an_alarm(aws_assembly: Assembly) -> None:
    names = set()
    for name in FUNCTIONS:
        function, _ = aws_assembly.function(name)
        _, alarm = _alarm(aws_assembly, name)
        names.add(alarm["AlarmName"])
        if name in SHIFTED:
            assert alarm["Threshold"] == 2
            continue
        assert (alarm["MetricName"], alarm["Threshold"]) == ("Errors", 1)
        assert alarm["Dimensions"] == [{"Name": "FunctionName", "Value": {"Ref": function}}]
    assert len(names) == len(FUNCTIONS)


def test_codedeploy_may_move_aliases_of_the_environment_alone(prod: Assembly) -> None:
    for stack in {stack for stack, _, _ in _groups(prod)}:
        [role_id] = {
            group["ServiceRoleArn"]["Fn::GetAtt"][0]
            for own, _, group in _groups(prod)
            if own == stack
        }
        role = prod.resources("AWS::IAM::Role", stack)[role_id]["Properties"]
        assert "ManagedPolicyArns" not in role
        [trust] = role["AssumeRolePolicyDocument"]["Statement"]
        assert trust["Principal"] == {"Service": "codedeploy.amazonaws.com"}
        source = trust["Condition"]["ArnLike"]["aws:SourceArn"]["Fn::Join"][1][-1]
        assert source.endswith(f":deploymentgroup:{prod.config.name(stack.lower())}/*")
        move, read = prod.statements(role_id)
        assert move["Resource"]["Fn::Join"][1][-1].endswith(":function:quant-prod-*")
        assert set(move["Action"]) == {
            "lambda:GetAlias",
            "lambda:GetProvisionedConcurrencyConfig",
            "lambda:UpdateAlias",
        }
        assert (read["Action"], read["Resource"]) == ("cloudwatch:DescribeAlarms", "*")


def _shifts(environment: str, **context: str) -> bool:
    return config(environment, context.get).shifts_traffic


def test_a_release_can_be_made_at_once() -> None:
    """Else an alarm that is raised would keep out what mends its cause."""
    assert _shifts("prod")
    assert not _shifts("prod", shifts_traffic="false")
    assert not _shifts("dev", shifts_traffic="true")

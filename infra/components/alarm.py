"""Alarms that are raised as soon as a metric reaches a threshold, and where they are announced."""

from collections.abc import Iterable
from typing import Final

from aws_cdk import Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from constructs import Construct

from infra.config import Config

# Part of the name of the topic, which the Data stack has and others name.
ALARMS: Final = "alarms"
_ERRORS_PERIOD: Final = Duration.minutes(15)
_AT_LEAST: Final = cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD


def alarm_at(
    scope: Construct,
    construct_id: str,
    *,
    config: Config,
    name: str,
    description: str,
    metric: cloudwatch.IMetric,
    threshold: float,
    periods: int = 1,
    missing: cloudwatch.TreatMissingData = cloudwatch.TreatMissingData.NOT_BREACHING,
    comparison: cloudwatch.ComparisonOperator = _AT_LEAST,
    runbook: str | None = None,
    announced: bool = True,
) -> cloudwatch.Alarm:
    """Create the alarm, which its runbook explains and the topic of alarms announces.

    Args:
        scope: Parent construct.
        construct_id: Identifier below the parent.
        config: The environment's settings.
        name: Name of the alarm within the environment.
        description: What is wrong when it is raised.
        metric: What it watches.
        threshold: The first value that is too much.
        periods: How many periods in a row it has to be too much.
        missing: What a period without a value means.
        comparison: How a value that is too much compares with the threshold.
        runbook: Name of a runbook that several alarms share; without it the alarm's own.
        announced: Whether somebody is told; not where it is part of another alarm.
    """
    alarm = cloudwatch.Alarm(
        scope,
        construct_id,
        alarm_name=config.name(name),
        alarm_description=described(description, runbook or name),
        metric=metric,
        threshold=threshold,
        evaluation_periods=periods,
        comparison_operator=comparison,
        treat_missing_data=missing,
    )
    if announced:
        announce(alarm, config)
    return alarm


def described(description: str, runbook: str) -> str:
    """Return the description of an alarm, which ends with the path of its runbook."""
    return f"{description} Runbook: docs/runbooks/{runbook}.md"


def announce(alarm: cloudwatch.AlarmBase, config: Config) -> None:
    """Have an alarm, and its end, announced by the environment's topic, which is not imported."""
    arn = Stack.of(alarm).format_arn(service="sns", resource=config.name(ALARMS))
    action = actions.SnsAction(sns.Topic.from_topic_arn(alarm, "Topic", arn))
    alarm.add_alarm_action(action)
    alarm.add_ok_action(action)


def alarm_at_errors(
    scope: Construct,
    construct_id: str,
    *,
    config: Config,
    name: str,
    description: str,
    functions: Iterable[lambda_.Function],
) -> cloudwatch.Alarm:
    """Create an alarm that is raised when any of some functions fails."""
    errors = {
        f"e{index}": function.metric_errors(period=_ERRORS_PERIOD, statistic="Sum")
        for index, function in enumerate(functions)
    }
    return alarm_at(
        scope,
        construct_id,
        config=config,
        name=name,
        description=description,
        metric=cloudwatch.MathExpression(
            expression="SUM(METRICS())",
            using_metrics=errors,
            period=_ERRORS_PERIOD,
            label="errors",
        ),
        threshold=1,
    )


def alarm_at_silence(
    scope: Construct,
    construct_id: str,
    *,
    config: Config,
    name: str,
    description: str,
    function: lambda_.Function,
    period: Duration,
) -> cloudwatch.Alarm:
    """Create an alarm that is raised when a function fails, or has not run for ``period``."""
    return alarm_at(
        scope,
        construct_id,
        config=config,
        name=name,
        description=description,
        metric=cloudwatch.MathExpression(
            # A period without a value is told at once: of older ones CloudWatch would use the last.
            # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
            expression="IF(FILL(runs, 0) < 1, 1, FILL(errors, 0))",
            using_metrics={
                "runs": function.metric_invocations(period=period, statistic="Sum"),
                "errors": function.metric_errors(period=period, statistic="Sum"),
            },
            period=period,
        ),
        threshold=1,
        # No data at all: it has never run.
        missing=cloudwatch.TreatMissingData.BREACHING,
    )

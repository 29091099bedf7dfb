"""Counts the artifacts that could not be used, of whichever function says so in its log."""

from typing import Final

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.components.alarm import alarm_at
from infra.components.function import HandlerFunction
from infra.config import Config

_NAMESPACE: Final = "Quant"
_METRIC: Final = "ArtifactUnusable"
# The field of ``quant.ml.artifacts``, which needs NumPy and is not imported here.
EVENT: Final = "artifact_unusable"


def count_unusable_artifacts(function: HandlerFunction) -> None:
    """Count the log lines in which a function says that an artifact cannot be used."""
    logs.MetricFilter(
        function,
        "UnusableArtifacts",
        log_group=function.log_group,
        filter_pattern=logs.FilterPattern.string_value("$.event", "=", EVENT),
        metric_namespace=_NAMESPACE,
        metric_name=_METRIC,
        metric_value="1",
    )


def alarm_at_unusable_artifacts(scope: Construct, config: Config) -> cloudwatch.Alarm:
    """Create an alarm that is raised when any function could not use an artifact."""
    return alarm_at(
        scope,
        "ArtifactAlarm",
        config=config,
        name="ml-artifact-unusable",
        description="The artifact of a champion is missing or damaged; an earlier one predicts.",
        metric=cloudwatch.Metric(
            namespace=_NAMESPACE,
            metric_name=_METRIC,
            period=Duration.minutes(5),
            statistic="Sum",
        ),
        threshold=1,
    )

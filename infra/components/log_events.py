"""Alarms at what functions say in their logs, by the field ``event``."""

from typing import Final

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.components.alarm import alarm_at
from infra.components.function import HandlerFunction
from infra.config import Config
from quant.observability.catalogue import NAMESPACE

# Of ``quant.ml.artifacts`` and ``quant.ml.monitoring.monitor``, which need NumPy and are not
# imported here.
ARTIFACT_UNUSABLE: Final = "artifact_unusable"
UNMONITORED: Final = "model_not_monitored"
DRIFT: Final = "model_drift"
PERFORMANCE_DRIFT: Final = "model_performance_drift"


def _name(event: str) -> str:
    return "".join(part.capitalize() for part in event.split("_"))


def count_event(function: HandlerFunction, event: str) -> None:
    """Count the log lines of a function with an event, in one metric for all functions."""
    logs.MetricFilter(
        function,
        f"{_name(event)}Filter",
        log_group=function.log_group,
        filter_pattern=logs.FilterPattern.string_value("$.event", "=", event),
        metric_namespace=NAMESPACE,
        metric_name=_name(event),
        metric_value="1",
    )


def alarm_at_event(
    scope: Construct, *, config: Config, name: str, description: str, event: str
) -> cloudwatch.Alarm:
    """Create an alarm that is raised when any function that is counted logs an event."""
    return alarm_at(
        scope,
        f"{_name(event)}Alarm",
        config=config,
        name=name,
        description=description,
        metric=cloudwatch.Metric(
            namespace=NAMESPACE,
            metric_name=_name(event),
            period=Duration.minutes(5),
            statistic="Sum",
        ),
        threshold=1,
    )

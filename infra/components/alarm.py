"""An alarm that is raised as soon as a metric reaches a threshold."""

from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from infra.config import Config


def alarm_at(
    scope: Construct,
    construct_id: str,
    *,
    config: Config,
    name: str,
    description: str,
    metric: cloudwatch.IMetric,
    threshold: float,
    missing: cloudwatch.TreatMissingData = cloudwatch.TreatMissingData.NOT_BREACHING,
) -> cloudwatch.Alarm:
    """Create the alarm.

    Args:
        scope: Parent construct.
        construct_id: Identifier below the parent.
        config: The environment's settings.
        name: Name of the alarm within the environment.
        description: What is wrong when it is raised.
        metric: What it watches.
        threshold: The first value that is too much.
        missing: What a period without a value means.
    """
    return cloudwatch.Alarm(
        scope,
        construct_id,
        alarm_name=config.name(name),
        alarm_description=description,
        metric=metric,
        threshold=threshold,
        evaluation_periods=1,
        comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
        treat_missing_data=missing,
    )

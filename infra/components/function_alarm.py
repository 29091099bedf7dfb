"""The alarm of one function: of its failures, or of those of the version that is released."""

from typing import Final

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch

from infra.components.alarm import alarm_at, described
from infra.components.function import LIVE, HandlerFunction
from infra.config import Config
from quant.observability.catalogue import NAMESPACE, SERVER_ERRORS, SERVICE

RUNBOOK: Final = "function-errors"
_PERIOD: Final = Duration.minutes(1)
# A single one may be chance, and would undo the release of a whole stack.
_FAILED_REQUESTS: Final = 2


def alarm_of_events(function: HandlerFunction, *, config: Config, name: str) -> cloudwatch.Alarm:
    """Create the alarm of a function that events invoke: raised by its first failure.

    Args:
        function: The function.
        config: The environment's settings.
        name: ``<folder>.<module>`` below the functions' folder.
    """
    return alarm_at(
        function,
        "ErrorsAlarm",
        config=config,
        name=alarm_name(name),
        description=f"The function {name} failed.",
        metric=function.function.metric_errors(period=_PERIOD, statistic="Sum"),
        threshold=1,
        runbook=RUNBOOK,
    )


def alarm_of_requests(function: HandlerFunction, *, config: Config, name: str) -> cloudwatch.Alarm:
    """Create the alarm of a function that requests invoke, which judges its releases.

    It counts what crashed or timed out, of the newest version alone where traffic is shifted to
    it, and what the function itself answered with a 5xx. Nobody is told: a store that is away
    would raise one for each route, where the API's own alarm says it once.

    Args:
        function: The function.
        config: The environment's settings.
        name: ``<folder>.<module>`` below the functions' folder.
    """
    answered = cloudwatch.Metric(
        namespace=NAMESPACE,
        metric_name=SERVER_ERRORS.name,
        dimensions_map={SERVICE: name},
        period=_PERIOD,
        statistic="Sum",
    )
    return cloudwatch.Alarm(
        function,
        "ErrorsAlarm",
        alarm_name=config.name(alarm_name(name)),
        alarm_description=described(
            f"Part of what stops a release: requests to {name} failed.", RUNBOOK
        ),
        metric=cloudwatch.MathExpression(
            expression="FILL(crashed, 0) + FILL(answered, 0)",
            using_metrics={"crashed": _crashes(function, config), "answered": answered},
            period=_PERIOD,
            label="failed requests",
        ),
        threshold=_FAILED_REQUESTS,
        evaluation_periods=1,
        comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
        treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
    )


def alarm_name(name: str) -> str:
    """Return the name of a function's alarm within the environment."""
    return f"{name.replace('.', '-')}-errors"


def _crashes(function: HandlerFunction, config: Config) -> cloudwatch.Metric:
    """Return the errors that Lambda counts, by version where one takes over from another.

    https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-view.html
    """
    if not config.shifts_traffic:
        return function.function.metric_errors(period=_PERIOD, statistic="Sum")
    name = function.function.function_name
    return cloudwatch.Metric(
        namespace="AWS/Lambda",
        metric_name="Errors",
        dimensions_map={
            "FunctionName": name,
            "Resource": f"{name}:{LIVE}",
            "ExecutedVersion": function.alias.version.version,
        },
        period=_PERIOD,
        statistic="Sum",
    )

"""Objectives of the service, and alarms at the rate at which their error budgets are spent.

Each alarm asks two windows: a long one, so that it is raised by what matters only, and a short one,
so that it ends soon after what raised it.
Source: https://sre.google/workbook/alerting-on-slos/ (6: multiwindow, multi-burn-rate alerts)
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from infra.components.alarm import alarm_at, announce, described
from infra.config import Config

# Share of requests that are not answered with a 5xx.
AVAILABILITY: Final = 0.999
# Share of requests that are answered within ``FAST_MS``.
LATENCY: Final = 0.95
FAST_MS: Final = 300

# Fewer bad requests in the long window are no reason to wake anybody, whatever share they are.
_FEWEST: Final = 10


@dataclass(frozen=True, slots=True)
class BurnRate:
    """How fast an error budget may be spent.

    Attributes:
        name: Last part of the alarm's name.
        rate: Multiple of the rate that spends the budget of 30 days in 30 days.
        long: The long window.
        short: The short one, a twelfth of it.
    """

    name: str
    rate: float
    long: Duration
    short: Duration


# They spend 2 % of the budget in an hour, and 5 % in six.
BURN_RATES: Final = (
    BurnRate("fast", 14.4, Duration.hours(1), Duration.minutes(5)),
    BurnRate("slow", 6, Duration.hours(6), Duration.minutes(30)),
)


@dataclass(frozen=True, slots=True)
class Objective:
    """A share of requests that is to be good.

    Attributes:
        name: Name of its runbook, and first part of its alarms' names.
        share: The share.
        description: What is wrong while its budget is spent too fast.
        metrics: What the expression below is made of: statistic by metric of API Gateway.
        bad: Number of bad requests, a metric math expression.
        total: Number of requests, likewise.
    """

    name: str
    share: float
    description: str
    metrics: Mapping[str, tuple[str, str]]
    bad: str
    total: str = "requests"


_REQUESTS: Final = ("Count", "SampleCount")

# https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-metrics-and-dimensions.html
OBJECTIVES: Final = (
    Objective(
        name="availability",
        share=AVAILABILITY,
        description="Requests are answered with a 5xx",
        metrics={"requests": _REQUESTS, "failed": ("5XXError", "Sum")},
        bad="failed",
    ),
    Objective(
        name="latency",
        share=LATENCY,
        description=f"Requests take longer than {FAST_MS} ms",
        # The percentile rank: per cent of values that are not above the bound.
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Statistics-definitions.html
        metrics={"requests": _REQUESTS, "fast": ("Latency", f"PR(:{FAST_MS})")},
        bad="requests * (100 - fast) / 100",
    ),
)


def gateway_metric(
    config: Config, name: str, statistic: str, period: Duration
) -> cloudwatch.Metric:
    """Return a metric of the stage, over public routes and those with a token."""
    return cloudwatch.Metric(
        namespace="AWS/ApiGateway",
        metric_name=name,
        dimensions_map={"ApiName": config.name("api"), "Stage": config.environment},
        period=period,
        statistic=statistic,
    )


def burn_rate(
    config: Config, objective: Objective, window: Duration, *, fewest: int = 0
) -> cloudwatch.MathExpression:
    """Return how many times too fast an error budget is spent.

    Args:
        config: The environment's settings.
        objective: Whose budget.
        window: Over how long.
        fewest: Bad requests below which it is nought.
    """
    spent = f"({objective.bad}) / {objective.total} / {1 - objective.share:.3g}"
    return cloudwatch.MathExpression(
        expression=f"IF({objective.bad} < {fewest}, 0, {spent})" if fewest else spent,
        using_metrics={
            name: gateway_metric(config, metric, statistic, window)
            for name, (metric, statistic) in objective.metrics.items()
        },
        period=window,
        label=f"{objective.name}, {window.to_human_string()}",
    )


class ObjectiveAlarms(Construct):
    """The alarms of an objective: one for each burn rate, of two windows each.

    Attributes:
        alarms: What is announced.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, config: Config, objective: Objective
    ):
        super().__init__(scope, construct_id)
        self._config = config
        self._objective = objective
        self.alarms = [self._alarm(speed) for speed in BURN_RATES]

    def _alarm(self, speed: BurnRate) -> cloudwatch.CompositeAlarm:
        name = f"{self._objective.name}-{speed.name}"
        windows = [
            self._window(f"{name}-{label}", speed, window, fewest)
            for label, window, fewest in (
                ("long", speed.long, _FEWEST),
                ("short", speed.short, 0),
            )
        ]
        alarm = cloudwatch.CompositeAlarm(
            self,
            speed.name.capitalize(),
            composite_alarm_name=self._config.name(name),
            alarm_description=described(
                f"{self._objective.description}, {speed.rate:g} times as often as the objective"
                f" of {self._objective.share:.1%} bears.",
                self._objective.name,
            ),
            alarm_rule=cloudwatch.AlarmRule.all_of(
                *(
                    cloudwatch.AlarmRule.from_alarm(window, cloudwatch.AlarmState.ALARM)
                    for window in windows
                )
            ),
        )
        announce(alarm, self._config)
        return alarm

    def _window(
        self, name: str, speed: BurnRate, window: Duration, fewest: int
    ) -> cloudwatch.Alarm:
        return alarm_at(
            self,
            "".join(part.capitalize() for part in name.split("-")[1:]),
            config=self._config,
            name=name,
            description=f"Part of {self._objective.name}-{speed.name}:"
            f" the window of {window.to_human_string()}.",
            metric=burn_rate(self._config, self._objective, window, fewest=fewest),
            threshold=speed.rate,
            runbook=self._objective.name,
            announced=False,
        )

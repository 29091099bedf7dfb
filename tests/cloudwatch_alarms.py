"""Alarms as CloudWatch evaluates them, from their properties in a template.

Sources: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html,
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html,
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutCompositeAlarm.html
"""

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from cloudwatch_math import Key, Metrics, Value, Window, evaluate


class State(StrEnum):
    OK = "OK"
    ALARM = "ALARM"
    INSUFFICIENT_DATA = "INSUFFICIENT_DATA"


_COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "GreaterThanOrEqualToThreshold": operator.ge,
    "GreaterThanThreshold": operator.gt,
    "LessThanOrEqualToThreshold": operator.le,
    "LessThanThreshold": operator.lt,
}
# CloudWatch looks further back than an alarm asks, by how much it does not say; its examples have
# five points for three.
_FURTHER = 2


def decide(
    points: Sequence[bool | None], *, needed: int, of: int, missing: str, state: State
) -> State:
    """Return the state after an evaluation.

    Args:
        points: Whether each point of the evaluation range breaches, oldest first; ``None`` where
            it is missing.
        needed: How many have to breach.
        of: Of how many.
        missing: How missing points are treated, as the API spells it.
        state: The state before.
    """
    real = [point for point in points if point is not None][-of:]
    lacking = of - len(real)
    breaching = sum(real)
    match missing:
        case "breaching":
            return State.ALARM if breaching + lacking >= needed else State.OK
        case "notBreaching":
            return State.ALARM if breaching >= needed else State.OK
        case "missing" | "ignore":
            undecided = State.INSUFFICIENT_DATA if missing == "missing" else state
            if not real:
                return undecided
            if breaching >= needed:
                return State.ALARM
            if breaching == len(real):
                # Only breaching points, but too few: "missing" does not wait for more.
                return State.ALARM if missing == "missing" else state
            return State.OK
    raise NotImplementedError(missing)


@dataclass
class Alarm:
    """A metric alarm.

    Attributes:
        properties: Those of the template, with names in the place of references.
        quotas: Service quotas by the variables that measure their use.
        state: Its state.
    """

    properties: Mapping[str, Any]
    quotas: Mapping[str, float] = field(default_factory=dict)
    state: State = State.INSUFFICIENT_DATA

    def evaluate(self, metrics: Metrics, now: float) -> State:
        """Evaluate the alarm at a time, and return its state."""
        of = self.properties["EvaluationPeriods"]
        period = self._period()
        values = [
            self._value(metrics, Window(now - (back + 1) * period, now - back * period))
            for back in reversed(range(of + _FURTHER))
        ]
        compare = _COMPARISONS[self.properties["ComparisonOperator"]]
        threshold = self.properties["Threshold"]
        self.state = decide(
            [None if value is None else compare(value, threshold) for value in values],
            needed=self.properties.get("DatapointsToAlarm", of),
            of=of,
            missing=self.properties.get("TreatMissingData", "missing"),
            state=self.state,
        )
        return self.state

    def _period(self) -> int:
        if "Metrics" not in self.properties:
            return int(self.properties["Period"])
        periods = {
            metric.get("MetricStat", metric).get("Period") for metric in self.properties["Metrics"]
        }
        [period] = periods - {None}
        return int(period)

    def _value(self, metrics: Metrics, window: Window) -> Value:
        if "Metrics" not in self.properties:
            statistic = self.properties.get("Statistic") or self.properties["ExtendedStatistic"]
            return metrics.statistic(_key(self.properties), statistic, window.start, window.end)
        variables = {
            metric["Id"]: metrics.statistic(
                _key(metric["MetricStat"]["Metric"]),
                metric["MetricStat"]["Stat"],
                window.start,
                window.end,
            )
            for metric in self.properties["Metrics"]
            if "MetricStat" in metric
        }
        [expression] = [
            metric["Expression"] for metric in self.properties["Metrics"] if "Expression" in metric
        ]
        return evaluate(expression, variables, metrics=metrics, window=window, quotas=self.quotas)


def _key(metric: Mapping[str, Any]) -> Key:
    dimensions = metric.get("Dimensions", ())
    return (
        metric["Namespace"],
        metric["MetricName"],
        frozenset((each["Name"], each["Value"]) for each in dimensions),
    )


_RULE = re.compile(r"\s*(AND|OR|NOT|TRUE|FALSE|[()]|(ALARM|OK|INSUFFICIENT_DATA)\(\"([^\"]+)\"\))")


def composite(rule: str, states: Mapping[str, State]) -> State:
    """Return the state of a composite alarm.

    Args:
        rule: Its rule.
        states: States of the alarms that it names.
    """
    python, position = [], 0
    while position < len(rule.rstrip()):
        found = _RULE.match(rule, position)
        if found is None:
            raise NotImplementedError(rule[position:])
        if found[2]:
            python.append(str(states[found[3]] == found[2]))
        else:
            word = found[1]
            python.append(word.title() if word in {"TRUE", "FALSE"} else word.lower())
        position = found.end()
    # Nothing is left but truth values, their operators and parentheses.
    return State.ALARM if eval(" ".join(python)) else State.OK

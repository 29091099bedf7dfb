"""Losses, skill and calibration error, with intervals that are clustered in time."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from quant.analytics.arrays import Floats, Integers
from quant.ml.catalogue import Task
from quant.ml.compare import Comparison, mean

# What the mean of each task's prediction is judged by. Each is least, in expectation, where the
# prediction is the outcome's mean (Gneiting 2011, Journal of the American Statistical Association
# 106).
LOSSES: Final[dict[Task, str]] = {
    Task.RETURN: "squared_error",
    Task.PROBABILITY: "log_loss",
    Task.COUNT: "poisson_deviance",
}
# Bins of the calibration error, of about as many rows each.
BINS: Final = 10
# A probability or an expected count below costs as much as this one.
_LEAST: Final = 1e-6


def loss(task: Task, value: Floats, outcome: Floats) -> Floats:
    """Return the loss of each prediction, shape (n,): lower is better.

    Args:
        task: Decides the loss, see ``LOSSES``.
        value: Predictions, shape (n,).
        outcome: What came true, shape (n,).
    """
    if task is Task.RETURN:
        return np.square(outcome - value)
    if task is Task.PROBABILITY:
        p = np.clip(value, _LEAST, 1 - _LEAST)
        return -np.where(outcome > 0.5, np.log(p), np.log1p(-p))
    expected = np.maximum(value, _LEAST)
    ratio = np.where(outcome > 0, outcome, expected) / expected
    return 2 * (outcome * np.log(ratio) - (outcome - expected))


def skill(loss_a: Floats, loss_b: Floats, clusters: Integers, *, overlap: int = 1) -> Comparison:
    """Return 1 less the ratio of mean losses, with a clustered interval by the delta method.

    Args:
        loss_a: Of the model, shape (n,).
        loss_b: Of the baseline, shape (n,).
        clusters: Period of each row, see ``quant.ml.compare.paired``.
        overlap: Periods that an outcome window spans.
    """
    base = float(loss_b.mean()) if len(loss_b) else np.nan
    if not base > 0:
        return mean(np.empty(0), np.empty(0, dtype=np.int64))
    value = 1 - float(loss_a.mean()) / base
    # Linear in both means around what was observed; its own mean is the skill.
    linear = value + ((1 - value) * loss_b - loss_a) / base
    return mean(linear, clusters, overlap=overlap)


@dataclass(frozen=True, slots=True)
class CalibrationError:
    """How far predicted probabilities are from the shares that came true.

    Attributes:
        value: Expected calibration error: mean absolute difference of share and probability over
            bins, weighted by rows (Naeini, Cooper and Hauskrecht 2015, AAAI).
        lower: Lower end of its 95 % interval, given the signs of the differences; not below 0.
        upper: Upper end.
        expected_if_calibrated: What chance alone lets the error of calibrated predictions be.
        bins: By rising probability: rows, mean probability, share, and the share's interval.
    """

    value: float
    lower: float
    upper: float
    expected_if_calibrated: float
    bins: tuple[dict[str, Any], ...]

    def document(self) -> dict[str, Any]:
        """Return the error as JSON."""
        return {
            "value": null_if_nan(self.value),
            "lower": null_if_nan(self.lower),
            "upper": null_if_nan(self.upper),
            "expected_if_calibrated": null_if_nan(self.expected_if_calibrated),
            "bins": list(self.bins),
        }


def calibration_error(
    probability: Floats, outcome: Floats, clusters: Integers, *, overlap: int = 1
) -> CalibrationError:
    """Return the expected calibration error over bins of about as many rows each.

    Args:
        probability: Predictions, shape (n,).
        outcome: 0 or 1, shape (n,).
        clusters: Period of each row, see ``quant.ml.compare.paired``.
        overlap: Periods that an outcome window spans.
    """
    if not len(outcome):
        return CalibrationError(np.nan, np.nan, np.nan, np.nan, ())
    edges = np.unique(np.quantile(probability, np.arange(1, BINS) / BINS))
    place = np.searchsorted(edges, probability, side="right")
    gap = outcome - probability
    signed = np.zeros(len(outcome))
    bins, by_chance = [], 0.0
    for number in np.unique(place):
        own = place == number
        share = own.mean()
        found = mean(np.where(own, gap, 0.0), clusters, overlap=overlap)
        signed[own] = np.sign(found.difference) * gap[own]
        # Mean absolute value of a normal variable.
        by_chance += found.standard_error * np.sqrt(2 / np.pi)
        predicted, observed = float(probability[own].mean()), float(outcome[own].mean())
        bins.append(
            {
                "rows": int(own.sum()),
                "predicted": predicted,
                "observed": observed,
                "lower": end_of_share(predicted + found.lower / share),
                "upper": end_of_share(predicted + found.upper / share),
            }
        )
    total = mean(signed, clusters, overlap=overlap)
    return CalibrationError(
        total.difference, max(total.lower, 0.0), total.upper, float(by_chance), tuple(bins)
    )


def end_of_share(value: float | None) -> float | None:
    """Return an end of the interval of a share, which lies between 0 and 1; None where unknown."""
    if value is None or not np.isfinite(value):
        return None
    return float(min(max(value, 0.0), 1.0))


def null_if_nan(value: float) -> float | None:
    """Return None in place of a number that is none."""
    return float(value) if np.isfinite(value) else None

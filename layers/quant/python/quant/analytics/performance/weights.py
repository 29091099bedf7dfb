"""Weights of trades whose amounts are disclosed as ranges, and what the ranges leave open."""

import numpy as np

from quant.analytics.arrays import Floats
from quant.analytics.performance.vocabulary import Weighting


def closed_ranges(amount_min: Floats, amount_max: Floats) -> tuple[Floats, Floats]:
    """Return both ends of the ranges, at least one US dollar; an open range ends where it starts.

    The form's top category has no upper end. Its lower end is the only amount that is known.
    """
    low = np.maximum(amount_min, 1.0)
    high = np.where(np.isnan(amount_max), low, np.maximum(amount_max, low))
    return low, high


def trade_weights(amount_min: Floats, amount_max: Floats, weighting: Weighting) -> Floats:
    """Return the weights of n trades, shape (n,): 1, or US dollars.

    Args:
        amount_min: Lower ends of the disclosed ranges, US dollars, shape (n,).
        amount_max: Upper ends, NaN without one, shape (n,).
        weighting: How much a trade counts.
    """
    low, high = closed_ranges(amount_min, amount_max)
    if weighting is Weighting.EQUAL:
        return np.ones(len(low))
    if weighting is Weighting.MIDPOINT:
        return (low + high) / 2
    with np.errstate(invalid="ignore"):
        mean = (high - low) / np.log(high / low)
    return np.where(high > low, mean, low)


def mean_bounds(values: Floats, low: Floats, high: Floats) -> tuple[float, float]:
    """Return the least and greatest mean that amounts within their ranges could give.

    The mean sum(a v) / sum(a) over low <= a <= high is a linear-fractional programme. At its
    optimum every amount lies at an end of its range, at the upper one exactly where the value is on
    the better side of the optimum, so that among the n + 1 thresholds of the sorted values the best
    is exact. Source: Charnes and Cooper (1962), Naval Research Logistics Quarterly 9; the threshold
    is the optimality condition of Dinkelbach (1967), Management Science 13.

    Args:
        values: Shape (n,).
        low: Positive, shape (n,).
        high: Not below ``low``, shape (n,).

    Returns:
        Both bounds; NaN without values.
    """
    if not len(values):
        return np.nan, np.nan
    return -_greatest_mean(-values, low, high), _greatest_mean(values, low, high)


def _greatest_mean(values: Floats, low: Floats, high: Floats) -> float:
    order = np.argsort(-values, kind="stable")
    extra = (high - low)[order]
    totals = np.concatenate(([low.sum()], low.sum() + np.cumsum(extra)))
    base = float(low @ values)
    sums = np.concatenate(([base], base + np.cumsum(extra * values[order])))
    return float((sums / totals).max())

"""The pool's record: how often it claims to beat the baseline with and without a pattern."""

from functools import cache

import numpy as np
from numpy.random import PCG64, Generator
from report import Report, package_versions

from quant.analytics.ensemble.pool import FIRST_ORIGIN, HORIZONS, accuracy, forecast

LEVEL = 0.05
SIMULATIONS = 1000
# Whole walks forward cost a hundred times as much as their test.
POOLS = 60
PLANTED_POOLS = 25
WEEKS = 260
FORECASTS = 156


def _generator(seed):
    return Generator(PCG64(seed))


@cache
def equal_accuracy(horizon):
    """Share of forecasts called better that are as good as the baseline's.

    Score differences of overlapping forecasts: moving averages of heavy-tailed noise.
    """
    draw = _generator(801 + horizon)
    found = []
    for _ in range(4 * SIMULATIONS):
        noise = draw.standard_t(6, FORECASTS + horizon - 1)
        scores = np.convolve(noise, np.ones(horizon) / horizon, mode="valid")
        found.append(accuracy(scores, np.zeros(FORECASTS), horizon).p_value <= LEVEL)
    return float(np.mean(found))


def _series(draw, kind):
    weeks = np.arange(WEEKS)
    if kind == "no pattern":
        return draw.negative_binomial(0.8, 0.2, WEEKS)
    if kind == "cycle of 13 weeks":
        return draw.poisson(3 + 2.5 * np.sin(2 * np.pi * weeks / 13 + draw.uniform(0, 6)))
    if kind == "two regimes":
        busy = np.cumsum(draw.random(WEEKS) < 1 / 15) % 2
        return draw.poisson(np.where(busy, 8.0, 0.7))
    level = draw.integers(130, 200)
    return draw.negative_binomial(1, np.where(weeks < level, 0.15, 0.5))


KINDS = ("no pattern", "cycle of 13 weeks", "two regimes", "one change of the rate")


@cache
def pools(kind):
    """Shares of series with the baseline beaten (q <= 5 %) over 4 and 12 weeks, and coverages."""
    draw = _generator(901 + KINDS.index(kind))
    beaten, coverage = [], []
    for _ in range(POOLS if kind == KINDS[0] else PLANTED_POOLS):
        horizons = forecast(_series(draw, kind)).horizons[1:]
        beaten.append([h.q_value <= LEVEL and h.record.difference > 0 for h in horizons])
        coverage.append([h.record.coverage for h in horizons])
    return (
        tuple(float(share) for share in np.mean(beaten, axis=0)),
        tuple(float(share) for share in np.mean(coverage, axis=0)),
    )


def run():
    tested = Report(
        title="Test of forecasts against the baseline",
        method=(
            f"{4 * SIMULATIONS:,} simulated records of {FORECASTS} forecasts that are as good as "
            "the baseline's: moving averages of noise with Student's t distribution (6 degrees of "
            "freedom), as forecasts of several weeks overlap."
        ),
        columns=("weeks ahead", "called better at 5 %"),
        rows=tuple((str(h), f"{100 * equal_accuracy(h):.1f} %") for h in HORIZONS),
        versions=package_versions("numpy"),
        measurements={f"{h} weeks ahead": (equal_accuracy(h),) for h in HORIZONS},
    )
    rows, measurements = [], {}
    for kind in KINDS:
        beaten, coverage = pools(kind)
        rows.append((kind, *(f"{100 * share:.0f} %" for share in (*beaten, *coverage))))
        measurements[kind] = (*beaten, *coverage)
    pooled = Report(
        title="Pooled forecast of the trade count",
        method=(
            f"{POOLS} simulated series without a pattern and {PLANTED_POOLS} with each of the "
            f"others, of {WEEKS} weeks; the first forecast after {FIRST_ORIGIN}. "
            "The baseline is beaten where q <= 5 % over both horizons."
        ),
        columns=(
            "series",
            "baseline beaten over 4 weeks",
            "over 12 weeks",
            "95 % interval holds the outcome, 4 weeks",
            "12 weeks",
        ),
        rows=tuple(rows),
        versions=package_versions("numpy"),
        measurements=measurements,
    )
    return [tested, pooled]

"""Distributions of counts by mean and variance, and what is scored with them."""

from typing import Final

import numpy as np

from quant.analytics.arrays import Days, Floats, Integers

# Relative excess of the variance over the mean below which a distribution is as good as Poisson.
_LEAST_EXCESS: Final = 1e-9
_LEAST_MEAN: Final = 1e-6
_WEEK: Final = np.timedelta64(7, "D")


def weekly_counts(days: Days, first: np.datetime64, last: np.datetime64) -> Integers:
    """Count days by week, in whole weeks of seven days from ``first`` on.

    Args:
        days: Shape (n,); those outside are not counted, nor is NaT.
        first: First day of the first week.
        last: Last day that is known; a week that it does not complete is left out.
    """
    weeks = max(int((last - first + np.timedelta64(1, "D")) // _WEEK), 0)
    place = (days[~np.isnat(days)] - first) // _WEEK
    return np.bincount(place[(place >= 0) & (place < weeks)], minlength=weeks).astype(np.int64)


def log_pmf(mean: Floats, variance: Floats, largest: int) -> Floats:
    """Return the logarithm of the probabilities of 0 to ``largest``, shape (..., largest + 1).

    The negative binomial distribution with this mean and variance; where the variance does not
    exceed the mean, the Poisson distribution.

    Args:
        mean: Positive, shape (...).
        variance: Shape (...).
        largest: Greatest count.
    """
    mean = np.maximum(mean, _LEAST_MEAN)[..., None]
    excess = np.maximum(variance[..., None] - mean, _LEAST_EXCESS * mean)
    size = mean * mean / excess
    below = np.arange(largest)
    # Ratios of successive probabilities: no difference of logarithms of gamma functions, which
    # would lose its digits near the Poisson limit.
    steps = np.log(mean) + np.log1p((below - mean) / (size + mean)) - np.log(below + 1.0)
    result = np.empty((*mean.shape[:-1], largest + 1))
    result[..., :1] = -size * np.log1p(mean / size)
    result[..., 1:] = result[..., :1] + np.cumsum(steps, axis=-1)
    return result


def quantile(pmf: Floats, probability: float) -> int:
    """Return the least count whose distribution function reaches the probability.

    Args:
        pmf: Probabilities of 0, 1, ..., shape (m,).
        probability: Below the sum of ``pmf``.
    """
    return int(np.searchsorted(np.cumsum(pmf), probability, side="left"))

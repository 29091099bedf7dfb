"""Confidence intervals of shares."""

import numpy as np
from numpy.typing import ArrayLike

from quant.analytics.arrays import Floats
from quant.analytics.wilson import normal_quantile, score_bounds


def wilson_interval(
    successes: ArrayLike, trials: ArrayLike, confidence: float = 0.95
) -> tuple[Floats, Floats]:
    """Return the score interval of shares, of the broadcast shape; NaN without trials.

    Wilson (1927), Journal of the American Statistical Association 22.

    Args:
        successes: Counts.
        trials: What they are counted of.
        confidence: Coverage.
    """
    successes = np.asarray(successes, dtype=np.float64)
    trials = np.asarray(trials, dtype=np.float64)
    n = np.maximum(trials, 1)
    lower, upper = score_bounds(successes / n, n, normal_quantile(confidence))
    any_trials = trials > 0
    low = np.where(any_trials, np.maximum(lower, 0.0), np.nan)
    high = np.where(any_trials, np.minimum(upper, 1.0), np.nan)
    return low, high

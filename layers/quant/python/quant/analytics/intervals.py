"""Confidence intervals of shares."""

import numpy as np
from numpy.typing import ArrayLike

from quant.analytics.arrays import Floats
from quant.analytics.distributions import normal_ppf


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
    z = float(normal_ppf((1 + confidence) / 2))
    n = np.maximum(trials, 1)
    share = successes / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    any_trials = trials > 0
    low = np.where(any_trials, np.maximum(centre - half, 0.0), np.nan)
    high = np.where(any_trials, np.minimum(centre + half, 1.0), np.nan)
    return low, high

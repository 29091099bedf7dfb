"""Wilson's score interval of a share, of numbers and of arrays alike.

Wilson (1927), Journal of the American Statistical Association 22. Standard library only: routes
without NumPy use it as well.
"""

from statistics import NormalDist
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from quant.analytics.arrays import Floats


def normal_quantile(confidence: float) -> float:
    """Return the standard normal quantile that leaves out half of the rest on either side."""
    return NormalDist().inv_cdf((1 + confidence) / 2)


def score_bounds[T: (float, "Floats")](share: T, trials: T, z: float) -> tuple[T, T]:
    """Return the ends of the interval, within rounding of 0 and 1 at most.

    Args:
        share: Observed share.
        trials: What it is a share of; above 0, not necessarily whole.
        z: Standard normal quantile of the coverage.
    """
    scale = 1 + z * z / trials
    centre = (share + z * z / (2 * trials)) / scale
    half = z / scale * (share * (1 - share) / trials + z * z / (4 * trials * trials)) ** 0.5
    return centre - half, centre + half


def wilson_bounds(share: float, trials: float, confidence: float = 0.95) -> tuple[float, float]:
    """Return the score interval of one share.

    Args:
        share: Observed share.
        trials: What it is a share of; above 0, not necessarily whole.
        confidence: Coverage.
    """
    low, high = score_bounds(share, trials, normal_quantile(confidence))
    return max(low, 0.0), min(high, 1.0)


def effective_trials(trials: int, squares: int) -> float:
    """Return how many independent trials clusters are worth whose trials all turn out alike.

    Kish (1965), Survey Sampling: the trials over the design effect, with an intraclass correlation
    of one, the most there can be.

    Args:
        trials: Sum of the sizes of the clusters, above 0.
        squares: Sum of their squares.
    """
    return trials * trials / squares

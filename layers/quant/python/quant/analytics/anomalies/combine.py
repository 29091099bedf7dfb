"""Combine p-values: of a member's trades, and of several detectors.

The last axis holds the p-values that are combined; NaN is a test that was not made.
"""

from functools import lru_cache
from math import lgamma
from typing import Final

import numpy as np
from numpy.random import PCG64, Generator

from quant.analytics.arrays import Floats

# Fang, Chang, Park and Tseng (2023): a p-value near 1 must not outweigh small ones.
_LARGEST_P: Final = 0.99
# Simulations of a null distribution.
_DRAWS: Final = 5000


def cauchy_combination(p_values: Floats) -> Floats:
    """Return the Cauchy combination of p-values, equally weighted, shape (...).

    Liu and Xie (2020), Journal of the American Statistical Association 115: exact for independent
    p-values, and in the tail under arbitrary dependence. P-values above 0.99 count as 0.99 (Fang
    et al. 2023, Statistica Sinica 33). NaN where no test was made.
    """
    clipped = np.clip(p_values, np.finfo(np.float64).tiny, _LARGEST_P)
    # tan((1/2 - p) pi), written so that it keeps its digits for small p.
    score = 1 / np.tan(np.pi * clipped)
    made = np.count_nonzero(~np.isnan(p_values), axis=-1)
    mean = np.nansum(score, axis=-1) / np.maximum(made, 1)
    # The upper tail of a standard Cauchy variable, exact where 1/2 - arctan(x)/pi cancels.
    combined = np.arctan2(1.0, mean) / np.pi
    return np.where(made > 0, combined, np.nan)


def fisher_statistic(p_values: Floats) -> Floats:
    """Return Fisher's statistic, -2 times the sum of the logarithms, shape (...)."""
    statistic: Floats = -2 * np.nansum(np.log(p_values), axis=-1)
    return statistic


def fisher_combination(p_values: Floats) -> Floats:
    """Return Fisher's combination of independent p-values, shape (...).

    Fisher (1925), Statistical Methods for Research Workers. NaN where no test was made.
    """
    half = fisher_statistic(p_values) / 2
    made = np.count_nonzero(~np.isnan(p_values), axis=-1)
    most = int(np.max(made, initial=0))
    if most == 0:
        return np.full(made.shape, np.nan)
    # Chi-squared with 2m degrees of freedom exceeds 2h as often as a Poisson(h) is below m.
    terms = np.arange(most)
    log_factorial = np.array([lgamma(term + 1) for term in terms])
    with np.errstate(divide="ignore", invalid="ignore"):
        powers = np.where(terms == 0, 0.0, terms * np.log(half)[..., None])
    below = np.exp(powers - half[..., None] - log_factorial)
    tail = np.sum(np.where(terms < made[..., None], below, 0.0), axis=-1)
    return np.where(made > 0, np.minimum(tail, 1.0), np.nan)


def simes(p_values: Floats) -> Floats:
    """Return the p-value of Simes' test, shape (...).

    Simes (1986), Biometrika 73: valid for independent and for positively dependent p-values.
    """
    made = np.count_nonzero(~np.isnan(p_values), axis=-1)
    ordered = np.sort(p_values, axis=-1)  # NaN last
    ranks = np.arange(1, p_values.shape[-1] + 1)
    with np.errstate(invalid="ignore"):
        scaled = ordered * made[..., None] / ranks
    smallest = np.min(np.where(np.isnan(scaled), np.inf, scaled), axis=-1, initial=np.inf)
    return np.where(made > 0, np.minimum(smallest, 1.0), np.nan)


def higher_criticism(p_values: Floats) -> Floats:
    """Return the higher criticism of n p-values, shape (...): large if a few are too small.

    Donoho and Jin (2004), Annals of Statistics 32, over the smaller half of the p-values and
    without those below 1/n, whose standardised excess has a heavy tail. No NaN.
    """
    n = p_values.shape[-1]
    ordered = np.sort(p_values, axis=-1)[..., : max(n // 2, 1)]
    expected = np.arange(1, ordered.shape[-1] + 1) / n
    with np.errstate(divide="ignore", invalid="ignore"):
        excess = np.sqrt(n) * (expected - ordered) / np.sqrt(ordered * (1 - ordered))
    highest: Floats = np.max(np.where(ordered >= 1 / n, excess, -np.inf), axis=-1, initial=-np.inf)
    return np.maximum(highest, 0.0)


def higher_criticism_p_value(p_values: Floats) -> Floats:
    """Return the p-value of the higher criticism of n independent p-values, shape (...).

    Its null distribution is that of n uniform numbers, simulated once for each n.

    Args:
        p_values: Shape (..., n), no NaN.
    """
    null = _uniform_higher_criticism(p_values.shape[-1])
    at_least = len(null) - np.searchsorted(null, higher_criticism(p_values), side="left")
    result: Floats = (1 + at_least) / (1 + len(null))
    return result


@lru_cache(maxsize=64)
def _uniform_higher_criticism(n: int) -> Floats:
    """Return simulated values of the higher criticism of n uniform numbers, ascending."""
    generator = Generator(PCG64(n))
    # In batches that bound the memory.
    return np.sort(
        np.concatenate([higher_criticism(generator.random((_DRAWS // 10, n))) for _ in range(10)])
    )

"""Variances and regressions of daily series whose observations depend on each other.

Newey and West (1987), Econometrica 55: Bartlett weights; lags by the rule 4 (T / 100)^(2/9) of
Newey and West (1994), Review of Economic Studies 61, without its data-dependent refinement.

Lazarus, Lewis, Stock and Watson (2018), Journal of Business and Economic Statistics 36: equally
weighted cosines with Student's t, which keep a test's level where Newey-West errors are too small.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from quant.analytics.arrays import Floats

# With fewer the test has no power to speak of.
_LEAST_COSINES: Final = 2


def newey_west_lags(observations: int) -> int:
    """Return how many lags the Bartlett kernel spans for a series of this length."""
    if observations < 2:
        return 0
    return min(int(4 * (observations / 100) ** (2 / 9)), observations - 1)


def long_run_covariance(scores: Floats, lags: int) -> Floats:
    """Return the long-run covariance of series that have mean zero, shape (k, k).

    Args:
        scores: One series a column, shape (t, k).
        lags: Greatest lag with a weight; 0 gives the covariance of independent observations.
    """
    observations = len(scores)
    total = scores.T @ scores
    for lag in range(1, lags + 1):
        cross = scores[lag:].T @ scores[:-lag]
        total += (1 - lag / (lags + 1)) * (cross + cross.T)
    return np.asarray(total / observations)


def cosine_variance(series: Floats, overlap: int) -> tuple[float, int]:
    """Return the long-run variance by equally weighted cosines, and its degrees of freedom.

    There are 0.4 t^(2/3) cosines, and at most half as many as outcome windows that do not overlap.
    No mean has to be taken off: every cosine sums to zero.

    Args:
        series: Shape (t,).
        overlap: Observations that one outcome window spans.

    Returns:
        The variance, NaN with fewer than two cosines, and the number of cosines.
    """
    t = len(series)
    cosines = int(min(0.4 * t ** (2 / 3), t / (2 * overlap)))
    if cosines < _LEAST_COSINES:
        return np.nan, cosines
    angle = np.pi * np.arange(1, cosines + 1)[:, None] * (np.arange(t) + 0.5) / t
    projected = np.sqrt(2 / t) * np.cos(angle) @ series
    return float(np.mean(projected**2)), cosines


@dataclass(frozen=True, slots=True)
class Regression:
    """An ordinary least squares fit.

    Attributes:
        coefficients: Shape (k,).
        covariance: Their Newey-West covariance, shape (k, k).
        residuals: Shape (t,).
        lags: Lags of the covariance.
    """

    coefficients: Floats
    covariance: Floats
    residuals: Floats
    lags: int

    @property
    def standard_errors(self) -> Floats:
        """Newey-West standard errors of the coefficients, shape (k,)."""
        return np.sqrt(np.diagonal(self.covariance))


def regress(response: Floats, regressors: Floats, lags: int | None = None) -> Regression:
    """Fit by ordinary least squares with Newey-West standard errors.

    Without a small-sample correction: statsmodels' ``cov_type="HAC"`` with
    ``use_correction=False``.

    Args:
        response: Shape (t,).
        regressors: With the constant where one is wanted, shape (t, k).
        lags: Of the covariance; by ``newey_west_lags`` where not given.

    Raises:
        numpy.linalg.LinAlgError: The regressors are collinear.
    """
    observations = len(response)
    lags = newey_west_lags(observations) if lags is None else lags
    inverse = np.linalg.inv(regressors.T @ regressors / observations)
    coefficients = inverse @ (regressors.T @ response) / observations
    residuals = response - regressors @ coefficients
    middle = long_run_covariance(regressors * residuals[:, None], lags)
    return Regression(coefficients, inverse @ middle @ inverse / observations, residuals, lags)

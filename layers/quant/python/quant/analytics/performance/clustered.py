"""Means and their differences, with standard errors clustered in two ways.

Cameron, Gelbach and Miller (2011), Journal of Business & Economic Statistics 29: the variance
clustered by politician, plus that clustered by date, less that clustered by both.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np

from quant.analytics.arrays import Floats, Integers
from quant.analytics.distributions import student_t_ppf, student_t_sf

_CONFIDENCE: Final = 0.95


@dataclass(frozen=True, slots=True)
class Inference:
    """An estimate, tested against zero with Student's t distribution.

    Attributes:
        value: The estimate; NaN without observations.
        standard_error: NaN with fewer than two clusters in a dimension.
        degrees: Degrees of freedom.
        low: Lower end of the 95 % confidence interval.
        high: Upper end.
        p_value: Two-sided.
        n: Observations.
        clusters: Clusters in each dimension.
    """

    value: float
    standard_error: float
    degrees: float
    low: float
    high: float
    p_value: float
    n: int
    clusters: tuple[int, ...]


def inference(
    value: float, variance: float, degrees: float, *, n: int, clusters: Sequence[int] = ()
) -> Inference:
    """Return the test and the interval of an estimate.

    Args:
        value: The estimate.
        variance: Of the estimate; NaN, or not positive, where it has none.
        degrees: Degrees of freedom.
        n: Observations.
        clusters: Clusters in each dimension.
    """
    error = float(np.sqrt(variance)) if variance > 0 and degrees > 0 else np.nan
    low = high = p_value = np.nan
    if np.isfinite(error) and np.isfinite(value):
        half = error * critical_value(degrees)
        low, high = value - half, value + half
        p_value = min(2 * float(student_t_sf(abs(value) / error, degrees)), 1.0)
    return Inference(value, error, degrees, low, high, p_value, n, tuple(clusters))


@lru_cache(maxsize=4096)
def critical_value(degrees: float) -> float:
    """Return the quantile of Student's t that 95 % intervals reach to."""
    return float(student_t_ppf((1 + _CONFIDENCE) / 2, degrees))


@dataclass(frozen=True, slots=True)
class ClusteredFit:
    """A weighted least squares fit with clustered covariance.

    Attributes:
        coefficients: Shape (k,).
        covariance: Two-way (or one-way) clustered, shape (k, k); NaN with a single cluster.
        one_way: Covariance clustered in each dimension alone, shape (dimensions, k, k).
        clusters: Clusters in each dimension.
        observations: Rows.
    """

    coefficients: Floats
    covariance: Floats
    one_way: Floats
    clusters: tuple[int, ...]
    observations: int

    def contrast(self, weights: Floats) -> Inference:
        """Return the test of a combination of the coefficients, ``weights`` of shape (k,).

        Student's t with one degree of freedom less than the smaller number of clusters. The
        variance is the greatest of the two-way one and those of each dimension: the first can be
        smaller, and even negative, where one dimension has few clusters (MacKinnon, Nielsen and
        Webb 2024, "Jackknife inference with two-way clustering").
        """
        variances = [
            float(weights @ matrix @ weights) for matrix in (self.covariance, *self.one_way)
        ]
        return inference(
            float(weights @ self.coefficients),
            max(variances) if np.isfinite(variances).all() else np.nan,
            min(self.clusters, default=0) - 1,
            n=self.observations,
            clusters=self.clusters,
        )


def cluster_codes(*labels: Integers) -> tuple[Integers, int]:
    """Return which cluster each row is in, numbered from 0, and how many there are.

    Args:
        labels: Rows with the same labels are in the same cluster; shape (n,) each.
    """
    codes = np.zeros(len(labels[0]), dtype=np.int64)
    for label in labels:
        # The codes stay below n, so that the pair fits an integer.
        distinct, places = np.unique(label, return_inverse=True)
        codes = np.unique(codes * max(len(distinct), 1) + places, return_inverse=True)[1]
    return codes, int(codes.max()) + 1 if len(codes) else 0


def cluster_covariance(scores: Floats, codes: Integers, clusters: int) -> Floats:
    """Return the sum over clusters of the outer products of the sums of scores, shape (k, k).

    With the correction G / (G - 1) x (n - 1) / (n - k); NaN with a single cluster.

    Args:
        scores: Shape (n, k).
        codes: Cluster of each row, from 0, shape (n,).
        clusters: Their number G.
    """
    n, k = scores.shape
    if clusters < 2 or n <= k:
        return np.full((k, k), np.nan)
    sums = np.column_stack([np.bincount(codes, column, clusters) for column in scores.T])
    correction = clusters / (clusters - 1) * (n - 1) / (n - k)
    return np.asarray(correction * (sums.T @ sums))


def fit(
    response: Floats, regressors: Floats, weights: Floats, dimensions: Sequence[Integers]
) -> ClusteredFit:
    """Fit by weighted least squares, with covariance clustered in one or two dimensions.

    Equal to statsmodels' ``WLS(...).fit(cov_type="cluster")`` with the same groups.

    Args:
        response: Shape (n,).
        regressors: With the constant where one is wanted, shape (n, k).
        weights: Positive, shape (n,).
        dimensions: Cluster labels of the rows in each dimension, shape (n,) each.

    Raises:
        numpy.linalg.LinAlgError: The regressors are collinear.
    """
    weighted = regressors * weights[:, None]
    bread = np.linalg.inv(weighted.T @ regressors)
    coefficients = bread @ (weighted.T @ response)
    scores = (weighted * (response - regressors @ coefficients)[:, None]) @ bread
    coded = [cluster_codes(labels) for labels in dimensions]
    one_way = np.stack([cluster_covariance(scores, *codes) for codes in coded])
    covariance = one_way.sum(axis=0)
    if len(dimensions) == 2:
        covariance = covariance - cluster_covariance(scores, *cluster_codes(*dimensions))
    return ClusteredFit(
        coefficients, covariance, one_way, tuple(count for _, count in coded), len(response)
    )


def mean(values: Floats, weights: Floats, dimensions: Sequence[Integers]) -> Inference:
    """Return the weighted mean with clustered standard error; arguments as of ``fit``."""
    if not len(values):
        return inference(np.nan, np.nan, 0, n=0, clusters=(0,) * len(dimensions))
    one = np.ones(1)
    return fit(values, np.ones((len(values), 1)), weights, dimensions).contrast(one)


def difference(
    values: Floats, weights: Floats, dimensions: Sequence[Integers], inside: Integers
) -> Inference:
    """Return the mean of the rows where ``inside`` is 1 less that where it is 0.

    From one regression, so that what members of both groups share on a date counts once. Arguments
    as of ``fit``; NaN where one of the two is empty.
    """
    indicator = np.asarray(inside, dtype=np.float64)
    if not 0 < indicator.sum() < len(indicator):
        clusters = (0,) * len(dimensions)
        return inference(np.nan, np.nan, 0, n=len(values), clusters=clusters)
    regressors = np.column_stack([indicator, 1 - indicator])
    return fit(values, regressors, weights, dimensions).contrast(np.array([1.0, -1.0]))

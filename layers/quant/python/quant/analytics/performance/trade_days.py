"""Means of abnormal returns, with standard errors clustered by politician and day of the return.

The abnormal return of a window is the sum of what each of its days adds. Two trades depend on each
other where their windows share a day, whatever their days of entry: of windows of half a year that
is nearly every pair. So the regression that a mean is has one row for each day of each trade, and
its errors are clustered by politician and by day (Cameron, Gelbach and Miller 2011, Journal of
Business & Economic Statistics 29). One day's returns do not foretell the next one's, as in the
calendar-time portfolios of Fama (1998), Journal of Financial Economics 49.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from quant.analytics.arrays import Floats, Integers
from quant.analytics.performance.clustered import Inference, cluster_codes, inference
from quant.analytics.performance.daily import DailyReturns

# Returns worked on at once: some 8 MB.
_BATCH: Final = 1 << 20
# With fewer effective clusters the two-way variance, a difference of three noisy sums, can come out
# at a small part of either one-way one.
FEW_CLUSTERS: Final = 8


@dataclass(frozen=True, slots=True)
class TradeDays:
    """A mean of abnormal returns, or the difference of two, as cells of a cluster on a day.

    Attributes:
        value: The estimate.
        residuals: Sums over the trades of a cluster of weighted daily abnormal returns less their
            mean, over the sum of weights, shape (c, t).
        shares: Weights of the cells, shape (c, t); those of each mean add up to 1.
        trades: Number of trades.
        horizon: Days of each.
        means: One, or two of a difference.
    """

    value: float
    residuals: Floats
    shares: Floats
    trades: int
    horizon: int
    means: int

    @property
    def clusters(self) -> tuple[int, int]:
        """Clusters, and days on which a window is open."""
        clusters, days = self.shares.shape
        return clusters, days

    @property
    def effective_clusters(self) -> float:
        """The smaller effective number of clusters, of politicians or of days.

        That many of one size would weigh alike: the square of the sum of their weights over the sum
        of the squares (Carter, Schnepel and Steigerwald 2017, Review of Economics and Statistics
        99, where windows are independent).
        """
        weights = self.shares.sum(axis=1), self.shares.sum(axis=0)
        return min(float(one.sum() ** 2 / np.square(one).sum()) for one in weights)

    def variances(self, by_cluster: Floats, by_day: Floats, by_cell: Floats) -> Floats:
        """Return two-way clustered variances from sums of squared residuals, of their shape.

        Each with the correction G / (G - 1) x (n - 1) / (n - k). With fewer than ``FEW_CLUSTERS``
        effective clusters the greatest of the two-way and both one-way variances (MacKinnon,
        Nielsen and Webb 2024, "Jackknife inference with two-way clustering"), otherwise the greater
        of the one-way ones where the two-way one is not positive.
        """
        clusters, days = self.clusters
        rows, cells = self.trades * self.horizon, int(np.count_nonzero(self.shares))
        small = (rows - 1) / (rows - self.means)
        first = small * clusters / (clusters - 1) * by_cluster
        second = small * days / (days - 1) * by_day
        two_way = first + second - small * cells / (cells - 1) * by_cell
        one_way = np.maximum(first, second)
        if self.effective_clusters < FEW_CLUSTERS:
            return np.maximum(two_way, one_way)
        return np.where(two_way > 0, two_way, one_way)

    def inference(self) -> Inference:
        """Return the estimate with its test, without an error with fewer than two clusters or days.

        Student's t with one degree of freedom less than the effective clusters, in whole numbers.
        """
        variance, degrees = np.nan, 0
        if min(self.clusters) > 1 and self.trades * self.horizon > self.means:
            degrees = max(round(self.effective_clusters) - 1, 1)
            squares = (
                np.square(sums).sum(keepdims=True).ravel()
                for sums in (self.residuals.sum(axis=1), self.residuals.sum(axis=0), self.residuals)
            )
            variance = float(self.variances(*squares)[0])
        return inference(self.value, variance, degrees, n=self.trades, clusters=self.clusters)


def trade_days(
    daily: DailyReturns,
    horizon: int,
    weights: Floats,
    labels: Integers,
    *,
    compounded: bool = False,
    inside: Integers | None = None,
) -> TradeDays | None:
    """Return a weighted mean of abnormal returns as the cells that its error is made of.

    Equal to the horizon times statsmodels' ``WLS(...).fit(cov_type="cluster")`` of the daily
    abnormal returns on a constant, with the groups of labels and days.

    Args:
        daily: m trades, each with an abnormal return at the horizon.
        horizon: Trading days after entry.
        weights: Shape (m,), not 0; negative where an abnormal return counts with the other sign.
        labels: Cluster of each trade, for example its politician, shape (m,).
        compounded: Whether of BHARs rather than of CARs.
        inside: 1 or 0, shape (m,): the mean of the trades with 1 less that of those with 0, from
            one regression, so that what both share on a day counts once. None for one mean.

    Returns:
        None without trades, or where one of the two means has none.
    """
    groups = np.zeros(len(weights), dtype=np.int64) if inside is None else 1 - inside
    totals = np.bincount(groups, np.abs(weights), 1 if inside is None else 2)
    if not totals.all():
        return None
    codes, clusters = cluster_codes(labels)
    row = daily.entry - daily.entry.min()
    shape = clusters, int(row.max()) + horizon
    value, residuals, shares = 0.0, np.zeros(shape), np.zeros(shape)
    for group, total in enumerate(totals):
        which = groups == group
        scaled = weights[which] / total
        first = codes[which] * shape[1] + row[which]
        share = held_by_cell(first, np.abs(scaled), horizon, residuals.size).reshape(shape)
        gains = gains_by_cell(
            daily.take(which), horizon, scaled, first, cells=residuals.size, compounded=compounded
        ).reshape(shape)
        mean = float(gains.sum())
        contrast = 1 - 2 * group
        value += contrast * mean
        residuals += contrast * (gains - mean * share)
        shares += share
    some = shares.any(axis=0)
    return TradeDays(
        value,
        np.compress(some, residuals, axis=1),
        np.compress(some, shares, axis=1),
        len(weights),
        horizon,
        len(totals),
    )


def gains_by_cell(
    daily: DailyReturns,
    horizon: int,
    weights: Floats,
    first: Integers,
    *,
    cells: int,
    compounded: bool,
) -> Floats:
    """Return the sums of weighted daily abnormal returns in each cell, shape (cells,).

    Args:
        daily: Of m trades.
        horizon: Trading days after entry.
        weights: Shape (m,).
        first: Cell of each trade's first day; those of its next days follow.
        cells: Their number.
        compounded: Whether of BHARs.
    """
    gains = np.zeros(cells)
    for part in _parts(len(first), horizon):
        found = daily.take(part).abnormal(horizon, compounded=compounded)
        found *= weights[part, None]
        places = first[part, None] + np.arange(horizon)
        gains += np.bincount(places.ravel(), found.ravel(), cells)
    return gains


def held_by_cell(first: Integers, weights: Floats, horizon: int, cells: int) -> Floats:
    """Return the weights of open windows, each a part of its trade's, shape (cells,).

    Arguments as of ``gains_by_cell``.
    """
    held = np.zeros(cells)
    for part in _parts(len(first), horizon):
        places = first[part, None] + np.arange(horizon)
        held += np.bincount(places.ravel(), np.repeat(weights[part] / horizon, horizon), cells)
    return held


def _parts(trades: int, horizon: int) -> Iterator[slice]:
    size = max(_BATCH // horizon, 1)
    for start in range(0, trades, size):
        yield slice(start, start + size)

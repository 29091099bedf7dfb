"""Abnormal returns summed by cluster and day, once for all the means that are made of them.

Means of purchases, of sales and of both, and those of groups of clusters, are of the same sums.
What ``trade_days`` works out from the trades of each mean is here added up from the cells.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from quant.analytics.arrays import Flags, Floats, Integers
from quant.analytics.performance.daily import DailyReturns
from quant.analytics.performance.trade_days import TradeDays, gains_by_cell, held_by_cell


@dataclass(frozen=True, slots=True)
class Cells:
    """Sums over trades by c clusters and t days, at one horizon.

    Attributes:
        gains: Weighted daily abnormal returns, shape (c, t).
        held: Weights of open windows over the horizon, shape (c, t).
        weight: Of each cluster's trades, shape (c,).
        trades: Their numbers, shape (c,).
        horizon: Trading days.
    """

    gains: Floats
    held: Floats
    weight: Floats
    trades: Integers
    horizon: int

    def take(self, which: Flags) -> "Cells":
        """Return those of some of the clusters, selected by a mask of shape (c,)."""
        return Cells(
            self.gains[which],
            self.held[which],
            self.weight[which],
            self.trades[which],
            self.horizon,
        )

    def less(self, other: "Cells") -> "Cells":
        """Return those of both's trades, the other's abnormal returns with the other sign."""
        return Cells(
            self.gains - other.gains,
            self.held + other.held,
            self.weight + other.weight,
            self.trades + other.trades,
            self.horizon,
        )


def sum_cells(
    daily: DailyReturns,
    horizon: int,
    weights: Floats,
    labels: Integers,
    *,
    clusters: int,
    first: int,
    days: int,
) -> tuple[Cells, Cells]:
    """Return the cells of CARs and of BHARs.

    Args:
        daily: m trades, each with an abnormal return at the horizon.
        horizon: Trading days after entry.
        weights: Positive, shape (m,).
        labels: Cluster of each trade, from 0, shape (m,).
        clusters: Their number.
        first: Row of the earliest entry.
        days: Rows from the one after it to the last window's last.
    """
    shape = clusters, days
    opens = labels * days + daily.entry - first
    held = held_by_cell(opens, weights, horizon, clusters * days).reshape(shape)
    weight = np.bincount(labels, weights, clusters)
    trades = np.bincount(labels, minlength=clusters)
    gains = (
        gains_by_cell(daily, horizon, weights, opens, cells=clusters * days, compounded=compounded)
        for compounded in (False, True)
    )
    car, bhar = (Cells(sums.reshape(shape), held, weight, trades, horizon) for sums in gains)
    return car, bhar


def mean(cells: Cells) -> TradeDays | None:
    """Return the mean over the trades of all clusters; None without trades."""
    return _combined([cells])


def difference(cells: Cells, other: Cells) -> TradeDays | None:
    """Return the mean over some trades less that over others of the same clusters and days.

    From one regression, so that what both share on a day counts once. None where one has no trades.
    """
    return _combined([cells, other])


def difference_of_groups(cells: Cells, inside: Flags, outside: Flags) -> TradeDays | None:
    """Return the mean over the trades of some clusters less that over those of others.

    Args:
        cells: Of c clusters.
        inside: Which are the first group, shape (c,).
        outside: Which are the second, none of them inside.

    Returns:
        None where one has no trades.
    """
    both = cells.take(inside | outside)
    first = inside[inside | outside]
    totals = both.weight[first].sum(), both.weight[~first].sum()
    if not min(totals) > 0:
        return None
    scale = np.where(first, 1 / totals[0], 1 / totals[1])[:, None]
    sign = np.where(first, 1.0, -1.0)
    gains, share = both.gains * scale, both.held * scale
    by_cluster = gains.sum(axis=1)
    means = np.where(first, by_cluster[first].sum(), by_cluster[~first].sum())
    gains -= means[:, None] * share
    gains *= sign[:, None]
    return _compressed(
        float(by_cluster @ sign), gains, share, int(both.trades.sum()), cells.horizon, means=2
    )


def _combined(groups: Sequence[Cells]) -> TradeDays | None:
    value, trades = 0.0, 0
    residuals = shares = np.zeros(groups[0].gains.shape)
    for contrast, cells in zip((1, -1), groups, strict=False):
        total = float(cells.weight.sum())
        if not total > 0:
            return None
        share, gains = cells.held / total, cells.gains / total
        mean_gain = float(gains.sum())
        value += contrast * mean_gain
        residuals = residuals + contrast * (gains - mean_gain * share)
        shares = shares + share
        trades += int(cells.trades.sum())
    return _compressed(value, residuals, shares, trades, groups[0].horizon, means=len(groups))


def _compressed(
    value: float, residuals: Floats, shares: Floats, trades: int, horizon: int, *, means: int
) -> TradeDays:
    """Return the cells of a mean without the clusters and days of which it has no trade."""
    some = np.ix_(shares.any(axis=1), shares.any(axis=0))
    return TradeDays(value, residuals[some], shares[some], trades, horizon, means)

"""Correlation of members' weekly trading.

Weeks of one member are alike, so the usual p-value of a correlation, which takes weeks for
independent, is too small. The p-values here come from surrogates that keep what successive weeks
have in common (``quant.analytics.relations.surrogates``), and the intervals from the effective
number of weeks of Bartlett (1946), Supplement to the Journal of the Royal Statistical Society 8, as
in Pyper and Peterman (1998), Canadian Journal of Fisheries and Aquatic Sciences 55.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np

from quant.analytics.arrays import Days, Floats, Integers, TradeArrays
from quant.analytics.distributions import normal_ppf
from quant.analytics.multiple_testing import benjamini_hochberg
from quant.analytics.relations.activity import windows_of
from quant.analytics.relations.surrogates import MANY, MIN_WEEKS, pair_generator, surrogate_mid_p
from quant.analytics.relations.vocabulary import Coefficient, Measure

_Z: Final = float(normal_ppf(0.975))


@dataclass(frozen=True, slots=True)
class WeeklySeries:
    """Weekly series of m members over w weeks.

    Attributes:
        first_week: Number of the first week, as ``windows_of`` numbers them.
        values: Shape (m, w).
        trades: Trades of any kind in each week, shape (m, w).
    """

    first_week: int
    values: Floats
    trades: Integers


@dataclass(frozen=True, slots=True)
class Correlations:
    """Pairs of members; columns of length r.

    Attributes:
        first: The one member.
        second: The other.
        weeks: From the later of both first trades to the earlier of both last trades, in weeks; 0
            where there are none.
        effective_weeks: Independent weeks that would give the coefficient the same variance.
        coefficient: NaN where the weeks are too few or a series is constant.
        low: Lower end of its 95 % interval, by Fisher's transformation and the effective weeks.
        high: Its upper end.
        p_value: Two-sided, from surrogates; NaN where there is no coefficient.
        q_value: The same after Benjamini-Hochberg over these pairs.
        surrogates: Their number.
    """

    first: Integers
    second: Integers
    weeks: Integers
    effective_weeks: Floats
    coefficient: Floats
    low: Floats
    high: Floats
    p_value: Floats
    q_value: Floats
    surrogates: Integers


def weekly_series(
    trades: TradeArrays, days: Days, members: int, measure: Measure = Measure.TRADES
) -> WeeklySeries:
    """Return the weekly series of all members.

    Args:
        trades: n trades.
        days: Day of each, shape (n,); trades without one do not count.
        members: Number of members; ``trades.politician`` is less.
        measure: What is counted.
    """
    dated = ~np.isnat(days)
    member, week = trades.politician[dated], windows_of(days[dated])
    first = int(week.min()) if len(week) else 0
    weeks = int(week.max()) - first + 1 if len(week) else 0
    cell, shape = member * weeks + week - first, (members, weeks)
    count = np.bincount(cell, minlength=members * weeks).reshape(shape)
    if measure is Measure.TRADES:
        return WeeklySeries(first, count.astype(np.float64), count)
    net = np.bincount(cell, trades.side[dated], members * weeks).reshape(shape)
    return WeeklySeries(first, net, count)


def common_span(one: Integers, other: Integers) -> slice:
    """Return the weeks from the later of two first trades to the earlier of the last ones.

    Args:
        one: Trades a week of the one member, shape (w,).
        other: Those of the other.
    """
    active = [np.flatnonzero(trades) for trades in (one, other)]
    if not all(len(weeks) for weeks in active):
        return slice(0, 0)
    start = max(int(weeks[0]) for weeks in active)
    return slice(start, max(min(int(weeks[-1]) for weeks in active) + 1, start))


def ranks(values: Floats) -> Floats:
    """Return the ranks of a series from 1, ties with the mean of theirs."""
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    mean: Floats = (last - (counts - 1) / 2)[places.ravel()]
    return mean


def pairwise_correlations(
    series: WeeklySeries,
    names: Sequence[str],
    coefficient: Coefficient = Coefficient.PEARSON,
    *,
    min_weeks: int = MIN_WEEKS,
    most_surrogates: int = MANY,
) -> Correlations:
    """Correlate the series of all pairs of members, each over the weeks both were active.

    Args:
        series: Of m members.
        names: Stable names of the members, which seed the surrogates.
        coefficient: Which correlation.
        min_weeks: Pairs with fewer weeks are not tested.
        most_surrogates: For each pair, at most.
    """
    first, second = np.triu_indices(len(names), 1)
    weeks, surrogates = np.zeros((2, len(first)), np.int64)
    effective, r, low, high, p_value = np.full((5, len(first)), np.nan)
    for pair, (i, j) in enumerate(zip(first.tolist(), second.tolist(), strict=True)):
        span = common_span(series.trades[i], series.trades[j])
        weeks[pair] = span.stop - span.start
        if weeks[pair] < max(min_weeks, MIN_WEEKS):
            continue
        one = _standardised(series.values[i, span], coefficient)
        other = _standardised(series.values[j, span], coefficient)
        if one is None or other is None:
            continue
        r[pair] = np.clip(one @ other, -1, 1)
        effective[pair] = effective_weeks(one, other)
        low[pair], high[pair] = _interval(float(r[pair]), float(effective[pair]))
        p_value[pair], surrogates[pair] = surrogate_mid_p(
            abs(float(r[pair])),
            len(one),
            partial(_correlations_of_orders, one, other),
            pair_generator(f"relations.correlation {coefficient}", (names[i], names[j])),
            most=most_surrogates,
        )
    return Correlations(
        first=first,
        second=second,
        weeks=weeks,
        effective_weeks=effective,
        coefficient=r,
        low=low,
        high=high,
        p_value=p_value,
        q_value=benjamini_hochberg(p_value),
        surrogates=surrogates,
    )


def _correlations_of_orders(one: Floats, other: Floats, order: Integers) -> Floats:
    values: Floats = np.abs(other[order] @ one)
    return values


def _interval(r: float, effective: float) -> tuple[float, float]:
    """Return the 95 % interval by Fisher's transformation; (-1, 1) with too few weeks."""
    if effective <= 3:
        return -1.0, 1.0
    half = _Z / math.sqrt(effective - 3)
    centre = math.atanh(max(min(r, 1 - 1e-15), -1 + 1e-15))
    return math.tanh(centre - half), math.tanh(centre + half)


def _standardised(values: Floats, coefficient: Coefficient) -> Floats | None:
    """Return a series with mean 0 and norm 1, None if it is constant."""
    values = ranks(values) if coefficient is Coefficient.SPEARMAN else values
    centred = values - values.mean()
    norm = np.sqrt(centred @ centred)
    if norm <= 1e-12 * len(values):
        return None
    scaled: Floats = centred / norm
    return scaled


def effective_weeks(one: Floats, other: Floats) -> float:
    """Return how many independent weeks would give a correlation the same variance.

    Args:
        one: Series of mean 0 and norm 1, shape (w,).
        other: Another one.
    """
    weeks = len(one)
    auto = [
        np.fft.irfft(np.abs(np.fft.rfft(series, 2 * weeks)) ** 2)[1 : weeks // 5 + 1]
        for series in (one, other)
    ]
    lags = np.arange(1, weeks // 5 + 1)
    inflation = 1 + 2 * float(((1 - lags / weeks) * auto[0] * auto[1]).sum())
    # Never more than the weeks there are: chance alone makes the sum negative.
    return weeks / max(inflation, 1.0)

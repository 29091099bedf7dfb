"""Unusual size: the disclosed amount of a trade beside the member's own earlier trades.

Amounts are disclosed as ranges, so that the logarithm of a range's geometric middle stands for it
and ties are many. Only trades that were public before count; trades that became public on one day
are taken in the order of their transaction, then of the caller's order.
"""

from bisect import insort
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.random import Generator

from quant.analytics.anomalies.combine import higher_criticism_p_value
from quant.analytics.anomalies.ranks import RankPValues, expanding_rank_p_values
from quant.analytics.arrays import Days, Flags, Floats, Integers

# With fewer earlier trades no p-value can be below 1/20.
MINIMUM_HISTORY: Final = 20
# Fewest trades tested of which the member's p-value is formed.
MINIMUM_TESTED: Final = 10


@dataclass(frozen=True, slots=True)
class SizeResult:
    """Sizes of a member's n trades, in the caller's order.

    Attributes:
        score: Logarithm of the amount less the median of the trades before; NaN if not tested.
        p_value: Rank p-value, ties against the trade; NaN if not tested.
        history: Number of trades it is compared with.
        tested: Whether it was tested.
        member_p_value: That the sizes are exchangeable, by higher criticism; NaN if not tested.
    """

    score: Floats
    p_value: Floats
    history: Integers
    tested: Flags
    member_p_value: float


def log_amount(amount_min: Floats, amount_max: Floats) -> Floats:
    """Return the logarithm of the geometric middle of each disclosed range, US dollars.

    A category without an upper bound counts with its lower bound.
    """
    low = np.maximum(amount_min, 1.0)
    high = np.where(np.isnan(amount_max), low, np.maximum(amount_max, low))
    return np.asarray((np.log(low) + np.log(high)) / 2)


def disclosure_order(disclosure_day: Days, transaction_day: Days) -> Integers:
    """Return the places of the trades with a known disclosure day, in the order of disclosure."""
    order = np.lexsort((transaction_day, disclosure_day))
    return order[~np.isnat(disclosure_day[order])]


def expanding_median(values: Floats) -> Floats:
    """Return the median of the values before each one, shape (n,); NaN for the first."""
    medians = np.full(len(values), np.nan)
    before: list[float] = []
    for place, value in enumerate(values.tolist()):
        if before:
            medians[place] = (before[(place - 1) // 2] + before[place // 2]) / 2
        insort(before, value)
    return medians


def unusual_sizes(
    transaction_day: Days,
    disclosure_day: Days,
    amount_min: Floats,
    amount_max: Floats,
    *,
    tie_break: Floats,
    generator: Generator,
) -> SizeResult:
    """Compare the size of each of a member's trades with the trades disclosed before it.

    Null hypothesis: the sizes of the member's trades are exchangeable. A trade without a
    disclosure day is neither tested nor compared with.

    Args:
        transaction_day: Shape (n,).
        disclosure_day: Shape (n,); NaT where unknown.
        amount_min: Lower end of the range, US dollars, shape (n,).
        amount_max: Upper end, NaN without one, shape (n,).
        tie_break: Uniform numbers in [0, 1) that belong to the trades, shape (n,).
        generator: Of the null distribution of the member's statistic.
    """
    n = len(transaction_day)
    order = disclosure_order(disclosure_day, transaction_day)
    amounts = log_amount(amount_min, amount_max)[order]
    ranks: RankPValues = expanding_rank_p_values(amounts, tie_break[order], MINIMUM_HISTORY)
    made = ~np.isnan(ranks.p_value)
    score, p_value = np.full(n, np.nan), np.full(n, np.nan)
    history, tested = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.bool_)
    score[order] = np.where(made, amounts - expanding_median(amounts), np.nan)
    p_value[order] = ranks.p_value
    history[order] = ranks.compared
    tested[order] = made
    member = np.nan
    if np.count_nonzero(made) >= MINIMUM_TESTED:
        member = float(higher_criticism_p_value(ranks.smoothed[made], generator))
    return SizeResult(score, p_value, history, tested, member)

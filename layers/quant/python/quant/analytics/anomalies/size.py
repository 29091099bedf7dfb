"""Unusual size: the disclosed amount of a trade beside the member's own earlier trades.

Amounts are disclosed as ranges, so that the logarithm of a range's geometric middle stands for it
and ties are many. Only trades that were public before count; trades that became public on one day
are taken in the order of their transaction, then of the caller's order.

Two questions are asked of a trade. Is it large among the member's own earlier trades? With n of
them no p-value can be below 1 / (n + 1), which no correction for testing hundreds of trades
survives (Bates, Candes, Lei, Romano and Sesia 2023, Annals of Statistics 51). So the distance from
the member's earlier trades, in their standard deviations, is also compared with the same distance
of all peers' trades that were public by then.
"""

from bisect import insort
from dataclasses import dataclass
from typing import Final

import numpy as np

from quant.analytics.anomalies.combine import higher_criticism_p_value
from quant.analytics.anomalies.ranks import expanding_rank_p_values, reference_rank_p_values
from quant.analytics.arrays import Days, Flags, Floats, Integers, TradeArrays

# With fewer earlier trades no p-value can be below 1/20.
MINIMUM_HISTORY: Final = 20
# Fewest trades tested of which the member's p-value is formed.
MINIMUM_TESTED: Final = 10
# With fewer trades of peers no p-value can be below 1/100.
MINIMUM_PEER_TRADES: Final = 99
# Least standard deviation of logarithms: half a step between the forms' categories, so that whoever
# always traded in one category does not make every other one infinitely far.
_LEAST_SCALE: Final = 0.5


@dataclass(frozen=True, slots=True)
class SizeResult:
    """Sizes of a member's n trades, in the caller's order; NaN where not tested.

    Attributes:
        score: Logarithm of the amount less the median of the trades before, in their standard
            deviations.
        p_own: Rank p-value among the member's own earlier trades, ties against the trade.
        history: Number of those.
        p_value: Rank p-value of the score among the peers' scores, ties against the trade.
        smoothed: The same with ties broken at random: uniform under the null hypothesis.
        peers: Number of the peers' scores.
        member_p_value: That the member's sizes are exchangeable, by the higher criticism of the
            smoothed ranks among the member's own trades; NaN with fewer than 10.
    """

    score: Floats
    p_own: Floats
    history: Integers
    p_value: Floats
    smoothed: Floats
    peers: Integers
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


def deviations(amounts: Floats) -> Floats:
    """Return each value less the median of those before, in their standard deviations, shape (n,).

    NaN with fewer than 20 values before.
    """
    before = np.arange(len(amounts), dtype=np.float64)
    total = np.cumsum(amounts) - amounts
    squares = np.cumsum(amounts * amounts) - amounts * amounts
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = (squares - total * total / before) / (before - 1)
        scale = np.sqrt(np.maximum(variance, _LEAST_SCALE**2))
    return np.where(
        before >= MINIMUM_HISTORY, (amounts - expanding_median(amounts)) / scale, np.nan
    )


def size_scores(trades: TradeArrays) -> Floats:
    """Return the deviation of every trade from its politician's earlier ones, shape (n,).

    Args:
        trades: Of any number of politicians; those without a disclosure day have no score.
    """
    amounts = log_amount(trades.amount_min, trades.amount_max)
    order = disclosure_order(trades.disclosure_day, trades.transaction_day)
    order = order[np.argsort(trades.politician[order], kind="stable")]
    scores = np.full(len(trades), np.nan)
    changes = np.flatnonzero(np.diff(trades.politician[order])) + 1
    for places in np.split(order, changes):
        scores[places] = deviations(amounts[places])
    return scores


def unusual_sizes(
    trades: TradeArrays, scores: Floats, member: Flags, tie_break: Floats
) -> SizeResult:
    """Compare the sizes of a member's trades with earlier ones, the member's own and the peers'.

    Null hypotheses: of ``member_p_value`` and ``p_own``, that the sizes of the member's trades are
    exchangeable; of ``p_value``, that the trade's deviation is exchangeable with the peers'. A
    trade without a disclosure day is neither tested nor compared with.

    Args:
        trades: Everybody's trades, N of them.
        scores: Their ``size_scores``.
        member: Which are the member's n trades, shape (N,).
        tie_break: Uniform numbers in [0, 1) that belong to the member's trades, shape (n,).
    """
    own = trades.take(member)
    order = disclosure_order(own.disclosure_day, own.transaction_day)
    amounts = log_amount(own.amount_min, own.amount_max)[order]
    ranks = expanding_rank_p_values(amounts, tie_break[order], MINIMUM_HISTORY)
    p_own, history = np.full(len(own), np.nan), np.zeros(len(own), dtype=np.int64)
    p_own[order], history[order] = ranks.p_value, ranks.compared
    peers = reference_rank_p_values(
        scores[member],
        own.disclosure_day,
        scores[~member],
        trades.disclosure_day[~member],
        tie_break=tie_break,
        minimum=MINIMUM_PEER_TRADES,
    )
    smoothed = ranks.smoothed[~np.isnan(ranks.smoothed)]
    return SizeResult(
        score=scores[member],
        p_own=p_own,
        history=history,
        p_value=peers.p_value,
        smoothed=peers.smoothed,
        peers=peers.compared,
        member_p_value=float(higher_criticism_p_value(smoothed))
        if len(smoothed) >= MINIMUM_TESTED
        else np.nan,
    )

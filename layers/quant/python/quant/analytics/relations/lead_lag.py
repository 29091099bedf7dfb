"""Whether one member's trades come a fixed number of weeks before another's in the same stocks.

The cross-correlogram of a pair (Brillinger 1976, Biometrika 63) counts, for each lag, the trades of
the one that the other repeats that many weeks later in the same stock on the same side. Its maximum
over all lags is the statistic; the lag that has it is not chosen first and tested then.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np

from quant.analytics.arrays import Floats, Integers
from quant.analytics.multiple_testing import benjamini_hochberg
from quant.analytics.relations.activity import Incidence
from quant.analytics.relations.surrogates import (
    MANY,
    MIN_WEEKS,
    block_permutations,
    pair_generator,
    surrogate_mid_p,
)

MAX_LAG: Final = 8
# With fewer the statistic takes so few values that a test at 5 % finds 1 or 2 % (by simulation).
MIN_MATCHES: Final = 20
_REFERENCE: Final = 499


@dataclass(frozen=True, slots=True)
class LeadLag:
    """Pairs of members; columns of length r.

    Attributes:
        first: The one member.
        second: The other.
        weeks: From the later of both first trades to the earlier of both last trades, in weeks.
        lag: Weeks by which ``first`` comes before ``second`` at the maximum, negative where it
            comes after; 0 where they trade in the same week or no pair of weeks matched.
        matches: Trades matched at that lag.
        expected: The same in the surrogates, on average.
        p_value: Of the maximum over the lags, from surrogates; NaN where not tested.
        q_value: The same after Benjamini-Hochberg over these pairs.
        surrogates: Their number.
    """

    first: Integers
    second: Integers
    weeks: Integers
    lag: Integers
    matches: Integers
    expected: Floats
    p_value: Floats
    q_value: Floats
    surrogates: Integers


def lead_lag(
    cells: Incidence,
    names: Sequence[str],
    *,
    max_lag: int = MAX_LAG,
    min_weeks: int = MIN_WEEKS,
    min_matches: int = MIN_MATCHES,
    most_surrogates: int = MANY,
) -> LeadLag:
    """Look for leads and lags between all pairs of members.

    Args:
        cells: Distinct triples of member, stock and week.
        names: Stable names of the members, which seed the surrogates.
        max_lag: Greatest lag, weeks.
        min_weeks: Pairs with fewer weeks in common are not tested.
        min_matches: Nor are pairs whose stocks give fewer combinations of a trade of either.
        most_surrogates: For each pair, at most.
    """
    first, second = np.triu_indices(len(names), 1)
    weeks, lag, matches, surrogates = np.zeros((4, len(first)), np.int64)
    expected, p_value = np.full((2, len(first)), np.nan)
    own = [cells.take(cells.politician == member) for member in range(len(names))]
    for pair, (i, j) in enumerate(zip(first.tolist(), second.tolist(), strict=True)):
        match = _match(own[i], own[j])
        weeks[pair] = match.weeks
        if match.weeks < max(min_weeks, MIN_WEEKS) or len(match.one) < min_matches:
            continue
        generator = pair_generator("relations.lead-lag", (names[i], names[j]))
        profile = match.profile(match.other[None], max_lag)[0]
        lag[pair] = _lag_of_maximum(profile, max_lag)
        matches[pair] = int((match.other - match.one == lag[pair]).sum())
        reference = block_permutations(match.weeks, _REFERENCE, generator)[:, match.other]
        expected[pair] = (reference - match.one == lag[pair]).sum() / _REFERENCE
        p_value[pair], surrogates[pair] = surrogate_mid_p(
            float(profile.max()),
            match.weeks,
            partial(match.maxima, max_lag),
            generator,
            most=most_surrogates,
        )
    return LeadLag(
        first,
        second,
        weeks,
        lag,
        matches,
        expected,
        p_value,
        benjamini_hochberg(p_value),
        surrogates,
    )


@dataclass(frozen=True, slots=True)
class _Match:
    """All combinations of a trade of the one and a trade of the other in the same stock.

    Attributes:
        weeks: Weeks in which both were active.
        one: Week of the one's trade, from 0, shape (c,).
        other: Week of the other's.
        weight: One over the root of the product of both numbers of weeks in the stock, so that
            stocks traded again and again do not outweigh the rest.
    """

    weeks: int
    one: Integers
    other: Integers
    weight: Floats

    def profile(self, other: Integers, max_lag: int) -> Floats:
        """Return the cross-correlogram for given weeks of the other's trades.

        Args:
            other: Shape (k, c).
            max_lag: Greatest lag.

        Returns:
            Shape (k, 2 * max_lag + 1), from the most negative lag on.
        """
        lag = other - self.one
        near = np.abs(lag) <= max_lag
        width = 2 * max_lag + 1
        cell = np.arange(len(lag))[:, None] * width + lag + max_lag
        weights = np.broadcast_to(self.weight, lag.shape)[near]
        return np.bincount(cell[near], weights, len(lag) * width).reshape(len(lag), width)

    def maxima(self, max_lag: int, order: Integers) -> Floats:
        """Return the maxima of the cross-correlograms for orders of the other's weeks, (k, w)."""
        values: Floats = self.profile(order[:, self.other], max_lag).max(axis=1)
        return values


def _match(one: Incidence, other: Incidence) -> _Match:
    """Match the trades of two members within the weeks both were active."""
    empty = np.zeros(0, np.int64)
    if not len(one) or not len(other):
        return _Match(0, empty, empty, np.zeros(0))
    start = max(int(one.window.min()), int(other.window.min()))
    stop = min(int(one.window.max()), int(other.window.max())) + 1
    inside = [own.take((own.window >= start) & (own.window < stop)) for own in (one, other)]
    one, other = (own.take(np.argsort(own.stock, kind="stable")) for own in inside)
    low = np.searchsorted(other.stock, one.stock, side="left")
    count = np.searchsorted(other.stock, one.stock, side="right") - low
    # Of the one's trades, how many are in the same stock.
    same = np.searchsorted(one.stock, one.stock, side="right") - np.searchsorted(
        one.stock, one.stock, side="left"
    )
    mine = np.repeat(np.arange(len(one)), count)
    theirs = np.arange(len(mine)) + np.repeat(low - (np.cumsum(count) - count), count)
    return _Match(
        max(stop - start, 0),
        one.window[mine] - start,
        other.window[theirs] - start,
        1 / np.sqrt(same[mine] * count[mine]),
    )


def _lag_of_maximum(profile: Floats, max_lag: int) -> int:
    """Return the lag of the maximum; 0 where both directions have it."""
    lags = np.flatnonzero(profile >= profile.max() - 1e-9) - max_lag
    if (lags < 0).any() and (lags > 0).any():
        return 0
    return int(lags[np.argmin(np.abs(lags))])

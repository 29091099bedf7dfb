"""Bursts: spells in which a member traded on more days than usual.

The scan statistic of Kulldorff (1997), Communications in Statistics 26, in time, with windows of
several lengths (Nagarwalla 1996, Statistics in Medicine 15). What is counted is days with a
transaction, not transactions: the lines of one day are mostly one decision or one broker's order,
and would make a burst of every rebalancing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from quant.analytics.arrays import Days, Flags, Floats, Integers

# Lengths of the windows, in weekdays: from two days to about a month.
LENGTHS: Final = (2, 3, 5, 10, 21)
MINIMUM_ACTIVE_DAYS: Final = 10
PERMUTATIONS: Final = 999
_MOST_BURSTS: Final = 10
# Permutations scanned at once: bounds the memory.
_BATCH: Final = 256


@dataclass(frozen=True, slots=True)
class Burst:
    """A window with more active days than expected.

    Attributes:
        first: First weekday of the window.
        last: Last weekday of it.
        active_days: Days with a transaction in it.
        expected: As many are expected under the null hypothesis.
        log_likelihood_ratio: Of the window against its expectation.
        p_value: Against the maximum over all windows of each permutation.
    """

    first: np.datetime64
    last: np.datetime64
    active_days: int
    expected: float
    log_likelihood_ratio: float
    p_value: float


@dataclass(frozen=True, slots=True)
class BurstScan:
    """What a scan for bursts found.

    Attributes:
        days: Weekdays from the first to the last active one.
        active_days: Number of active ones.
        bursts: Windows that do not overlap, the most unusual first; empty if not tested.
        p_value: Of the most unusual window; NaN with fewer than 10 active days.
    """

    days: int
    active_days: int
    bursts: tuple[Burst, ...]
    p_value: float


def weekdays(days: Days) -> Days:
    """Return the distinct weekdays of these days, a weekend counting as the Friday before."""
    rolled = np.busday_offset(days, 0, roll="backward")
    return np.unique(rolled)


def scan(active: Flags, rate: Floats, lengths: tuple[int, ...] = LENGTHS) -> Floats:
    """Return the log-likelihood ratio of every window, shape (..., lengths, d).

    A window is placed by its first day; 0 where it does not fit or holds no more than expected.

    Args:
        active: Whether a day is active, shape (..., d).
        rate: Expected active days of each day, shape (d,); their sum is the number of active days.
        lengths: Of the windows, in days.
    """
    d = active.shape[-1]
    ratio = np.zeros((*active.shape[:-1], len(lengths), d))
    counts = _running(active).astype(np.int64)
    expected = _running(rate)
    total = float(expected[-1])
    for place, length in enumerate(lengths):
        if length > d:
            continue
        inside = counts[..., length:] - counts[..., :-length]
        mean = expected[length:] - expected[:-length]
        # Few counts are possible: a table of their ratios is cheaper than logarithms for each.
        table = _log_likelihood_ratio(np.arange(length + 1.0)[:, None], mean, total)
        ratio[..., place, : d - length + 1] = table[inside, np.arange(d - length + 1)]
    return ratio


def _running(values: NDArray[np.generic]) -> Floats:
    sums = np.zeros((*values.shape[:-1], values.shape[-1] + 1))
    np.cumsum(values, axis=-1, out=sums[..., 1:])
    return sums


def _log_likelihood_ratio(inside: Floats, mean: Floats, total: float) -> Floats:
    """Return Kulldorff's ratio of ``inside`` of ``total`` events where ``mean`` are expected."""
    outside = np.maximum(total - inside, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = inside * np.log(inside / mean) + np.where(
            outside > 0, outside * np.log(outside / (total - mean)), 0.0
        )
    return np.where(inside > mean, ratio, 0.0)


def permuted(
    active: Flags, block: Integers, generator: Generator, permutations: int
) -> Iterator[Flags]:
    """Draw the active days anew within blocks of days, in batches of shape (b, d).

    Args:
        active: Whether a day is active, shape (d,).
        block: Number of each day's block, ascending, shape (d,).
        generator: Of the draws.
        permutations: How many.
    """
    bounds = [*np.flatnonzero(np.diff(block, prepend=block[0] - 1)), len(active)]
    for start in range(0, permutations, _BATCH):
        drawn = np.tile(active, (min(_BATCH, permutations - start), 1))
        for first, end in pairwise(bounds):
            drawn[:, first:end] = generator.permuted(drawn[:, first:end], axis=1)
        yield drawn


def find_bursts(
    transaction_day: Days, generator: Generator, permutations: int = PERMUTATIONS
) -> BurstScan:
    """Scan a member's transactions for bursts.

    Null hypothesis: within each calendar year the active days are a random sample of the weekdays
    between the first and the last active one, so that years with more trading are no bursts. The
    p-values are against the maximum over all windows, which corrects for all places and lengths;
    those of second and later bursts are conservative. Ties of the maximum, which is discrete,
    count half (mid-p).

    Args:
        transaction_day: Shape (n,).
        generator: Of the permutations.
        permutations: How many.
    """
    if len(transaction_day) == 0:
        return BurstScan(0, 0, (), np.nan)
    days = weekdays(transaction_day)
    first, last = days[0], days[-1]
    calendar = np.arange(first, last + np.timedelta64(1, "D"))
    calendar = calendar[np.is_busday(calendar)]
    if len(days) < MINIMUM_ACTIVE_DAYS:
        return BurstScan(len(calendar), len(days), (), np.nan)
    active = np.isin(calendar, days)
    block = calendar.astype("datetime64[Y]").astype(np.int64)
    rate = _mean_by_block(active, block)
    observed = scan(active, rate)
    # What is compared is the maximum of each permutation.
    null = np.concatenate(
        [
            scan(drawn, rate).reshape(len(drawn), -1).max(axis=1)
            for drawn in permuted(active, block, generator, permutations)
        ]
    )
    bursts = tuple(_non_overlapping(calendar, active, rate, observed, np.sort(null)))
    return BurstScan(len(calendar), len(days), bursts, bursts[0].p_value if bursts else 1.0)


def _mean_by_block(active: Flags, block: Integers) -> Floats:
    _, place = np.unique(block, return_inverse=True)
    return np.asarray((np.bincount(place, weights=active) / np.bincount(place))[place])


def _non_overlapping(
    calendar: Days, active: Flags, rate: Floats, ratio: Floats, null: Floats
) -> Iterator[Burst]:
    """Yield the windows with the greatest ratios that have no day in common."""
    ratio = ratio.copy()
    lengths = np.array(LENGTHS)
    starts = np.arange(len(calendar))
    for _ in range(_MOST_BURSTS):
        place, start = np.unravel_index(int(np.argmax(ratio)), ratio.shape)
        best = float(ratio[place, start])
        if best <= 0:
            return
        inside = slice(int(start), int(start + lengths[place]))
        yield Burst(
            first=calendar[inside][0],
            last=calendar[inside][-1],
            active_days=int(np.count_nonzero(active[inside])),
            expected=float(rate[inside].sum()),
            log_likelihood_ratio=best,
            p_value=max_statistic_p_value(best, null),
        )
        overlapping = (starts < inside.stop) & (starts + lengths[:, None] > inside.start)
        ratio[overlapping] = 0.0


def max_statistic_p_value(observed: float, null: Floats) -> float:
    """Return the mid-p-value of an observed statistic among sorted ones of the null.

    (1 + number larger + half of the number equal) / (1 + number), the observed one being its tie.
    """
    tolerance = 1e-9 * max(abs(observed), 1.0)
    not_larger = np.searchsorted(null, observed + tolerance, side="right")
    smaller = np.searchsorted(null, observed - tolerance, side="left")
    larger, equal = len(null) - not_larger, not_larger - smaller
    return float((larger + (equal + 1) / 2) / (1 + len(null)))

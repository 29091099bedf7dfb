"""Who traded which stock on which side in which window: what relations are made of."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from quant.analytics.arrays import Days, Flags, Integers, TradeArrays

WEEK: Final = 7
# 1970-01-01 was a Thursday: weeks begin on Mondays, as in ISO 8601.
_MONDAY_OFFSET: Final = 3


@dataclass(frozen=True, slots=True)
class Incidence:
    """Triples of politician, stock side and window; columns of length c.

    Attributes:
        politician: Place in the caller's table of politicians.
        stock: Ticker and side in one number: ``2 * ticker``, one more for a purchase.
        window: Number of the window; consecutive windows have consecutive numbers.
    """

    politician: Integers
    stock: Integers
    window: Integers

    def __len__(self) -> int:
        return len(self.politician)

    def take(self, which: Flags | Integers) -> "Incidence":
        """Return the triples that a mask or an array of places selects."""
        return Incidence(self.politician[which], self.stock[which], self.window[which])


def windows_of(days: Days, length: int = WEEK) -> Integers:
    """Return the number of the window of ``length`` days that each day is in.

    Windows of 7 days are ISO 8601 weeks.
    """
    return (days.astype("datetime64[D]").astype(np.int64) + _MONDAY_OFFSET) // length


def window_start(window: Integers, length: int = WEEK) -> Days:
    """Return the first day of each window."""
    return (np.asarray(window) * length - _MONDAY_OFFSET).astype("datetime64[D]")


def triples_of_trades(
    trades: TradeArrays, days: Days, length: int = WEEK
) -> tuple[Integers, Incidence]:
    """Return the places of the trades that count, and the triple of each, not distinct.

    Trades without a ticker, exchanges and trades without a day do not count.

    Args:
        trades: n trades.
        days: Day of each, shape (n,).
        length: Length of a window, days.
    """
    counted = np.flatnonzero((trades.ticker >= 0) & (trades.side != 0) & ~np.isnat(days))
    return counted, Incidence(
        trades.politician[counted],
        2 * trades.ticker[counted] + (trades.side[counted] > 0),
        windows_of(days[counted], length),
    )


def incidence(trades: TradeArrays, days: Days, length: int = WEEK) -> Incidence:
    """Return the distinct triples of politician, stock side and window.

    Trades count as in ``triples_of_trades``; several of one stock on one side in one window count
    once.

    Args:
        trades: n trades.
        days: Day of each, shape (n,): that of the transaction or of its disclosure.
        length: Length of a window, days.
    """
    triples = triples_of_trades(trades, days, length)[1]
    columns = np.column_stack((triples.politician, triples.stock, triples.window))
    order = np.lexsort(columns.T[::-1])
    ordered = columns[order]
    new = np.ones(len(ordered), np.bool_)
    new[1:] = (np.diff(ordered, axis=0) != 0).any(axis=1)
    return Incidence(*ordered[new].T)


def count_pairs(first: Integers, second: Integers) -> tuple[Integers, Integers, Integers, Integers]:
    """Return the distinct pairs of two non-negative columns, in order.

    Returns:
        Both columns of the distinct pairs, how often each occurs, and its place for each row.
    """
    span = int(second.max(initial=0)) + 1
    keys, places, counts = np.unique(first * span + second, return_inverse=True, return_counts=True)
    one, other = np.divmod(keys, span)
    return one, other, counts, places.ravel()


def pairs_within(group: Integers) -> tuple[Integers, Integers]:
    """Return the places of all pairs of elements that are in the same group.

    Args:
        group: Ascending group of each element, shape (n,).

    Returns:
        Places of the first and the second of each pair; the first is less than the second.
    """
    if not len(group):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    ends = np.searchsorted(group, group, side="right")
    later = ends - np.arange(len(group)) - 1
    first = np.repeat(np.arange(len(group)), later)
    start = np.cumsum(later) - later
    second = first + 1 + np.arange(len(first)) - np.repeat(start, later)
    return first, second

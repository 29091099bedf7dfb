"""Counts of trades by weekday and by week, from the days of the transactions."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from quant.analytics.arrays import Days, Floats, Integers

# 5 January 1970 was a Monday.
_FIRST_MONDAY: Final = 4
_DAY: Final = np.timedelta64(1, "D")


@dataclass(frozen=True, slots=True)
class CountSeries:
    """Trades counted on a grid of days from the first trade to the last; zeros are real.

    Attributes:
        days: Day that each count is of, ascending (``datetime64[D]``), shape (n,).
        counts: Trades, shape (n,).
    """

    days: Days
    counts: Floats

    def __len__(self) -> int:
        return len(self.days)

    @property
    def offsets(self) -> Integers:
        """Calendar days since the first day of the grid, shape (n,)."""
        return (self.days - self.days[:1]).astype(np.int64)


def weekday_counts(transaction_days: Days) -> CountSeries:
    """Count trades on every weekday from the first trade to the last.

    The grid has all days from Monday to Friday, holidays included: on those nobody trades, and
    they are too few to make a cycle. A trade dated on a weekend counts on the Monday after it.

    Args:
        transaction_days: Day of each trade, in any order, shape (m,); NaT is left out.
    """
    days = np.busday_offset(transaction_days[~np.isnat(transaction_days)], 0, roll="forward")
    if not len(days):
        return CountSeries(np.empty(0, "datetime64[D]"), np.empty(0))
    grid = np.arange(days.min(), days.max() + _DAY)
    grid = grid[np.is_busday(grid)]
    counts = np.bincount(np.searchsorted(grid, days), minlength=len(grid))
    return CountSeries(grid, counts.astype(np.float64))


def weekly_counts(transaction_days: Days) -> CountSeries:
    """Count trades in every week, Monday to Sunday, from that of the first trade to the last's.

    Args:
        transaction_days: Day of each trade, in any order, shape (m,); NaT is left out.

    Returns:
        The counts; the day of each is its Monday.
    """
    days = transaction_days[~np.isnat(transaction_days)].astype("datetime64[D]").astype(np.int64)
    if not len(days):
        return CountSeries(np.empty(0, "datetime64[D]"), np.empty(0))
    weeks = (days - _FIRST_MONDAY) // 7
    counts = np.bincount(weeks - weeks.min()).astype(np.float64)
    mondays = (np.arange(len(counts)) + weeks.min()) * 7 + _FIRST_MONDAY
    return CountSeries(mondays.astype("datetime64[D]"), counts)

"""Timing before large moves: the return after a transaction beside the ticker's other windows.

Hindsight: what a window says is known at its close, not at the transaction nor, often, at the
disclosure. The abnormal return of a window is the logarithmic return of the ticker less that of the
benchmark, from the close of the transaction's day (of the last trading day before it, if it is
none) to the close ``horizon`` trading days later, times the side (1 purchase, -1 sale): positive
where the price moved the way that favours the trade.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from quant.analytics.anomalies.combine import fisher_statistic
from quant.analytics.arrays import Days, Floats, Integers, PricePanel

HORIZONS: Final = (5, 21)
# A year of windows: with fewer the tail of their distribution is not known.
MINIMUM_WINDOWS: Final = 252
# Fewest windows of trades of which the member's p-value is formed.
MINIMUM_TESTED: Final = 10
# Starts compared at once: bounds the memory of the gathered columns.
_ROWS: Final = 512


@dataclass(frozen=True, slots=True)
class WindowResult:
    """Windows after n transactions, at one horizon.

    Attributes:
        abnormal_return: Signed, logarithmic; NaN where the window has not closed or has no prices.
        p_value: One-sided (large is unusual), among the ticker's windows closed by then.
        windows: Number of windows it is compared with.
        closed: Day the window closed, from which on it is known; NaT where it has not.
    """

    abnormal_return: Floats
    p_value: Floats
    windows: Integers
    closed: Days


def abnormal_returns(panel: PricePanel, horizon: int) -> Floats:
    """Return the logarithmic return over the benchmark's of every window, by its first day.

    Returns:
        Shape (d - horizon, k); NaN where a price is missing.
    """
    excess = np.log(panel.close) - np.log(panel.benchmark_close)[:, None]
    return np.asarray(excess[horizon:] - excess[:-horizon])


def start_rows(days: Days, transaction_day: Days) -> Integers:
    """Return the place of the last trading day not after each transaction; -1 before the first."""
    return np.searchsorted(days, transaction_day, side="right").astype(np.int64) - 1


def window_p_values(
    panel: PricePanel, rows: Integers, columns: Integers, side: Integers, horizon: int
) -> WindowResult:
    """Compare each trade's window with all windows of its ticker that closed no later.

    Null hypothesis: the trade's window is exchangeable with the ticker's earlier windows.

    Args:
        panel: Prices.
        rows: Place of the first day of each window, -1 without one, shape (n,).
        columns: Column of each trade's ticker, -1 without one, shape (n,).
        side: 1 for a purchase, -1 for a sale, 0 for neither (not tested), shape (n,).
        horizon: Trading days.
    """
    n = len(rows)
    result = WindowResult(
        np.full(n, np.nan),
        np.full(n, np.nan),
        np.zeros(n, dtype=np.int64),
        np.full(n, np.datetime64("NaT", "D")),
    )
    if len(panel.days) <= horizon:
        return result
    returns = abnormal_returns(panel, horizon)
    usable = np.flatnonzero((rows >= 0) & (rows < len(returns)) & (columns >= 0) & (side != 0))
    result.closed[usable] = panel.days[rows[usable] + horizon]
    for start in range(0, len(usable), _ROWS):
        trades = usable[start : start + _ROWS]
        signed = returns[:, columns[trades]] * side[trades]
        own = signed[rows[trades], np.arange(len(trades))]
        earlier = np.arange(len(returns))[:, None] < rows[trades]
        windows = np.count_nonzero(earlier & ~np.isnan(signed), axis=0)
        at_least = np.count_nonzero(earlier & (signed >= own), axis=0)
        tested = ~np.isnan(own) & (windows >= MINIMUM_WINDOWS)
        result.abnormal_return[trades] = own
        result.windows[trades] = windows
        result.p_value[trades] = np.where(tested, (1 + at_least) / (1 + windows), np.nan)
    return result


def date_shift_p_value(
    panel: PricePanel,
    rows: Integers,
    columns: Integers,
    side: Integers,
    horizons: tuple[int, ...] = HORIZONS,
) -> float:
    """Return the p-value that a member's windows are no better than at other times.

    The statistic is Fisher's, of the ranks of the member's windows among all windows of their
    tickers, standardised and summed over the horizons. Its null distribution comes from moving all
    of the member's transactions together by every possible number of trading days, around the end
    of the panel: that keeps what they have in common (one day, one ticker, overlapping windows,
    tickers that move together), so that dependent windows do not count as independent evidence.
    All shifts are evaluated: nothing is random. Politis and Romano (1992), in Exploring the Limits
    of Bootstrap, on circular blocks.

    Args:
        panel: Prices up to the day for which the answer is given.
        rows: Place of the first day of each window, -1 without one, shape (n,).
        columns: Column of each trade's ticker, -1 without one, shape (n,).
        side: 1 for a purchase, -1 for a sale, 0 for neither, shape (n,).
        horizons: Trading days.

    Returns:
        NaN with fewer than 10 closed windows, or less than a year of windows.
    """
    length = len(panel.days) - max(horizons)
    usable = (rows >= 0) & (rows < length) & (columns >= 0) & (side != 0)
    rows, side = rows[usable], side[usable]
    # Only the tickers that are traded are ranked.
    held, columns = np.unique(columns[usable], return_inverse=True)
    if length < MINIMUM_WINDOWS or len(rows) == 0:
        return np.nan
    total = np.zeros(length)
    tested = 0
    for horizon in horizons:
        # One length for all horizons: the windows of a shift are those of one set of days.
        returns = abnormal_returns(panel, horizon)[:length, held]
        tails = np.stack([upper_tail(returns), upper_tail(-returns)])
        shifted = tails[
            np.where(side > 0, 0, 1),
            (rows + np.arange(length)[:, None]) % length,
            columns,
        ]
        counts = np.count_nonzero(~np.isnan(shifted), axis=1)
        tested = max(tested, int(counts[0]))
        # Mean 2 and variance 4 for each term under the null hypothesis.
        total += (fisher_statistic(shifted) - 2 * counts) / np.sqrt(4 * np.maximum(counts, 1))
    if tested < MINIMUM_TESTED:
        return np.nan
    # Shift 0 is the observed one, and counts as one of the null's.
    return float(np.count_nonzero(total >= total[0] - 1e-9) / length)


def upper_tail(values: Floats) -> Floats:
    """Return each value's upper-tail rank among those of its column, in (0, 1]; NaN stays."""
    order = np.argsort(-values, axis=0, kind="stable")  # NaN last
    ranks = np.empty(values.shape, dtype=np.float64)
    np.put_along_axis(ranks, order, np.arange(1.0, len(values) + 1)[:, None], axis=0)
    known = ~np.isnan(values)
    return np.where(known, ranks / np.maximum(np.count_nonzero(known, axis=0), 1), np.nan)

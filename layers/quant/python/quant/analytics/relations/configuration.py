"""The Bipartite Configuration Model of each member's table of stocks by windows.

Source: Saracco, Di Clemente, Gabrielli and Squartini (2015), Scientific Reports 5 10595; solved by
the fixed-point iteration of Vallarano et al. (2021), Scientific Reports 11 15227.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from quant.analytics.arrays import Floats, Integers
from quant.analytics.relations.activity import Incidence, count_pairs

_MOST_STEPS: Final = 300
# Of the margins, relative: far below what a p-value could show.
_TOLERANCE: Final = 1e-7


@dataclass(frozen=True, slots=True)
class MemberTables:
    """Margins of every member's table, and the probabilities that reproduce them.

    Stocks that one member traded in as many windows are alike, so a row stands for all of them.

    Attributes:
        member: Member of each (member, stock) entry, shape (e,).
        stock: Its stock.
        row: Its row.
        times: Windows in which the stocks of each row were traded, shape (r,).
        member_of_row: Member of each row.
        windows: Numbers of the windows in which anybody traded, ascending, shape (w,).
        probability: Of trading a stock of the row in each window, shape (r, w).
    """

    member: Integers
    stock: Integers
    row: Integers
    times: Integers
    member_of_row: Integers
    windows: Integers
    probability: Floats


def member_tables(cells: Incidence) -> MemberTables:
    """Fit the model to each member's table.

    Args:
        cells: Distinct triples of member, stock and window.
    """
    member, stock, times_of_entry, _ = count_pairs(cells.politician, cells.stock)
    row_member, times, stocks, row = count_pairs(member, times_of_entry)
    windows, window = np.unique(cells.window, return_inverse=True)
    busy_member, busy_window, busyness, _ = count_pairs(cells.politician, window.ravel())
    # Every row of a member meets every window of that member.
    first = np.searchsorted(busy_member, row_member, side="left")
    count = np.searchsorted(busy_member, row_member, side="right") - first
    at_row = np.repeat(np.arange(len(times)), count)
    at_busy = np.arange(len(at_row)) + np.repeat(first - (np.cumsum(count) - count), count)
    probability = np.zeros((len(times), len(windows)))
    probability[at_row, busy_window[at_busy]] = _solve(
        at_row, at_busy, times.astype(np.float64), busyness.astype(np.float64), stocks
    )
    return MemberTables(member, stock, row, times, row_member, windows, probability)


def _solve(
    at_row: Integers, at_busy: Integers, times: Floats, busyness: Floats, stocks: Integers
) -> Floats:
    """Return the probability of each cell of all tables.

    Args:
        at_row: Row of each cell, shape (c,).
        at_busy: Window of its member, shape (c,).
        times: Sum of the probabilities of each row.
        busyness: Sum of each window, every row counted ``stocks`` times.
        stocks: Stocks that each row stands for.
    """
    total = np.bincount(at_row, busyness[at_busy], len(times))
    y, x = times / np.sqrt(total), busyness / np.sqrt(_per(at_busy, total[at_row], len(busyness)))
    weight = stocks[at_row].astype(np.float64)
    for _ in range(_MOST_STEPS):
        x = busyness / _sum(at_busy, weight * y[at_row] / (1 + x[at_busy] * y[at_row]), len(x))
        product = x[at_busy] * y[at_row]
        share = _sum(at_row, x[at_busy] / (1 + product), len(y))
        # After the step above the windows' sums are right: what the rows' are off by remains.
        worst = np.abs(share * y / times - 1).max(initial=0)
        y = times / share
        if worst < _TOLERANCE:
            break
    product = x[at_busy] * y[at_row]
    probability: Floats = product / (1 + product)
    return probability


def _sum(at: Integers, values: Floats, length: int) -> Floats:
    return np.bincount(at, values, length)


def _per(at: Integers, values: Floats, length: int) -> Floats:
    """Return one of the equal values at each place."""
    found = np.empty(length)
    found[at] = values
    return found

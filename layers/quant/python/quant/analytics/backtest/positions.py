"""From disclosed trades to the positions that copy them."""

from dataclasses import dataclass

import numpy as np

from quant.analytics.arrays import Days, Flags, Floats, Integers, TradeArrays
from quant.analytics.backtest.rules import Configuration, Side
from quant.analytics.performance.vocabulary import Weighting
from quant.analytics.performance.weights import trade_weights


@dataclass(frozen=True, slots=True)
class Positions:
    """m positions as columns of length m, in the order in which they open.

    Attributes:
        trade: Place of the copied trade in the arrays it came from.
        ticker: Place of the ticker in the price panel.
        sign: 1 where held long, -1 where sold short.
        amount: What the position weighs.
        entry: Row of the panel at whose close it opens.
        exit: Row at whose close it is closed; the number of rows where that is after the last.
    """

    trade: Integers
    ticker: Integers
    sign: Integers
    amount: Floats
    entry: Integers
    exit: Integers

    def __len__(self) -> int:
        return len(self.trade)


def amounts(trades: TradeArrays, weighting: Weighting) -> Floats:
    """Return what each trade weighs, shape (n,): 1, or whole US dollars of at least 1.

    Whole dollars, so that sums over positions that come and go are exact.
    """
    weights = trade_weights(trades.amount_min, trades.amount_max, weighting)
    return np.maximum(np.rint(weights), 1.0)


def action_rows(disclosure_day: Days, days: Days, lag: int) -> Integers:
    """Return the row of the lag-th trading day after each disclosure day, shape (n,).

    Rows from ``len(days)`` on are after the panel; an unknown day (NaT) gives such a row.

    Args:
        disclosure_day: Days of disclosure, shape (n,).
        days: Trading days, ascending, shape (d,).
        lag: At least 1.
    """
    rows = np.searchsorted(days, disclosure_day, side="right") + (lag - 1)
    return np.where(np.isnat(disclosure_day), len(days), rows).astype(np.int64)


def copied(trades: TradeArrays, side: Side) -> Flags:
    """Return which trades a rule may copy: of a side asked for, with a ticker and a disclosure."""
    sides = trades.side > 0 if side is Side.PURCHASES else trades.side != 0
    return sides & (trades.ticker >= 0) & ~np.isnat(trades.disclosure_day)


def open_positions(
    trades: TradeArrays,
    days: Days,
    has_close: Flags,
    configuration: Configuration,
    *,
    first: int = 0,
) -> Positions:
    """Return the positions that copy the trades.

    Args:
        trades: Disclosed trades; ``ticker`` is a column of the panel.
        days: Trading days of the panel, shape (d,).
        has_close: Where the panel has a close, shape (d, k).
        configuration: How to copy.
        first: First row at whose close a position may open.
    """
    entry = action_rows(trades.disclosure_day, days, configuration.lag)
    able = copied(trades, configuration.side) & (entry >= first) & (entry < len(days))
    chosen = np.flatnonzero(able)
    chosen = chosen[has_close[entry[chosen], trades.ticker[chosen]]]
    amount = amounts(trades, configuration.weighting)
    # The largest of those that open together comes last, so it is the last to be displaced.
    chosen = chosen[
        np.lexsort(
            (
                trades.politician[chosen],
                trades.ticker[chosen],
                amount[chosen],
                trades.disclosure_day[chosen],
                entry[chosen],
            )
        )
    ]
    opened = entry[chosen]
    closed = np.minimum(opened + configuration.holding, len(days))
    if configuration.exit_on_reversal:
        closed = np.minimum(closed, _reversals(trades, entry, chosen, len(days)))
    if configuration.max_positions is not None:
        displaced = opened[configuration.max_positions :]
        closed[: len(displaced)] = np.minimum(closed[: len(displaced)], displaced)
    return Positions(
        chosen, trades.ticker[chosen], trades.side[chosen], amount[chosen], opened, closed
    )


def _reversals(trades: TradeArrays, action: Integers, chosen: Integers, rows: int) -> Integers:
    """Return the row at which each chosen trade's opposite is first acted on after its entry."""
    width = rows + 1
    groups = int(trades.ticker.max(initial=-1)) + 1

    def key(which: Integers, side: Integers, row: Integers) -> Integers:
        pair = trades.politician[which] * groups + trades.ticker[which]
        return (pair * 2 + (side > 0)) * width + np.minimum(row, rows)

    able = np.flatnonzero(copied(trades, Side.BOTH))
    opposite = np.sort(key(able, trades.side[able], action[able]))
    own = key(chosen, -trades.side[chosen], action[chosen])
    place = np.searchsorted(opposite, own, side="right")
    found = np.append(opposite, np.iinfo(np.int64).max)[place]
    return np.where(found // width == own // width, found % width, rows)

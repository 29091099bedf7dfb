"""Calendar-time portfolios of disclosed trades.

On each day a portfolio holds the stock of every trade entered within the last ``holding`` trading
days, so that what trades of the same days have in common is in one return, and the variance of the
portfolio's returns has it counted once: Jaffe (1974), Journal of Business 47; Mandelker (1974),
Journal of Financial Economics 1; Fama (1998), Journal of Financial Economics 49.

The weights of a day are those of the close before. They are rebalanced to the trades' amounts every
day, and cost nothing.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from quant.analytics.arrays import (
    Days,
    Flags,
    Floats,
    Integers,
    PricePanel,
    TradeArrays,
)
from quant.analytics.performance.event_study import simple_returns
from quant.analytics.performance.expected_returns import window_sums
from quant.analytics.performance.vocabulary import Event, Weighting
from quant.analytics.performance.weights import trade_weights
from quant.analytics.performance.windows import (
    EXCLUSIONS,
    INCLUDED,
    Codes,
    Exclusion,
    code,
    entry_rows,
    event_days,
    exclusions,
)


class Leg(StrEnum):
    """A portfolio: of the stock bought, of the stock sold, and the first less the second.

    That of the sales holds the sold stock long: a positive alpha says that it did well afterwards.
    """

    PURCHASES = "purchases"
    SALES = "sales"
    DIFFERENCE = "purchases_minus_sales"


@dataclass(frozen=True, slots=True)
class CalendarTimePortfolio:
    """The portfolios on d trading days.

    Attributes:
        holding: Trading days that each trade is held.
        days: Trading days, shape (d,).
        purchases: Simple daily returns of the purchased stock, from the close before, as fractions,
            shape (d,); NaN on days that it holds nothing with a return.
        sales: Of the sold stock, likewise.
        held: Trades that these returns are of, of purchases and of sales, shape (d, 2).
        exclusion: Code of the reason that a trade is in neither, ``INCLUDED`` for none, shape (n,).
    """

    holding: int
    days: Days
    purchases: Floats
    sales: Floats
    held: Integers
    exclusion: Codes

    @property
    def excluded(self) -> dict[str, int]:
        """How many trades are in neither portfolio, by reason."""
        counts = np.bincount(self.exclusion[self.exclusion != INCLUDED], minlength=len(EXCLUSIONS))
        return {reason.value: int(n) for reason, n in zip(EXCLUSIONS, counts, strict=True) if n}


def calendar_time_portfolio(
    trades: TradeArrays,
    prices: PricePanel,
    *,
    event: Event,
    holding: int,
    weighting: Weighting = Weighting.EQUAL,
    is_stock: Flags | None = None,
) -> CalendarTimePortfolio:
    """Return the daily returns of the portfolios of trades.

    A trade earns the returns of the ``holding`` trading days after its entry close, the same as in
    an event study, or of those that have passed. On a day without a close, and on the day after it,
    a ticker has no return and is left out of the average. A return dated t uses prices up to t and
    trades entered before t.

    Args:
        trades: n trades; ``ticker`` refers to the columns of ``prices``.
        prices: Adjusted closes; its days are the trading days.
        event: What entry follows.
        holding: Trading days after entry, at least 1.
        weighting: What a trade weighs.
        is_stock: Which trades the prices of shares measure, shape (n,); None for all.
    """
    days = prices.days
    entry = entry_rows(event_days(trades, event), days, event)
    reasons = exclusions(
        trades,
        is_stock=np.ones(len(trades), dtype=np.bool_) if is_stock is None else is_stock,
        has_prices=np.isfinite(prices.close).any(axis=0),
        entry=entry,
        days=days,
        event=event,
    )
    which = np.flatnonzero(reasons == INCLUDED)
    priced = np.isfinite(prices.close[entry[which], trades.ticker[which]])
    reasons[which[~priced]] = code(Exclusion.PRICE_MISSING)
    which = which[priced]
    used, column = np.unique(trades.ticker[which], return_inverse=True)
    returns = simple_returns(prices.close[:, used])
    weights = trade_weights(trades.amount_min, trades.amount_max, weighting)[which]
    cells = entry[which] * len(used) + column
    bought = trades.side[which] > 0
    purchases, bought_held = _leg(cells[bought], weights[bought], returns, holding)
    sales, sold_held = _leg(cells[~bought], weights[~bought], returns, holding)
    return CalendarTimePortfolio(
        holding, days, purchases, sales, np.column_stack([bought_held, sold_held]), reasons
    )


def _leg(
    cells: Integers, weights: Floats, returns: Floats, holding: int
) -> tuple[Floats, Integers]:
    """Return one portfolio's daily returns and how many trades they are of, shape (d,) each.

    Args:
        cells: Place of each trade's entry in ``returns``, row by row, shape (m,).
        weights: Shape (m,).
        returns: Simple daily returns of k tickers, shape (d, k); NaN where unknown.
        holding: Trading days.
    """
    days, tickers = returns.shape
    leg, count = np.full(days, np.nan), np.zeros(days, dtype=np.int64)
    if not len(cells):
        return leg, count
    known = np.isfinite(returns[1:])

    def held(values: Floats | None) -> Floats:
        # What was entered within the holding days up to the close before.
        entered = np.bincount(cells, values, days * tickers).reshape(days, tickers)
        return np.where(known, window_sums(entered.astype(np.float64), holding)[:-1], 0.0)

    amounts = held(weights)
    total = amounts.sum(axis=1)
    earned = (amounts * np.where(known, returns[1:], 0.0)).sum(axis=1)
    np.divide(earned, total, out=leg[1:], where=total > 0)
    count[1:] = held(None).sum(axis=1)
    return leg, count

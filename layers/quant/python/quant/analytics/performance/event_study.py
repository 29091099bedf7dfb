"""Abnormal returns of trades after disclosure or transaction: CAR and BHAR."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from quant.analytics.arrays import (
    FactorPanel,
    Flags,
    Floats,
    Integers,
    PricePanel,
    TradeArrays,
)
from quant.analytics.performance.daily import DailyReturns
from quant.analytics.performance.expected_returns import (
    Factors,
    benchmark_windows,
    estimate_loadings,
    fama_french_factors,
    market_factors,
    model_windows,
    unit_loadings,
)
from quant.analytics.performance.vocabulary import HORIZONS, Event, Model
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


@dataclass(frozen=True, slots=True)
class AbnormalReturns:
    """Abnormal returns of n trades at each of the horizons, of the stock: not signed by the side.

    Attributes:
        horizons: Trading days after entry.
        entry: Row of the entry close, shape (n,).
        car: Cumulative abnormal return, the sum of actual less expected daily returns, as a
            fraction, shape (n, h); NaN where excluded.
        bhar: Buy-and-hold abnormal return, the compounded actual less the compounded expected
            return, likewise.
        exclusion: Code of the reason, ``INCLUDED`` for none, shape (n, h).
        daily: What they are the sums of; None where every trade is excluded.
    """

    horizons: tuple[int, ...]
    entry: Integers
    car: Floats
    bhar: Floats
    exclusion: Codes
    daily: DailyReturns | None

    def __len__(self) -> int:
        return len(self.entry)

    def take(self, which: Flags | Integers) -> "AbnormalReturns":
        """Return those of the trades that a mask or an array of places selects."""
        return AbnormalReturns(
            self.horizons,
            self.entry[which],
            self.car[which],
            self.bhar[which],
            self.exclusion[which],
            None if self.daily is None else self.daily.take(which),
        )

    @property
    def included(self) -> Flags:
        """Which trades have a return at which horizon, shape (n, h)."""
        return np.asarray(self.exclusion == INCLUDED)

    def excluded(self, horizon: int) -> dict[str, int]:
        """Return how many trades have no return at a horizon, by reason."""
        codes = self.exclusion[:, self.horizons.index(horizon)]
        counts = np.bincount(codes[codes != INCLUDED], minlength=len(EXCLUSIONS))
        return {reason.value: int(n) for reason, n in zip(EXCLUSIONS, counts, strict=True) if n}


def simple_returns(close: Floats) -> Floats:
    """Return simple daily returns of closes along the first axis; the first row is NaN."""
    returns = np.full(close.shape, np.nan)
    returns[1:] = close[1:] / close[:-1] - 1
    return returns


def abnormal_returns(
    trades: TradeArrays,
    prices: PricePanel,
    *,
    event: Event,
    model: Model,
    is_stock: Flags | None = None,
    factors: FactorPanel | None = None,
    horizons: Sequence[int] = HORIZONS,
) -> AbnormalReturns:
    """Return the abnormal returns of trades.

    A return dated t uses prices up to t and no later ones, so what is reported for a window that
    has closed never changes with what comes after.

    Args:
        trades: n trades; ``ticker`` refers to the columns of ``prices``.
        prices: Adjusted closes; its days are the trading days.
        event: What the windows follow.
        model: What return is expected.
        is_stock: Which trades the prices of shares measure, shape (n,); None for all.
        factors: Daily Fama-French factors, which ``Model.FAMA_FRENCH`` needs; without them every
            trade is excluded.
        horizons: Trading days after entry, ascending.
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
    if model is Model.FAMA_FRENCH and factors is None:
        reasons[reasons == INCLUDED] = code(Exclusion.FACTORS_MISSING)
    car = np.full((len(trades), len(horizons)), np.nan)
    bhar = car.copy()
    codes = np.repeat(reasons[:, None], len(horizons), axis=1)
    which = np.flatnonzero(reasons == INCLUDED)
    daily = None
    if which.size:
        used, column = np.unique(trades.ticker[which], return_inverse=True)
        close = prices.close[:, used]
        returns = simple_returns(close)
        ends = np.minimum(entry[which, None] + np.asarray(horizons), len(days) - 1)
        by = _factors(prices, model, factors)
        if model is Model.MARKET_ADJUSTED:
            loadings = unit_loadings(len(which))
            expected = benchmark_windows(
                prices.benchmark_close, by.returns[:, 0], entry[which], horizons
            )
        else:
            loadings = estimate_loadings(returns, by, entry[which], column)
            expected = model_windows(by, loadings, entry[which], horizons)
        actual_sum, actual_growth = _actual(close, returns, entry[which], column, ends)
        car[which] = actual_sum - expected.sums
        bhar[which] = actual_growth - expected.growth
        codes[which] = np.select(
            [
                entry[which, None] + np.asarray(horizons) >= len(days),
                ~np.isfinite(actual_sum),
                ~expected.estimated[:, None],
                ~np.isfinite(expected.sums),
            ],
            [
                np.int8(code(Exclusion.WINDOW_OPEN)),
                np.int8(code(Exclusion.PRICE_MISSING)),
                np.int8(code(Exclusion.ESTIMATION_WINDOW_SHORT)),
                np.int8(code(Exclusion.FACTORS_MISSING)),
            ],
            np.int8(INCLUDED),
        )
        absent = codes != INCLUDED
        car[absent] = bhar[absent] = np.nan
        daily = DailyReturns.of(returns, by, loadings, entry[which], column).spread(
            which, len(trades)
        )
    return AbnormalReturns(tuple(horizons), entry, car, bhar, codes, daily)


def _factors(prices: PricePanel, model: Model, panel: FactorPanel | None) -> Factors:
    if model is Model.FAMA_FRENCH and panel is not None:
        return fama_french_factors(panel, prices.days)
    return market_factors(simple_returns(prices.benchmark_close))


def _actual(
    close: Floats, returns: Floats, entry: Integers, column: Integers, ends: Integers
) -> tuple[Floats, Floats]:
    """Return sums and growth of the actual returns, shape (n, h) each; NaN with a price missing."""
    # Sums of returns and counts of missing ones up to each row: a window is a difference of two.
    sums = np.cumsum(np.where(np.isfinite(returns), returns, 0.0), axis=0)
    missing = np.cumsum(~np.isfinite(returns), axis=0, dtype=np.int32)
    at = column[:, None]
    first = close[entry, column][:, None]
    gaps = ~np.isfinite(first) | (missing[ends, at] > missing[entry, column][:, None])
    total = np.where(gaps, np.nan, sums[ends, at] - sums[entry, column][:, None])
    return total, close[ends, at] / first

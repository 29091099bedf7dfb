"""Daily returns and trading of portfolios whose weights are known at the closes before."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from quant.analytics.arrays import Days, FactorPanel, Flags, Floats, PricePanel
from quant.analytics.backtest.positions import Positions

# Trading days over which dollar volume is averaged: one month.
VOLUME_DAYS: Final = 21
# Numbers worked on at once, so that they stay in the processor's cache.
_BLOCK: Final = 2**16


@dataclass(frozen=True, slots=True)
class Market:
    """A price panel as returns, on d trading days and k tickers.

    Attributes:
        days: Trading days, ascending, shape (d,).
        has_close: Where there is a close, shape (d, k).
        close: Closes, the last one kept where there is none, NaN before the first, shape (d, k).
        growth: Close over the close before, 1 where either is missing, shape (d, k).
        benchmark: Symbol of the benchmark; None without one.
        benchmark_return: Its daily returns, 0 where a close is missing, shape (d,).
        risk_free: Daily risk-free rate, 0 where it is not known, shape (d,).
        risk_free_known: On which days it is known, shape (d,).
        dollar_volume: Mean dollar volume of the last 21 trading days with one, to the day itself;
            NaN where there is none, shape (d, k); None where no volume is known.
    """

    days: Days
    has_close: Flags
    close: Floats
    growth: Floats
    benchmark: str | None
    benchmark_return: Floats
    risk_free: Floats
    risk_free_known: Flags
    dollar_volume: Floats | None

    def __len__(self) -> int:
        return len(self.days)

    def rows(self, low: int, high: int) -> "Market":
        """Return the market of the rows from ``low`` to before ``high``."""
        part = slice(low, high)
        return replace(
            self,
            days=self.days[part],
            has_close=self.has_close[part],
            close=self.close[part],
            growth=self.growth[part],
            benchmark_return=self.benchmark_return[part],
            risk_free=self.risk_free[part],
            risk_free_known=self.risk_free_known[part],
            dollar_volume=None if self.dollar_volume is None else self.dollar_volume[part],
        )


def _carried(close: Floats) -> tuple[Flags, Floats, Floats]:
    """Return where there are closes, the closes carried forward and their growth, each (d, k)."""
    present = np.isfinite(close) & (close > 0)
    row = np.where(present, np.arange(len(close))[:, None], -1)
    np.maximum.accumulate(row, axis=0, out=row)
    carried = np.take_along_axis(close, np.maximum(row, 0), axis=0) if len(close) else close
    carried = np.where(row >= 0, carried, np.nan)
    growth = np.ones_like(carried)
    np.divide(carried[1:], carried[:-1], out=growth[1:], where=row[:-1] >= 0)
    return present, carried, growth


def market(
    prices: PricePanel,
    *,
    factors: FactorPanel | None = None,
    dollar_volume: Floats | None = None,
) -> Market:
    """Return a price panel as returns.

    Args:
        prices: Adjusted closes.
        factors: Their risk-free rate is what cash earns; nothing on days that they lack.
        dollar_volume: Unadjusted close times shares traded, US dollars, shape (d, k); NaN where
            not known.
    """
    present, carried, growth = _carried(prices.close)
    _, _, benchmark_growth = _carried(prices.benchmark_close[:, None])
    risk_free, known = np.zeros(len(prices.days)), np.zeros(len(prices.days), dtype=bool)
    if factors is not None and len(factors.days):
        place = np.minimum(np.searchsorted(factors.days, prices.days), len(factors.days) - 1)
        known = (factors.days[place] == prices.days) & np.isfinite(factors.risk_free[place])
        risk_free = np.where(known, factors.risk_free[place], 0.0)
    return Market(
        days=prices.days,
        has_close=present,
        close=carried,
        growth=growth,
        benchmark=prices.benchmark,
        benchmark_return=benchmark_growth[:, 0] - 1,
        risk_free=risk_free,
        risk_free_known=known,
        dollar_volume=None if dollar_volume is None else _trailing_mean(dollar_volume),
    )


def _trailing_mean(values: Floats) -> Floats:
    """Return the mean of the known among the last 21 rows, shape (d, k)."""
    known = np.isfinite(values)
    filled = np.where(known, values, 0.0)
    # Windows, not differences of running totals, which would leave rounding of what is long past.
    total, count = filled.copy(), known.astype(np.float64)
    for back in range(1, min(VOLUME_DAYS, len(values))):
        total[back:] += filled[:-back]
        count[back:] += known[:-back]
    return np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)


@dataclass(frozen=True, slots=True)
class Path:
    """What portfolios earn and trade; row t as of the close of day t.

    Attributes:
        growth: Value before costs over that of the day before, shape (..., d); 1 in the first row.
        traded: Sum over tickers of the distance from drifted to new weights, shape (..., d).
    """

    growth: Floats
    traded: Floats

    def returns(self, cost_rate: Floats | float) -> Floats:
        """Return daily returns after costs, shape (..., d).

        A portfolio whose value would fall to nothing, as one that is short can, loses all that is
        left on that day and stands still after it.
        """
        left = np.maximum(self.growth, 0.0) * np.maximum(1 - cost_rate * self.traded, 0.0)
        ruined = np.logical_or.accumulate(left <= 0, axis=-1)
        left[..., 1:][ruined[..., :-1]] = 1.0
        return np.asarray(left - 1)


def running_amounts(positions: Positions, days: int, tickers: int) -> tuple[Floats, Floats]:
    """Return the signed amounts held after each close and the amounts held in all.

    Differences placed at the closes where positions open and end, then summed up; amounts are whole
    numbers, so the sums are exact.

    Returns:
        Arrays of shape (d, k) and (d,).
    """
    entry, until = positions.entry, np.minimum(positions.exit, days)
    signed = positions.sign * positions.amount
    cells = np.concatenate([entry * tickers, until * tickers]) + np.tile(positions.ticker, 2)
    held = np.bincount(
        cells, weights=np.concatenate([signed, -signed]), minlength=(days + 1) * tickers
    ).reshape(days + 1, tickers)[:days]
    total = np.bincount(
        np.concatenate([entry, until]),
        weights=np.concatenate([positions.amount, -positions.amount]),
        minlength=days + 1,
    )[:days]
    return np.cumsum(held, axis=0, out=held), np.cumsum(total)


def weigh(held: Floats, total: Floats, limit: Floats | float | None = None) -> Floats:
    """Return weights: signed amounts over the amounts in all, within limits, shape (..., d, k)."""
    scale = np.divide(1.0, total, out=np.zeros_like(total), where=total > 0)
    weights = held * scale[..., None]
    return weights if limit is None else np.clip(weights, -limit, limit, out=weights)


def advance(weights: Floats, growth: Floats, risk_free: Floats) -> Path:
    """Return the path of portfolios over b days.

    Args:
        weights: After the close before the first day and after those of the days, shape
            (..., b + 1, k).
        growth: Of the tickers on the days, shape (b, k).
        risk_free: Rate on the days, shape (b,).
    """
    new = weights[..., 1:, :]
    old = weights[..., :-1, :]
    moved = old * growth
    grown = moved.sum(axis=-1) + (1 - old.sum(axis=-1)) * (1 + risk_free)
    moved *= np.divide(1.0, grown, out=np.zeros_like(grown), where=grown > 0)[..., None]
    moved -= new
    traded = np.abs(moved, out=moved).sum(axis=-1)
    return Path(grown, traded)


def blocks(days: int, width: int) -> Iterator[tuple[int, int]]:
    """Return the first row of each block and the one after its last.

    Args:
        days: Rows in all.
        width: Numbers in a row.
    """
    rows = max(_BLOCK // max(width, 1), 1)
    for low in range(0, days, rows):
        yield low, min(low + rows, days)


def follow(weights: Floats, market: Market) -> Path:
    """Return the path of one portfolio that holds nothing before the first row.

    Args:
        weights: After each close, shape (d, k).
        market: The d days' returns.
    """
    days = len(weights)
    growth, traded = np.ones(days), np.zeros(days)
    for low, high in blocks(days, weights.shape[1]):
        before = weights[low - 1 : low] if low else np.zeros((1, weights.shape[1]))
        path = advance(
            np.concatenate([before, weights[low:high]]),
            market.growth[low:high],
            market.risk_free[low:high],
        )
        growth[low:high], traded[low:high] = path.growth, path.traded
    growth[:1] = 1.0
    return Path(growth, traded)

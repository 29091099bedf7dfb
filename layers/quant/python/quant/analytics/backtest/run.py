"""Backtest one way to copy a set of trades."""

from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from quant.analytics.arrays import Days, Flags, Floats, Integers, TradeArrays
from quant.analytics.backtest.portfolio import Market, Path, follow, running_amounts, weigh
from quant.analytics.backtest.positions import Positions, action_rows, copied, open_positions
from quant.analytics.backtest.rules import Configuration


@dataclass(frozen=True, slots=True)
class Backtest:
    """What copying a set of trades did, from the first close at which a position opened.

    Attributes:
        market: The panel's rows from that close on, d of them.
        positions: Their rows are rows of that panel; without those displaced as they opened.
        path: Growth before costs and trading, each of shape (d,).
        exposure: Sum of absolute weights after each close, shape (d,).
        net: Sum of weights after each close, shape (d,).
        returns: After costs, shape (d - 1,): of the days after the first. The cost of the first
            close is in the first of them.
        equity: Value of one dollar, shape (d,); 1 in the first row.
        excluded: Trades that opened no position, by reason.
        capacity: Greatest capital at which, on 95 % of the days with positions, each ticker's
            position is within the share of its dollar volume; None where no volume is known.
        volume_known: Share of the exposure for which the dollar volume is known.
    """

    market: Market
    positions: Positions
    path: Path
    exposure: Floats
    net: Floats
    returns: Floats
    equity: Floats
    excluded: dict[str, int]
    capacity: float | None
    volume_known: float

    @property
    def days(self) -> Days:
        """Days of the equity curve, shape (d,)."""
        return self.market.days

    @property
    def risk_free(self) -> Floats:
        """The risk-free rate on the days of the returns, shape (d - 1,)."""
        return self.market.risk_free[1:]

    @property
    def benchmark_returns(self) -> Floats:
        """The benchmark's returns on the days of the returns, shape (d - 1,)."""
        return self.market.benchmark_return[1:]

    def outcomes(self) -> tuple[Positions, Floats, Floats]:
        """Return the positions that were closed, their returns and the benchmark's beside them.

        Before costs; of a position sold short, the return is that of the short sale. From the close
        at which it opened to that at which it was closed.
        """
        closed = np.flatnonzero(self.positions.exit < len(self.market))
        of = take(self.positions, closed)
        close = self.market.close
        own = of.sign * (close[of.exit, of.ticker] / close[of.entry, of.ticker] - 1)
        index = np.cumprod(1 + self.market.benchmark_return)
        return of, own, of.sign * (index[of.exit] / index[of.entry] - 1)


def take(positions: Positions, which: Flags | Integers) -> Positions:
    """Return the positions that a mask or an array of places selects."""
    return Positions(
        *(
            getattr(positions, name)[which]
            for name in ("trade", "ticker", "sign", "amount", "entry", "exit")
        )
    )


def run_backtest(
    trades: TradeArrays,
    market: Market,
    configuration: Configuration,
    *,
    start: date | None = None,
    end: date | None = None,
    capacity_share: float = 0.01,
) -> Backtest | None:
    """Return what copying the trades did.

    Args:
        trades: Disclosed trades; ``ticker`` is a column of the market.
        market: Returns.
        configuration: How to copy.
        start: First day at whose close a position may open; None for the panel's first.
        end: Last day of the curve; None for the panel's last.
        capacity_share: Share of the dollar volume that ``capacity`` is about where the
            configuration has none.

    Returns:
        None where no position opens.
    """
    first, last = window(market.days, start, end)
    shown = market.rows(0, last)
    positions = open_positions(trades, shown.days, shown.has_close, configuration, first=first)
    excluded = _excluded(trades, shown, configuration, positions, first)
    positions = take(positions, positions.exit > positions.entry)
    if not len(positions):
        return None
    begin = int(positions.entry.min())
    positions = replace(positions, entry=positions.entry - begin, exit=positions.exit - begin)
    shown = shown.rows(begin, last)
    held, total = running_amounts(positions, *shown.growth.shape)
    wanted = weigh(held, total)
    weights = np.clip(wanted, *limits(shown, configuration))
    path = follow(weights, shown)
    equity, returns = compounded(path.returns(configuration.cost_rate))
    capacity, known = _capacity(wanted, shown, configuration.capacity_share or capacity_share)
    return Backtest(
        market=shown,
        positions=positions,
        path=path,
        exposure=np.abs(weights).sum(axis=1),
        net=weights.sum(axis=1),
        returns=returns,
        equity=equity,
        excluded=excluded,
        capacity=capacity,
        volume_known=known,
    )


def window(days: Days, start: date | None, end: date | None) -> tuple[int, int]:
    """Return the first row of a window and the one after its last."""
    first = 0 if start is None else int(np.searchsorted(days, np.datetime64(start)))
    last = len(days) if end is None else int(np.searchsorted(days, np.datetime64(end), "right"))
    return first, last


def compounded(daily: Floats) -> tuple[Floats, Floats]:
    """Return the equity curve that begins with 1 and the returns between its rows.

    What the first close costs is taken from the return of the day after, shapes (..., d) and
    (..., d - 1).
    """
    returns = daily[..., 1:].copy()
    if returns.shape[-1]:
        returns[..., 0] = (1 + daily[..., 0]) * (1 + returns[..., 0]) - 1
    start = np.ones((*daily.shape[:-1], 1))
    return np.concatenate([start, np.cumprod(1 + returns, axis=-1)], axis=-1), returns


def limits(market: Market, configuration: Configuration) -> tuple[Floats, Floats]:
    """Return the least and greatest weight of each ticker after each close."""
    limit = np.full((1, 1), configuration.position_cap)
    if configuration.capacity_share is not None and market.dollar_volume is not None:
        share = configuration.capacity_share * market.dollar_volume / configuration.capital
        limit = np.fmin(share, configuration.position_cap)
    return -limit, limit


def _capacity(weights: Floats, market: Market, share: float) -> tuple[float | None, float]:
    """Return the capacity of weights and the share of their exposure with a known volume."""
    if market.dollar_volume is None:
        return None, 0.0
    size = np.abs(weights)
    known = np.isfinite(market.dollar_volume) & (size > 0)
    room = np.divide(
        share * market.dollar_volume, size, out=np.full_like(size, np.inf), where=known
    ).min(axis=1, initial=np.inf)
    room = room[np.isfinite(room)]
    part = float(size[known].sum() / size.sum()) if size.any() else 0.0
    return (float(np.quantile(room, 0.05)) if len(room) else None), part


def _excluded(
    trades: TradeArrays,
    market: Market,
    configuration: Configuration,
    positions: Positions,
    first: int,
) -> dict[str, int]:
    """Return how many trades opened no position, by the first reason that holds."""
    entry = action_rows(trades.disclosure_day, market.days, configuration.lag)
    opened = np.zeros(len(trades), dtype=bool)
    opened[positions.trade[positions.exit > positions.entry]] = True
    displaced = np.zeros(len(trades), dtype=bool)
    displaced[positions.trade] = True
    left = ~opened
    counts = {}
    for reason, holds in (
        ("no_ticker", trades.ticker < 0),
        ("no_disclosure_date", np.isnat(trades.disclosure_day)),
        ("side_not_copied", ~copied(trades, configuration.side)),
        ("outside_the_period", (entry < first) | (entry >= len(market))),
        ("displaced_as_it_opened", displaced),
        ("no_price_on_the_entry_day", left),
    ):
        counts[reason] = int((left & holds).sum())
        left &= ~holds
    return counts

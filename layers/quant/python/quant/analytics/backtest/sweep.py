"""Many ways to copy the same trades, backtested together.

Configurations that differ in costs alone share their portfolios; those that differ in the holding
period share the amounts opened so far: what is open after a close is what was opened by then less
what was opened by the holding period before.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import product
from typing import Final

import numpy as np

from quant.analytics.arrays import Flags, Floats, Integers, TradeArrays
from quant.analytics.backtest.portfolio import (
    Market,
    Path,
    advance,
    blocks,
    follow,
    running_amounts,
    weigh,
)
from quant.analytics.backtest.positions import Positions, open_positions
from quant.analytics.backtest.rules import Configuration
from quant.analytics.backtest.run import compounded, limits, window
from quant.analytics.backtest.sharpe import Moments, moments
from quant.analytics.performance.vocabulary import Weighting

# What the platform tries for each rule, hence the trials that a deflated Sharpe ratio counts.
LAGS: Final = (1, 2, 5, 10, 21)
HOLDINGS: Final = (5, 10, 21, 63, 126, 252)
WEIGHTINGS: Final = tuple(Weighting)


def grid(
    base: Configuration,
    *,
    lags: Sequence[int] = LAGS,
    holdings: Sequence[int] = HOLDINGS,
    weightings: Sequence[Weighting] = WEIGHTINGS,
    costs_bps: Sequence[float] | None = None,
) -> tuple[Configuration, ...]:
    """Return a configuration for each combination; the rest is as in ``base``."""
    costs = (base.cost_bps,) if costs_bps is None else costs_bps
    return tuple(
        replace(base, lag=lag, holding=holding, weighting=weighting, cost_bps=cost)
        for lag, weighting, holding, cost in product(lags, weightings, holdings, costs)
    )


@dataclass(frozen=True, slots=True)
class Sweep:
    """n backtests over the same d days.

    Attributes:
        rule: Place of the rule, shape (n,).
        configuration: Place of the configuration, shape (n,).
        first: Row at whose close the first position opens; d where none does, shape (n,).
        returns: After costs, 0 up to and with that row, shape (n, d). What its close costs is in
            the return of the day after.
        excess: The same less the risk-free rate.
        moments: Of the excess returns of the days after that row, members of shape (n,).
    """

    rule: Integers
    configuration: Integers
    first: Integers
    returns: Floats
    excess: Floats
    moments: Moments

    @property
    def sharpe_variance(self) -> float:
        """Variance of the daily Sharpe ratios over the backtests; NaN with fewer than two."""
        ratios = self.moments.sharpe
        ratios = ratios[np.isfinite(ratios)]
        return float(ratios.var(ddof=1)) if len(ratios) > 1 else float("nan")


def sweep(
    trades: TradeArrays,
    market: Market,
    rules: Sequence[Flags],
    configurations: Sequence[Configuration],
    *,
    start: date | None = None,
    end: date | None = None,
) -> Sweep:
    """Backtest every configuration for every rule.

    Args:
        trades: Disclosed trades; ``ticker`` is a column of the market.
        market: Returns.
        rules: Which trades each rule copies, each of shape (len(trades),).
        configurations: How to copy.
        start: First day at whose close a position may open; None for the panel's first.
        end: Last day; None for the panel's last.

    Returns:
        The backtests, those of the first rule first, in the order of the configurations.
    """
    low, high = window(market.days, start, end)
    shown = market.rows(0, high)
    count, days = len(configurations), len(shown)
    returns, excess = np.zeros((2, len(rules) * count, days))
    first = np.full(len(rules) * count, days, dtype=np.int64)
    of = Moments(*(np.full(len(first), np.nan) for _ in range(5)))
    groups: dict[Configuration, list[int]] = {}
    for place, configuration in enumerate(configurations):
        key = replace(configuration, holding=1, cost_bps=0.0, slippage_bps=0.0)
        groups.setdefault(key, []).append(place)
    for rule, mask in enumerate(rules):
        chosen = trades.take(mask)
        for places in groups.values():
            members = [configurations[place] for place in places]
            rows = rule * count + np.array(places)
            opened, daily = _group(chosen, shown, members, low)
            first[rows] = opened
            if opened >= days:
                continue
            _, after = compounded(daily)
            returns[rows, opened + 1 :] = after
            over = after - shown.risk_free[opened + 1 :]
            excess[rows, opened + 1 :] = over
            part = moments(over)
            for name in ("observations", "mean", "deviation", "skewness", "kurtosis"):
                getattr(of, name)[rows] = getattr(part, name)
    rule_place, configuration_place = np.divmod(np.arange(len(first)), max(count, 1))
    return Sweep(rule_place, configuration_place, first, returns, excess, of)


def _group(
    trades: TradeArrays, market: Market, members: Sequence[Configuration], low: int
) -> tuple[int, Floats]:
    """Return the first row with a position and the daily returns from it on.

    Args:
        trades: The trades that the rule copies.
        market: Returns.
        members: Configurations that differ in holding period and costs alone.
        low: First row at whose close a position may open.

    Returns:
        The row and the returns of shape (len(members), d - row).
    """
    holdings = sorted({member.holding for member in members})
    longest = replace(members[0], holding=holdings[-1])
    positions = open_positions(trades, market.days, market.has_close, longest, first=low)
    if not len(positions):
        return len(market), np.zeros((len(members), 0))
    begin = int(positions.entry.min())
    shown = market.rows(begin, len(market))
    if longest.exit_on_reversal or longest.max_positions is not None:
        paths = [
            _alone(trades, market, replace(longest, holding=holding), begin) for holding in holdings
        ]
        growth = np.stack([path.growth for path in paths])
        traded = np.stack([path.traded for path in paths])
    else:
        moved = replace(positions, entry=positions.entry - begin)
        growth, traded = _together(moved, shown, holdings, longest)
    place = np.array([holdings.index(member.holding) for member in members])
    rates = np.array([member.cost_rate for member in members])
    path = Path(growth[place], traded[place])
    return begin, path.returns(rates[:, None])


def _alone(trades: TradeArrays, market: Market, configuration: Configuration, begin: int) -> Path:
    """Return the path of one configuration from row ``begin`` on."""
    positions = open_positions(trades, market.days, market.has_close, configuration, first=begin)
    positions = replace(positions, entry=positions.entry - begin, exit=positions.exit - begin)
    shown = market.rows(begin, len(market))
    held, total = running_amounts(positions, *shown.growth.shape)
    return follow(np.clip(weigh(held, total), *limits(shown, configuration)), shown)


def _together(
    positions: Positions, market: Market, holdings: Sequence[int], configuration: Configuration
) -> tuple[Floats, Floats]:
    """Return growth and trading of portfolios that differ in the holding period, shape (h, d)."""
    days, tickers = market.growth.shape
    ever = replace(positions, exit=np.full(len(positions), days))
    held, total = running_amounts(ever, days, tickers)
    # Row r + 1 is the close of row r, row 0 the time before any.
    held = np.concatenate([np.zeros((1, tickers)), held])
    total = np.concatenate([np.zeros(1), total])
    least, greatest = limits(market, configuration)
    limited = len(greatest) > 1 or float(greatest.min()) < 1
    growth, traded = np.ones((len(holdings), days)), np.zeros((len(holdings), days))
    for low, high in blocks(days, len(holdings) * tickers):
        rows = np.arange(low, high + 1)
        earlier = np.maximum(rows - np.array(holdings)[:, None], 0)
        weights = weigh(held[low : high + 1] - held[earlier], total[rows] - total[earlier])
        if limited:
            part = slice(low, high) if len(greatest) > 1 else slice(None)
            np.clip(weights[:, 1:], least[part], greatest[part], out=weights[:, 1:])
            if low:
                before = slice(low - 1, low) if len(greatest) > 1 else slice(None)
                np.clip(weights[:, :1], least[before], greatest[before], out=weights[:, :1])
        path = advance(weights, market.growth[low:high], market.risk_free[low:high])
        growth[:, low:high], traded[:, low:high] = path.growth, path.traded
    growth[:, :1] = 1.0
    return growth, traded

"""A sweep of 1,000 backtests beside a pandas loop and beside vectorbt."""

import time
from collections.abc import Callable

import numpy as np
import pandas as pd
import vectorbt
from backtest_support import made_up_prices, made_up_trades
from report import Report, Sample, package_versions, sample

from quant.analytics.arrays import PricePanel, TradeArrays
from quant.analytics.backtest.portfolio import market, running_amounts, weigh
from quant.analytics.backtest.positions import amounts, open_positions
from quant.analytics.backtest.rules import Configuration
from quant.analytics.backtest.run import run_backtest
from quant.analytics.backtest.sweep import Sweep, grid, sweep
from quant.analytics.performance.vocabulary import Weighting

ROUNDS = 5
TRADES, TICKERS, DAYS, RULES = 10_000, 100, 2_520, 5
CONFIGURATIONS = grid(
    Configuration(),
    lags=(1, 2, 5, 10, 21),
    holdings=(5, 21, 63, 126, 252),
    weightings=(Weighting.EQUAL, Weighting.MIDPOINT),
    costs_bps=(0, 2, 5, 10),
)
# Those that the others are timed on, spread over rules and configurations.
MEASURED = 15


def run() -> Report:
    rng = np.random.default_rng(20240101)
    prices = made_up_prices(rng, DAYS, TICKERS)
    trades = made_up_trades(rng, TRADES, prices, politicians=100)
    rules = [trades.politician % RULES == rule for rule in range(RULES)]
    everything = len(rules) * len(CONFIGURATIONS)

    def platform() -> Sweep:
        return sweep(trades, market(prices), rules, CONFIGURATIONS)

    found = platform()
    swept = _time(platform)
    chosen = np.random.default_rng(1).choice(everything, MEASURED, replace=False)
    taken: dict[str, Sample] = {"quant, one sweep": swept}
    apart: dict[str, dict[bool, float]] = {}
    for name, function in OTHERS.items():
        function(trades.take(rules[0]), prices, CONFIGURATIONS[0])  # vectorbt compiles
        times = []
        worst = {False: 0.0, True: 0.0}
        for place in chosen:
            how = CONFIGURATIONS[found.configuration[place]]
            copied = trades.take(rules[found.rule[place]])
            started = time.perf_counter()
            daily = function(copied, prices, how)
            times.append(time.perf_counter() - started)
            first = found.first[place]
            # From the second day on: the sweep has the first close's costs in the first day's.
            gap = np.abs(daily[first + 2 :] - found.returns[place, first + 2 :]).max()
            worst[how.cost_bps > 0] = max(worst[how.cost_bps > 0], float(gap))
        apart[name] = worst
        taken[name] = sample([value * everything for value in times])
    same = {name: max(worst.values()) for name, worst in apart.items() if name != VECTORBT}
    without_costs, with_costs = apart[VECTORBT][False], apart[VECTORBT][True]
    if max(*same.values(), without_costs) > 1e-10:
        msg = f"the returns are not the same: {apart}"
        raise AssertionError(msg)
    return Report(
        title="Sweep of 1,000 backtests",
        method=(
            f"{everything:,} backtests of {TRADES:,} synthetic trades over {DAYS:,} days and "
            f"{TICKERS} tickers: {RULES} groups of politicians, 5 lags, 5 holding periods, 2 "
            f"weightings, 4 costs. The sweep was run {ROUNDS} times whole, with its moments. The "
            f"others ran the same {MEASURED} of the {everything:,}, drawn at random, one after the "
            f"other, and their times are scaled to {everything:,}; in brackets the fastest and "
            f"slowest of the {MEASURED}, scaled alike. They do again for each configuration what "
            "the sweep shares among them; the second row is our own code without that sharing. "
            "pandas loop: adds each trade to a DataFrame of weights, then computes on that whole. "
            "vectorbt: `Portfolio.from_orders` with target percentages, one group that shares its "
            "cash, sales before purchases, compiled before; its weights come from our difference "
            "arrays, as the loop would be most of its time. Daily returns of the loop differ by at "
            f"most {same['pandas loop']:.0e}, those of vectorbt by {without_costs:.0e} without "
            f"costs and {with_costs:.0e} with them: it takes the fee of each order from the cash, "
            "so that the last purchases of a day find too little and stay below their targets, "
            "where we charge costs to the equity as a whole. It keeps every order, which we do "
            "not. Times in seconds."
        ),
        columns=("", "1,000 backtests", "of the sweep's"),
        rows=tuple((name, str(value), value.ratio(swept)) for name, value in taken.items()),
        versions=package_versions("numpy", "pandas", "vectorbt", "numba"),
        measurements={f"{name}, s": value.values for name, value in taken.items()},
    )


def _time(function: Callable[[], object]) -> Sample:
    taken = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        function()
        taken.append(time.perf_counter() - started)
    return sample(taken)


def _weights(trades: TradeArrays, prices: PricePanel, how: Configuration) -> pd.DataFrame:
    """Weights after each close, one trade after the other."""
    days = pd.DatetimeIndex(prices.days)
    weights = pd.DataFrame(0.0, index=days, columns=list(prices.tickers))
    bought = trades.take(trades.side > 0)
    rows = days.searchsorted(pd.DatetimeIndex(bought.disclosure_day), side="right") + how.lag - 1
    sizes = amounts(bought, how.weighting)
    for entry, ticker, size in zip(rows, bought.ticker, sizes, strict=True):
        if entry < len(days):
            weights.iloc[entry : entry + how.holding, ticker] += size
    return weights.div(weights.sum(axis=1), axis=0).fillna(0.0)


def _pandas(trades: TradeArrays, prices: PricePanel, how: Configuration) -> np.ndarray:
    weights = _weights(trades, prices, how)
    close = pd.DataFrame(prices.close, index=weights.index, columns=weights.columns)
    returns = close.pct_change(fill_method=None).fillna(0.0)
    before = weights.shift(fill_value=0.0)
    gross = (before * returns).sum(axis=1)
    drifted = (before * (1 + returns)).div(1 + gross, axis=0)
    traded = (weights - drifted).abs().sum(axis=1)
    return ((1 + gross) * (1 - how.cost_rate * traded) - 1).to_numpy()


def _alone(trades: TradeArrays, prices: PricePanel, how: Configuration) -> np.ndarray:
    panel = market(prices)
    found = run_backtest(trades, panel, how)
    return np.concatenate([np.zeros(len(panel) - len(found.returns)), found.returns])


def _vectorbt(trades: TradeArrays, prices: PricePanel, how: Configuration) -> np.ndarray:
    close = pd.DataFrame(prices.close, pd.DatetimeIndex(prices.days), list(prices.tickers))
    positions = open_positions(trades, prices.days, np.isfinite(prices.close), how)
    weights = weigh(*running_amounts(positions, *close.shape))
    portfolio = vectorbt.Portfolio.from_orders(
        close,
        size=pd.DataFrame(weights, close.index, close.columns),
        size_type="targetpercent",
        group_by=True,
        cash_sharing=True,
        call_seq="auto",
        fees=how.cost_rate,
        init_cash=1e9,
        freq="1D",
    )
    return portfolio.returns().to_numpy()


VECTORBT = "vectorbt"
OTHERS: dict[str, Callable[[TradeArrays, PricePanel, Configuration], np.ndarray]] = {
    "quant, one at a time": _alone,
    VECTORBT: _vectorbt,
    "pandas loop": _pandas,
}

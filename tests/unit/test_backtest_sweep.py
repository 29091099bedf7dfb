"""Sweeps beside single backtests, and neither looks ahead."""

from dataclasses import replace
from operator import attrgetter

import numpy as np
import pytest
from backtest_support import made_up_prices, made_up_trades
from hypothesis import given, settings
from hypothesis import strategies as st

from quant.analytics.arrays import FactorPanel
from quant.analytics.backtest.portfolio import market
from quant.analytics.backtest.rules import Configuration, Side
from quant.analytics.backtest.run import run_backtest
from quant.analytics.backtest.selection import familywise_p_value, stationary_counts
from quant.analytics.backtest.sharpe import sharpe_ratio
from quant.analytics.backtest.sweep import HOLDINGS, LAGS, WEIGHTINGS, grid, sweep
from quant.analytics.performance.vocabulary import Weighting

DAYS = 300
BASES = (
    Configuration(cost_bps=7),
    Configuration(side=Side.BOTH, slippage_bps=2),
    Configuration(max_positions=5, cost_bps=7),
    Configuration(exit_on_reversal=True),
    Configuration(position_cap=0.2, cost_bps=7),
    Configuration(capacity_share=0.01, capital=5e6),
)


@pytest.fixture(scope="module")
def made_up():
    rng = np.random.default_rng(17)
    prices = made_up_prices(rng, DAYS, 9)
    close = prices.close.copy()
    close[rng.random(close.shape) < 0.03] = np.nan
    trades = made_up_trades(rng, 200, prices, politicians=6)
    return trades, replace(prices, close=close), rng.lognormal(17, 0.5, close.shape)


def returns_on(prices, volume):
    rate = np.full(len(prices.days), 4e-5)
    nothing = np.zeros(len(prices.days))
    factors = FactorPanel(prices.days, nothing, nothing, nothing, rate)
    return market(prices, factors=factors, dollar_volume=volume)


@pytest.mark.parametrize("base", BASES, ids=repr)
def test_a_sweep_holds_the_results_of_single_backtests(made_up, base):
    trades, prices, volume = made_up
    panel = returns_on(prices, volume)
    rules = [trades.politician < 3, trades.politician == 4, np.zeros(len(trades), dtype=bool)]
    configurations = grid(base, lags=(1, 3), holdings=(4, 25, 400), costs_bps=(0, 10))
    start, end = prices.days[20].item(), prices.days[280].item()
    found = sweep(trades, panel, rules, configurations, start=start, end=end)
    assert len(found.returns) == len(rules) * len(configurations) == 3 * 36
    for place in range(len(found.returns)):
        rule, how = rules[found.rule[place]], configurations[found.configuration[place]]
        alone = run_backtest(trades.take(rule), panel, how, start=start, end=end)
        if alone is None:
            assert found.first[place] == found.returns.shape[1] == 281
            assert np.isnan(found.moments.sharpe[place])
            continue
        first = found.first[place]
        assert prices.days[first] == alone.days[0]
        np.testing.assert_allclose(found.returns[place, first + 1 :], alone.returns, atol=1e-13)
        assert not found.returns[place, : first + 1].any()
        ratio = sharpe_ratio(alone.returns - alone.risk_free)
        assert found.moments.sharpe[place] == pytest.approx(ratio.value, rel=1e-8)
        assert found.moments.scale[place] == pytest.approx(float(ratio.moments.scale), rel=1e-8)
    ratios = found.moments.sharpe[np.isfinite(found.moments.sharpe)]
    assert found.sharpe_variance == pytest.approx(ratios.var(ddof=1))


def test_the_grid_has_every_combination_once():
    base = Configuration(side=Side.BOTH, cost_bps=3)
    configurations = grid(base)
    assert len(set(configurations)) == len(configurations)
    assert len(configurations) == len(LAGS) * len(HOLDINGS) * len(WEIGHTINGS) == 90
    assert all(how.side is Side.BOTH and how.cost_bps == 3 for how in configurations)
    assert len(grid(base, lags=[1], holdings=[5], weightings=list(Weighting)[:1])) == 1


def test_a_sweep_of_nothing_is_empty(made_up):
    trades, prices, volume = made_up
    found = sweep(trades, returns_on(prices, volume), [], [Configuration()])
    assert found.returns.shape == (0, DAYS)
    assert np.isnan(found.sharpe_variance)


def rewritten(made_up, row, seed):
    """The same trades and prices up to the close of a row; after it all are others."""
    trades, prices, volume = made_up
    rng = np.random.default_rng(seed)
    later = np.arange(DAYS) > row
    close, volume = prices.close.copy(), volume.copy()
    close[later] = rng.permuted(close[later], axis=0) * rng.uniform(0.5, 2, close[later].shape)
    volume[later] = rng.lognormal(12, 2, volume[later].shape)
    benchmark = prices.benchmark_close.copy()
    benchmark[later] = rng.permutation(benchmark[later])
    # A trade disclosed on the row's day may already be among those that change: it cannot be acted
    # on before the next close.
    unknown = np.flatnonzero(trades.disclosure_day >= prices.days[row])
    shuffled = rng.permutation(unknown)
    columns = {
        name: getattr(trades, name).copy()
        for name in ("politician", "ticker", "side", "amount_min", "amount_max")
    }
    for values in columns.values():
        values[unknown] = values[shuffled]
    return (
        replace(trades, **columns),
        replace(prices, close=close, benchmark_close=benchmark),
        volume,
    )


@settings(max_examples=60, deadline=None)
@given(
    row=st.integers(30, DAYS - 2),
    seed=st.integers(0, 10_000),
    base=st.sampled_from(BASES),
    lag=st.integers(1, 5),
    holding=st.integers(2, 60),
)
def test_nothing_up_to_a_day_changes_with_what_comes_after(made_up, row, seed, base, lag, holding):
    how = replace(base, lag=lag, holding=holding)
    trades, prices, volume = made_up
    before = run_backtest(trades, returns_on(prices, volume), how)
    changed = rewritten(made_up, row, seed)
    after = run_backtest(changed[0], returns_on(*changed[1:]), how)
    assert before.days[0] == after.days[0] <= prices.days[row]
    known = int((before.days <= prices.days[row]).sum())
    np.testing.assert_array_equal(after.equity[:known], before.equity[:known])
    np.testing.assert_array_equal(after.returns[: known - 1], before.returns[: known - 1])
    for name in ("path.growth", "path.traded", "exposure", "net"):
        now, then = (attrgetter(name)(of)[:known] for of in (after, before))
        np.testing.assert_array_equal(now, then)
    for name in ("trade", "ticker", "sign", "amount", "entry"):
        opened = [getattr(of.positions, name)[of.positions.entry < known] for of in (before, after)]
        np.testing.assert_array_equal(*opened)
    closed = [
        np.minimum(of.positions.exit, known)[of.positions.entry < known] for of in (before, after)
    ]
    np.testing.assert_array_equal(*closed)


def test_the_rewriting_does_change_what_comes_after(made_up):
    trades, prices, volume = made_up
    before = run_backtest(trades, returns_on(prices, volume), Configuration())
    changed = rewritten(made_up, 100, 1)
    after = run_backtest(changed[0], returns_on(*changed[1:]), Configuration())
    known = int((before.days <= prices.days[100]).sum())
    assert np.mean(before.returns[known:] != after.returns[known:]) > 0.9


@pytest.mark.parametrize("row", range(40, DAYS - 1, 20))
def test_a_sweep_does_not_look_ahead(made_up, row):
    trades, prices, volume = made_up
    configurations = [how for base in BASES for how in grid(base, lags=(1, 4), holdings=(5, 50))]
    everyone = [np.ones(len(trades), dtype=bool)]
    before = sweep(trades, returns_on(prices, volume), everyone, configurations)
    changed = rewritten(made_up, row, row)
    after = sweep(changed[0], returns_on(*changed[1:]), everyone, configurations)
    np.testing.assert_array_equal(after.returns[:, : row + 1], before.returns[:, : row + 1])
    assert np.any(after.returns != before.returns)


def test_resampled_days_come_in_blocks():
    counts = stationary_counts(np.random.default_rng(1), 400, 50, 5)
    assert counts.shape == (400, 50)
    np.testing.assert_array_equal(counts.sum(axis=1), 50)
    # Of independent draws the mean's variance is that of the days over their number; the blocks
    # keep the dependence, by their length here.
    season = np.repeat([1.0, -1.0], 25)
    independent = np.random.default_rng(1).multinomial(50, [1 / 50] * 50, 400)
    assert (counts @ season).var() > 3 * (independent @ season).var()
    single = stationary_counts(np.random.default_rng(1), 4000, 50, 1)
    assert (single @ season).var() == pytest.approx(50, rel=0.1)


def test_the_familywise_p_value_is_that_of_a_plain_bootstrap(made_up):
    trades, prices, volume = made_up
    panel = returns_on(prices, volume)
    rules = [trades.politician < 3, trades.politician >= 3]
    found = sweep(trades, panel, rules, grid(Configuration(), lags=(1, 5), holdings=(5, 50)))
    best = int(np.argmax(found.moments.sharpe))
    given = familywise_p_value(found, best, np.random.default_rng(8), draws=250)
    days = np.arange(int(found.first.min()) + 1, DAYS)
    rng = np.random.default_rng(8)
    counts = np.concatenate(
        [stationary_counts(rng, count, len(days), len(days) ** (1 / 3)) for count in (100, 100, 50)]
    )

    def z(place):
        ratio = sharpe_ratio(found.excess[place, found.first[place] + 1 :])
        return (
            ratio.value
            / ratio.error_independent
            * np.sqrt(ratio.moments.observations / (ratio.moments.observations - 1))
        )

    reached = 0
    for row in counts:
        moves = []
        for place in range(len(found.first)):
            own = days[days > found.first[place]]
            series = found.excess[place, own]
            times = row[days > found.first[place]]
            mean, spread = series.mean(), series.std(ddof=1)
            ratio = mean / spread
            score = (series - mean) / spread - ratio / 2 * (((series - mean) / spread) ** 2 - 1)
            scale = float(sharpe_ratio(series).moments.scale)
            moves.append((times * score).sum() / np.sqrt(len(own) * scale))
        reached += max(moves) >= z(best)
    assert given == pytest.approx((1 + reached) / 251, rel=1e-12)
    assert 0 < given < 1
    worst = int(np.argmin(found.moments.sharpe))
    assert familywise_p_value(found, worst, np.random.default_rng(8), draws=99) > given


def test_a_backtest_without_a_ratio_has_no_p_value(made_up):
    trades, prices, volume = made_up
    nobody = np.zeros(len(trades), dtype=bool)
    found = sweep(trades, returns_on(prices, volume), [nobody], [Configuration()])
    assert np.isnan(familywise_p_value(found, 0, np.random.default_rng(1)))

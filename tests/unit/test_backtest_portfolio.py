"""Backtests beside a plain pandas implementation, and cases whose results are known."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from backtest_support import made_up_prices, made_up_trades, trading_days

from quant.analytics.arrays import FactorPanel, PricePanel, TradeArrays
from quant.analytics.backtest.portfolio import market
from quant.analytics.backtest.positions import amounts
from quant.analytics.backtest.risk import clustered_share, compare, drawdown, mean_return
from quant.analytics.backtest.rules import Configuration, Side
from quant.analytics.backtest.run import run_backtest
from quant.analytics.performance.vocabulary import Weighting


def plain_lots(trades, close, how):
    """What is held, one trade after the other: order, entry, exit, ticker, side and amount."""
    days = close.index
    frame = pd.DataFrame(
        {
            "politician": trades.politician,
            "ticker": trades.ticker,
            "side": trades.side,
            "disclosed": trades.disclosure_day,
            "low": trades.amount_min,
            "high": trades.amount_max,
        }
    )
    lots = []
    for row in frame[frame.side.ne(0)].itertuples():
        if how.side is Side.PURCHASES and row.side < 0:
            continue
        later = days[days > row.disclosed]
        if len(later) < how.lag or math.isnan(close.loc[later[how.lag - 1], row.ticker]):
            continue
        entry = days.get_loc(later[how.lag - 1])
        until = min(entry + how.holding, len(days))
        if how.exit_on_reversal:
            others = frame[
                (frame.politician == row.politician)
                & (frame.ticker == row.ticker)
                & (frame.side == -row.side)
            ]
            for disclosed in others.disclosed:
                reverse = days[days > disclosed]
                if len(reverse) >= how.lag and days.get_loc(reverse[how.lag - 1]) > entry:
                    until = min(until, days.get_loc(reverse[how.lag - 1]))
        high = row.low if math.isnan(row.high) else row.high
        amount = {
            Weighting.EQUAL: 1.0,
            Weighting.MIDPOINT: np.rint((row.low + high) / 2),
            Weighting.LOG_UNIFORM: row.low
            if high == row.low
            else np.rint((high - row.low) / math.log(high / row.low)),
        }[how.weighting]
        order = (entry, row.disclosed, amount, row.ticker, row.politician)
        lots.append([order, entry, until, row.ticker, row.side, amount])
    lots.sort(key=lambda lot: lot[0])
    if how.max_positions is not None:
        for number in range(how.max_positions, len(lots)):
            oldest = lots[number - how.max_positions]
            oldest[2] = min(oldest[2], lots[number][1])
    return lots


def pandas_backtest(trades, prices, how, risk_free=None, dollar_volume=None):
    """Daily returns after costs as one would write them: trade by trade, then day by day."""
    days = pd.DatetimeIndex(prices.days)
    close = pd.DataFrame(prices.close, days)
    lots = plain_lots(trades, close, how)
    carried = close.ffill()
    returns = carried.pct_change(fill_method=None).fillna(0.0)
    rate = pd.Series(0.0 if risk_free is None else risk_free, days)
    volume = None
    if dollar_volume is not None:
        volume = pd.DataFrame(dollar_volume, days).rolling(21, min_periods=1).mean()
    weights = pd.Series(0.0, close.columns)
    daily = []
    for row in range(len(days)):
        grown = 1 + (weights * returns.iloc[row]).sum() + (1 - weights.sum()) * rate.iloc[row]
        drifted = weights * (1 + returns.iloc[row]) / grown
        target = pd.Series(0.0, close.columns)
        total = 0.0
        for _, entry, until, ticker, side, amount in lots:
            if entry <= row < until:
                target[ticker] += side * amount
                total += amount
        if total:
            target /= total
        limit = pd.Series(how.position_cap, close.columns)
        if how.capacity_share is not None:
            share = how.capacity_share * volume.iloc[row] / how.capital
            limit = np.fmin(limit, share)
        target = target.clip(-limit, limit)
        traded = (target - drifted).abs().sum()
        daily.append(grown * (1 - how.cost_rate * traded) - 1)
        weights = target
    return np.array(daily)


def paths(trades, prices, how, **of):
    """Returns of the platform's backtest and of the plain one, on the days of the former."""
    factors = None
    if "risk_free" in of:
        nothing = np.zeros(len(prices.days))
        factors = FactorPanel(prices.days, nothing, nothing, nothing, of["risk_free"])
    panel = market(prices, factors=factors, dollar_volume=of.get("dollar_volume"))
    result = run_backtest(trades, panel, how)
    plain = pandas_backtest(trades, prices, how, **of)
    begin = np.searchsorted(prices.days, result.days[0])
    # Cash earned the risk-free rate on the day of the first close; the curve begins at that close.
    first = (1 + plain[begin]) / (1 + panel.risk_free[begin])
    return result, first * np.cumprod(1 + plain[begin + 1 :])


@pytest.fixture(scope="module")
def made_up():
    rng = np.random.default_rng(7)
    prices = made_up_prices(rng, 110, 6)
    trades = made_up_trades(rng, 70, prices, politicians=4)
    close = prices.close.copy()
    close[rng.random(close.shape) < 0.05] = np.nan
    close[70:, 2] = np.nan
    close[:30, 3] = np.nan
    high = trades.amount_max.copy()
    high[::7] = np.nan
    day = trades.disclosure_day.copy()
    day[::11] = np.datetime64("NaT", "D")
    return replace(trades, amount_max=high, disclosure_day=day), replace(prices, close=close)


@pytest.mark.parametrize(
    "how",
    [
        Configuration(holding=10),
        Configuration(holding=10, lag=3, cost_bps=12, slippage_bps=3),
        Configuration(holding=30, weighting=Weighting.MIDPOINT, cost_bps=5),
        Configuration(holding=30, weighting=Weighting.LOG_UNIFORM, side=Side.BOTH),
        Configuration(holding=200, exit_on_reversal=True, cost_bps=5),
        Configuration(holding=200, exit_on_reversal=True, side=Side.BOTH, lag=2),
        Configuration(holding=40, max_positions=3, cost_bps=5),
        Configuration(holding=40, max_positions=1, weighting=Weighting.MIDPOINT),
        Configuration(holding=40, position_cap=0.15, cost_bps=5),
        Configuration(holding=5, position_cap=0.3, side=Side.BOTH),
        Configuration(holding=30, capacity_share=0.01, capital=2e6, cost_bps=5),
    ],
    ids=repr,
)
def test_returns_are_those_of_a_plain_pandas_loop(made_up, how):
    trades, prices = made_up
    rng = np.random.default_rng(3)
    volume = rng.lognormal(17, 0.5, prices.close.shape)
    volume[:, 1] = np.nan
    of = {"risk_free": rng.uniform(0, 2e-4, len(prices.days))}
    if how.capacity_share is not None:
        of["dollar_volume"] = volume
    result, expected = paths(trades, prices, how, **of)
    np.testing.assert_allclose(result.equity[1:], expected, rtol=1e-12)
    assert len(result.positions) > 10


def constant_growth(days, *growth):
    """Closes that grow by a constant factor a day, one ticker a column."""
    close = 10 * np.array(growth) ** np.arange(days)[:, None]
    return PricePanel(trading_days(days), tuple("ABCDEF"[: len(growth)]), close, "B", np.ones(days))


def purchases(prices, rows, tickers, **changes):
    """A purchase disclosed on each of these rows' days."""
    count = len(rows)
    columns = {
        "politician": np.zeros(count, dtype=np.int64),
        "ticker": np.array(tickers, dtype=np.int64),
        "side": np.ones(count, dtype=np.int64),
        "transaction_day": prices.days[rows] - np.timedelta64(20, "D"),
        "disclosure_day": prices.days[rows],
        "amount_min": np.full(count, 1001.0),
        "amount_max": np.full(count, 15000.0),
    }
    return TradeArrays(**{**columns, **changes})


def test_one_position_earns_its_ticker_from_the_close_after_the_disclosure():
    prices = constant_growth(20, 1.01)
    result = run_backtest(
        purchases(prices, [3], [0]), market(prices), Configuration(holding=5, cost_bps=10)
    )
    assert result.days[0] == prices.days[4]
    rate = 0.001
    held = np.minimum(np.arange(16), 5)
    expected = 1.01**held * (1 - rate) * np.where(np.arange(16) >= 5, 1 - rate, 1)
    expected[0] = 1
    np.testing.assert_allclose(result.equity, expected, rtol=1e-14)
    np.testing.assert_array_equal(result.exposure, (np.arange(16) < 5).astype(float))
    assert result.path.traded.sum() == pytest.approx(2, rel=1e-14)


def test_lag_counts_trading_days_after_the_disclosure():
    prices = constant_growth(20, 1.01)
    friday = int(np.flatnonzero(np.is_busday(prices.days, weekmask="Fri"))[0])
    weekend = purchases(
        prices, [friday], [0], disclosure_day=prices.days[[friday]] + np.timedelta64(1, "D")
    )
    for trades in (purchases(prices, [friday], [0]), weekend):
        for lag in (1, 2, 3):
            result = run_backtest(trades, market(prices), Configuration(lag=lag, holding=3))
            assert result.days[0] == prices.days[friday + lag]


def test_equal_weights_are_rebalanced_and_their_trading_counted():
    prices = constant_growth(12, 1.02, 1.0)
    how = Configuration(holding=4, cost_bps=100)
    result = run_backtest(purchases(prices, [0, 0], [0, 1]), market(prices), how)
    drift = 0.5 * 1.02 / 1.01
    # Bought, then brought back to half and half each day, then sold.
    expected = [1, 2 * (drift - 0.5), 2 * (drift - 0.5), 2 * (drift - 0.5), 1, *[0] * 6]
    np.testing.assert_allclose(result.path.traded, expected, atol=1e-15)
    assert result.returns[1] == pytest.approx(1.01 * (1 - 0.01 * expected[2]) - 1, rel=1e-13)


def test_a_short_position_earns_the_opposite_and_cash_the_risk_free_rate():
    prices = constant_growth(10, 1.03)
    nothing = np.zeros(10)
    panel = market(
        prices, factors=FactorPanel(prices.days, nothing, nothing, nothing, np.full(10, 1e-4))
    )
    sale = purchases(prices, [0], [0], side=np.array([-1]))
    assert run_backtest(sale, panel, Configuration()) is None
    result = run_backtest(sale, panel, Configuration(side=Side.BOTH, holding=2))
    # The proceeds of the sale and the equity itself lie in cash.
    np.testing.assert_allclose(result.returns[:2], -0.03 + 2 * 1e-4, rtol=1e-12)
    np.testing.assert_allclose(result.returns[2:], 1e-4, rtol=1e-12)


def test_a_ruined_short_portfolio_stays_at_nothing():
    prices = constant_growth(10, 2.5)
    sale = purchases(prices, [0], [0], side=np.array([-1]))
    result = run_backtest(sale, market(prices), Configuration(side=Side.BOTH, holding=5))
    np.testing.assert_array_equal(result.returns, [-1, *[0] * 7])
    np.testing.assert_array_equal(result.equity, [1, *[0] * 8])


def test_a_ticker_without_further_closes_keeps_its_last_one():
    prices = constant_growth(20, 1.01, 1.0)
    prices.close[6:, 0] = np.nan
    result = run_backtest(purchases(prices, [2], [0]), market(prices), Configuration(holding=10))
    np.testing.assert_allclose(result.returns[:2], 0.01, rtol=1e-12)
    np.testing.assert_array_equal(result.returns[2:], 0)
    late = run_backtest(purchases(prices, [2, 8], [1, 0]), market(prices), Configuration(holding=3))
    assert len(late.positions) == 1
    assert late.excluded["no_price_on_the_entry_day"] == 1


def test_amounts_stand_for_the_disclosed_range():
    prices = constant_growth(5, 1.01)
    trades = purchases(
        prices,
        [0, 0, 0],
        [0, 0, 0],
        amount_min=np.array([1001.0, 50000.0, 1e6]),
        amount_max=np.array([15000.0, 50000.0, np.nan]),
    )
    np.testing.assert_array_equal(amounts(trades, Weighting.EQUAL), 1)
    np.testing.assert_array_equal(amounts(trades, Weighting.MIDPOINT), [8000, 50000, 1e6])
    mean = 13999 / math.log(15000 / 1001)
    np.testing.assert_array_equal(amounts(trades, Weighting.LOG_UNIFORM), [round(mean), 5e4, 1e6])


def test_every_trade_is_a_position_or_counted_as_excluded(made_up):
    trades, prices = made_up
    trades = replace(trades, ticker=np.where(trades.ticker == 5, -1, trades.ticker))
    for how in (Configuration(holding=9), Configuration(max_positions=1), Configuration(lag=40)):
        result = run_backtest(
            trades, market(prices), how, start=prices.days[30].item(), end=prices.days[90].item()
        )
        assert len(result.positions) + sum(result.excluded.values()) == len(trades)
        assert result.days[0] >= prices.days[30]
        assert result.days[-1] == prices.days[90]
    assert min(result.excluded[reason] for reason in ("no_ticker", "no_disclosure_date")) > 0


def test_capacity_is_the_capital_at_which_a_limit_begins_to_bind():
    prices = constant_growth(60, 1.01, 1.0)
    volume = np.full((60, 2), 1e6)
    volume[:, 1] = 4e6
    panel = market(prices, dollar_volume=volume)
    trades = purchases(prices, [0, 0], [0, 1])
    result = run_backtest(trades, panel, Configuration(), capacity_share=0.02)
    assert result.capacity == pytest.approx(0.02 * 1e6 / 0.5)
    assert result.volume_known == 1
    for capital, exposure in ((result.capacity, 1.0), (2 * result.capacity, 0.75)):
        limited = Configuration(capital=capital, capacity_share=0.02)
        assert run_backtest(trades, panel, limited).exposure[5] == pytest.approx(exposure)
    assert run_backtest(trades, market(prices), Configuration()).capacity is None


def test_outcomes_are_those_of_closed_positions():
    prices = replace(constant_growth(30, 1.01, 0.99), benchmark_close=1.001 ** np.arange(30))
    trades = purchases(prices, [0, 0, 25], [0, 1, 0])
    result = run_backtest(trades, market(prices), Configuration(holding=7))
    closed, own, benchmark = result.outcomes()
    np.testing.assert_array_equal(closed.exit - closed.entry, 7)
    np.testing.assert_allclose(np.sort(own), [0.99**7 - 1, 1.01**7 - 1], rtol=1e-12)
    np.testing.assert_allclose(benchmark, 1.001**7 - 1, rtol=1e-10)


@pytest.mark.parametrize(
    "change",
    [
        {"lag": 0},
        {"holding": 0},
        {"max_positions": 0},
        {"position_cap": 0},
        {"position_cap": 1.1},
        {"cost_bps": -1},
        {"slippage_bps": 5000},
        {"capital": 0},
        {"capacity_share": 0},
    ],
    ids=str,
)
def test_a_configuration_out_of_range_is_refused(change):
    with pytest.raises(ValueError, match="out of range"):
        Configuration(**change)


def test_no_trades_and_no_prices_give_no_backtest():
    prices = constant_growth(5, 1.01)
    none = purchases(prices, np.arange(0), [])
    assert run_backtest(none, market(prices), Configuration()) is None
    empty = PricePanel(prices.days[:0], ("A",), np.zeros((0, 1)), None, np.zeros(0))
    assert run_backtest(purchases(prices, [0], [0]), market(empty), Configuration()) is None
    last = run_backtest(purchases(prices, [3], [0]), market(prices), Configuration())
    assert last.equity.tolist() == [1.0]
    assert len(last.returns) == 0


def test_drawdown_of_a_known_curve():
    found = drawdown(np.array([1.0, 1.2, 0.9, 1.0, 0.6, 1.2, 1.3, 1.29]))
    assert (found.depth, found.peak, found.trough, found.recovery) == (-0.5, 1, 4, 5)
    assert found.longest == 3
    falling = drawdown(np.array([2.0, 1.0, 1.5]))
    assert (falling.depth, falling.recovery, falling.longest) == (-0.5, None, 2)
    rising = drawdown(np.array([1.0, 1.1]))
    assert (rising.depth, rising.recovery, rising.longest) == (0, None, 0)


def test_drawdown_is_that_of_pandas(made_up):
    trades, prices = made_up
    equity = run_backtest(trades, market(prices), Configuration(holding=20)).equity
    found = drawdown(equity)
    series = pd.Series(equity)
    below = series / series.cummax() - 1
    assert found.depth == pytest.approx(below.min(), rel=1e-14)
    assert found.trough == below.idxmin()
    runs = below.lt(0).groupby(below.ge(0).cumsum()).sum()
    assert found.longest == runs.max()


def test_comparison_is_that_of_statsmodels():
    import statsmodels.api as sm

    rng = np.random.default_rng(11)
    benchmark = rng.normal(4e-4, 0.01, 700)
    returns = 1e-4 + 0.8 * benchmark + rng.normal(0, 0.004, 700)
    rate = np.full(700, 5e-5)
    found = compare(returns, benchmark, rate)
    lags = found.capm.lags
    assert lags == 6
    fit = sm.OLS(returns - rate, sm.add_constant(benchmark - rate)).fit(
        cov_type="HAC", cov_kwds={"maxlags": lags, "use_correction": False}
    )
    np.testing.assert_allclose(found.capm.coefficients, fit.params, rtol=1e-10)
    np.testing.assert_allclose(found.capm.covariance, fit.cov_params(), rtol=1e-8)
    mean = sm.OLS(returns - benchmark, np.ones(700)).fit(
        cov_type="HAC", cov_kwds={"maxlags": lags, "use_correction": False}
    )
    assert found.active.value == pytest.approx(mean.params[0], rel=1e-10)
    assert found.active.error == pytest.approx(mean.bse[0], rel=1e-10)
    spread = (returns - benchmark).std(ddof=1)
    assert found.tracking_error == pytest.approx(spread * math.sqrt(252), rel=1e-12)
    assert compare(returns, rate, rate).capm is None
    assert math.isnan(mean_return(returns[:0]).value)


def test_the_error_of_a_share_is_that_of_statsmodels_clusters():
    import statsmodels.api as sm

    rng = np.random.default_rng(5)
    hits = (rng.random(200) < 0.6).astype(float)
    cluster = rng.integers(0, 25, 200)
    found = clustered_share(hits, cluster)
    fit = sm.OLS(hits, np.ones(200)).fit(
        cov_type="cluster", cov_kwds={"groups": cluster, "use_correction": False}
    )
    groups = len(np.unique(cluster))
    assert found.value == pytest.approx(fit.params[0], rel=1e-12)
    expected = fit.bse[0] * math.sqrt(groups / (groups - 1))
    assert found.error == pytest.approx(expected, rel=1e-10)
    assert (found.count, found.clusters) == (200, groups)
    assert math.isnan(clustered_share(hits[:1], cluster[:1]).error)
    assert math.isnan(clustered_share(hits[:0], cluster[:0]).value)

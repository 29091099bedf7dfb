"""Nothing that is dated up to a day changes with what comes after it."""

from dataclasses import replace

import numpy as np
import pytest
from backtest_support import made_up_trades
from hypothesis import given, settings
from hypothesis import strategies as st
from performance_support import made_up_market, with_gaps

from quant.analytics.arrays import FactorPanel, PricePanel
from quant.analytics.performance.alpha import calendar_time_alpha
from quant.analytics.performance.bootstrap import bootstrap_interval, seeded
from quant.analytics.performance.calendar_time import Leg, calendar_time_portfolio
from quant.analytics.performance.event_study import abnormal_returns
from quant.analytics.performance.trade_days import trade_days
from quant.analytics.performance.vocabulary import HORIZONS, Event, Model, Weighting
from quant.analytics.performance.weights import trade_weights
from quant.analytics.performance.windows import INCLUDED, event_days

DAYS = 600
FACTORS = ("market", "smb", "hml", "risk_free")


@pytest.fixture(scope="module")
def made_up():
    rng = np.random.default_rng(51)
    complete, factors = made_up_market(rng, DAYS, 9)
    prices = with_gaps(rng, complete, 0.002)
    return made_up_trades(rng, 300, prices), prices, factors


def rewritten(made_up, row, seed, event):
    """The same trades, prices and factors up to the close of a row; after it all are others.

    Trades whose event is on the row's day or later are among the others: of a disclosure, nobody
    can act on it before the next close.
    """
    trades, prices, factors = made_up
    rng = np.random.default_rng(seed)
    later = np.arange(DAYS) > row

    def shuffled(values):
        values = values.copy()
        values[later] = rng.permutation(values[later])
        return values

    close = shuffled(prices.close)
    close[later] *= rng.uniform(0.5, 2, close[later].shape)
    close[later] = np.where(rng.random(close[later].shape) < 0.05, np.nan, close[later])
    happened = event_days(trades, event)
    first = prices.days[row] + np.timedelta64(int(event is Event.TRANSACTION), "D")
    unknown = np.flatnonzero(happened >= first)
    order = rng.permutation(unknown)
    columns = {
        name: getattr(trades, name).copy()
        for name in ("politician", "ticker", "side", "amount_min", "amount_max")
    }
    for values in columns.values():
        values[unknown] = values[order]
    columns["disclosure_day"] = trades.disclosure_day.copy()
    columns["transaction_day"] = trades.transaction_day.copy()
    moved = rng.integers(0, 100, len(unknown)).astype("timedelta64[D]")
    for name in ("disclosure_day", "transaction_day"):
        columns[name][unknown] += moved
    return (
        replace(trades, **columns),
        replace(prices, close=close, benchmark_close=shuffled(prices.benchmark_close)),
        replace(factors, **{name: shuffled(getattr(factors, name)) for name in FACTORS}),
    )


def cut(made_up, row):
    """The same without the days after a row."""
    trades, prices, factors = made_up
    until = slice(row + 1)
    return (
        trades,
        PricePanel(
            prices.days[until],
            prices.tickers,
            prices.close[until],
            prices.benchmark,
            prices.benchmark_close[until],
        ),
        FactorPanel(factors.days[until], *(getattr(factors, name)[until] for name in FACTORS)),
    )


def studied(data, event, model):
    trades, prices, factors = data
    return abnormal_returns(trades, prices, event=event, model=model, factors=factors)


def closed(study, row):
    """Which windows have closed by the end of a row."""
    return (study.entry >= 0)[:, None] & (study.entry[:, None] + np.array(HORIZONS) <= row)


@settings(max_examples=60, deadline=None)
@given(
    row=st.integers(30, DAYS - 2),
    seed=st.integers(0, 10_000),
    event=st.sampled_from(Event),
    model=st.sampled_from(Model),
)
def test_windows_that_have_closed_do_not_change(made_up, row, seed, event, model):
    before = studied(made_up, event, model)
    done = closed(before, row)
    after = studied(rewritten(made_up, row, seed, event), event, model)
    np.testing.assert_array_equal(closed(after, row), done)
    without = studied(cut(made_up, row), event, model)
    for other in (after, without):
        for name in ("car", "bhar", "included"):
            np.testing.assert_array_equal(getattr(other, name)[done], getattr(before, name)[done])
    # The reason may: a ticker that has no price so far has `no_prices`, until its first one comes.
    np.testing.assert_array_equal(after.exclusion[done], before.exclusion[done])


@pytest.mark.parametrize("row", [350, 450, 550])
def test_what_is_estimated_of_closed_windows_does_not_change(made_up, row):
    def estimates(data):
        trades = data[0]
        study = studied(data, Event.DISCLOSURE, Model.MARKET_MODEL)
        used = closed(study, row)[:, 2] & study.included[:, 2]
        some = trades.take(used)
        weights = trade_weights(some.amount_min, some.amount_max, Weighting.LOG_UNIFORM)
        cells = trade_days(study.take(used).daily, HORIZONS[2], weights, some.politician)
        interval = bootstrap_interval(cells, seeded("test"), draws=99)
        return cells.inference(), interval

    first = estimates(made_up)
    assert first[0].n > 20
    assert np.isfinite(first[1]).all()
    assert estimates(rewritten(made_up, row, row, Event.DISCLOSURE)) == first


@settings(max_examples=60, deadline=None)
@given(
    row=st.integers(30, DAYS - 2),
    seed=st.integers(0, 10_000),
    event=st.sampled_from(Event),
    holding=st.sampled_from([1, 5, 21, 63, 252]),
    weighting=st.sampled_from(Weighting),
)
def test_portfolios_up_to_a_day_do_not_change(made_up, row, seed, event, holding, weighting):
    def held(data):
        trades, prices, _ = data
        return calendar_time_portfolio(
            trades, prices, event=event, holding=holding, weighting=weighting
        )

    before = held(made_up)
    for other in (held(rewritten(made_up, row, seed, event)), held(cut(made_up, row))):
        np.testing.assert_array_equal(other.held[: row + 1], before.held[: row + 1])
        for name in ("purchases", "sales"):
            now, then = (getattr(of, name)[: row + 1] for of in (other, before))
            np.testing.assert_allclose(now, then, rtol=0, atol=1e-16)


@pytest.mark.parametrize("leg", Leg)
@pytest.mark.parametrize("model", Model)
def test_an_alpha_up_to_a_day_does_not_change(made_up, leg, model):
    def alpha(data):
        trades, prices, factors = data
        portfolio = calendar_time_portfolio(trades, prices, event=Event.DISCLOSURE, holding=21)
        return calendar_time_alpha(portfolio, prices, leg=leg, model=model, factors=factors)

    row = 400
    before = alpha(cut(made_up, row))
    after = alpha(cut(rewritten(made_up, row, 1, Event.DISCLOSURE), row))
    assert before.last == made_up[1].days[row]
    assert after.per_period.value == pytest.approx(before.per_period.value, rel=1e-10)
    assert after.per_period.p_value == pytest.approx(before.per_period.p_value, rel=1e-10)
    assert alpha(made_up).per_period.value != before.per_period.value


def test_the_rewriting_does_change_what_comes_after(made_up):
    row = 300
    changed = rewritten(made_up, row, 1, Event.DISCLOSURE)
    before, after = (
        studied(data, Event.DISCLOSURE, Model.MARKET_ADJUSTED) for data in (made_up, changed)
    )
    open_windows = ~closed(before, row) & (before.exclusion == INCLUDED)
    assert np.mean(before.car[open_windows] != after.car[open_windows]) > 0.9
    held = [
        calendar_time_portfolio(*data[:2], event=Event.DISCLOSURE, holding=21)
        for data in (made_up, changed)
    ]
    later = slice(row + 1, None)
    assert np.mean(held[0].purchases[later] != held[1].purchases[later]) > 0.9

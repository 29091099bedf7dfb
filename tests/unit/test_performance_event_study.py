"""Abnormal returns beside statsmodels and beside a plain loop over trades."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from backtest_support import made_up_trades, trading_days
from performance_support import made_up_market, with_gaps

from quant.analytics.arrays import FactorPanel, PricePanel, TradeArrays
from quant.analytics.performance.event_study import abnormal_returns, simple_returns
from quant.analytics.performance.expected_returns import (
    ESTIMATION_DAYS,
    ESTIMATION_GAP,
    MINIMUM_OBSERVATIONS,
    estimate_loadings,
    fama_french_factors,
    market_factors,
    window_sums,
)
from quant.analytics.performance.vocabulary import HORIZONS, Event, Model
from quant.analytics.performance.windows import EXCLUSIONS, INCLUDED, Exclusion, entry_rows

DAYS, TICKERS, TRADES = 900, 12, 150


@pytest.fixture(scope="module")
def made_up():
    rng = np.random.default_rng(31)
    complete, factors = made_up_market(rng, DAYS, TICKERS)
    prices = with_gaps(rng, complete, 0.002)
    trades = made_up_trades(rng, TRADES, prices)
    known = rng.random(DAYS) > 0.002
    return (
        trades,
        prices,
        FactorPanel(
            *(
                getattr(factors, name)[known]
                for name in ("days", "market", "smb", "hml", "risk_free")
            )
        ),
    )


def frames(prices, factors):
    """Closes, the benchmark's closes and the factors by day."""
    days = pd.DatetimeIndex(prices.days)
    columns = {name: getattr(factors, name) for name in ("market", "smb", "hml", "risk_free")}
    return (
        pd.DataFrame(prices.close, days),
        pd.Series(prices.benchmark_close, days),
        pd.DataFrame(columns, pd.DatetimeIndex(factors.days)).reindex(days),
    )


def entry_day(days, event, trade_day):
    if event is Event.DISCLOSURE:
        return days.searchsorted(trade_day, side="right")
    return days.searchsorted(trade_day, side="left")


def explained(model, returns, benchmark, factors):
    """What a model explains and by what; the last is added to what it expects."""
    if model is Model.FAMA_FRENCH:
        return (
            returns - factors["risk_free"],
            factors[["market", "smb", "hml"]],
            factors["risk_free"],
        )
    return returns, benchmark.to_frame(), pd.Series(0.0, returns.index)


def by_loop(trades, prices, factors, event, model):
    """CAR and BHAR of each trade at each horizon, one at a time; NaN where there is none."""
    close, index, panel = frames(prices, factors)
    benchmark = index.pct_change(fill_method=None)
    car = np.full((len(trades), len(HORIZONS)), np.nan)
    bhar = car.copy()
    happened = trades.disclosure_day if event is Event.DISCLOSURE else trades.transaction_day
    for place, (day, ticker) in enumerate(zip(happened, trades.ticker, strict=True)):
        entry = entry_day(close.index, event, day)
        if day < prices.days[0] or entry >= len(close):
            continue
        returns = close[ticker].pct_change(fill_method=None)
        if model is Model.MARKET_ADJUSTED:
            expected = benchmark
        else:
            response, regressors, rate = explained(model, returns, benchmark, panel)
            end = entry - ESTIMATION_GAP
            if end < 0:
                continue
            window = slice(max(end - ESTIMATION_DAYS + 1, 0), end + 1)
            sample = pd.concat([response, regressors], axis=1).iloc[window].dropna()
            if len(sample) < MINIMUM_OBSERVATIONS:
                continue
            fitted = sm.OLS(sample.iloc[:, 0], sm.add_constant(sample.iloc[:, 1:])).fit()
            expected = rate + fitted.params.iloc[0] + regressors @ fitted.params.iloc[1:].to_numpy()
        for column, horizon in enumerate(HORIZONS):
            inside = slice(entry + 1, entry + horizon + 1)
            if entry + horizon >= len(close):
                continue
            own, other = returns.iloc[inside], expected.iloc[inside]
            if own.isna().any() or other.isna().any():
                continue
            car[place, column] = (own - other).sum()
            bhar[place, column] = (1 + own).prod() - (1 + other).prod()
    return car, bhar


@pytest.mark.parametrize("event", Event)
@pytest.mark.parametrize("model", Model)
def test_abnormal_returns_are_those_of_a_plain_loop(made_up, event, model):
    trades, prices, factors = made_up
    found = abnormal_returns(trades, prices, event=event, model=model, factors=factors)
    car, bhar = by_loop(trades, prices, factors, event, model)
    np.testing.assert_array_equal(found.included, np.isfinite(car))
    np.testing.assert_allclose(found.car, car, rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose(found.bhar, bhar, rtol=1e-8, atol=1e-12)
    assert found.included[:, 0].sum() > 40
    assert found.included[:, -1].sum() > 10
    for horizon, column in zip(HORIZONS, found.included.T, strict=True):
        assert sum(found.excluded(horizon).values()) == (~column).sum()


@pytest.mark.parametrize("model", [Model.MARKET_MODEL, Model.FAMA_FRENCH])
def test_loadings_are_those_of_statsmodels(made_up, model):
    trades, prices, panel = made_up
    returns = simple_returns(prices.close)
    if model is Model.FAMA_FRENCH:
        factors = fama_french_factors(panel, prices.days)
    else:
        factors = market_factors(simple_returns(prices.benchmark_close))
    entry = entry_rows(trades.disclosure_day, prices.days, Event.DISCLOSURE).clip(max=DAYS - 1)
    found = estimate_loadings(returns, factors, entry, trades.ticker)
    estimated = 0
    for place, (row, ticker) in enumerate(zip(entry, trades.ticker, strict=True)):
        end = max(row - ESTIMATION_GAP + 1, 0)
        window = slice(max(end - ESTIMATION_DAYS, 0), end)
        response = (returns[:, ticker] - factors.risk_free)[window]
        regressors = factors.returns[window]
        known = np.isfinite(response) & np.isfinite(regressors).all(axis=1)
        assert found.observations[place] == known.sum()
        if known.sum() < MINIMUM_OBSERVATIONS:
            assert np.isnan([found.alpha[place], *found.beta[place]]).all()
            continue
        estimated += 1
        fitted = sm.OLS(response[known], sm.add_constant(regressors[known])).fit()
        parameters = [found.alpha[place], *found.beta[place]]
        np.testing.assert_allclose(parameters, fitted.params, rtol=1e-8, atol=1e-12)
    assert estimated > 50


def test_the_estimation_window_ends_a_month_before_entry():
    """Trades in the last rows of what is estimated on change it, those of the gap do not."""
    rng = np.random.default_rng(1)
    prices, _ = made_up_market(rng, 400, 1)
    returns = simple_returns(prices.close)
    factors = market_factors(simple_returns(prices.benchmark_close))
    entry, column = np.array([350]), np.array([0])

    def alpha_without(row):
        changed = returns.copy()
        changed[row] = 0.5
        return estimate_loadings(changed, factors, entry, column).alpha[0]

    before = estimate_loadings(returns, factors, entry, column)
    assert before.observations == [ESTIMATION_DAYS]
    for row in (350 - 22, 350 - 273):
        assert alpha_without(row) != before.alpha[0]
    for row in (350 - 21, 350, 351, 350 - 274):
        assert alpha_without(row) == before.alpha[0]


def test_collinear_factors_give_no_loadings():
    rng = np.random.default_rng(2)
    prices, factors = made_up_market(rng, 400, 1)
    twice = replace(factors, hml=2 * factors.smb)
    found = estimate_loadings(
        simple_returns(prices.close),
        fama_french_factors(twice, prices.days),
        np.array([390]),
        np.array([0]),
    )
    assert np.isnan(found.alpha).all()


@pytest.mark.parametrize(("rows", "length"), [(1, 1), (10, 3), (12, 4), (5, 9), (300, 252)])
def test_sums_of_windows_are_those_of_pandas(rows, length):
    values = np.random.default_rng(rows).normal(size=(rows, 3))
    expected = pd.DataFrame(values).rolling(length, min_periods=1).sum()
    np.testing.assert_allclose(window_sums(values, length), expected, rtol=1e-10, atol=1e-12)


FIRST = np.datetime64("2020-01-06")  # a Monday
DAY = np.timedelta64(1, "D")


def one_trade(**changes):
    columns = {
        "politician": 0,
        "ticker": 0,
        "side": 1,
        "transaction_day": FIRST,
        "disclosure_day": FIRST + DAY,
        "amount_min": 1001.0,
        "amount_max": 15000.0,
    } | changes
    return TradeArrays(*(np.array([value]) for value in columns.values()))


def a_panel(**missing):
    rng = np.random.default_rng(3)
    close = 100 + rng.random((200, 2))
    close[:, 1] = np.nan
    benchmark = 1000 + rng.random(200)
    for row in missing.get("close", ()):
        close[row, 0] = np.nan
    for row in missing.get("benchmark", ()):
        benchmark[row] = np.nan
    return PricePanel(trading_days(200, str(FIRST)), ("A", "B"), close, "INDEX", benchmark)


LATE = trading_days(200, str(FIRST))[190]
REASONS = {
    Exclusion.NOT_STOCK: ({}, {}, {"is_stock": np.array([False])}, 5),
    Exclusion.EXCHANGE: ({"side": 0}, {}, {}, 5),
    Exclusion.NO_TICKER: ({"ticker": -1}, {}, {}, 5),
    Exclusion.NO_PRICES: ({"ticker": 1}, {}, {}, 5),
    Exclusion.EVENT_DATE_UNKNOWN: ({"disclosure_day": np.datetime64("NaT", "D")}, {}, {}, 5),
    Exclusion.BEFORE_PRICES: ({"disclosure_day": FIRST - DAY}, {}, {}, 5),
    Exclusion.NOT_ENTERED: ({"disclosure_day": FIRST + 3650 * DAY}, {}, {}, 5),
    Exclusion.WINDOW_OPEN: ({"disclosure_day": LATE}, {}, {}, 21),
    Exclusion.PRICE_MISSING: ({}, {"close": [4]}, {}, 5),
    Exclusion.ESTIMATION_WINDOW_SHORT: ({}, {}, {"model": Model.MARKET_MODEL}, 5),
    Exclusion.FACTORS_MISSING: ({}, {"benchmark": [4]}, {}, 5),
}


def test_every_reason_is_tested():
    assert tuple(REASONS) == EXCLUSIONS


@pytest.mark.parametrize("reason", REASONS)
def test_a_trade_without_a_return_is_counted_under_its_reason(reason):
    trade, missing, arguments, horizon = REASONS[reason]
    found = abnormal_returns(
        one_trade(**trade),
        a_panel(**missing),
        **{"event": Event.DISCLOSURE, "model": Model.MARKET_ADJUSTED, **arguments},
    )
    column = HORIZONS.index(horizon)
    assert found.excluded(horizon) == {reason.value: 1}
    assert not found.included[0, column]
    assert np.isnan([found.car[0, column], found.bhar[0, column]]).all()


@pytest.mark.parametrize(
    ("rows", "horizon", "included"),
    [
        # Entry is in row 2: its own close is needed, that of row 7 is the last of five days.
        ([2], 1, False),
        ([3], 1, False),
        ([1], 5, True),
        ([7], 5, False),
        ([8], 5, True),
        ([8], 21, False),
    ],
)
def test_a_window_needs_every_close_in_it(rows, horizon, included):
    found = abnormal_returns(
        one_trade(), a_panel(close=rows), event=Event.DISCLOSURE, model=Model.MARKET_ADJUSTED
    )
    assert found.entry == [2]
    assert found.included[0, HORIZONS.index(horizon)] == included


def test_fama_french_needs_factors(made_up):
    trades, prices, factors = made_up
    without = abnormal_returns(trades, prices, event=Event.DISCLOSURE, model=Model.FAMA_FRENCH)
    assert not without.included.any()
    assert set(without.excluded(1)) <= {"factors_missing", "not_entered"}
    short = FactorPanel(
        *(getattr(factors, name)[:500] for name in ("days", "market", "smb", "hml", "risk_free"))
    )
    found = abnormal_returns(
        trades, prices, event=Event.DISCLOSURE, model=Model.FAMA_FRENCH, factors=short
    )
    late = found.entry + 1 > np.searchsorted(prices.days, short.days[-1])
    assert late.any()
    assert not found.included[late].any()
    assert found.included.any()


def test_entries_follow_disclosure_and_may_be_on_the_day_of_the_transaction():
    week = trading_days(10, str(FIRST))  # two weeks from Monday on
    friday, saturday = week[4], week[4] + DAY
    days = np.array([week[0], friday, saturday, week[-1], week[0] - DAY, np.datetime64("NaT", "D")])
    np.testing.assert_array_equal(entry_rows(days, week, Event.DISCLOSURE), [1, 5, 5, 10, -1, -1])
    np.testing.assert_array_equal(entry_rows(days, week, Event.TRANSACTION), [0, 4, 5, 9, -1, -1])


def test_no_trades_have_no_returns(made_up):
    trades, prices, factors = made_up
    nobody = trades.take(np.zeros(len(trades), dtype=bool))
    for model in Model:
        found = abnormal_returns(
            nobody, prices, event=Event.DISCLOSURE, model=model, factors=factors
        )
        assert found.car.shape == (0, len(HORIZONS))
        assert found.excluded(1) == {}
    assert INCLUDED not in range(len(EXCLUSIONS))

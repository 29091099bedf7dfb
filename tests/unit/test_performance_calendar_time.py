"""Calendar-time portfolios beside a plain loop over days, their alphas beside statsmodels."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from backtest_support import made_up_trades, trading_days
from performance_support import made_up_market, with_gaps
from scipy import stats

from quant.analytics.arrays import FactorPanel, PricePanel, TradeArrays
from quant.analytics.long_run import newey_west_lags
from quant.analytics.performance.alpha import (
    MINIMUM_PERIODS,
    PERIODS_A_YEAR,
    Frequency,
    calendar_time_alpha,
)
from quant.analytics.performance.calendar_time import Leg, calendar_time_portfolio
from quant.analytics.performance.event_study import abnormal_returns, simple_returns
from quant.analytics.performance.vocabulary import Event, Model, Weighting
from quant.analytics.performance.weights import trade_weights

DAYS, TICKERS = 1200, 8
NAMES = ("market", "smb", "hml", "risk_free")


@pytest.fixture(scope="module")
def made_up():
    rng = np.random.default_rng(41)
    complete, factors = made_up_market(rng, DAYS, TICKERS)
    prices = with_gaps(rng, complete, 0.01)
    known = rng.random(DAYS) > 0.01
    thinned = FactorPanel(factors.days[known], *(getattr(factors, name)[known] for name in NAMES))
    return made_up_trades(rng, 400, prices), prices, thinned


@pytest.fixture(scope="module")
def complete():
    """Trades and prices without a gap, and factors of the days and of the months."""
    rng = np.random.default_rng(42)
    prices, factors = made_up_market(rng, DAYS, TICKERS)
    trades = made_up_trades(rng, 800, prices)
    months = trading_months(factors.days)
    monthly = pd.DataFrame({name: 1 + getattr(factors, name) for name in NAMES}).groupby(months)
    last = np.unique(months) + np.timedelta64(1, "M")
    return (
        trades,
        prices,
        factors,
        FactorPanel(
            last.astype("datetime64[D]") - np.timedelta64(1, "D"),
            *(monthly.prod() - 1).to_numpy().T,
        ),
    )


def trading_months(days):
    return days.astype("datetime64[M]")


def by_loop(trades, prices, event, holding, weighting):
    """Returns of purchases and sales and how many trades they are of, day by day."""
    close = pd.DataFrame(prices.close)
    returns = close.pct_change(fill_method=None).to_numpy()
    weights = trade_weights(trades.amount_min, trades.amount_max, weighting)
    happened = trades.disclosure_day if event is Event.DISCLOSURE else trades.transaction_day
    side = "right" if event is Event.DISCLOSURE else "left"
    entry = np.searchsorted(prices.days, happened, side=side)
    entry[happened < prices.days[0]] = DAYS
    legs, held = np.full((2, DAYS), np.nan), np.zeros((DAYS, 2))
    for day in range(1, DAYS):
        for leg, sign in enumerate((1, -1)):
            own = [
                (weights[place], returns[day, trades.ticker[place]])
                for place in range(len(trades))
                if trades.side[place] == sign
                and day - holding <= entry[place] < day
                and np.isfinite(prices.close[entry[place], trades.ticker[place]])
                and np.isfinite(returns[day, trades.ticker[place]])
            ]
            if own:
                amounts, earned = np.array(own).T
                legs[leg, day] = np.average(earned, weights=amounts)
                held[day, leg] = len(own)
    return legs, held


@pytest.mark.parametrize(
    ("event", "holding", "weighting"),
    [
        (Event.DISCLOSURE, 1, Weighting.EQUAL),
        (Event.DISCLOSURE, 21, Weighting.LOG_UNIFORM),
        (Event.TRANSACTION, 63, Weighting.MIDPOINT),
        (Event.TRANSACTION, 2000, Weighting.EQUAL),
    ],
)
def test_portfolios_are_those_of_a_plain_loop(made_up, event, holding, weighting):
    trades, prices, _ = made_up
    found = calendar_time_portfolio(
        trades, prices, event=event, holding=holding, weighting=weighting
    )
    legs, held = by_loop(trades, prices, event, holding, weighting)
    np.testing.assert_allclose(found.purchases, legs[0], rtol=1e-8, atol=1e-13)
    np.testing.assert_allclose(found.sales, legs[1], rtol=1e-8, atol=1e-13)
    np.testing.assert_array_equal(found.held, held)
    if holding == 1:
        assert np.isnan(found.purchases[1:]).any()


@pytest.mark.parametrize("horizon", [5, 63])
def test_one_trade_earns_what_its_event_study_says(complete, horizon):
    trades, prices, *_ = complete
    one = trades.take(np.array([int(np.argmax(trades.side > 0))]))
    held = calendar_time_portfolio(one, prices, event=Event.DISCLOSURE, holding=horizon)
    studied = abnormal_returns(
        one, prices, event=Event.DISCLOSURE, model=Model.MARKET_ADJUSTED, horizons=(horizon,)
    )
    benchmark = simple_returns(prices.benchmark_close)
    inside = np.isfinite(held.purchases)
    assert inside.sum() == horizon
    assert np.sum((held.purchases - benchmark)[inside]) == pytest.approx(studied.car[0, 0])


def test_what_is_not_held_is_counted():
    days = trading_days(40, "2020-01-06")
    close = np.full((40, 2), 100.0)
    close[3, 0] = np.nan
    prices = PricePanel(days, ("A", "B"), close, None, np.full(40, np.nan))
    disclosed = days[[1, 2, 5, 39, 5, 5]]
    trades = TradeArrays(
        politician=np.zeros(6, dtype=np.int64),
        ticker=np.array([0, 0, 0, 0, -1, 1]),
        side=np.array([1, 1, 1, 1, 1, 0]),
        transaction_day=disclosed,
        disclosure_day=disclosed,
        amount_min=np.full(6, 1001.0),
        amount_max=np.full(6, 15000.0),
    )
    found = calendar_time_portfolio(trades, prices, event=Event.DISCLOSURE, holding=4)
    assert found.excluded == {
        "exchange": 1,
        "no_ticker": 1,
        "not_entered": 1,
        "price_missing": 1,
    }
    # Entered at the close of row 2, without a return in rows 3 and 4; the other one from row 7 on.
    assert np.flatnonzero(np.isfinite(found.purchases)).tolist() == [5, 6, 7, 8, 9, 10]
    assert not np.isfinite(found.sales).any()
    options = calendar_time_portfolio(
        trades, prices, event=Event.DISCLOSURE, holding=4, is_stock=np.zeros(6, dtype=bool)
    )
    assert options.excluded == {"not_stock": 6}
    assert not options.held.any()


def reference(response, regressors):
    """Coefficients with Newey-West errors corrected for the number of regressors."""
    lags = newey_west_lags(len(response))
    return sm.OLS(response, regressors).fit(
        cov_type="HAC", cov_kwds={"maxlags": lags, "use_correction": True}
    )


def degrees_of_freedom(periods, parameters):
    return min(round(0.9 * periods / (newey_west_lags(periods) + 1)), periods - parameters)


def assert_same(found, fitted, periods_a_year):
    periods = int(fitted.nobs)
    lags = newey_west_lags(periods)
    degrees = degrees_of_freedom(periods, len(fitted.params))
    estimates = [found.per_period, *found.loadings]
    assert found.lags == lags
    for one, value, error in zip(estimates, fitted.params, fitted.bse, strict=True):
        assert one.value == pytest.approx(value, rel=1e-8, abs=1e-12)
        assert one.standard_error == pytest.approx(error, rel=1e-8)
        assert one.n == periods
        assert one.degrees == degrees
        low, high = stats.t.interval(0.95, degrees, value, error)
        assert (one.low, one.high) == pytest.approx((low, high), rel=1e-8)
        p_value = 2 * stats.t.sf(abs(value) / error, degrees)
        assert one.p_value == pytest.approx(p_value, rel=1e-8)
    assert found.annualised.value == pytest.approx(periods_a_year * found.per_period.value)
    assert found.annualised.high == pytest.approx(periods_a_year * found.per_period.high)
    assert found.annualised.p_value == pytest.approx(found.per_period.p_value)


@pytest.mark.parametrize("leg", Leg)
@pytest.mark.parametrize("model", Model)
def test_daily_alphas_are_those_of_statsmodels(made_up, leg, model):
    trades, prices, factors = made_up
    portfolio = calendar_time_portfolio(trades, prices, event=Event.DISCLOSURE, holding=10)
    found = calendar_time_alpha(portfolio, prices, leg=leg, model=model, factors=factors)
    days = pd.DatetimeIndex(prices.days)
    frame = pd.DataFrame(
        {
            "purchases": portfolio.purchases,
            "sales": portfolio.sales,
            "benchmark": pd.Series(prices.benchmark_close).pct_change().to_numpy(),
        },
        days,
    )
    panel = pd.DataFrame({name: getattr(factors, name) for name in NAMES}, factors.days)
    frame = frame.join(panel)
    frame["response"] = (
        frame["purchases"] - frame["sales"] if leg is Leg.DIFFERENCE else frame[leg.value]
    )
    invested = frame["response"].notna()
    regressors = {
        Model.MARKET_ADJUSTED: [],
        Model.MARKET_MODEL: ["benchmark"],
        Model.FAMA_FRENCH: ["market", "smb", "hml"],
    }[model]
    if leg is not Leg.DIFFERENCE:
        less = {Model.MARKET_ADJUSTED: "benchmark", Model.FAMA_FRENCH: "risk_free"}.get(model)
        frame["response"] -= frame[less] if less else 0.0
    used = frame[["response", *regressors]].dropna()
    design = np.column_stack([np.ones(len(used)), used[regressors]])
    assert_same(found, reference(used["response"].to_numpy(), design), 252)
    assert found.first == used.index[0]
    assert found.last == used.index[-1]
    assert found.factors_missing == invested.sum() - len(used)
    assert (found.factors_missing > 0) == (model is Model.FAMA_FRENCH)
    assert found.empty == (~invested[invested.idxmax() : invested[::-1].idxmax()]).sum()
    assert found.empty > 0


@pytest.mark.parametrize("periods", [36, 60, 126, 252, 1000, 3000])
def test_critical_values_are_those_of_fixed_b_asymptotics(periods):
    share = (newey_west_lags(periods) + 1) / periods
    # Kiefer and Vogelsang (2005), table 1: Bartlett kernel, 97.5 %.
    fixed_b = 1.96 + 2.9694 * share + 0.416 * share**2 - 0.5324 * share**3
    # `assert_same` holds the alphas to these degrees of freedom.
    assert stats.t.ppf(0.975, degrees_of_freedom(periods, 1)) == pytest.approx(fixed_b, rel=0.01)


@pytest.mark.parametrize("leg", Leg)
@pytest.mark.parametrize("model", Model)
def test_monthly_alphas_are_those_of_statsmodels(complete, leg, model):
    trades, prices, _, factors = complete
    portfolio = calendar_time_portfolio(trades, prices, event=Event.DISCLOSURE, holding=63)
    found = calendar_time_alpha(
        portfolio, prices, leg=leg, model=model, frequency=Frequency.MONTHLY, factors=factors
    )
    growth = pd.DataFrame(
        {
            "purchases": 1 + portfolio.purchases,
            "sales": 1 + portfolio.sales,
            "benchmark": 1 + pd.Series(prices.benchmark_close).pct_change().to_numpy(),
        },
        pd.DatetimeIndex(prices.days),
    )
    months = growth.groupby(growth.index.to_period("M"))
    frame = months.prod() - 1
    frame[list(NAMES)] = np.column_stack([getattr(factors, name) for name in NAMES])
    whole = months.apply(lambda part: part.notna().all().all())
    # The panel ends in the middle of a month.
    whole.iloc[-1] = False
    frame = frame[whole]
    response = frame["purchases"] - frame["sales"] if leg is Leg.DIFFERENCE else frame[leg.value]
    regressors = {
        Model.MARKET_ADJUSTED: [],
        Model.MARKET_MODEL: ["benchmark"],
        Model.FAMA_FRENCH: ["market", "smb", "hml"],
    }[model]
    if leg is not Leg.DIFFERENCE:
        less = {Model.MARKET_ADJUSTED: "benchmark", Model.FAMA_FRENCH: "risk_free"}.get(model)
        response = response - (frame[less] if less else 0.0)
    design = np.column_stack([np.ones(len(frame)), frame[regressors]])
    assert_same(found, reference(response.to_numpy(), design), 12)
    assert found.empty == 0
    assert str(found.last)[:7] == str(frame.index[-1])


def test_a_month_with_a_day_without_a_return_is_left_out(complete):
    trades, prices, *_ = complete
    portfolio = calendar_time_portfolio(trades, prices, event=Event.DISCLOSURE, holding=63)

    def monthly(purchases):
        return calendar_time_alpha(
            replace(portfolio, purchases=purchases),
            prices,
            leg=Leg.PURCHASES,
            model=Model.MARKET_MODEL,
            frequency=Frequency.MONTHLY,
        )

    whole = monthly(portfolio.purchases)
    gaps = portfolio.purchases.copy()
    gaps[[500, 501, 600]] = np.nan
    without = monthly(gaps)
    assert without.per_period.n == whole.per_period.n - 2
    assert (whole.empty, without.empty) == (0, 2)


@pytest.mark.parametrize(("last", "counted"), [("2012-08-31", True), ("2012-08-30", False)])
def test_the_last_month_counts_when_it_is_over(last, counted):
    rng = np.random.default_rng(5)
    days = trading_days(600)
    days = days[days <= np.datetime64(last)]
    prices = PricePanel(
        days,
        ("A",),
        np.cumprod(1 + rng.normal(0, 0.01, (len(days), 1)), axis=0),
        "INDEX",
        np.cumprod(1 + rng.normal(0, 0.01, len(days))),
    )
    trades = made_up_trades(rng, 1, prices)
    trades = replace(trades, disclosure_day=days[:1], side=np.array([1]))
    portfolio = calendar_time_portfolio(trades, prices, event=Event.DISCLOSURE, holding=600)
    found = calendar_time_alpha(
        portfolio,
        prices,
        leg=Leg.PURCHASES,
        model=Model.MARKET_MODEL,
        frequency=Frequency.MONTHLY,
    )
    # Entered in January, whose first days are missing; too few months for an estimate.
    assert found.per_period.n == 6 + counted
    assert str(found.last) == (last if counted else "2012-07-31")
    assert np.isnan(found.per_period.value)


@pytest.mark.parametrize("frequency", Frequency)
def test_too_few_periods_have_no_alpha(complete, frequency):
    trades, prices, *_ = complete
    months = np.unique(trading_months(prices.days))
    least = MINIMUM_PERIODS[frequency]
    for count in (least - 1, least):
        if frequency is Frequency.DAILY:
            days = count + 1
        else:
            days = int(np.searchsorted(trading_months(prices.days), months[count + 1]))
        part = PricePanel(
            prices.days[:days],
            prices.tickers,
            prices.close[:days],
            prices.benchmark,
            prices.benchmark_close[:days],
        )
        portfolio = calendar_time_portfolio(trades, part, event=Event.DISCLOSURE, holding=63)
        found = calendar_time_alpha(
            replace(portfolio, purchases=simple_returns(part.close[:, 0])),
            part,
            leg=Leg.PURCHASES,
            model=Model.MARKET_MODEL,
            frequency=frequency,
        )
        assert found.per_period.n == count
        assert np.isfinite(found.annualised.value) == (count == least)
        assert len(found.loadings) == 1


def test_factors_that_are_missing_or_collinear_give_no_alpha(complete):
    trades, prices, factors, _ = complete
    portfolio = calendar_time_portfolio(trades, prices, event=Event.DISCLOSURE, holding=63)

    def alpha(panel, frequency=Frequency.DAILY):
        return calendar_time_alpha(
            portfolio,
            prices,
            leg=Leg.PURCHASES,
            model=Model.FAMA_FRENCH,
            frequency=frequency,
            factors=panel,
        )

    for frequency in Frequency:
        without = alpha(None, frequency)
        assert without.per_period.n == 0
        assert without.first is without.last is None
        assert without.factors_missing > 0
    twice = alpha(replace(factors, hml=2 * factors.smb))
    assert twice.per_period.n > 1000
    assert np.isnan([one.value for one in (twice.per_period, *twice.loadings)]).all()
    assert PERIODS_A_YEAR == {Frequency.DAILY: 252, Frequency.MONTHLY: 12}


def test_a_portfolio_of_nothing_has_no_alpha(complete):
    trades, prices, *_ = complete
    nobody = trades.take(np.zeros(len(trades), dtype=bool))
    portfolio = calendar_time_portfolio(nobody, prices, event=Event.DISCLOSURE, holding=63)
    assert portfolio.excluded == {}
    for frequency in Frequency:
        found = calendar_time_alpha(
            portfolio,
            prices,
            leg=Leg.DIFFERENCE,
            model=Model.MARKET_MODEL,
            frequency=frequency,
        )
        assert (found.per_period.n, found.empty, found.factors_missing) == (0, 0, 0)

"""Errors and bootstraps by politician and day of the return beside statsmodels and plain loops."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from backtest_support import made_up_trades
from performance_support import made_up_market, with_gaps
from scipy import stats

from quant.analytics.performance.bootstrap import bootstrap_interval
from quant.analytics.performance.event_study import abnormal_returns
from quant.analytics.performance.trade_days import FEW_CLUSTERS, trade_days
from quant.analytics.performance.vocabulary import HORIZONS, Event, Model


@pytest.fixture(scope="module")
def made_up():
    rng = np.random.default_rng(61)
    complete, factors = made_up_market(rng, 800, 10)
    prices = with_gaps(rng, complete, 0.002)
    trades = made_up_trades(rng, 250, prices, politicians=14)
    return trades, prices, factors


def study(made_up, model, event=Event.DISCLOSURE):
    trades, prices, factors = made_up
    return abnormal_returns(trades, prices, event=event, model=model, factors=factors)


def chosen(made_up, model, horizon):
    """Trades with a window, their daily returns, labels and weights."""
    trades, *_ = made_up
    found = study(made_up, model)
    which = found.included[:, HORIZONS.index(horizon)]
    weights = np.random.default_rng(1).uniform(1, 9, int(which.sum()))
    return trades.take(which), found.take(which), weights


def effective_clusters(daily, horizon, weights, politician):
    """How many of equal weight the smaller dimension is worth."""
    by_politician = pd.Series(weights).groupby(politician).sum()
    days = (daily.entry[:, None] + np.arange(horizon)).ravel()
    by_day = pd.Series(np.repeat(weights, horizon)).groupby(days).sum()
    return min(one.sum() ** 2 / (one**2).sum() for one in (by_politician, by_day))


def reference(daily, horizon, regressors, weights, politician):
    """Coefficients and errors of the regression with one row for each day of each trade."""
    days = (daily.entry[:, None] + np.arange(horizon)).ravel()
    politicians = np.repeat(politician, horizon)
    groups = [np.column_stack([politicians, days])]
    if effective_clusters(daily, horizon, weights, politician) < FEW_CLUSTERS:
        groups += [politicians, days]
    found = []
    for compounded in (False, True):
        model = sm.WLS(
            daily.abnormal(horizon, compounded=compounded).ravel(),
            np.repeat(regressors, horizon, axis=0),
            weights=np.repeat(weights, horizon),
        )
        fits = [model.fit(cov_type="cluster", cov_kwds={"groups": each}) for each in groups]
        found.append((fits[0].params, np.fmax.reduce([fit.bse for fit in fits])))
    return found


@pytest.mark.parametrize("model", Model)
@pytest.mark.parametrize("horizon", HORIZONS)
def test_days_add_up_to_the_abnormal_return(made_up, model, horizon):
    _, found, _ = chosen(made_up, model, horizon)
    column = HORIZONS.index(horizon)
    assert len(found) > 10
    for compounded, whole in ((False, found.car), (True, found.bhar)):
        days = found.daily.abnormal(horizon, compounded=compounded)
        assert days.shape == (len(found), horizon)
        np.testing.assert_allclose(days.sum(axis=1), whole[:, column], rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("model", Model)
@pytest.mark.parametrize("horizon", HORIZONS)
def test_a_mean_is_the_regression_of_statsmodels(made_up, model, horizon):
    trades, found, weights = chosen(made_up, model, horizon)
    constant = np.ones((len(trades), 1))
    fits = reference(found.daily, horizon, constant, weights, trades.politician)
    effective = effective_clusters(found.daily, horizon, weights, trades.politician)
    for compounded, (values, errors) in zip((False, True), fits, strict=True):
        cells = trade_days(found.daily, horizon, weights, trades.politician, compounded=compounded)
        one = cells.inference()
        days = np.unique(found.entry[:, None] + np.arange(horizon))
        assert one.clusters == (len(np.unique(trades.politician)), len(days))
        assert one.n == len(trades)
        assert one.degrees == round(effective) - 1
        assert one.value == pytest.approx(horizon * values[0], rel=1e-8)
        error = horizon * errors[0]
        assert one.standard_error == pytest.approx(error, rel=1e-8)
        low, high = stats.t.interval(0.95, one.degrees, one.value, error)
        assert (one.low, one.high) == pytest.approx((low, high), rel=1e-8)
        p_value = 2 * stats.t.sf(abs(one.value) / error, one.degrees)
        assert one.p_value == pytest.approx(p_value, rel=1e-8)


@pytest.mark.parametrize("horizon", [1, 21, 126])
def test_a_difference_is_the_regression_of_statsmodels(made_up, horizon):
    trades, found, weights = chosen(made_up, Model.MARKET_MODEL, horizon)
    inside = (trades.side > 0).astype(np.int64)
    regressors = sm.add_constant(inside.astype(float))
    fits = reference(found.daily, horizon, regressors, weights, trades.politician)
    for compounded, (values, errors) in zip((False, True), fits, strict=True):
        one = trade_days(
            found.daily,
            horizon,
            weights,
            trades.politician,
            compounded=compounded,
            inside=inside,
        ).inference()
        assert one.value == pytest.approx(horizon * values[1], rel=1e-8)
        assert one.standard_error == pytest.approx(horizon * errors[1], rel=1e-8)


def test_a_negative_weight_turns_the_return_around(made_up):
    trades, found, weights = chosen(made_up, Model.MARKET_ADJUSTED, 21)
    signed = trade_days(found.daily, 21, trades.side * weights, trades.politician).inference()
    values = trades.side * found.car[:, HORIZONS.index(21)]
    assert signed.value == pytest.approx(np.average(values, weights=weights), rel=1e-10)
    days = found.entry[:, None] + np.arange(21)
    turned = (trades.side[:, None] * found.daily.abnormal(21, compounded=False)).ravel()
    fitted = sm.WLS(turned, np.ones((turned.size, 1)), weights=np.repeat(weights, 21)).fit(
        cov_type="cluster",
        cov_kwds={"groups": np.column_stack([np.repeat(trades.politician, 21), days.ravel()])},
    )
    assert signed.standard_error == pytest.approx(21 * fitted.bse[0], rel=1e-8)


def test_parts_make_no_difference(made_up, monkeypatch):
    trades, found, weights = chosen(made_up, Model.MARKET_MODEL, 126)
    whole = trade_days(found.daily, 126, weights, trades.politician)
    monkeypatch.setattr("quant.analytics.performance.trade_days._BATCH", 1000)
    parts = trade_days(found.daily, 126, weights, trades.politician)
    np.testing.assert_allclose(parts.residuals, whole.residuals, rtol=1e-12, atol=1e-16)


def test_windows_of_unlike_entry_days_share_their_days(made_up):
    """Two trades of two politicians in one ticker, a day apart: nearly the same return."""
    trades, *_ = made_up
    prices, _ = made_up_market(np.random.default_rng(1), 400, 4)
    two = trades.take(np.array([0, 0]))
    two.politician[:] = [1, 2]
    two.ticker[:] = 3
    two.disclosure_day[:] = prices.days[[300, 301]]
    found = abnormal_returns(two, prices, event=Event.DISCLOSURE, model=Model.MARKET_ADJUSTED)
    place = HORIZONS.index(21)
    assert found.included[:, place].all()
    cells = trade_days(found.daily, 21, np.ones(2), two.politician)
    assert cells.clusters == (2, 22)
    by_day = np.square(cells.residuals.sum(axis=0)).sum()
    by_cell = np.square(cells.residuals).sum()
    assert by_day > 1.8 * by_cell


def test_there_is_no_error_with_one_cluster_or_one_day(made_up):
    trades, found, weights = chosen(made_up, Model.MARKET_ADJUSTED, 5)
    alone = trade_days(found.daily, 5, weights, np.zeros(len(trades), dtype=np.int64)).inference()
    assert np.isfinite(alone.value)
    assert np.isnan([alone.standard_error, alone.p_value, alone.low]).all()
    one = np.flatnonzero(found.entry == found.entry[0])
    single = trade_days(found.daily.take(one), 1, weights[one], np.arange(len(one))).inference()
    assert single.clusters == (len(one), 1)
    assert np.isnan(single.standard_error)


def test_without_trades_there_is_no_mean(made_up):
    trades, found, weights = chosen(made_up, Model.MARKET_ADJUSTED, 5)
    nobody = np.zeros(len(trades), dtype=bool)
    assert (
        trade_days(found.daily.take(nobody), 5, weights[nobody], trades.politician[nobody]) is None
    )
    everyone = np.ones(len(trades), dtype=np.int64)
    for inside in (everyone, 1 - everyone):
        assert trade_days(found.daily, 5, weights, trades.politician, inside=inside) is None


def test_a_variance_that_is_not_positive_gives_way_to_the_greater_one_way(made_up):
    trades, found, weights = chosen(made_up, Model.MARKET_ADJUSTED, 1)
    cells = trade_days(found.daily, 1, weights, trades.politician)
    by_cluster, by_day, by_cell = (np.array([value, 2.0]) for value in (1.0, 3.0, 100.0))
    small = (len(trades) - 1) / (len(trades) - 1)
    clusters, days = cells.clusters
    found = cells.variances(by_cluster, by_day, by_cell)
    expected = max(clusters / (clusters - 1), 3 * days / (days - 1)) * small
    assert found[0] == pytest.approx(expected)
    occupied = np.count_nonzero(cells.shares)
    two_way = 2 * (clusters / (clusters - 1) + days / (days - 1) - occupied / (occupied - 1))
    assert found[1] == pytest.approx(two_way)


def test_with_few_clusters_the_greatest_variance_counts(made_up):
    trades, found, weights = chosen(made_up, Model.MARKET_ADJUSTED, 5)
    labels = trades.politician % 5
    cells = trade_days(found.daily, 5, weights, labels)
    assert cells.effective_clusters < FEW_CLUSTERS
    by_cluster, by_day = 2.0, 3.0
    _, days = cells.clusters
    # The cells' own variance is nearly that of days: a two-way one of little more than nothing.
    found = cells.variances(*(np.array([value]) for value in (by_cluster, by_day, 4.5)))
    assert found[0] == pytest.approx(max(5 / 4 * by_cluster, days / (days - 1) * by_day))


def plain_bootstrap(daily, horizon, weights, politician, signs):
    """Draw by draw, with one row for each day of each trade."""
    few = effective_clusters(daily, horizon, weights, politician) < FEW_CLUSTERS
    gains = daily.abnormal(horizon, compounded=False).ravel()
    weights = np.repeat(weights, horizon)
    politician = np.repeat(np.unique(politician, return_inverse=True)[1], horizon)
    day = (daily.entry[:, None] + np.arange(horizon)).ravel()
    cell = np.unique(np.column_stack([politician, day]), axis=0, return_inverse=True)[1]

    def fitted(values):
        """The mean window and its standard error."""
        estimate = np.average(values, weights=weights)
        scores = weights * (values - estimate)
        first, second, both = (
            len(sums) / (len(sums) - 1) * np.square(sums).sum()
            for sums in (
                np.array([scores[labels == label].sum() for label in np.unique(labels)])
                for labels in (politician, day, cell)
            )
        )
        variance = first + second - both
        if few or variance <= 0:
            variance = max(variance, first, second)
        return horizon * estimate, horizon * np.sqrt(variance) / weights.sum()

    centre, observed = fitted(gains)
    mean = centre / horizon
    drawn = []
    for row in signs:
        estimate, error = fitted(mean + row[politician] * (gains - mean))
        drawn.append((estimate - centre) / error)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return centre - high * observed, centre - low * observed


@pytest.mark.parametrize("horizon", [1, 5, 21])
@pytest.mark.parametrize("politicians", [14, 5])
def test_the_bootstrap_is_that_of_a_plain_loop(made_up, horizon, politicians):
    trades, found, weights = chosen(made_up, Model.MARKET_ADJUSTED, horizon)
    few = slice(60)
    labels = trades.politician[few] % politicians
    daily = found.daily.take(few)
    cells = trade_days(daily, horizon, weights[few], labels)
    interval = bootstrap_interval(cells, np.random.default_rng(9), draws=49)
    rng = np.random.default_rng(9)
    signs = rng.choice([-1.0, 1.0], (49, politicians))
    if politicians < 12:
        signs *= rng.choice(np.sqrt([0.5, 1, 1.5]), (49, politicians))
    expected = plain_bootstrap(daily, horizon, weights[few], labels, signs)
    np.testing.assert_allclose(interval, expected, rtol=1e-8)


def test_there_is_no_interval_without_an_error_or_of_a_difference(made_up):
    trades, found, weights = chosen(made_up, Model.MARKET_ADJUSTED, 5)
    rng = np.random.default_rng(1)
    one = trade_days(found.daily, 5, weights, np.zeros(len(trades), dtype=np.int64))
    inside = (trades.side > 0).astype(np.int64)
    two = trade_days(found.daily, 5, weights, trades.politician, inside=inside)
    for cells in (one, two):
        assert np.isnan(bootstrap_interval(cells, rng, draws=99)).all()

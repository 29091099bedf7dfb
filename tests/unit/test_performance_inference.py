"""Clustered errors, weights and bounds beside independent implementations."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from linearmodels.panel import PooledOLS
from scipy import stats
from scipy.optimize import linprog

from quant.analytics.long_run import newey_west_lags, regress
from quant.analytics.performance.bootstrap import seeded
from quant.analytics.performance.clustered import (
    cluster_codes,
    difference,
    fit,
    inference,
    mean,
)
from quant.analytics.performance.vocabulary import Weighting
from quant.analytics.performance.weights import closed_ranges, mean_bounds, trade_weights

DESIGNS = [
    pytest.param(300, 15, 40, id="many"),
    pytest.param(60, 2, 3, id="few"),
    pytest.param(80, 7, 80, id="dates of one trade"),
]


def clustered_data(rows, politicians, dates, seed=1):
    rng = np.random.default_rng(seed)
    politician = np.arange(rows) % politicians
    date = rng.permutation(np.arange(rows) % dates)
    values = (
        rng.standard_t(4, rows)
        + rng.normal(size=politicians)[politician]
        + rng.normal(size=dates)[date]
    )
    # Labels are integers with gaps.
    return values, rng.uniform(1, 9, rows), [politician * 7 + 20, date * 3]


def reference(values, regressors, weights, groups):
    groups = np.column_stack(groups)
    model = sm.WLS(values, regressors, weights=weights)
    return model.fit(
        cov_type="cluster", cov_kwds={"groups": groups if groups.shape[1] > 1 else groups[:, 0]}
    )


@pytest.mark.parametrize(("rows", "politicians", "dates"), DESIGNS)
@pytest.mark.parametrize("dimensions", [slice(0, 1), slice(1, 2), slice(0, 2)])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_clustered_covariance_is_that_of_statsmodels_and_linearmodels(
    rows, politicians, dates, dimensions, weighted
):
    values, weights, groups = clustered_data(rows, politicians, dates)
    weights = weights if weighted else np.ones(rows)
    groups = groups[dimensions]
    regressors = np.column_stack([np.ones(rows), np.random.default_rng(2).normal(size=rows)])
    found = fit(values, regressors, weights, groups)
    expected = reference(values, regressors, weights, groups)
    np.testing.assert_allclose(found.coefficients, expected.params, rtol=1e-8)
    np.testing.assert_allclose(found.covariance, expected.cov_params(), rtol=1e-8)
    index = pd.MultiIndex.from_arrays([np.arange(rows), np.zeros(rows, dtype=int)])
    other = PooledOLS(
        pd.Series(values, index),
        pd.DataFrame(regressors, index, columns=["constant", "slope"]),
        weights=pd.DataFrame({"weight": weights}, index),
    ).fit(
        cov_type="clustered",
        clusters=pd.DataFrame(dict(enumerate(groups))).set_index(index),
        debiased=True,
        group_debias=True,
    )
    np.testing.assert_allclose(found.covariance, other.cov.to_numpy(), rtol=1e-8)


@pytest.mark.parametrize(("rows", "politicians", "dates"), DESIGNS)
def test_a_mean_is_tested_with_the_greatest_variance_and_few_degrees(rows, politicians, dates):
    values, weights, groups = clustered_data(rows, politicians, dates)
    found = mean(values, weights, groups)
    constant = np.ones((rows, 1))
    errors = [
        float(reference(values, constant, weights, chosen).bse[0])
        for chosen in (groups, groups[:1], groups[1:])
    ]
    error, degrees = np.nanmax(errors), min(politicians, dates) - 1
    assert found.value == pytest.approx(np.average(values, weights=weights), rel=1e-12)
    assert found.standard_error == pytest.approx(error, rel=1e-8)
    assert (found.degrees, found.n, found.clusters) == (degrees, rows, (politicians, dates))
    low, high = stats.t.interval(0.95, degrees, found.value, error)
    assert (found.low, found.high) == pytest.approx((low, high), rel=1e-8)
    p_value = 2 * stats.t.sf(abs(found.value) / error, degrees)
    assert found.p_value == pytest.approx(p_value, rel=1e-8)


def test_the_greatest_variance_is_not_always_that_of_both():
    # Within each date the politicians' residuals cancel, so the two-way variance is the smaller.
    values = np.array([1.0, -1, 1, -1, 1, -1, 1, -1, 2, -2])
    groups = [np.tile([0, 1], 5), np.repeat(np.arange(5), 2)]
    found = fit(values, np.ones((10, 1)), np.ones(10), groups)
    assert found.covariance[0, 0] < found.one_way[:, 0, 0].max()
    alone = mean(values, np.ones(10), groups).standard_error
    assert alone == pytest.approx(np.sqrt(found.one_way[:, 0, 0].max()), rel=1e-12)


@pytest.mark.parametrize("weighted", [False, True])
def test_a_difference_is_the_slope_of_an_indicator(weighted):
    values, weights, groups = clustered_data(300, 15, 40)
    weights = weights if weighted else np.ones(300)
    inside = np.random.default_rng(3).integers(0, 2, 300)
    found = difference(values, weights, groups, inside)
    expected = reference(values, sm.add_constant(inside.astype(float)), weights, groups)
    assert found.value == pytest.approx(expected.params[1], rel=1e-8)
    one_way = [
        reference(values, sm.add_constant(inside.astype(float)), weights, [group]).bse[1]
        for group in groups
    ]
    assert found.standard_error == pytest.approx(max(expected.bse[1], *one_way), rel=1e-8)


def test_what_cannot_be_estimated_is_nan():
    nothing = mean(np.empty(0), np.empty(0), [np.empty(0, dtype=np.int64)] * 2)
    assert nothing.n == 0
    assert np.isnan([nothing.value, nothing.standard_error, nothing.p_value]).all()
    values, ones = np.array([1.0, 2, 4]), np.ones(3)
    one_date = mean(values, ones, [np.arange(3), np.zeros(3, dtype=np.int64)])
    assert one_date.value == pytest.approx(7 / 3)
    assert one_date.clusters == (3, 1)
    assert np.isnan([one_date.standard_error, one_date.low, one_date.p_value]).all()
    assert np.isnan(difference(values, ones, [np.arange(3)] * 2, np.ones(3, dtype=int)).value)
    without_error = inference(0.5, 0.0, 10, n=3)
    assert np.isnan(without_error.standard_error)
    assert without_error.value == 0.5


def test_clusters_are_the_distinct_pairs_of_labels():
    codes, count = cluster_codes(np.array([5, 5, -1, 5]), np.array([2, 3, 2, 2]))
    assert count == 3
    assert codes[0] == codes[3]
    assert len({*codes[:3]}) == 3


@pytest.mark.parametrize("lags", [None, 0, 3, 20])
def test_newey_west_errors_are_those_of_statsmodels(lags):
    rng = np.random.default_rng(4)
    shocks = rng.normal(size=401)
    regressors = sm.add_constant(rng.normal(size=(400, 3)))
    response = regressors @ [0.1, 1, -0.5, 0.2] + shocks[1:] + 0.5 * shocks[:-1]
    found = regress(response, regressors, lags)
    used = newey_west_lags(400) if lags is None else lags
    assert found.lags == used
    expected = sm.OLS(response, regressors).fit(
        cov_type="HAC", cov_kwds={"maxlags": used, "use_correction": False}
    )
    np.testing.assert_allclose(found.coefficients, expected.params, rtol=1e-8)
    np.testing.assert_allclose(found.covariance, expected.cov_params(), rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose(found.standard_errors, expected.bse, rtol=1e-8)
    np.testing.assert_allclose(found.residuals, expected.resid, rtol=1e-8, atol=1e-12)


def test_a_stream_depends_on_the_names_alone():
    first, again, other = (
        seeded(*names).random(4) for names in (("a", "bc"), ("a", "bc"), ("ab", "c"))
    )
    np.testing.assert_array_equal(first, again)
    assert not np.any(first == other)


RANGES = np.array(
    [[1001, 15000], [15001, 50000], [50001, 1e5], [1e6, 5e6], [0, 1000], [2000, 2000]]
)


def test_weights_are_means_of_distributions_over_the_range():
    low, high = RANGES.T
    np.testing.assert_array_equal(trade_weights(low, high, Weighting.EQUAL), 1)
    closed = np.maximum(low, 1)
    uniform = stats.uniform(closed, high - closed).mean()
    np.testing.assert_allclose(
        trade_weights(low, high, Weighting.MIDPOINT), np.where(high > low, uniform, low), rtol=1e-8
    )
    found = trade_weights(low, high, Weighting.LOG_UNIFORM)
    expected = stats.loguniform(closed[:-1], high[:-1]).mean()
    np.testing.assert_allclose(found[:-1], expected, rtol=1e-8)
    assert found[-1] == 2000


@pytest.mark.parametrize("weighting", [Weighting.MIDPOINT, Weighting.LOG_UNIFORM])
def test_a_range_without_an_upper_end_weighs_its_lower_one(weighting):
    assert trade_weights(np.array([50e6]), np.array([np.nan]), weighting) == [50e6]
    np.testing.assert_array_equal(closed_ranges(np.array([50e6]), np.array([np.nan])), 50e6)


def greatest_mean(values, low, high):
    """The linear-fractional programme as a linear one (Charnes and Cooper 1962).

    With t = 1 / sum(a) and y = t a: maximise v y where sum(y) = 1 and t low <= y <= t high.
    """
    size = len(values)
    solved = linprog(
        np.append(-values, 0.0),
        A_ub=np.block([[-np.eye(size), low[:, None]], [np.eye(size), -high[:, None]]]),
        b_ub=np.zeros(2 * size),
        A_eq=np.append(np.ones(size), 0.0)[None],
        b_eq=[1.0],
        bounds=[(0, None)] * (size + 1),
    )
    assert solved.success
    return -solved.fun


@settings(max_examples=50, deadline=None)
@given(size=st.integers(1, 9), seed=st.integers(0, 10_000))
def test_bounds_of_a_mean_are_the_optimum_of_a_linear_programme(size, seed):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=size).round(1)
    low = rng.uniform(1, 5, size)
    high = low + rng.uniform(0, 9, size) * (rng.random(size) < 0.8)
    found = mean_bounds(values, low, high)
    expected = -greatest_mean(-values, low, high), greatest_mean(values, low, high)
    np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-8)
    ends = [np.average(values, weights=amounts) for amounts in product(*np.stack([low, high], 1))]
    np.testing.assert_allclose(found, (min(ends), max(ends)), rtol=1e-10, atol=1e-12)


def test_bounds_hold_the_weighted_means():
    rng = np.random.default_rng(6)
    low, high = RANGES[rng.integers(0, 4, 500)].T
    values = rng.normal(size=500)
    least, greatest = mean_bounds(values, low, high)
    for weighting in (Weighting.MIDPOINT, Weighting.LOG_UNIFORM):
        weights = trade_weights(low, high, weighting)
        assert least < np.average(values, weights=weights) < greatest
    assert np.isnan(mean_bounds(np.empty(0), np.empty(0), np.empty(0))).all()

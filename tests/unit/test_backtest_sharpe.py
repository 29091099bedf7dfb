"""Sharpe ratios beside the papers' examples, SciPy, statsmodels and a bootstrap."""

import math

import numpy as np
import pytest
from scipy import stats

from quant.analytics.backtest.sharpe import (
    Moments,
    deflated_sharpe_ratio,
    expected_maximum,
    moments,
    probabilistic_sharpe_ratio,
    sharpe_ratio,
    sidak_p_value,
)
from quant.analytics.long_run import long_run_covariance, newey_west_lags


def stated(observations, sharpe, skewness, kurtosis):
    """Moments as a paper states them."""
    values = (observations, sharpe, 1.0, skewness, kurtosis)
    return Moments(*(np.asarray(value, dtype=np.float64) for value in values))


@pytest.fixture(scope="module")
def fat_tails():
    rng = np.random.default_rng(2)
    return 4e-4 + 0.01 * rng.standard_t(5, size=(3, 900)) - 0.002 * rng.exponential(size=(3, 900))


def test_deflated_sharpe_ratio_of_the_paper():
    """Bailey and Lopez de Prado (2014), "A numerical example"."""
    annual, years = 2.5, 5
    of = stated(250 * years, annual / math.sqrt(250), -3, 10)
    variance = 0.5 / 250
    assert expected_maximum(100, variance) == pytest.approx(0.1132, abs=5e-5)
    assert deflated_sharpe_ratio(of, 100, variance) == pytest.approx(0.9004, abs=5e-5)
    assert deflated_sharpe_ratio(of, 46, variance) == pytest.approx(0.9505, abs=5e-5)
    normal = stated(250 * years, annual / math.sqrt(250), 0, 3)
    assert deflated_sharpe_ratio(normal, 88, variance) == pytest.approx(0.9505, abs=5e-5)


def test_probabilistic_sharpe_ratio_of_the_paper():
    """Bailey and Lopez de Prado (2012), section 4: 24 monthly returns, ratio 0.458."""
    of = stated(24, 0.458, -2.448, 10.164)
    assert probabilistic_sharpe_ratio(of) == pytest.approx(0.913, abs=5e-4)
    assert probabilistic_sharpe_ratio(stated(24, 0.458, 0, 3)) == pytest.approx(0.982, abs=5e-4)


def test_moments_are_those_of_scipy(fat_tails):
    of = moments(fat_tails)
    np.testing.assert_allclose(of.mean, fat_tails.mean(axis=1), rtol=1e-12)
    np.testing.assert_allclose(of.deviation, fat_tails.std(axis=1, ddof=1), rtol=1e-12)
    np.testing.assert_allclose(of.skewness, stats.skew(fat_tails, axis=1), rtol=1e-10)
    np.testing.assert_allclose(
        of.kurtosis, stats.kurtosis(fat_tails, axis=1, fisher=False), rtol=1e-10
    )
    z = of.sharpe * np.sqrt(
        899 / (1 - of.skewness * of.sharpe + (of.kurtosis - 1) / 4 * of.sharpe**2)
    )
    np.testing.assert_allclose(probabilistic_sharpe_ratio(of), stats.norm.cdf(z), rtol=1e-10)


@pytest.mark.parametrize("trials", [2, 10, 90, 1000])
def test_expected_maximum_is_near_that_of_simulated_ratios(trials):
    quantile = stats.norm.ppf
    gamma = 0.5772156649015329
    formula = (1 - gamma) * quantile(1 - 1 / trials) + gamma * quantile(1 - 1 / (trials * math.e))
    assert expected_maximum(trials, 0.04) == pytest.approx(0.2 * formula, rel=1e-9)
    drawn = np.random.default_rng(trials).normal(size=(4000, trials)).max(axis=1).mean()
    # The paper's approximation is for many trials; of two it is 0.08 too low.
    assert formula == pytest.approx(drawn, abs=0.1 if trials == 2 else 0.05)


def test_of_one_trial_nothing_is_deflated(fat_tails):
    of = moments(fat_tails)
    np.testing.assert_array_equal(
        deflated_sharpe_ratio(of, 1, 0.01), probabilistic_sharpe_ratio(of)
    )
    assert np.all(deflated_sharpe_ratio(of, 90, 1e-4) < probabilistic_sharpe_ratio(of))
    with pytest.raises(ValueError, match="at least one trial"):
        expected_maximum(0, 1)


def test_sidak_is_exact_for_small_p_values():
    assert sidak_p_value(0.05, 1) == pytest.approx(0.05, rel=1e-14)
    assert sidak_p_value(0.01, 90) == pytest.approx(1 - 0.99**90, rel=1e-12)
    assert sidak_p_value(1e-18, 90) == pytest.approx(9e-17, rel=1e-12)
    assert sidak_p_value(1.0, 3) == 1


def test_errors_of_independent_returns(fat_tails):
    for series in fat_tails:
        found = sharpe_ratio(series)
        ratio = series.mean() / series.std(ddof=1)
        assert found.value == pytest.approx(ratio, rel=1e-12)
        assert found.error_normal == pytest.approx(math.sqrt((1 + ratio**2 / 2) / 899), rel=1e-12)
        scale = 1 - stats.skew(series) * ratio + (stats.kurtosis(series) + 2) / 4 * ratio**2
        assert found.error_independent == pytest.approx(math.sqrt(scale / 899), rel=1e-12)


def test_the_error_of_independent_returns_is_that_of_a_bootstrap(fat_tails):
    rng = np.random.default_rng(9)
    series = fat_tails[0]
    drawn = moments(series[rng.integers(0, 900, (4000, 900))]).sharpe
    assert sharpe_ratio(series).error_independent == pytest.approx(drawn.std(), rel=0.04)


def test_the_robust_error_is_the_delta_method_on_statsmodels_covariance(fat_tails):
    """Lo (2002): GMM with the moments r - mean and (r - mean)^2 - variance."""
    from statsmodels.stats.sandwich_covariance import S_hac_simple

    for series in fat_tails:
        dependent = series + 0.3 * np.r_[0, series[:-1]]
        found = sharpe_ratio(dependent)
        lags = newey_west_lags(900)
        assert found.lags == lags == 6
        mean, variance = dependent.mean(), dependent.var()
        conditions = np.column_stack([dependent - mean, (dependent - mean) ** 2 - variance])
        covariance = S_hac_simple(conditions, nlags=lags) / 900
        np.testing.assert_allclose(long_run_covariance(conditions, lags), covariance, rtol=1e-10)
        ratio = dependent.mean() / dependent.std(ddof=1)
        gradient = np.array([1 / math.sqrt(variance), -ratio / (2 * variance)])
        expected = math.sqrt(gradient @ covariance @ gradient / 899)
        assert found.error_robust == pytest.approx(expected, rel=1e-10)
        assert found.error_robust > found.error_independent
        assert found.autocorrelation == pytest.approx(0.3, abs=0.1)


def test_the_robust_error_is_near_that_of_simulated_dependent_returns():
    rng = np.random.default_rng(4)
    shocks = rng.normal(0.05, 1, size=(1500, 1001))
    series = shocks[:, 1:] + 0.5 * shocks[:, :-1]
    errors = np.array([sharpe_ratio(one).error_robust for one in series[:300]])
    independent = np.array([sharpe_ratio(one).error_independent for one in series[:300]])
    spread = moments(series).sharpe.std()
    assert errors.mean() == pytest.approx(spread, rel=0.08)
    assert independent.mean() < 0.85 * spread


def test_a_series_without_variance_or_days_has_no_ratio():
    assert sharpe_ratio(np.full(50, 0.1)) is None
    assert sharpe_ratio(np.zeros(50)) is None
    assert sharpe_ratio(np.array([0.1, 0.2])) is None
    assert np.isnan(moments(np.full((2, 50), 0.1)).sharpe).all()
    assert np.isnan(moments(np.ones((2, 1))).sharpe).all()
    assert np.isnan(probabilistic_sharpe_ratio(moments(np.zeros((1, 9))))).all()


@pytest.mark.parametrize(
    ("observations", "lags"), [(0, 0), (1, 0), (2, 1), (10, 2), (100, 4), (2500, 8)]
)
def test_lags_grow_slowly_with_the_series(observations, lags):
    assert newey_west_lags(observations) == lags

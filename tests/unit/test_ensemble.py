"""Forecasts of counts beside SciPy and statsmodels, and what they may not know."""

from itertools import pairwise

import numpy as np
import pytest
from hmmlearn.hmm import PoissonHMM
from hypothesis import given
from hypothesis import strategies as st
from numpy.random import PCG64, Generator
from scipy import stats
from scipy.fft import dct

from quant.analytics.ensemble.components import (
    COMPONENTS,
    historical_mean,
    recent_rate,
)
from quant.analytics.ensemble.counts import log_pmf, quantile, weekly_counts
from quant.analytics.ensemble.pool import (
    FIRST_ORIGIN,
    HORIZONS,
    MINIMUM_FORECASTS,
    accuracy,
    forecast,
    pool_weights,
)
from quant.analytics.ensemble.regime import fit, regime_moments, sum_moments


def generator(seed=1):
    return Generator(PCG64(seed))


def switching(draw, weeks=260):
    rate = np.where((np.arange(weeks) // 40) % 2, 9.0, 0.7)
    return draw.poisson(rate)


class TestCounts:
    @given(st.floats(0.01, 300), st.floats(1.01, 50))
    def test_log_probabilities_are_those_of_scipys_negative_binomial(self, mean, ratio):
        found = log_pmf(np.array(mean), np.array(mean * ratio), 80)
        size = mean / (ratio - 1)
        expected = stats.nbinom.logpmf(np.arange(81), size, 1 / ratio)
        np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-8)

    @given(st.floats(0.01, 300))
    def test_without_excess_it_is_scipys_poisson(self, mean):
        found = log_pmf(np.array(mean), np.array(mean / 2), 80)
        expected = stats.poisson.logpmf(np.arange(81), mean)
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)

    def test_mean_and_variance_are_those_asked_for(self):
        pmf = np.exp(log_pmf(np.array([3.0, 20.0]), np.array([7.0, 90.0]), 400))
        x = np.arange(401)
        np.testing.assert_allclose(pmf @ x, [3, 20], rtol=1e-8)
        np.testing.assert_allclose(pmf @ (x * x) - (pmf @ x) ** 2, [7, 90], rtol=1e-8)

    @pytest.mark.parametrize("probability", [0.025, 0.5, 0.975])
    def test_quantiles_are_scipys(self, probability):
        pmf = np.exp(log_pmf(np.array(6.0), np.array(15.0), 300))
        assert quantile(pmf, probability) == stats.nbinom.ppf(probability, 4, 0.4)

    def test_weeks_are_whole(self):
        monday = np.datetime64("2026-01-05")
        day = np.timedelta64(1, "D")
        days = monday + np.array([-1, 0, 6, 7, 13, 14, 20]) * day
        days = np.concatenate([days, [np.datetime64("NaT", "D")]])
        assert weekly_counts(days, monday, monday + 19 * day).tolist() == [2, 2]
        assert weekly_counts(days, monday, monday + 20 * day).tolist() == [2, 2, 2]
        assert weekly_counts(days, monday, monday - day).tolist() == []


class TestComponents:
    def test_historical_mean_by_hand(self):
        y = np.array([0, 3, 1, 4, 2])
        found = historical_mean(y, 3, (1, 4))
        for row, n in enumerate((3, 4, 5)):
            mean, variance = (y[:n].sum() + 0.5) / n, max(y[:n].var(ddof=1), 0)
            spread = max(variance, mean)
            assert found.mean[row] == pytest.approx([mean, 4 * mean])
            assert found.variance[row] == pytest.approx(
                [spread * (1 + 1 / n), spread * (4 + 16 / n)]
            )

    def test_recent_rate_by_hand(self):
        y = generator().poisson(4, 30)
        found = recent_rate(y, 20, (1,))
        weight = 0.5 ** (np.arange(25)[::-1] / 13)
        mean = (weight @ y[:25] + 0.5) / weight.sum()
        assert found.mean[5, 0] == pytest.approx(mean)

    def test_regimes_are_found_as_by_hmmlearn(self):
        y = switching(generator(2))
        found = fit(y[:, None].astype(float))
        model = PoissonHMM(2, init_params="", params="tl", n_iter=100, tol=1e-6)
        model.startprob_ = np.full(2, 0.5)
        model.transmat_ = np.array([[0.9, 0.1], [0.1, 0.9]])
        model.lambdas_ = np.array([[1.0], [8.0]])
        model.fit(y[:, None])
        # The prior's half event and its stays move the estimates a little.
        assert found.rates[:, 0] == pytest.approx(model.lambdas_[:, 0], rel=0.02)
        assert found.transition[:, :, 0] == pytest.approx(model.transmat_, abs=0.02)

    def test_forecast_of_a_regime_is_its_predicted_state(self):
        y = switching(generator(2))
        found = regime_moments(y, len(y), (1,))
        fitted = fit(y[:, None].astype(float))
        model = PoissonHMM(2, init_params="", params="")
        model.startprob_, model.transmat_ = fitted.start[:, 0], fitted.transition[:, :, 0]
        model.lambdas_ = fitted.rates[:, :1]
        # The smoothed state of the last week is its filtered one.
        state = model.predict_proba(y[:, None])[-1] @ model.transmat_
        assert found[0][0, 0] == pytest.approx(state @ fitted.rates[:, 0], rel=1e-8)

    def test_moments_of_a_sum_over_regimes_are_those_of_all_paths(self):
        state, rates = np.array([0.3, 0.7]), np.array([1.0, 6.0])
        transition = np.array([[0.8, 0.2], [0.35, 0.65]])
        mean = square = 0.0
        for path in np.ndindex(2, 2, 2, 2):
            chance = state[path[0]] * np.prod([transition[a, b] for a, b in pairwise(path)])
            total = rates[list(path)].sum()
            mean += chance * total
            square += chance * (total + total**2)
        found = sum_moments(state, rates, transition, 4)
        assert found == pytest.approx((mean, square - mean**2), rel=1e-12)

    @pytest.mark.parametrize("name", COMPONENTS)
    @pytest.mark.parametrize(
        "y",
        [np.zeros(200, dtype=np.int64), np.full(200, 3), np.r_[np.zeros(199, dtype=np.int64), 250]],
        ids=["zero", "constant", "one burst"],
    )
    def test_degenerate_series_have_moments(self, name, y):
        found = COMPONENTS[name](y, FIRST_ORIGIN, HORIZONS)
        assert found.mean.shape == found.variance.shape == (97, 3)
        assert np.isfinite(found.mean).all()
        assert np.isfinite(found.variance).all()
        assert (found.mean > 0).all()

    @pytest.mark.parametrize("name", COMPONENTS)
    def test_no_week_after_an_origin_changes_its_forecast(self, name):
        draw = generator(4)
        y = switching(draw)
        rewritten = y.copy()
        rewritten[180:] = draw.permutation(y[180:]) * 7 + 1
        before = COMPONENTS[name](y, FIRST_ORIGIN, HORIZONS)
        after = COMPONENTS[name](rewritten, FIRST_ORIGIN, HORIZONS)
        until = 180 - FIRST_ORIGIN + 1  # the origin 180 uses the weeks before it
        np.testing.assert_array_equal(before.mean[:until], after.mean[:until])
        np.testing.assert_array_equal(before.variance[:until], after.variance[:until])
        assert not np.array_equal(before.mean[until:], after.mean[until:])


class TestPool:
    def test_a_short_series_has_no_forecast(self):
        assert forecast(np.ones(FIRST_ORIGIN + MINIMUM_FORECASTS - 1, dtype=np.int64)) is None

    def test_weights_use_the_scores_before(self):
        scores = np.log(np.array([[0.5, 0.1, 0.3], [0.25, 0.4, 0.3]]))
        weights = pool_weights(scores)
        assert weights[:, 0] == pytest.approx([0.5, 0.5])
        assert weights[:, 1] == pytest.approx([2 / 3, 1 / 3])
        odds = 2**0.99 * 0.25
        assert weights[0, 2] / weights[1, 2] == pytest.approx(odds)

    def test_log_scores_are_those_of_the_mixture(self):
        y = switching(generator(5), 200)
        found = forecast(y)
        moments = [part(y, FIRST_ORIGIN, HORIZONS) for part in COMPONENTS.values()]
        one = []
        for each in moments:
            mean, variance = (
                each.mean[:-1, 0],
                np.maximum(each.variance[:-1, 0], each.mean[:-1, 0] * (1 + 1e-9)),
            )
            size = mean**2 / (variance - mean)
            one.append(stats.nbinom.logpmf(y[FIRST_ORIGIN:], size, mean / variance))
        weights = pool_weights(np.array(one))[:, :-1]
        expected = np.log(np.sum(weights * np.exp(one), axis=0))
        np.testing.assert_allclose(found.horizons[0].log_scores, expected, rtol=1e-5, atol=1e-6)
        assert found.horizons[0].record.log_score == pytest.approx(expected.mean(), rel=1e-5)
        np.testing.assert_array_equal(found.horizons[0].outcomes, y[FIRST_ORIGIN:])
        assert len(found.horizons[2].outcomes) == len(y) - FIRST_ORIGIN - 11

    def test_a_planted_switch_beats_the_baseline_and_chance_does_not(self):
        planted = forecast(switching(generator(6)))
        assert planted.horizons[1].q_value < 0.01
        chance = forecast(generator(7).negative_binomial(1, 0.3, 260))
        assert chance.horizons[1].q_value > 0.05
        assert sum(component.weight for component in chance.components) == pytest.approx(1)

    def test_no_week_after_an_origin_changes_its_record(self):
        draw = generator(8)
        y = switching(draw)
        rewritten = y.copy()
        rewritten[200:] = draw.permutation(y[200:]) * 5 + 2
        for before, after in zip(forecast(y).horizons, forecast(rewritten).horizons, strict=True):
            known = before.origins + before.horizon <= 200
            assert known.sum() > 80
            np.testing.assert_array_equal(before.log_scores[known], after.log_scores[known])
            np.testing.assert_array_equal(before.means[known], after.means[known])
            assert not np.array_equal(before.log_scores[~known], after.log_scores[~known])

    def test_interval_covers_what_it_says(self):
        found = forecast(generator(9).poisson(5, 400))
        for horizon in found.horizons:
            assert 0.88 < horizon.record.coverage <= 1
            assert horizon.ensemble.low <= horizon.ensemble.median <= horizon.ensemble.high


class TestAccuracy:
    @pytest.mark.parametrize(("horizon", "cosines"), [(1, 9), (4, 9), (12, 5)])
    def test_the_error_is_that_of_scipys_cosine_transform(self, horizon, cosines):
        draw = generator(10)
        ours, theirs = draw.normal(0.1, 1, 120), draw.normal(0, 1, 120)
        found = accuracy(ours, theirs, horizon)
        transform = dct(ours - theirs, type=2, norm="ortho")[1 : cosines + 1]
        error = np.sqrt(np.mean(transform**2) / 120)
        assert found.difference == pytest.approx(np.mean(ours - theirs))
        assert found.standard_error == pytest.approx(error, rel=1e-10)
        expected = stats.t.sf(np.mean(ours - theirs) / error, cosines)
        assert found.p_value == pytest.approx(expected, rel=1e-8)

    @pytest.mark.parametrize("count", [0, 1, 60])
    def test_equal_forecasts_have_no_test(self, count):
        assert np.isnan(accuracy(np.full(count, -1.3), np.full(count, -1.3), 1).p_value)

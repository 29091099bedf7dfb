"""Conformal intervals: what is known when, and what they hold."""

import json

import numpy as np
import pytest
from numpy.random import PCG64, Generator

from quant.ml.conformal import LEAST_SCORES, IntervalRule, adapt

DAY = np.timedelta64(1, "D")
START = np.datetime64("2016-01-01")


def generator(seed=1):
    return Generator(PCG64(seed))


class TestIntervalRule:
    def test_residuals_are_scaled_by_the_feature(self):
        rule = IntervalRule(0.9, 2.0, "volatility_63", usual_scale=0.5, least_scale=0.1)
        lower, upper = rule.apply(np.array([0.0, 1.0, 1.0]), np.array([0.3, np.nan, 0.01]))
        np.testing.assert_allclose(lower, [-0.6, 0.0, 0.8])
        np.testing.assert_allclose(upper, [0.6, 2.0, 1.2])

    def test_without_a_scale_all_are_alike(self):
        lower, upper = IntervalRule(0.9, 2.0).apply(np.array([0.0, 1.0]))
        np.testing.assert_allclose(upper - lower, 4.0)

    def test_counts_are_not_negative_and_the_value_stays_inside(self):
        rule = IntervalRule(0.9, 3.0, "standard_deviation", least=0.0)
        lower, upper = rule.apply(np.array([0.5, 20.0]), np.array([1.0, 2.0]))
        np.testing.assert_allclose(lower, [0.0, 14.0])
        np.testing.assert_allclose(upper, [3.5, 26.0])

    def test_is_what_its_document_says(self):
        rule = IntervalRule(0.9, 1.7, "volatility_63", 0.02, 0.005, None)
        assert IntervalRule.of(json.loads(json.dumps(rule.document()))) == rule

    def test_a_document_that_lacks_something_is_refused(self):
        with pytest.raises(TypeError):
            IntervalRule.of({"level": 0.9})


def days(n, horizon):
    as_of = START + np.arange(n) * DAY
    return as_of, as_of + horizon * DAY


class TestAdapt:
    def test_uses_only_outcomes_that_were_known(self):
        draw = generator()
        n, horizon, change = 400, 30, 250
        as_of, known_on = days(n, horizon)
        scores = draw.exponential(size=n)
        later = scores.copy()
        later[change:] = 100 * draw.exponential(size=n - change)
        before = adapt(scores, as_of, known_on, level=0.9).quantile
        after = adapt(later, as_of, known_on, level=0.9).quantile
        np.testing.assert_array_equal(before[: change + horizon], after[: change + horizon])
        assert (after[change + horizon + 20 :] > before[change + horizon + 20 :]).any()

    def test_the_first_rows_have_no_interval(self):
        as_of, known_on = days(100, 10)
        found = adapt(generator().exponential(size=100), as_of, known_on, level=0.9).quantile
        first = LEAST_SCORES + 10 - 1
        assert np.isnan(found[:first]).all()
        assert np.isfinite(found[first:]).all()

    def test_without_adapting_it_is_the_split_conformal_quantile(self):
        scores = generator(2).exponential(size=500)
        as_of, known_on = days(500, 1)
        found = adapt(scores, as_of, known_on, level=0.9, step=0.0)
        for row in (100, 300, 499):
            past = np.sort(scores[:row])
            assert found.quantile[row] == past[int(np.ceil((row + 1) * 0.9)) - 1]
        assert found.miss == pytest.approx(0.1)

    def test_the_level_moves_as_gibbs_and_candes_have_it(self):
        # One outcome a day, known a day later: one is awaited at a time.
        scores = generator(3).exponential(size=120)
        as_of, known_on = days(120, 1)
        step = 0.05
        found = adapt(scores, as_of, known_on, level=0.9, step=step)
        miss = 0.1
        for row in range(LEAST_SCORES, 120):
            miss += step * (0.1 - (scores[row] > found.quantile[row]))
            miss = min(max(miss, 0.0), 1.0)
        assert found.miss == pytest.approx(miss)

    @pytest.mark.parametrize("growth", [0.2, 5.0])
    def test_coverage_returns_after_scores_have_changed(self, growth):
        draw = generator(4)
        n = 3000
        as_of, known_on = days(n, 40)
        scores = draw.exponential(size=n) * np.where(np.arange(n) < 1000, 1.0, growth)
        inside = scores <= adapt(scores, as_of, known_on, level=0.9).quantile
        fixed = scores <= adapt(scores, as_of, known_on, level=0.9, step=0.0).quantile
        assert inside[200:].mean() == pytest.approx(0.9, abs=0.02)
        assert abs(fixed[200:].mean() - 0.9) > 0.02

    def test_rows_need_no_order(self):
        draw = generator(5)
        as_of, known_on = days(300, 20)
        scores = draw.exponential(size=300)
        order = draw.permutation(300)
        found = adapt(scores, as_of, known_on, level=0.9).quantile
        again = adapt(scores[order], as_of[order], known_on[order], level=0.9).quantile
        np.testing.assert_array_equal(found[order], again)

"""Rank p-values and their combinations, beside brute force and SciPy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.random import PCG64, Generator
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from quant.analytics.anomalies.combine import (
    cauchy_combination,
    fisher_combination,
    higher_criticism,
    higher_criticism_p_value,
    simes,
)
from quant.analytics.anomalies.ranks import expanding_rank_p_values, reference_rank_p_values
from quant.analytics.intervals import wilson_interval

P_VALUES = arrays(np.float64, (3, 7), elements=st.floats(1e-6, 0.98))


def days(*numbers):
    return np.array(numbers, dtype="datetime64[D]")


def brute_force(value, reference, tie_break):
    larger = sum(other > value for other in reference)
    equal = sum(other == value for other in reference)
    n = len(reference) + 1
    return (larger + equal + 1) / n, (larger + tie_break * (equal + 1)) / n


@given(arrays(np.float64, 40, elements=st.sampled_from([1.0, 2.0, 2.5, 9.0])))
def test_expanding_p_values_are_those_of_brute_force(values):
    tie_break = Generator(PCG64(1)).random(len(values))
    ranks = expanding_rank_p_values(values, tie_break, minimum=3)
    assert np.isnan(ranks.p_value[:3]).all()
    for place in range(3, len(values)):
        expected = brute_force(values[place], values[:place], tie_break[place])
        assert (ranks.p_value[place], ranks.smoothed[place]) == pytest.approx(expected, rel=1e-12)
        assert ranks.compared[place] == place


def test_expanding_p_values_of_many_series_are_those_of_each():
    draw = Generator(PCG64(2))
    values, tie_break = draw.integers(0, 4, (5, 30)).astype(float), draw.random((5, 30))
    together = expanding_rank_p_values(values, tie_break, minimum=5)
    for row in range(5):
        alone = expanding_rank_p_values(values[row], tie_break[row], minimum=5)
        np.testing.assert_array_equal(together.smoothed[row], alone.smoothed)


def test_a_value_that_is_none_is_refused():
    with pytest.raises(ValueError, match="NaN"):
        expanding_rank_p_values(np.array([1.0, np.nan]), np.zeros(2), minimum=0)


def test_a_reference_counts_from_the_day_it_is_known():
    ranks = reference_rank_p_values(
        np.array([5.0, 5.0, np.nan]),
        days(10, 20, 20),
        np.array([1.0, 6.0, 5.0, np.nan, 9.0]),
        days(1, 10, 15, 16, 21),
        tie_break=np.array([0.5, 0.5, 0.5]),
        minimum=1,
    )
    assert ranks.compared.tolist() == [2, 3, 0]
    assert ranks.p_value[:2] == pytest.approx([2 / 3, 3 / 4])
    assert ranks.smoothed[:2] == pytest.approx([1.5 / 3, 2 / 4])
    assert np.isnan(ranks.p_value[2])


@given(P_VALUES)
def test_fisher_is_scipys(p_values):
    expected = [stats.combine_pvalues(row, "fisher").pvalue for row in p_values]
    np.testing.assert_allclose(fisher_combination(p_values), expected, rtol=1e-8)


@given(P_VALUES)
def test_cauchy_combination_is_the_tail_of_a_mean_of_cauchy_variables(p_values):
    expected = stats.cauchy.sf(stats.cauchy.isf(p_values).mean(axis=1))
    np.testing.assert_allclose(cauchy_combination(p_values), expected, rtol=1e-8)


@given(P_VALUES)
def test_simes_is_the_least_adjusted_p_value(p_values):
    expected = [stats.false_discovery_control(row).min() for row in p_values]
    np.testing.assert_allclose(simes(p_values), expected, rtol=1e-12)


@pytest.mark.parametrize("combine", [cauchy_combination, fisher_combination, simes])
def test_tests_that_were_not_made_do_not_count(combine):
    p_values = np.array([0.01, np.nan, 0.3])
    assert combine(p_values) == pytest.approx(combine(np.array([0.01, 0.3])))
    assert np.isnan(combine(np.array([np.nan, np.nan])))
    assert np.isnan(combine(np.empty(0)))


def test_cauchy_combination_keeps_tiny_p_values_and_survives_ones():
    assert cauchy_combination(np.array([1e-200, 0.5])) == pytest.approx(2e-200)
    assert cauchy_combination(np.array([0.0, 1.0])) < 1e-100
    assert cauchy_combination(np.array([1e-6, 1.0])) < 3e-6


def test_higher_criticism_by_hand():
    p_values = np.array([0.3, 0.26, 0.9, 0.8])
    expected = max(2 * (0.25 - 0.26) / np.sqrt(0.26 * 0.74), 2 * (0.5 - 0.3) / np.sqrt(0.3 * 0.7))
    assert higher_criticism(p_values) == pytest.approx(expected)


def test_higher_criticism_finds_a_few_small_among_many():
    draw = Generator(PCG64(3))
    p_values = draw.random(400)
    assert higher_criticism_p_value(p_values) > 0.05
    p_values[:12] = draw.uniform(0.003, 0.006, 12)
    assert higher_criticism_p_value(p_values) < 0.01


@pytest.mark.parametrize(("successes", "trials"), [(0, 5), (5, 5), (3, 40), (250, 1000)])
def test_wilson_interval_is_that_of_statsmodels(successes, trials):
    expected = proportion_confint(successes, trials, alpha=0.05, method="wilson")
    np.testing.assert_allclose(wilson_interval(successes, trials), expected, atol=1e-10)


def test_nothing_is_known_of_a_share_of_nothing():
    assert np.isnan(wilson_interval(0, 0)).all()

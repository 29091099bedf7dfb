"""Distribution functions beside SciPy's, and Benjamini-Hochberg beside statsmodels'."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import special, stats
from statsmodels.stats.multitest import multipletests

from quant.analytics import distributions
from quant.analytics.multiple_testing import benjamini_hochberg

TOLERANCE = {"rtol": 1e-10, "atol": 1e-14}


def test_normal_tails_and_quantiles():
    z = np.linspace(-37, 37, 1001)
    np.testing.assert_allclose(distributions.normal_sf(z), stats.norm.sf(z), rtol=1e-12)
    p = np.concatenate([[0, 1e-300, 1e-12], np.linspace(0.001, 0.999, 501), [1]])
    np.testing.assert_allclose(distributions.normal_ppf(p), stats.norm.ppf(p), rtol=1e-9)
    assert np.isnan(distributions.normal_sf(np.nan))
    assert np.isnan(distributions.normal_ppf(np.nan))


@pytest.mark.parametrize("p", [-0.1, 1.1])
def test_no_quantile_of_what_is_no_probability(p):
    with pytest.raises(ValueError, match="no probability"):
        distributions.normal_ppf(p)


def test_incomplete_beta():
    a = np.array([0.5, 1, 2.5, 30, 400])[:, None, None]
    b = np.array([0.5, 1, 7, 55, 1000])[:, None]
    x = np.concatenate([[0.0, 1e-9], np.linspace(0.01, 0.99, 99), [1 - 1e-9, 1.0]])
    np.testing.assert_allclose(
        distributions.incomplete_beta(a, b, x), special.betainc(a, b, x), **TOLERANCE
    )


def test_student_t_tails():
    t = np.concatenate([[-np.inf, -1e6], np.linspace(-40, 40, 801), [1e6, np.inf]])
    degrees = np.array([0.7, 1, 2, 5.5, 30, 1000, 1e5])[:, None]
    np.testing.assert_allclose(
        distributions.student_t_sf(t, degrees), stats.t.sf(t, degrees), rtol=1e-8, atol=1e-300
    )
    assert np.isnan(distributions.student_t_sf(np.nan, 5))
    assert distributions.student_t_sf(1.96, np.inf) == distributions.normal_sf(1.96)


def test_student_t_quantiles():
    p = np.array([1e-12, 1e-4, 0.025, 0.3, 0.5, 0.9, 0.975, 0.9999])
    degrees = np.array([1, 2.5, 7, 120, np.inf])[:, None]
    np.testing.assert_allclose(
        distributions.student_t_ppf(p, degrees), stats.t.ppf(p, degrees), rtol=1e-8, atol=1e-12
    )


@given(
    st.integers(1, 3000).flatmap(
        lambda n: st.tuples(st.just(n), st.integers(0, n), st.integers(0, n), st.integers(-3, n))
    )
)
def test_hypergeometric(numbers):
    population, successes, draws, k = numbers
    np.testing.assert_allclose(
        distributions.hypergeometric_pmf(k, population, successes, draws),
        stats.hypergeom.pmf(k, population, successes, draws),
        rtol=1e-8,
        atol=1e-290,
    )
    np.testing.assert_allclose(
        distributions.hypergeometric_sf(k, population, successes, draws),
        stats.hypergeom.sf(k - 1, population, successes, draws),
        rtol=1e-8,
        atol=1e-290,
    )


def test_hypergeometric_far_from_the_mode_and_of_many_pairs():
    rng = np.random.default_rng(1)
    population = np.full((40, 50), 20_000)
    successes, draws = rng.integers(1, 9_000, (2, 40, 50))
    k = rng.integers(0, np.minimum(successes, draws) + 1)
    np.testing.assert_allclose(
        distributions.hypergeometric_sf(k, population, successes, draws),
        stats.hypergeom.sf(k - 1, population, successes, draws),
        rtol=1e-8,
        atol=1e-290,
    )


@given(arrays(np.float64, st.integers(1, 60), elements=st.floats(0, 1)))
def test_benjamini_hochberg(p_values):
    expected = multipletests(p_values, method="fdr_bh")[1]
    np.testing.assert_allclose(benjamini_hochberg(p_values), expected, rtol=1e-12, atol=1e-300)


def test_what_was_not_tested_does_not_count():
    q_values = benjamini_hochberg([0.01, np.nan, 0.04])
    np.testing.assert_allclose(q_values, [0.02, np.nan, 0.04])
    assert benjamini_hochberg([]).size == 0


def test_no_correction_of_what_is_no_p_value():
    with pytest.raises(ValueError, match="lies in"):
        benjamini_hochberg([0.5, 1.5])

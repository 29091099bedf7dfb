import numpy as np
import pytest
from hmmlearn.hmm import PoissonHMM
from hypothesis import given, settings
from hypothesis import strategies as st

from quant.analytics.patterns.hmm import (
    PoissonHmm,
    expected_durations,
    filter_states,
    infer,
    likeliest_path,
    simulate,
    stationary_distribution,
)
from quant.analytics.patterns.regimes import bootstrap, fit_states, persistence_test

RATES = np.array([0.5, 3.0, 9.0])


def random(seed=0):
    return np.random.Generator(np.random.PCG64(seed))


def a_model(seed, k=3):
    rng = random(seed)
    transition = rng.dirichlet(np.ones(k), k) * 0.3 + 0.7 * np.eye(k)
    return PoissonHmm(
        rng.dirichlet(np.ones(k))[:, None], transition[:, :, None], rng.uniform(0.2, 9, (k, 1))
    )


def three_regimes(stay=0.95, n=1):
    transition = np.full((3, 3), (1 - stay) / 2) + (stay - (1 - stay) / 2) * np.eye(3)
    one = PoissonHmm(np.full((3, 1), 1 / 3), transition[:, :, None], RATES[:, None])
    return one.repeat(n)


def reference(model):
    other = PoissonHMM(len(model.rates))
    other.startprob_, other.transmat_ = model.start[:, 0], model.transition[:, :, 0]
    other.lambdas_ = model.rates
    return other


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("k", [1, 2, 3, 4])
def test_inference_is_that_of_hmmlearn(seed, k):
    model = a_model(seed, k)
    counts, _ = simulate(random(seed), model, 200)
    whole = counts.astype(int)
    other = reference(model)
    inferred = infer(model, counts)
    assert inferred.log_likelihood[0] == pytest.approx(other.score(whole), abs=1e-8)
    np.testing.assert_allclose(
        inferred.smoothed[:, :, 0], other.predict_proba(whole), rtol=0, atol=1e-8
    )
    np.testing.assert_array_equal(likeliest_path(model, counts[:, 0]), other.predict(whole))


def test_baum_welch_ends_where_hmmlearn_does():
    counts, _ = simulate(random(1), three_regimes(), 400)
    fits = fit_states(random(2), counts, restarts=6)
    other = PoissonHMM(3, n_iter=500, tol=1e-8, init_params="")
    other.startprob_ = fits.models[2].start[:, 0]
    other.transmat_ = fits.models[2].transition[:, :, 0]
    other.lambdas_ = fits.models[2].rates
    other.fit(counts.astype(int))
    # Ours stops once an iteration gains less than 0.01.
    assert fits.log_likelihood[2, 0] == pytest.approx(other.score(counts.astype(int)), abs=0.3)
    assert fits.bic[2, 0] == pytest.approx(other.bic(counts.astype(int)), abs=0.6)
    np.testing.assert_allclose(fits.models[2].rates, other.lambdas_, rtol=0.03)


def test_a_step_of_baum_welch_is_that_of_hmmlearn():
    from quant.analytics.patterns.regimes import _step

    model = a_model(4)
    counts, _ = simulate(random(4), model, 150)
    other = PoissonHMM(3, n_iter=1, init_params="", implementation="scaling")
    other.startprob_, other.transmat_ = model.start[:, 0], model.transition[:, :, 0]
    other.lambdas_ = model.rates.copy()
    other.fit(counts.astype(int))
    stepped, _ = _step(model, counts)
    np.testing.assert_allclose(stepped.transition[:, :, 0], other.transmat_, atol=1e-8)
    np.testing.assert_allclose(stepped.rates, other.lambdas_, atol=1e-8)
    np.testing.assert_allclose(stepped.start[:, 0], other.startprob_, atol=1e-8)


def test_states_of_batches_are_those_of_each_alone():
    counts, _ = simulate(random(3), three_regimes(n=7), 120)
    models = [a_model(seed) for seed in range(7)]
    together = PoissonHmm(
        *(
            np.concatenate([getattr(model, name) for model in models], axis=-1)
            for name in ("start", "transition", "rates")
        )
    )
    inferred = infer(together, counts)
    for n, model in enumerate(models):
        alone = infer(model, counts[:, n : n + 1])
        assert inferred.log_likelihood[n] == pytest.approx(alone.log_likelihood[0], abs=1e-9)
        np.testing.assert_allclose(
            inferred.transitions[:, :, n], alone.transitions[:, :, 0], atol=1e-9
        )


def test_filtered_probabilities_do_not_know_the_future():
    model = three_regimes()
    counts, _ = simulate(random(5), model, 100)
    changed = counts.copy()
    changed[60:] = random(6).permuted(changed[60:], axis=0) + 5
    before = filter_states(model, counts)[0][:60]
    np.testing.assert_array_equal(before, filter_states(model, changed)[0][:60])
    assert np.any(infer(model, counts).smoothed[:60] != infer(model, changed).smoothed[:60])


def test_missing_counts_at_the_end_change_nothing():
    counts, _ = simulate(random(7), three_regimes(), 80)
    longer = np.concatenate([counts, np.full((20, 1), np.nan)])
    assert infer(three_regimes(), longer).log_likelihood == pytest.approx(
        infer(three_regimes(), counts).log_likelihood, abs=1e-9
    )
    fits = fit_states(random(8), counts, restarts=3)
    padded = fit_states(random(8), longer, restarts=3)
    # The iterations end one step apart, as sums of other lengths round otherwise.
    np.testing.assert_allclose(fits.bic, padded.bic, atol=0.05)


def test_stationary_distribution_and_durations():
    transition = np.array([[0.9, 0.1], [0.3, 0.7]])
    np.testing.assert_allclose(stationary_distribution(transition), [0.75, 0.25])
    np.testing.assert_allclose(expected_durations(transition), [10, 1 / 0.3])
    assert np.isinf(expected_durations(np.eye(1))[0])


@given(st.integers(0, 10_000))
@settings(max_examples=30, deadline=None)
def test_stationary_distribution_stays(seed):
    transition = random(seed).dirichlet(np.ones(4), 4)
    share = stationary_distribution(transition)
    np.testing.assert_allclose(share @ transition, share, atol=1e-10)
    assert share.sum() == pytest.approx(1)


def test_planted_regimes_are_found():
    counts, states = simulate(random(9), three_regimes(), 400)
    fits = fit_states(random(10), counts, restarts=8)
    assert fits.states[0] == 3
    model = fits.models[2]
    np.testing.assert_allclose(model.rates[:, 0], RATES, rtol=0.25)
    assert np.mean(likeliest_path(model, counts[:, 0]) == states[:, 0]) > 0.9
    assert persistence_test(random(11), counts.T, n=99)[0] == 0.01


def test_bootstrap_covers_the_rates():
    spread = bootstrap(random(12), three_regimes(), 300, n=50)
    low, high = np.percentile(spread.rates, [0.5, 99.5], axis=1)
    assert np.all((low < RATES) & (high > RATES))


def test_counts_without_regimes_have_one_state():
    counts = random(13).poisson(2.0, (200, 20)) * 1.0
    assert np.mean(fit_states(random(14), counts, restarts=3).states == 1) >= 0.95


def test_dispersed_counts_in_random_order_get_states_but_no_regimes():
    counts = random(15).negative_binomial(0.4, 0.1, (200, 10)) * 1.0
    assert np.all(fit_states(random(16), counts, restarts=3).states > 1)
    assert np.mean(persistence_test(random(17), counts.T, n=99) <= 0.05) <= 0.2


@pytest.mark.parametrize("value", [0.0, 3.0])
def test_constant_counts(value):
    counts = np.full((60, 1), value)
    assert fit_states(random(), counts, restarts=2).states[0] == 1
    assert persistence_test(random(), counts.T, n=19)[0] == 1

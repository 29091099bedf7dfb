"""Shares and their intervals without NumPy, beside statsmodels and by simulation."""

import numpy as np
import pytest
from statsmodels.stats.proportion import proportion_confint

from quant.analytics.intervals import wilson_interval
from quant.analytics.wilson import effective_trials, wilson_bounds


@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.99])
@pytest.mark.parametrize(
    ("successes", "trials"), [(0, 1), (1, 1), (0, 40), (40, 40), (3, 17), (412, 9_000), (2.5, 7.25)]
)
def test_wilson_bounds_are_those_of_statsmodels(successes, trials, confidence):
    expected = proportion_confint(successes, trials, alpha=1 - confidence, method="wilson")
    found = wilson_bounds(successes / trials, trials, confidence)
    np.testing.assert_allclose(found, expected, atol=1e-12)
    np.testing.assert_allclose(
        found, wilson_interval(successes, trials, confidence), rtol=1e-14, atol=1e-16
    )


def test_bounds_stay_within_zero_and_one():
    for trials in (1, 3, 10, 1_000, 7.7):
        assert wilson_bounds(0.0, trials)[0] >= 0.0
        assert wilson_bounds(1.0, trials)[1] <= 1.0


def test_clusters_are_worth_between_one_trial_and_all_of_theirs():
    assert effective_trials(5, 5) == 5  # one trial each
    assert effective_trials(30, 30 * 30) == 1  # one cluster
    assert effective_trials(30, 3 * 100) == 3  # equal ones
    assert 1 < effective_trials(21, 20 * 20 + 1) < 2  # one of them weighs nearly all


def coverage(simulations, rng):
    """Share of intervals that hold the expected share, with and without regard to filings."""
    filings = rng.integers(5, 41, simulations)
    probability = rng.uniform(0.05, 0.5, simulations)
    apart = 0.1  # trades whose lateness is not their filing's, but drawn anew
    held = np.zeros(2)
    for count, share in zip(filings.tolist(), probability.tolist(), strict=True):
        sizes = rng.integers(1, 31, count)
        filing = np.repeat(rng.random(count) < share, sizes)
        own = rng.random(len(filing)) < share
        late = np.where(rng.random(len(filing)) < apart, own, filing)
        trials = len(late)
        observed = float(late.mean())
        clustered = effective_trials(trials, int((sizes * sizes).sum()))
        for place, worth in enumerate((clustered, trials)):
            low, high = wilson_bounds(observed, worth)
            held[place] += low <= share <= high
    return held / simulations


def test_interval_of_clustered_trades_covers_and_the_naive_one_does_not():
    clustered, naive = coverage(2_000, np.random.Generator(np.random.PCG64(20_261_125)))
    assert 0.94 <= clustered <= 0.98
    assert naive < 0.6

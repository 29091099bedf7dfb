import numpy as np
import pytest
from simulate_ml import (
    HORIZONS,
    OVERLAPS,
    PROBABILITY,
    RETURN,
    calibrations,
    coverages,
    equal_losses,
    permuted,
    power,
)

from quant.ml.conformal import STEP


@pytest.mark.parametrize(("model", "permutations"), [(RETURN.name, 40), (PROBABILITY.name, 12)])
def test_permuted_outcomes_leave_no_skill(model, permutations):
    whole, _, skills, accepted = permuted(model, permutations)
    for name, values in skills.items():
        error = np.std(values, ddof=1) / np.sqrt(len(values))
        assert np.mean(values) < max(0.005, 3 * error), name
    assert whole["historical_mean"] > max(skills["historical_mean"])
    # At most one in twenty; three of forty would be one in a hundred by chance.
    assert sum(accepted) <= 3


def test_a_strong_effect_is_promoted_and_none_is_not():
    assert np.mean(power(1.0, 10)[0]) >= 0.7
    assert np.mean(power(0.0, 10)[0]) <= 0.2


@pytest.mark.parametrize("horizon", HORIZONS)
def test_the_interval_holds_nine_outcomes_of_ten(horizon):
    overall, _ = coverages(horizon, scaled=True, step=STEP, simulations=40)
    assert np.mean((overall >= 0.88) & (overall <= 0.92)) >= 0.95
    fixed, _ = coverages(horizon, scaled=True, step=0.0, simulations=40)
    assert overall.std() < fixed.std()


def test_probabilities_err_little_more_than_chance_has_it():
    found = calibrations(4)
    assert found[:, 0].mean() < 1.5 * found[:, 1].mean()


@pytest.mark.parametrize("overlap", OVERLAPS)
def test_predictions_as_good_as_each_other_are_not_called_better(overlap):
    assert 0.035 <= equal_losses(overlap) <= 0.065

import pytest
from simulate_ensemble import KINDS, equal_accuracy, pools


@pytest.mark.parametrize("horizon", [1, 4, 12])
def test_forecasts_as_good_as_the_baselines_are_not_called_better(horizon):
    assert 0.035 <= equal_accuracy(horizon) <= 0.065


def test_without_a_pattern_the_baseline_stands():
    beaten, coverage = pools(KINDS[0])
    assert max(beaten) <= 0.065
    assert min(coverage) > 0.92


def test_regimes_beat_the_baseline():
    assert pools("two regimes")[0][0] > 0.8

import pytest
from simulate_backtest import ERRORS, PROCESSES, best_of, coverage, sweeps_without_skill

NAIVE, SIDAK, DEFLATED, RESAMPLED = range(4)


@pytest.mark.parametrize("process", PROCESSES)
def test_the_interval_of_the_sharpe_ratio_holds_the_true_one(process):
    found = coverage(process)
    assert 0.935 <= found["error_robust"] <= 0.965
    if process == "moving average 0.4":
        # What the other two assume does not hold.
        assert max(found[name] for name in ERRORS[:2]) < 0.9


def test_the_test_of_one_strategy_keeps_its_level():
    rejected = best_of(1, 0.0)
    assert 0.035 <= rejected[NAIVE] <= 0.065
    assert rejected[NAIVE] == rejected[SIDAK] == rejected[DEFLATED]


@pytest.mark.parametrize("trials", [10, 90])
def test_the_best_of_independent_strategies(trials):
    rejected = best_of(trials, 0.0)
    assert rejected[NAIVE] > 0.3
    assert 0.035 <= rejected[SIDAK] <= 0.065
    assert rejected[DEFLATED] <= 0.01


@pytest.mark.parametrize("trials", [10, 90])
def test_the_best_of_strategies_that_are_much_alike(trials):
    rejected = best_of(trials, 0.9)
    assert rejected[NAIVE] > 0.09
    assert rejected[SIDAK] < 0.035
    assert 0.035 <= rejected[DEFLATED] <= 0.065


def test_the_best_of_a_sweep_over_trades_at_random():
    rejected = sweeps_without_skill()
    assert rejected[NAIVE] > 0.3
    assert max(rejected[SIDAK], rejected[DEFLATED]) <= 0.05
    assert 0.035 <= rejected[RESAMPLED] <= 0.065


def test_power_grows_with_skill_and_is_least_for_the_deflated_ratio():
    found = [best_of(90, 0.5, skill, 1000) for skill in (1.0, 3.0)]
    assert found[1][SIDAK] > 0.7
    assert found[1][DEFLATED] > 0.6
    for rejected in found:
        assert rejected[DEFLATED] <= rejected[SIDAK] <= rejected[NAIVE]

"""Losses beside SciPy and statsmodels, skill, and the error of calibration."""

import json

import numpy as np
import pytest
import statsmodels.api as sm
from numpy.random import PCG64, Generator
from scipy import stats

from quant.ml.catalogue import Task
from quant.ml.metrics import calibration_error, loss, skill


def generator(seed=1):
    return Generator(PCG64(seed))


class TestLoss:
    def test_returns_have_squared_error(self):
        assert loss(Task.RETURN, np.array([0.1]), np.array([-0.2])) == pytest.approx([0.09])

    def test_probabilities_have_scipys_log_loss(self):
        draw = generator()
        p = draw.uniform(0.01, 0.99, 200)
        y = (draw.random(200) < p).astype(float)
        np.testing.assert_allclose(
            loss(Task.PROBABILITY, p, y), -stats.bernoulli.logpmf(y, p), rtol=1e-8
        )

    def test_counts_have_statsmodels_poisson_deviance(self):
        draw = generator()
        expected = draw.gamma(1, 3, 200) + 0.01
        y = draw.poisson(expected).astype(float)
        found = loss(Task.COUNT, expected, y)
        family = sm.families.Poisson()
        assert found.sum() == pytest.approx(family.deviance(y, expected), rel=1e-8)
        assert (found >= 0).all()

    @pytest.mark.parametrize("task", Task)
    def test_the_mean_outcome_has_the_least_loss(self, task):
        outcome = generator(2).binomial(1, 0.3, 500).astype(float)
        grid = np.linspace(0.01, 0.99, 981)
        means = [loss(task, np.full(500, value), outcome).mean() for value in grid]
        assert grid[np.argmin(means)] == pytest.approx(outcome.mean(), abs=0.001)

    @pytest.mark.parametrize("task", [Task.PROBABILITY, Task.COUNT])
    def test_certainty_that_was_wrong_costs_a_bounded_loss(self, task):
        found = loss(task, np.array([0.0, 1.0]), np.array([1.0, 0.0]))
        assert np.isfinite(found).all()


class TestSkill:
    def test_by_hand_with_the_error_of_a_ratio(self):
        draw = generator(3)
        n = 400
        base = draw.gamma(2, 1, n)
        own = base * draw.uniform(0.5, 1.1, n)
        found = skill(own, base, np.arange(n))
        assert found.difference == pytest.approx(1 - own.mean() / base.mean(), rel=1e-10)
        # Beside a bootstrap of independent rows.
        rows = draw.integers(0, n, (4000, n))
        drawn = 1 - own[rows].mean(axis=1) / base[rows].mean(axis=1)
        assert found.standard_error == pytest.approx(drawn.std(), rel=0.3)

    def test_without_a_baseline_loss_there_is_none(self):
        assert np.isnan(skill(np.ones(3), np.zeros(3), np.arange(3)).difference)


class TestCalibrationError:
    def test_by_hand(self):
        probability = np.repeat([0.1, 0.5], 200)
        outcome = np.r_[np.repeat([0.0, 1.0], [160, 40]), np.repeat([0.0, 1.0], [100, 100])]
        found = calibration_error(probability, outcome, np.arange(400))
        assert found.value == pytest.approx(0.05)
        assert [(each["rows"], each["predicted"], each["observed"]) for each in found.bins] == [
            (200, pytest.approx(0.1), pytest.approx(0.2)),
            (200, pytest.approx(0.5), pytest.approx(0.5)),
        ]
        json.dumps(found.document(), allow_nan=False)

    def test_calibrated_predictions_err_as_chance_has_it(self):
        draw = generator(4)
        values, expected = [], []
        for _ in range(300):
            p = draw.beta(1, 6, 2000)
            y = (draw.random(2000) < p).astype(float)
            found = calibration_error(p, y, np.sort(draw.integers(0, 60, 2000)))
            values.append(found.value)
            expected.append(found.expected_if_calibrated)
        assert np.mean(values) == pytest.approx(np.mean(expected), rel=0.1)

    def test_the_interval_holds_the_error_of_wrong_probabilities(self):
        draw = generator(5)
        held = 0
        for _ in range(300):
            true = draw.beta(2, 6, 3000)
            said = np.clip(true + 0.1, 0, 1)
            y = (draw.random(3000) < true).astype(float)
            found = calibration_error(said, y, np.sort(draw.integers(0, 80, 3000)))
            held += found.lower <= np.mean(said - true) <= found.upper
        assert 0.9 <= held / 300 <= 0.99

    def test_no_rows_have_no_error(self):
        found = calibration_error(np.empty(0), np.empty(0), np.empty(0, dtype=np.int64))
        assert found.document()["value"] is None

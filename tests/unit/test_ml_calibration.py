"""Isotonic calibration beside SciPy."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.random import PCG64, Generator
from scipy.optimize import isotonic_regression

from quant.ml.calibration import Calibration, fit, isotonic

values = st.integers(1, 60).flatmap(
    lambda n: st.tuples(
        arrays(np.float64, n, elements=st.floats(-100, 100)),
        arrays(np.float64, n, elements=st.floats(0.1, 50)),
    )
)


@given(values)
def test_isotonic_regression_is_scipys(drawn):
    y, weight = drawn
    expected = isotonic_regression(y, weights=weight).x
    np.testing.assert_allclose(isotonic(y, weight), expected, rtol=1e-8, atol=1e-8)


def sample(seed=1, n=4000):
    """Overconfident probabilities: the true log odds are half of what is said."""
    draw = Generator(PCG64(seed))
    margin = draw.normal(-1, 2, n)
    said, true = 1 / (1 + np.exp(-margin)), 1 / (1 + np.exp(-margin / 2))
    return said, (draw.random(n) < true).astype(float), true


class TestCalibration:
    def test_probabilities_come_near_the_true_ones(self):
        said, outcome, _ = sample()
        said_later, outcome_later, true_later = sample(seed=2)
        calibrated = fit(said, outcome).apply(said_later)
        assert np.abs(calibrated - true_later).mean() < 0.03
        assert np.abs(said_later - true_later).mean() > 0.1

        def log_loss(p):
            return -np.mean(np.where(outcome_later == 1, np.log(p), np.log1p(-p)))

        assert log_loss(calibrated) < log_loss(said_later) - 0.05

    def test_blocks_are_pooled_until_they_have_both_outcomes(self):
        # 20 rows each at five probabilities; the first has no event, the last nothing else.
        probability = np.repeat([0.1, 0.2, 0.5, 0.7, 0.9], 20)
        outcome = np.concatenate([np.repeat([1.0, 0.0], [k, 20 - k]) for k in (0, 10, 11, 12, 20)])
        found = fit(probability, outcome)
        # No second block before the third: 9 rows of it have no event.
        np.testing.assert_allclose(found.x, [0.15, (0.5 + 0.7 + 0.9) / 3])
        np.testing.assert_allclose(found.y, [10 / 40, 43 / 60])

    def test_between_the_means_of_blocks_it_is_linear(self):
        probability = np.repeat([0.1, 0.3, 0.6, 0.8], 20)
        outcome = np.concatenate([np.repeat([1.0, 0.0], [k, 20 - k]) for k in (6, 4, 13, 17)])
        outcome = np.tile(outcome, 4)
        probability = np.tile(probability, 4)
        found = fit(probability, outcome)
        np.testing.assert_allclose(found.x, [0.2, 0.6, 0.8])
        np.testing.assert_allclose(found.y, [0.25, 0.65, 0.85])
        np.testing.assert_allclose(
            found.apply(np.array([0.0, 0.4, 0.7, 1.0])), [0.25, 0.45, 0.75, 0.85]
        )

    @pytest.mark.parametrize("events", [0, 5, 100])
    def test_too_few_of_either_outcome_calibrate_nothing(self, events):
        outcome = (np.arange(100) < events).astype(float)
        assert fit(np.linspace(0, 1, 100), outcome) is None

    @given(st.integers(0, 1000), st.integers(2, 300), st.integers(1, 12))
    def test_is_a_rising_function_within_zero_and_one(self, seed, n, distinct):
        draw = Generator(PCG64(seed))
        probability = draw.integers(0, distinct, n) / distinct
        outcome = (draw.random(n) < probability).astype(float)
        found = fit(probability, outcome)
        if found is None:
            return
        grid = found.apply(np.linspace(0, 1, 101))
        assert (np.diff(grid) >= 0).all()
        assert grid.min() > 0
        assert grid.max() < 1
        again = Calibration.of(json.loads(json.dumps(found.document())))
        np.testing.assert_array_equal(again.apply(probability), found.apply(probability))

    @pytest.mark.parametrize(
        "document",
        [
            {"x": [0.1, 0.1], "y": [0.2, 0.3]},
            {"x": [0.1, 0.2], "y": [0.3, 0.2]},
            {"x": [0.1, 0.2], "y": [0.3, 1.0]},
            {"x": [0.1], "y": [0.3, 0.4]},
            {"x": [], "y": []},
        ],
    )
    def test_what_does_not_rise_is_refused(self, document):
        with pytest.raises(ValueError, match="have to rise"):
            Calibration.of(document)

import numpy as np
import pytest
from dtaidistance import dtw
from hypothesis import given, settings
from hypothesis import strategies as st

from quant.analytics.patterns.dtw import (
    compare_series,
    search_matches,
    warping_distance,
    z_normalise,
)


def random(seed=0):
    return np.random.Generator(np.random.PCG64(seed))


@pytest.mark.parametrize("radius", [0, 1, 3, 40])
@pytest.mark.parametrize("length", [1, 2, 13, 40])
def test_distance_is_that_of_dtaidistance(radius, length):
    first, second = random(length).standard_normal((2, 30, length))
    expected = [dtw.distance(*pair, window=radius + 1) for pair in zip(first, second, strict=True)]
    np.testing.assert_allclose(warping_distance(first, second, radius), expected, atol=1e-8)


@given(st.integers(0, 10_000), st.integers(0, 5))
@settings(max_examples=50, deadline=None)
def test_distance_is_symmetric_and_no_greater_than_without_warping(seed, radius):
    first, second = random(seed).standard_normal((2, 12))
    distance = warping_distance(first, second, radius)
    assert distance == pytest.approx(float(warping_distance(second, first, radius)))
    assert distance <= warping_distance(first, second, 0) + 1e-12
    assert warping_distance(first, first, radius) == 0


def test_normalised_series_have_mean_0_and_variance_1_and_constant_ones_none():
    normalised = z_normalise(np.array([[1.0, 2, 3, 4], [2, 2, 2, 2]]))
    assert normalised[0].mean() == pytest.approx(0)
    assert normalised[0].std() == pytest.approx(1)
    assert np.isnan(normalised[1]).all()
    assert np.isinf(warping_distance(normalised[0], normalised[1], 1))


def search(counts, **options):
    return search_matches(
        random(7), counts[None], **{"length": 13, "radius": 2, "surrogates": 199, **options}
    )[0]


SHAPE = np.array([2, 2, 4, 12, 30, 12, 4, 2, 2, 12, 30, 12, 2]) * 2.0


def test_planted_repetition_is_found_where_it_is():
    counts = random(1).poisson(8.0, 130) * 1.0
    counts[50:63] = random(2).poisson(SHAPE)
    counts[-13:] = random(3).poisson(SHAPE)
    found = search(counts)
    assert abs(found.matches[0].start - 50) <= 2
    assert found.p_value == found.matches[0].p_value <= 0.05
    starts = sorted(match.start for match in found.matches)
    assert min(np.diff(starts)) >= 13
    assert max(starts) <= 130 - 26


def test_matches_are_the_nearest_windows():
    counts = random(4).poisson(3.0, 100) * 1.0
    latest = z_normalise(counts[-13:])
    distances = [
        dtw.distance(latest, z_normalise(counts[start : start + 13]), window=3)
        for start in range(100 - 26 + 1)
    ]
    found = search(counts, surrogates=19)
    assert found.matches[0].start == np.argmin(distances)
    assert found.matches[0].distance == pytest.approx(min(distances), abs=1e-8)


@pytest.mark.parametrize(
    "counts",
    [
        np.concatenate([random().poisson(2.0, 60) * 1.0, np.zeros(13)]),
        np.concatenate([np.zeros(60), random().poisson(2.0, 13) * 1.0]),
    ],
    ids=["latest", "past"],
)
def test_without_variation_there_is_no_match(counts):
    found = search(counts, surrogates=9)
    assert found.matches == ()
    assert np.isnan(found.p_value)


def test_series_alike_are_told_from_others():
    rng = random(5)
    counts = rng.poisson(3.0, (3, 104)) * 1.0
    counts[1] = counts[0] + rng.poisson(0.3, 104)
    pairs = np.array([[0, 1], [0, 2], [1, 2]])
    distances, p_values = compare_series(rng, counts, pairs, radius=2, surrogates=199)
    assert p_values[0] == 1 / 200
    assert distances[0] < distances[1:].min()
    assert p_values[1:].min() > 0.01


def test_constant_series_are_like_none():
    counts = np.stack([random().poisson(2.0, 60) * 1.0, np.ones(60)])
    distances, p_values = compare_series(
        random(), counts, np.array([[0, 1]]), radius=2, surrogates=19
    )
    assert np.isinf(distances[0])
    assert p_values[0] == 1

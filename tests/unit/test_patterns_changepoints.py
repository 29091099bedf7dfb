import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant.analytics.patterns.changepoints import (
    change_test,
    dispersion,
    poisson_cost,
    segment,
    segmentation,
)


def random(seed=0):
    return np.random.Generator(np.random.PCG64(seed))


def optimal_partition(counts, penalty, least):
    """The starts of the best segments among all there are (Jackson et al. 2005), in plain loops."""
    t = len(counts)

    def cost(start, stop):
        total = counts[start:stop].sum()
        return -2 * total * np.log(total / (stop - start)) if total else 0.0

    best = {0: (-penalty, [])}
    for stop in range(least, t + 1):
        candidates = [
            (value + cost(start, stop) + penalty, [*starts, start])
            for start, (value, starts) in best.items()
            if stop - start >= least
        ]
        best[stop] = min(candidates)
    return best[t][1], best[t][0]


def total_cost(counts, starts, penalty):
    stops = [*starts[1:], len(counts)]
    return sum(
        float(poisson_cost(counts[a:b].sum(), b - a)) for a, b in zip(starts, stops, strict=True)
    ) + penalty * (len(starts) - 1)


@given(st.integers(0, 100_000), st.integers(8, 60), st.integers(1, 4), st.floats(0.5, 20))
@settings(max_examples=150, deadline=None)
def test_pelt_is_optimal_partitioning(seed, length, least, penalty):
    rng = random(seed)
    counts = rng.poisson(rng.choice([0.3, 2.0, 8.0], length // 4 + 1).repeat(4)[:length]) * 1.0
    expected, cost = optimal_partition(counts, penalty, least)
    found = segment(counts, penalty, least)
    assert total_cost(counts, found, penalty) == pytest.approx(cost, abs=1e-8)
    assert total_cost(counts, expected, penalty) == pytest.approx(cost, abs=1e-8)
    assert np.diff([*found, length]).min() >= least


def test_planted_changes_are_found():
    rate = np.concatenate([np.full(60, 1.0), np.full(50, 6.0), np.full(40, 2.0)])
    counts = random(1).poisson(rate) * 1.0
    found = segmentation(random(2), counts, least=4, n=199)
    assert [each.start for each in found.segments] == pytest.approx([0, 60, 110], abs=3)
    assert found.p_values.max() <= 0.05
    for each, expected in zip(found.segments, [1, 6, 2], strict=True):
        assert abs(each.rate - expected) < 4 * each.standard_error
    assert change_test(random(3), counts[None], n=199)[0] == 1 / 200


def test_dispersion_is_one_for_poisson_counts_and_does_not_see_changes():
    steady = random(4).poisson(4.0, 4000) * 1.0
    changing = random(5).poisson(np.repeat([1.0, 9.0], 2000)) * 1.0
    assert dispersion(steady) == pytest.approx(1, abs=0.1)
    assert dispersion(changing) == pytest.approx(1, abs=0.1)
    assert dispersion(random(6).negative_binomial(0.5, 0.1, 4000) * 1.0) > 5


def test_dispersed_counts_do_not_change_their_rate():
    counts = random(7).negative_binomial(0.5, 0.1, 200) * 1.0
    assert len(segment(counts, 3 * np.log(200), 4)) > 1
    assert len(segmentation(random(8), counts, least=4, n=19).segments) == 1


@pytest.mark.parametrize("value", [0.0, 2.0])
def test_constant_counts_have_one_segment(value):
    counts = np.full(50, value)
    found = segmentation(random(), counts, least=4, n=19)
    assert [(each.start, each.stop) for each in found.segments] == [(0, 50)]
    assert found.p_values.tolist() == []
    assert found.segments[0].standard_error > 0
    assert change_test(random(), counts[None], n=19)[0] == 1

"""What the soak says of memory: a leak is found, and waiting garbage is none."""

import numpy as np
import pytest
from trend_support import slope

REQUESTS = np.arange(0, 6_000, 100)
KIB = 1024.0


def resident(draws: np.random.Generator) -> np.ndarray:
    """Memory that wanders about a level, each value near the one before, and no leak."""
    steps = draws.normal(scale=40 * KIB, size=len(REQUESTS))
    wandering = np.zeros(len(REQUESTS))
    for number in range(1, len(wandering)):
        wandering[number] = 0.7 * wandering[number - 1] + steps[number]
    return 80_000 * KIB + wandering


def test_finds_a_leak_in_noise():
    leaking = resident(np.random.default_rng(1)) + 200 * REQUESTS
    found = slope(REQUESTS, leaking)
    assert found.low > 64
    assert found.low < 200 < found.high


def test_takes_no_single_step_for_a_leak():
    stepped = resident(np.random.default_rng(2))
    stepped[15:] += 64 * KIB
    assert slope(REQUESTS, stepped).high < 64


def test_intervals_of_memory_without_a_leak_have_zero_in_them():
    slopes = [slope(REQUESTS, resident(np.random.default_rng(seed))) for seed in range(12)]
    # 95 % of long series; of series as short as this somewhat fewer.
    assert sum(found.low < 0 < found.high for found in slopes) >= 9
    assert all(found.high < 64 for found in slopes)


def test_asks_for_enough_points():
    with pytest.raises(ValueError, match="19 points"):
        slope(range(19), range(19))

"""Whether a quantity grows: a robust slope, and how sure it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

CONFIDENCE: Final = 0.95
_REPLICATIONS: Final = 1_000
# Residuals that are drawn together, as a share of all.
_BLOCK: Final = 0.1


@dataclass(frozen=True)
class Slope:
    """A slope and the ends of its 95 % confidence interval, each of the unit of y by that of x."""

    estimate: float
    low: float
    high: float


def slope(x: Sequence[float], y: Sequence[float], *, seed: int = 0) -> Slope:
    """Return how ``y`` grows with ``x``.

    The median of the slopes of all pairs (Sen 1968, https://doi.org/10.1080/01621459.1968.10480934)
    and its percentiles under a moving block bootstrap of the residuals (Kuensch 1989,
    https://doi.org/10.1214/aos/1176347265): memory now is like memory a moment ago, since garbage
    waits to be collected and pages are kept, so that residuals are drawn a tenth of the series at
    a time. Independent draws would make the interval far too narrow.

    Args:
        x: Never decreasing, at least 20 values.
        y: As many.
        seed: Of the draws.
    """
    xs, ys = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    if len(xs) < 20:
        msg = f"{len(xs)} points are too few for an interval"
        raise ValueError(msg)
    first, second = np.triu_indices(len(xs), 1)
    apart = xs[second] > xs[first]
    first, second = first[apart], second[apart]
    runs = xs[second] - xs[first]

    def estimate(values: NDArray[np.float64]) -> float:
        return float(np.median((values[second] - values[first]) / runs))

    found = estimate(ys)
    residuals = ys - found * xs
    residuals -= residuals.mean()
    block = max(2, round(len(xs) * _BLOCK))
    draws = np.random.default_rng(seed)
    slopes = np.empty(_REPLICATIONS)
    for number in range(_REPLICATIONS):
        starts = draws.integers(0, len(xs) - block + 1, size=-(-len(xs) // block))
        places = (starts[:, None] + np.arange(block)).ravel()[: len(xs)]
        slopes[number] = estimate(found * xs + residuals[places])
    low, high = np.quantile(slopes, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Slope(found, float(low), float(high))

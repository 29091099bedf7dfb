"""Calibrated probabilities by isotonic regression.

Zadrozny and Elkan (2002), KDD '02; pool-adjacent-violators after Ayer et al. (1955), Annals of
Mathematical Statistics 26.
"""

from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np

from quant.analytics.arrays import Floats, Integers

# Events, and rows without one, in each block.
LEAST_OF_EITHER: Final = 10


@dataclass(frozen=True, slots=True)
class Calibration:
    """A rising function from a model's probability to a calibrated one, linear between knots.

    Attributes:
        x: Probabilities before calibration, rising, shape (k,).
        y: Calibrated ones, not falling, strictly between 0 and 1, shape (k,).
    """

    x: Floats
    y: Floats

    def apply(self, probability: Floats) -> Floats:
        """Return calibrated probabilities; beyond the outer knots, those of the outer knots.

        Args:
            probability: Before calibration: the logistic function of the margin, shape (n,).
        """
        return np.interp(probability, self.x, self.y)

    def document(self) -> dict[str, Any]:
        """Return what ``of`` reads."""
        return {"x": self.x.tolist(), "y": self.y.tolist()}

    @classmethod
    def of(cls, document: dict[str, Any]) -> Self:
        """Read a document.

        Raises:
            KeyError: Knots are missing.
            ValueError: The knots do not rise, or leave (0, 1).
        """
        x, y = (np.asarray(document[name], dtype=np.float64) for name in ("x", "y"))
        if (
            not len(x)
            or x.shape != y.shape
            or not (np.isfinite(x).all() and np.all((y > 0) & (y < 1)))
            or np.any(np.diff(x) <= 0)
            or np.any(np.diff(y) < 0)
        ):
            msg = "the knots of a calibration have to rise, within (0, 1)"
            raise ValueError(msg)
        return cls(x, y)


def fit(probability: Floats, outcome: Floats) -> Calibration | None:
    """Fit the isotonic regression of outcomes on a model's probabilities.

    Its blocks are pooled with the next ones until each has ``LEAST_OF_EITHER`` events and as many
    rows without: a block without any would give a probability of 0 or 1, whose loss has no bound. A
    block's share is that of its mean probability; between these it is linear.

    Args:
        probability: Before calibration, of rows the model was not fitted to, shape (n,).
        outcome: 0 or 1, shape (n,).

    Returns:
        None where there are too few events, or rows without, for two blocks.
    """
    x, place, weight = np.unique(probability, return_inverse=True, return_counts=True)
    events = np.bincount(place, outcome, minlength=len(x))
    starts = _starts(isotonic(events / weight, weight.astype(np.float64)), events, weight - events)
    if len(starts) < 2:
        return None
    rows = np.add.reduceat(weight, starts)
    return Calibration(
        np.add.reduceat(x * weight, starts) / rows, np.add.reduceat(events, starts) / rows
    )


def _starts(fitted: Floats, events: Floats, others: Floats) -> Integers:
    """Return where blocks with enough of either outcome begin, shape (blocks,)."""
    edges = np.append(np.flatnonzero(np.diff(fitted, prepend=-np.inf) > 0), len(fitted))
    starts, begin = [], 0
    for end in edges[1:].tolist():
        if min(events[begin:end].sum(), others[begin:end].sum()) >= LEAST_OF_EITHER:
            starts.append(begin)
            begin = end
    return np.array(starts, dtype=np.int64)


def isotonic(y: Floats, weight: Floats) -> Floats:
    """Return the non-falling sequence of least weighted squared distance, shape (n,).

    Args:
        y: Values in order, shape (n,).
        weight: Positive, shape (n,).
    """
    means: list[float] = []
    weights: list[float] = []
    counts: list[int] = []
    for value, own in zip(y.tolist(), weight.tolist(), strict=True):
        mean, total, count = value, own, 1
        while means and means[-1] >= mean:
            before = weights.pop()
            mean = (means.pop() * before + mean * total) / (before + total)
            total += before
            count += counts.pop()
        means.append(mean)
        weights.append(total)
        counts.append(count)
    return np.repeat(means, counts)

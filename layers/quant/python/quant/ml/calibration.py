"""Calibrated probabilities by isotonic regression.

Zadrozny and Elkan (2002), KDD '02; pool-adjacent-violators after Ayer et al. (1955), Annals of
Mathematical Statistics 26.
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from quant.analytics.arrays import Floats


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

    Each block of the regression has one more observation, of the mean of all outcomes: no
    calibrated probability is 0 or 1, whose loss would have no bound.

    Args:
        probability: Before calibration, of rows the model was not fitted to, shape (n,).
        outcome: 0 or 1, shape (n,).

    Returns:
        None where all outcomes are alike: there is nothing to calibrate with.
    """
    if not len(outcome) or outcome.min() == outcome.max():
        return None
    x, place, weight = np.unique(probability, return_inverse=True, return_counts=True)
    share = np.bincount(place, outcome) / weight
    fitted = isotonic(share, weight.astype(np.float64))
    starts = np.flatnonzero(np.diff(fitted, prepend=-np.inf) > 0)
    size = np.add.reduceat(weight, starts).astype(np.float64)
    shrunk = isotonic((fitted[starts] * size + outcome.mean()) / (size + 1), size + 1)
    # A block is flat from its first value to its last.
    ends = np.append(starts[1:], len(x)) - 1
    knots = np.column_stack([x[starts], x[ends]]).ravel()
    values = np.repeat(shrunk, 2)
    kept = np.append(True, np.diff(knots) > 0)
    return Calibration(knots[kept], values[kept])


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

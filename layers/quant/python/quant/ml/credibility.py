"""Rates of subjects by their own outcomes, shrunk to everybody's.

The credibility estimator of Buhlmann and Straub (1970), Mitteilungen der Vereinigung
schweizerischer Versicherungsmathematiker 70. It is the posterior mean of beta-binomial and of
gamma-Poisson models (Jewell 1974, ASTIN Bulletin 8), without taking sides between them.
"""

from dataclasses import dataclass

import numpy as np

from quant.analytics.arrays import Floats, Integers


@dataclass(frozen=True, slots=True)
class Credibility:
    """What one subject's outcomes are worth.

    Attributes:
        mean: Of all outcomes.
        strength: Outcomes of its own that weigh as much as the mean; infinite where subjects do
            not differ by more than chance.
    """

    mean: float
    strength: float

    def rate(self, total: Floats, n: Floats) -> Floats:
        """Return the rates of subjects with ``n`` outcomes that sum to ``total``."""
        if not np.isfinite(self.strength):
            return np.full(np.shape(total), self.mean)
        return (total + self.strength * self.mean) / (n + self.strength)


def fit(subject: Integers, outcome: Floats, *, overlap: int = 1) -> Credibility:
    """Estimate mean and strength by the moments of the outcomes.

    Args:
        subject: Code of each outcome's subject, from 0, shape (n,), n > 0.
        outcome: Shape (n,).
        overlap: Successive outcomes of a subject that share part of their window: so many count as
            one.
    """
    n = np.bincount(subject).astype(np.float64)
    n, total = n[n > 0], np.bincount(subject, outcome)[n > 0]
    square = float(np.square(outcome).sum())
    rows, subjects = float(n.sum()), len(n)
    mean = float(total.sum()) / rows
    repeated = rows - subjects
    heterogeneity = rows - float(np.square(n).sum()) / rows
    if repeated <= 0 or heterogeneity <= 0:
        return Credibility(mean, np.inf)
    within = overlap * max(square - float((total * total / n).sum()), 0.0) / repeated
    between = float((n * np.square(total / n - mean)).sum()) - (subjects - 1) * within
    between /= heterogeneity
    return Credibility(mean, within / between if between > 0 else np.inf)

"""Prediction intervals with a share of outcomes that is kept over time.

Split conformal prediction (Lei et al. 2018, Journal of the American Statistical Association 113)
with residuals over a scale; its level is adapted as outcomes become known (Gibbs and Candes 2021,
Advances in Neural Information Processing Systems 34), days or months after the prediction.
"""

from dataclasses import asdict, dataclass
from typing import Any, Final, Self

import numpy as np

from quant.analytics.arrays import Days, Floats

# How far the level moves, relative to its miss, while the outcomes of one window become known.
STEP: Final = 0.3
# With fewer outcomes there is no interval.
LEAST_SCORES: Final = 30
# Name of the scale that is a model's own standard deviation.
STANDARD_DEVIATION: Final = "standard_deviation"


@dataclass(frozen=True, slots=True)
class IntervalRule:
    """An interval around a prediction: value plus and minus ``quantile`` scales.

    Attributes:
        level: Share of outcomes that it is made to hold.
        quantile: Of the absolute residuals over their scale.
        scale: Name of the feature that residuals are divided by; ``standard_deviation`` for the
            model's own; None for none.
        usual_scale: Taken where the scale of a row is unknown; 1 without a scale.
        least_scale: No scale of a row is below.
        least: No end of the interval is below; None without a limit.
    """

    level: float
    quantile: float
    scale: str | None = None
    usual_scale: float = 1.0
    least_scale: float = 0.0
    least: float | None = None

    def apply(self, value: Floats, scale: Floats | None = None) -> tuple[Floats, Floats]:
        """Return lower and upper ends, shapes (n,).

        Args:
            value: Predictions, shape (n,).
            scale: What ``scale`` names, shape (n,), NaN where unknown; None without a scale.
        """
        return self.around(value, self.quantile * self.scales(len(value), scale))

    def around(self, value: Floats, half: Floats) -> tuple[Floats, Floats]:
        """Return the ends at a distance from values, within the limit; shapes (n,)."""
        lower, upper = value - half, value + half
        if self.least is not None:
            lower = np.maximum(lower, np.minimum(self.least, value))
        return lower, upper

    def scales(self, n: int, scale: Floats | None) -> Floats:
        """Return what the residuals of n rows are divided by, positive, shape (n,)."""
        if self.scale is None or scale is None:
            return np.full(n, self.usual_scale)
        return np.maximum(np.where(np.isnan(scale), self.usual_scale, scale), self.least_scale)

    def document(self) -> dict[str, Any]:
        """Return what ``of`` reads."""
        return asdict(self)

    @classmethod
    def of(cls, document: dict[str, Any]) -> Self:
        """Read a document.

        Raises:
            TypeError: Attributes are missing, or others are there.
        """
        return cls(**document)


@dataclass(frozen=True, slots=True)
class Adapted:
    """Quantiles that were valid when predictions were made.

    Attributes:
        quantile: Of each row, shape (n,).
        last: The one after all outcomes.
        miss: Share of outcomes that the last one is meant to leave out.
    """

    quantile: Floats
    last: float
    miss: float


def adapt(
    scores: Floats, as_of: Days, known_on: Days, *, level: float, step: float = STEP
) -> Adapted:
    """Walk forward through scores, each row with the quantile of those known at its day.

    The share to leave out moves by gamma (1 - level - missed) for each outcome, as of Gibbs and
    Candes, with gamma the step over the number of outcomes that are awaited at a time: what is
    learnt of one another's overlapping windows is no more than one window tells.

    Args:
        scores: Absolute residuals over their scale, shape (n,).
        as_of: Day of each prediction, shape (n,).
        known_on: Day of each outcome, later than ``as_of``, shape (n,).
        level: Share of outcomes to hold.
        step: See ``STEP``.
    """
    order = np.argsort(as_of, kind="stable")
    arrival = np.argsort(known_on, kind="stable")
    days, starts = np.unique(as_of[order], return_index=True)
    ends = np.append(starts[1:], len(order))
    # How many outcomes were known at the end of each day.
    known = np.searchsorted(known_on[arrival], days, side="right")
    quantile = np.full(len(scores), np.nan)
    past = _Past(1 - level)
    seen, awaited = 0, 0.0
    for start, end, until in zip(starts.tolist(), ends.tolist(), known.tolist(), strict=True):
        new = arrival[seen:until]
        past.learn(scores[new], quantile[new], step / max(awaited, 1.0))
        quantile[order[start:end]] = past.quantile()
        seen = until
        # Mean over the rows so far.
        awaited += (end - start) * ((end - seen) - awaited) / end
    new = arrival[seen:]
    past.learn(scores[new], quantile[new], step / max(awaited, 1.0))
    return Adapted(quantile, past.quantile(), past.miss)


class _Past:
    """The scores that are known, and the share of the next ones to leave out."""

    def __init__(self, target: float):
        self._target = target
        self.miss = target
        self._scores = np.empty(0)

    def learn(self, scores: Floats, quantiles: Floats, gain: float) -> None:
        """Take in outcomes, and the quantiles they were given; NaN where none."""
        judged = np.isfinite(quantiles)
        missed = int((scores[judged] > quantiles[judged]).sum())
        self.miss += gain * (int(judged.sum()) * self._target - missed)
        # Beyond, the interval could be no wider than everything and no narrower than nothing.
        self.miss = min(max(self.miss, 0.0), 1.0)
        self._scores = np.sort(np.concatenate([self._scores, scores]), kind="stable")

    def quantile(self) -> float:
        """Return the conformal quantile; the greatest score where it would be infinite."""
        n = len(self._scores)
        if n < LEAST_SCORES:
            return np.nan
        rank = int(np.ceil((n + 1) * (1 - self.miss)))
        return float(self._scores[min(max(rank, 1), n) - 1])

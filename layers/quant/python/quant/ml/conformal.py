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
        half = self.quantile * self.scales(value, scale)
        lower, upper = value - half, value + half
        if self.least is not None:
            lower = np.maximum(lower, np.minimum(self.least, value))
        return lower, upper

    def scales(self, value: Floats, scale: Floats | None) -> Floats:
        """Return what residuals of these rows are divided by, positive, shape (n,)."""
        if self.scale is None or scale is None:
            return np.full(value.shape, self.usual_scale)
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

    Args:
        scores: Absolute residuals over their scale, shape (n,).
        as_of: Day of each prediction, shape (n,).
        known_on: Day of each outcome, later than ``as_of``, shape (n,).
        level: Share of outcomes to hold.
        step: See ``STEP``.
    """
    raise NotImplementedError

"""Means over rows that depend on each other in time, and paired comparisons of losses.

Rows are summed by period (a week, a month), and the long-run variance of the sums counts: what rows
of one period share, and what overlapping outcome windows share, is not counted as new evidence. The
variance is that of ``quant.analytics.long_run.cosine_variance``, with Student's t.
"""

from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from quant.analytics.arrays import Days, Floats, Integers
from quant.analytics.distributions import student_t_ppf, student_t_sf
from quant.analytics.long_run import cosine_variance
from quant.ml.catalogue import ModelSpec

ESTIMATOR: Final = "equally weighted cosines over periods, Student's t"
CONFIDENCE: Final = 0.95


@dataclass(frozen=True, slots=True)
class Comparison:
    """A mean difference and its test.

    Attributes:
        difference: Mean by which the other's loss exceeds the one's: positive, the one is better.
        standard_error: NaN where there are too few periods.
        p_value: One-sided, that the one is no better; NaN like the error.
        lower: Lower end of the 95 % confidence interval.
        upper: Upper end.
        n: Rows.
        clusters: Periods from the first to the last.
        degrees: Degrees of freedom.
    """

    difference: float
    standard_error: float
    p_value: float
    lower: float
    upper: float
    n: int
    clusters: int
    degrees: int

    def document(self) -> dict[str, Any]:
        """Return the comparison as JSON, null in place of NaN."""
        return {
            name: None if isinstance(value, float) and not np.isfinite(value) else value
            for name, value in asdict(self).items()
        }


def periods(spec: ModelSpec, as_of: Days) -> tuple[Integers, int]:
    """Return the period of each row, and how many periods the outcome windows of one overlap.

    Weeks, or months where predictions are monthly.
    """
    if spec.horizon_unit == "month":
        return as_of.astype("datetime64[M]").astype(np.int64), spec.horizon
    # Days since 1970 begin on a Thursday: any seven days are a week.
    weeks = as_of.astype("datetime64[D]").astype(np.int64) // 7
    # Five trading days a week; the window begins after the first of them.
    overlap = spec.horizon if spec.horizon_unit == "weeks" else -(-(spec.horizon + 1) // 5)
    return weeks, overlap


def paired(loss_a: Floats, loss_b: Floats, clusters: Integers, *, overlap: int = 1) -> Comparison:
    """Compare the losses of two predictions of the same rows.

    Args:
        loss_a: Of the one, shape (n,).
        loss_b: Of the other, shape (n,).
        clusters: Period of each row, a number that rises with time, shape (n,).
        overlap: Periods that an outcome window spans.
    """
    return mean(loss_b - loss_a, clusters, overlap=overlap)


def mean(values: Floats, clusters: Integers, *, overlap: int = 1) -> Comparison:
    """Return the mean of values, tested against zero from above; arguments as of ``paired``."""
    n = len(values)
    if not n:
        return Comparison(np.nan, np.nan, np.nan, np.nan, np.nan, 0, 0, 0)
    centre = float(values.mean())
    place = clusters - clusters.min()
    sums = np.bincount(place, values - centre)
    span = len(sums)
    variance, degrees = cosine_variance(sums, overlap)
    error = p_value = lower = upper = np.nan
    if np.isfinite(variance):
        error = float(np.sqrt(span * variance) / n)
        half = error * float(student_t_ppf((1 + CONFIDENCE) / 2, degrees))
        lower, upper = centre - half, centre + half
        # Equal losses leave rounding alone.
        if error > np.finfo(np.float64).eps * max(float(np.abs(values).max()), 1.0):
            p_value = float(student_t_sf(centre / error, degrees))
    return Comparison(centre, error, p_value, lower, upper, n, span, degrees)

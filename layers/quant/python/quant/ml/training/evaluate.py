"""What the fits of a run are worth out of sample."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from quant.analytics.arrays import Floats, Integers
from quant.ml.calibration import Calibration
from quant.ml.catalogue import ModelSpec
from quant.ml.conformal import IntervalRule
from quant.ml.features.frame import Frame
from quant.ml.training.fit import FoldResult
from quant.vocabulary import Verdict


@dataclass(frozen=True, slots=True)
class Record:
    """Every prediction out of sample, with its outcome; n rows.

    Attributes:
        rows: Places in the frame.
        fold: Number of the fold.
        value: Predictions, calibrated where they are probabilities.
        lower: Lower ends of the intervals; NaN where the task has none.
        upper: Upper ends.
        outcome: What came true.
        baselines: What each baseline predicted.
    """

    rows: Integers
    fold: Integers
    value: Floats
    lower: Floats
    upper: Floats
    outcome: Floats
    baselines: dict[str, Floats]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The record of a run, and what follows from it.

    Attributes:
        model: Name.
        config: The configuration that all folds together choose: that of the final fit.
        record: Predictions out of sample.
        calibration: Of all out-of-fold predictions, for those to come; None of other tasks.
        interval: For predictions to come; None of probabilities.
        metrics: Metrics, JSON.
        verdict: Whether the version may become champion by itself.
        reasons: Why not; empty where it may.
    """

    model: str
    config: dict[str, Any]
    record: Record
    calibration: Calibration | None
    interval: IntervalRule | None
    metrics: dict[str, Any]
    verdict: Verdict
    reasons: tuple[str, ...]

    def document(self) -> dict[str, Any]:
        """Return everything but the record, JSON."""
        raise NotImplementedError


def evaluate(
    spec: ModelSpec,
    frame: Frame,
    results: Sequence[FoldResult],
    *,
    champion: Floats | None = None,
) -> Evaluation:
    """Judge a model by its folds.

    Args:
        spec: Model.
        frame: The rows that were fitted.
        results: Of every configuration on every fold.
        champion: What the present champion predicted out of sample of the frame's rows, shape
            (n,), NaN of rows it did not; None where there is no champion.
    """
    raise NotImplementedError

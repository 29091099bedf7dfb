"""What the fits of a run are worth out of sample."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from quant.analytics.arrays import Flags, Floats, Integers
from quant.ml import compare
from quant.ml.calibration import Calibration
from quant.ml.catalogue import INTERVAL_LEVEL, PROMOTION_LEVEL, ModelSpec, Task
from quant.ml.conformal import IntervalRule
from quant.ml.features.frame import Frame
from quant.ml.metrics import LOSSES, calibration_error, end_of_share, loss, null_if_nan, skill
from quant.ml.training.fit import FoldResult
from quant.ml.training.record import Record, Walk, walk
from quant.vocabulary import Verdict


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The record of a run, and what follows from it.

    Attributes:
        model: Name.
        config: The configuration that all folds together choose: that of the final fit.
        record: Predictions out of sample.
        calibration: Of all out-of-fold predictions, for those to come; None where the task is no
            probability, or where too little is known to calibrate.
        interval: For predictions to come; None of probabilities, and where too few outcomes are
            known.
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
        return {
            "model": self.model,
            "config": self.config,
            "calibration": None if self.calibration is None else self.calibration.document(),
            "interval": None if self.interval is None else self.interval.document(),
            "metrics": self.metrics,
            "verdict": str(self.verdict),
            "reasons": list(self.reasons),
        }


def evaluate(spec: ModelSpec, frame: Frame, results: Sequence[FoldResult]) -> Evaluation:
    """Judge a model by its folds, beside each of its baselines.

    Args:
        spec: Model.
        frame: The rows that were fitted.
        results: Of every configuration on every fold.

    Raises:
        IncompleteRunError: Results are missing, or there are none.
    """
    walked = walk(spec, frame, results)
    record = walked.record
    judge = _Judge(spec, frame, record)
    every = np.full(len(record), fill_value=True)
    compared = {name: judge.comparison(name) for name in record.baselines}
    reasons = tuple(
        reason for name, found in compared.items() if (reason := _reason(name, found, judge.unit))
    )
    metrics = {
        "loss": judge.unit,
        "estimator": compare.ESTIMATOR,
        "period": "month" if spec.horizon_unit == "month" else "week",
        "overlap": judge.overlap,
        "promotion_level": PROMOTION_LEVEL,
        **judge.summary(every),
        "comparisons": compared,
        "folds": [
            {**described, **judge.summary(record.fold == described["number"])}
            for described in _folds(walked, results)
        ],
        "candidates": [
            {"config": config, "mean_loss": null_if_nan(value)}
            for config, value in zip(walked.configs, walked.mean_loss, strict=True)
        ],
    }
    return Evaluation(
        model=spec.name,
        config=walked.configs[walked.config],
        record=record,
        calibration=walked.calibration,
        interval=walked.interval,
        metrics=metrics,
        verdict=Verdict.REFUSED if reasons else Verdict.ACCEPTED,
        reasons=reasons,
    )


def _folds(walked: Walk, results: Sequence[FoldResult]) -> list[dict[str, Any]]:
    """Return what was fitted for each fold of the record."""
    found = []
    for number, place in enumerate(walked.chosen):
        [result] = [
            each for each in results if each.fold == number and each.config == walked.configs[place]
        ]
        found.append(
            {
                "number": number,
                "first_test_day": result.first_test_day,
                "last_test_day": result.last_test_day,
                "trained_rows": result.trained_rows,
                "trained_through": result.trained_through,
                "config": result.config,
                "trees": result.trees,
            }
        )
    return found[1:]


class _Judge:
    """Losses of a record's rows, and their means over some of them."""

    def __init__(self, spec: ModelSpec, frame: Frame, record: Record):
        self._spec, self._record = spec, record
        self._as_of = frame.as_of[record.rows]
        self._clusters, self.overlap = compare.periods(spec, self._as_of)
        self.unit = LOSSES[spec.task]
        self._loss = loss(spec.task, record.value, record.outcome)
        self._baselines = {
            name: loss(spec.task, value, record.outcome) for name, value in record.baselines.items()
        }

    def comparison(self, baseline: str) -> dict[str, Any]:
        """Compare with a baseline on all rows."""
        other = self._baselines[baseline]
        found = compare.paired(self._loss, other, self._clusters, overlap=self.overlap)
        n = len(other)
        return {
            **found.document(),
            "mean_loss": null_if_nan(self._loss.mean()) if n else None,
            "other_mean_loss": null_if_nan(other.mean()) if n else None,
            "skill": skill(self._loss, other, self._clusters, overlap=self.overlap).document(),
        }

    def summary(self, rows: Flags) -> dict[str, Any]:
        """Return the metrics of some of the rows."""
        clusters, n = self._clusters[rows], int(rows.sum())
        found: dict[str, Any] = {
            "rows": n,
            "first_day": self._as_of[rows].min().item().isoformat() if n else None,
            "last_day": self._as_of[rows].max().item().isoformat() if n else None,
            "mean_outcome": null_if_nan(self._record.outcome[rows].mean()) if n else None,
            "mean_loss": self._mean(self._loss[rows], clusters),
            "baselines": {
                name: {
                    "mean_loss": null_if_nan(each[rows].mean()) if n else None,
                    "skill": self._skill(each, rows, clusters),
                }
                for name, each in self._baselines.items()
            },
        }
        if self._spec.task is Task.PROBABILITY:
            found["calibration"] = calibration_error(
                self._record.value[rows], self._record.outcome[rows], clusters, overlap=self.overlap
            ).document()
        else:
            found["coverage"] = self._coverage(rows)
        return found

    def _skill(self, baseline: Floats, rows: Flags, clusters: Integers) -> dict[str, Any]:
        return skill(self._loss[rows], baseline[rows], clusters, overlap=self.overlap).document()

    def _coverage(self, rows: Flags) -> dict[str, Any]:
        """Return the share of outcomes within their interval, and the intervals' mean width."""
        record = self._record
        own = rows & np.isfinite(record.lower) & np.isfinite(record.upper)
        inside = (record.lower <= record.outcome) & (record.outcome <= record.upper)
        width = (record.upper - record.lower)[own]
        covered = self._mean(inside[own].astype(np.float64), self._clusters[own])
        return {
            "level": INTERVAL_LEVEL,
            **covered,
            "lower": end_of_share(covered["lower"]),
            "upper": end_of_share(covered["upper"]),
            "mean_width": null_if_nan(width.mean()) if own.any() else None,
        }

    def _mean(self, values: Floats, clusters: Integers) -> dict[str, Any]:
        found = compare.mean(values, clusters, overlap=self.overlap).document()
        return {
            "value": found["difference"],
            "standard_error": found["standard_error"],
            "lower": found["lower"],
            "upper": found["upper"],
            "n": found["n"],
            "clusters": found["clusters"],
        }


def _reason(name: str, found: dict[str, Any], unit: str) -> str | None:
    """Say why a comparison stands against promotion; None where it does not."""
    p_value, words = found["p_value"], unit.replace("_", " ")
    if not found["n"]:
        return f"there is no row to compare with {name}"
    if p_value is None:
        return f"the test against {name} cannot be computed over {found['clusters']} periods"
    if p_value <= PROMOTION_LEVEL:
        return None
    return (
        f"mean {words} is {found['mean_loss']:.6g}, that of {name} {found['other_mean_loss']:.6g}: "
        f"not better by the one-sided test (p = {p_value:.3g})"
    )

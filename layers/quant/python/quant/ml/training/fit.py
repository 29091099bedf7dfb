"""One configuration on one fold."""

from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np

from quant.analytics.arrays import Floats
from quant.ml import baselines, counts
from quant.ml.catalogue import Family, ModelSpec, Subject
from quant.ml.features.declared import FEATURES
from quant.ml.features.frame import Frame
from quant.ml.folds import Fold
from quant.ml.metrics import loss
from quant.ml.training import booster


@dataclass(frozen=True, slots=True)
class FoldResult:
    """Predictions of the test rows of a fold.

    Attributes:
        model: Name.
        fold: Number, 0 being the warm-up.
        config: The configuration.
        first_test_day: ISO date.
        last_test_day: ISO date.
        trained_rows: Rows fitted.
        trained_through: Last ``as_of`` of them, ISO date.
        trees: Trees of the booster; None of another family.
        rows: Places of the test rows in the frame.
        value: What the model predicts of each, before calibration; None where it says nothing.
        scale: The model's own standard deviation; empty where it has none.
        baselines: What each baseline predicts, by name.
        mean_loss: Of ``value``, and of each baseline, over rows with a value.
    """

    model: str
    fold: int
    config: dict[str, Any]
    first_test_day: str
    last_test_day: str
    trained_rows: int
    trained_through: str
    trees: int | None
    rows: list[int]
    value: list[float | None]
    scale: list[float | None]
    baselines: dict[str, list[float]]
    mean_loss: dict[str, float | None]

    def document(self) -> dict[str, Any]:
        """Return what ``of`` reads."""
        return asdict(self)

    @classmethod
    def of(cls, document: dict[str, Any]) -> Self:
        """Read a document."""
        return cls(**document)


def fit_fold(
    spec: ModelSpec, frame: Frame, fold: Fold, config: dict[str, Any], *, seed: int
) -> FoldResult:
    """Fit a configuration to the training rows of a fold, and predict its test rows.

    The number of trees and the penalties of the baselines are chosen within the training rows, by
    their last fifth, purged.
    """
    value, scale, trees = _fit(spec, frame, fold, config, seed)
    test = frame.take(fold.test)
    outcome = test.labels[spec.label]
    predicted = _baselines(spec, frame, fold)
    said = np.isfinite(value)
    return FoldResult(
        model=spec.name,
        fold=fold.number,
        config=config,
        first_test_day=fold.first_test_day.isoformat(),
        last_test_day=fold.last_test_day.isoformat(),
        trained_rows=int(fold.train.sum()),
        trained_through=frame.as_of[fold.train].max().item().isoformat(),
        trees=trees,
        rows=np.flatnonzero(fold.test).tolist(),
        value=_null_if_nan(value),
        scale=_null_if_nan(scale),
        baselines={name: each.tolist() for name, each in predicted.items()},
        mean_loss={
            name: float(loss(spec.task, each[said], outcome[said]).mean()) if said.any() else None
            for name, each in {"model": value, **predicted}.items()
        },
    )


def categorical(subject: Subject, names: tuple[str, ...]) -> frozenset[str]:
    """Return those of the features whose numbers are codes."""
    return frozenset(
        feature.name
        for feature in FEATURES[subject]
        if feature.kind == "category" and feature.name in names
    )


def _fit(
    spec: ModelSpec, frame: Frame, fold: Fold, config: dict[str, Any], seed: int
) -> tuple[Floats, Floats, int | None]:
    """Return value and scale of the test rows, and the number of trees."""
    if spec.family is Family.LIGHTGBM:
        kinds = categorical(frame.subject, frame.names)
        fitted = booster.fit(spec, frame, fold.train, config, seed=seed, categorical=kinds)
        return fitted.value(frame.x[fold.test]), np.empty(0), fitted.trees
    # Each row's forecast uses the weeks before it alone: there is nothing to fit ahead.
    mean, variance = counts.moments(spec.family, config, frame)
    return mean[fold.test], np.sqrt(variance[fold.test]), None


def _baselines(spec: ModelSpec, frame: Frame, fold: Fold) -> dict[str, Floats]:
    kinds = categorical(frame.subject, frame.names)
    fitted = {name: baselines.fit(name, spec, frame, fold.train, kinds) for name in spec.baselines}
    # Of all rows, as a subject's earlier ones are not among those of the test.
    return {
        str(name): baselines.predict(name, parameters, frame)[fold.test]
        for name, parameters in fitted.items()
    }


def _null_if_nan(values: Floats) -> list[float | None]:
    return [value if np.isfinite(value) else None for value in values.tolist()]

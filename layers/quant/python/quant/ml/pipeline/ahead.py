"""Predicts the rows whose outcome is not known yet: for the daily batch, and for requests."""

from datetime import timedelta
from typing import Final

import numpy as np

from quant.analytics.arrays import Flags, Integers
from quant.ml.artifact import Predicted
from quant.ml.artifacts import LoadedArtifact
from quant.ml.catalogue import ModelSpec
from quant.ml.features.frame import Frame

# How far back an outcome may be unknown for no other reason than that it is too early.
_OPEN: Final = {
    "trading_days": lambda horizon: timedelta(days=horizon * 7 // 5 + 14),
    "month": lambda horizon: timedelta(days=31 * horizon),
    "weeks": lambda horizon: timedelta(weeks=horizon),
}


def predict_ahead(
    spec: ModelSpec, loaded: LoadedArtifact, frame: Frame, latest: np.datetime64
) -> tuple[Frame, Predicted]:
    """Predict the rows whose outcome is not known because it is too early.

    None of them is as early as a row that the version was trained on. Rows that the model has no
    number for, such as of a politician with too few weeks, are left out.

    Args:
        spec: The model.
        loaded: The artifact.
        frame: Rows, with the earlier ones of the politicians.
        latest: The last day of all rows of the dataset.
    """
    rows = _is_open(spec, loaded, frame, latest)
    predicted = loaded.artifact.predict(frame, rows)
    known = np.flatnonzero(np.isfinite(predicted.value))
    return frame.take(np.flatnonzero(rows)[known]), _take(predicted, known)


def _is_open(spec: ModelSpec, loaded: LoadedArtifact, frame: Frame, latest: np.datetime64) -> Flags:
    first = latest - np.timedelta64(_OPEN[spec.horizon_unit](spec.horizon))
    trained_through = np.datetime64(loaded.artifact.trained_through, "D")
    unknown = np.isnan(frame.labels[spec.label])
    flags: Flags = unknown & (frame.as_of > trained_through) & (frame.as_of > first)
    return flags


def _take(predicted: Predicted, rows: Integers) -> Predicted:
    return Predicted(
        value=predicted.value[rows],
        lower=predicted.lower[rows],
        upper=predicted.upper[rows],
        margin=predicted.margin[rows],
        base_value=predicted.base_value,
        attributions=predicted.attributions[rows],
        baselines={name: values[rows] for name, values in predicted.baselines.items()},
    )

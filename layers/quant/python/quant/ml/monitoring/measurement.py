"""Measures the champion's drift, month by month.

The months of training are measured too: what is usual among them is no drift.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import numpy as np
from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from quant.analytics.arrays import Floats
from quant.db.ml_models import FeatureDrift
from quant.errors import NotFoundError
from quant.ml import layout, registry
from quant.ml.artifact import Artifact
from quant.ml.artifacts import load_champion
from quant.ml.catalogue import KEYS, MODELS, ModelSpec, Task
from quant.ml.features.build import manifest_of
from quant.ml.features.frame import Frame
from quant.ml.features.read import read
from quant.ml.monitoring.drift import PREDICTION
from quant.ml.monitoring.stability import Reference
from quant.ml.objects import Objects
from quant.ml.pipeline.record import Outcomes, read_outcomes
from quant.ml.pipeline.runs import RECORD

# A month of fewer rows is not measured.
MINIMUM_ROWS: Final = 50
# Months of training that are measured.
MONTHS: Final = 24

# Predictions of so many rows a month are measured: attributions come with them, and take long.
_PREDICTED_ROWS: Final = 2000


@dataclass(frozen=True, slots=True)
class _Month:
    first: date
    last: date


def measure(connection: Connection, objects: Objects, dataset: str, model: str) -> int | None:
    """Measure every whole month of the champion that has not been measured, and store it.

    Args:
        connection: Connection to write with.
        objects: Holds features, artifacts and the records of runs.
        dataset: Features to measure.
        model: Name of the model.

    Returns:
        The version measured, None where there is no champion.

    Raises:
        NoArtifactError: No artifact of the model can be used.
        ValueError: The features are no longer those of the artifact.
    """
    candidates = registry.candidates(connection, model)
    if not candidates:
        return None
    loaded = load_champion(objects, model, candidates)
    artifact, spec = loaded.artifact, MODELS[model]
    done = set(
        connection.scalars(
            select(FeatureDrift.measured_on)
            .where(FeatureDrift.model == model, FeatureDrift.version == loaded.version)
            .distinct()
        )
    )
    through = manifest_of(objects, dataset)["disclosed_through"]
    months = _months(artifact.trained_through, date.fromisoformat(through)) if through else []
    record = _record(objects, spec, artifact)
    for month in months:
        if month.last in done:
            continue
        try:
            frame = read(objects, dataset, spec.subject, first=month.first, last=month.last)
        except NotFoundError:
            continue
        if len(frame) < MINIMUM_ROWS:
            continue
        predictions = (
            _out_of_sample(record, month)
            if month.last <= artifact.trained_through
            else _predicted(objects, dataset, spec, artifact, frame)
        )
        rows = list(_indices(artifact, frame, predictions))
        connection.execute(
            insert(FeatureDrift).on_conflict_do_nothing(),
            [
                {
                    "model": model,
                    "version": loaded.version,
                    "feature": name,
                    "measured_on": month.last,
                    "rows": count,
                    "psi": psi,
                }
                for name, count, psi in rows
            ],
        )
    return loaded.version


def _months(trained_through: date, last_disclosure: date) -> list[_Month]:
    """Return the last months of training, and the whole months after it."""
    end = np.datetime64(last_disclosure, "M")
    trained = np.datetime64(trained_through + timedelta(days=1), "M")
    first = trained - np.timedelta64(MONTHS, "M")
    months = np.arange(first, max(end, first))
    starts = months.astype("datetime64[D]").tolist()
    ends = (
        (months + np.timedelta64(1, "M")).astype("datetime64[D]") - np.timedelta64(1, "D")
    ).tolist()
    return [_Month(start, stop) for start, stop in zip(starts, ends, strict=True)]


def _record(objects: Objects, spec: ModelSpec, artifact: Artifact) -> Outcomes | None:
    """Return the predictions out of sample of the run; None where they are gone."""
    try:
        content = objects.get(layout.run_key(artifact.run, spec.name, RECORD))
    except NotFoundError:
        return None
    return read_outcomes(content, KEYS[spec.subject])


def _out_of_sample(record: Outcomes | None, month: _Month) -> Floats:
    """Return the run's predictions of a month that the version was trained on."""
    if record is None:
        return np.empty(0)
    return record.value[
        (record.as_of >= np.datetime64(month.first)) & (record.as_of <= np.datetime64(month.last))
    ]


def _predicted(
    objects: Objects, dataset: str, spec: ModelSpec, artifact: Artifact, frame: Frame
) -> Floats:
    """Return what the version predicts of a month's rows."""
    if spec.task is not Task.COUNT:
        step = max(len(frame) // _PREDICTED_ROWS, 1)
        return artifact.predict(frame.take(np.arange(0, len(frame), step))).value
    # A forecast is made of all weeks before it.
    history = read(objects, dataset, spec.subject, last=frame.as_of.max().item())
    return artifact.predict(history, history.as_of >= frame.as_of.min()).value


def _indices(
    artifact: Artifact, frame: Frame, predictions: Floats
) -> Iterator[tuple[str, int, float]]:
    """Return name, rows and population stability index of every feature and of the predictions."""
    columns = {name: frame.column(name) for name in artifact.features}
    for name, values in {**columns, PREDICTION: predictions}.items():
        if name in artifact.reference and len(values) >= MINIMUM_ROWS:
            reference = Reference.of(artifact.reference[name])
            yield name, len(values), reference.index(values)

"""The step that predicts what is not known yet and keeps it, so that the outcome can judge it."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from sqlalchemy import Connection, text

from quant.db.session import read, write
from quant.identity import stable_id
from quant.ml import layout, registry, snapshot
from quant.ml.artifact import Predicted
from quant.ml.artifacts import LoadedArtifact, NoArtifactError, load_champion
from quant.ml.catalogue import MODELS, ModelSpec
from quant.ml.features.build import build
from quant.ml.features.frame import Frame
from quant.ml.features.read import read as read_features
from quant.ml.metrics import null_if_nan
from quant.ml.monitoring.closing import closing_days
from quant.ml.objects import Objects
from quant.ml.pipeline.ahead import predict_ahead
from quant.ml.serving import arrays

_CHUNK: Final = 2000

_INSERT: Final = text("""
    insert into predictions (
        id, model, version, as_of, politician_id, ticker, sector, closes_on, value, lower, upper,
        baselines, base_value, attributions, dataset
    )
    select id, :model, :version, as_of, politician_id, ticker, sector, closes_on, value, lower,
        upper, baselines, :base_value, attributions, :dataset
    from jsonb_to_recordset(cast(:rows as jsonb)) as s (
        id uuid, as_of date, politician_id uuid, ticker text, sector text, closes_on date,
        value double precision, lower double precision, upper double precision,
        baselines jsonb, attributions jsonb
    )
    on conflict do nothing
""")


@dataclass(frozen=True, slots=True)
class Made:
    """What was predicted for a model.

    Attributes:
        model: Name of the model.
        version: Version that predicted; None where none may.
        rows: Rows whose outcome is not known yet.
        stored: Predictions that were not there before.
        reason: Why nothing was predicted, or why an earlier champion had to.
    """

    model: str
    version: int | None
    rows: int
    stored: int
    reason: str | None

    def document(self) -> dict[str, Any]:
        """Return it as JSON."""
        return asdict(self)


def predict_all(objects: Objects) -> tuple[str, list[Made]]:
    """Build the features of what is known now, and predict with every champion.

    Returns:
        The dataset's identifier, and what was predicted, by model.

    Raises:
        ExceptionGroup: Models failed; the others were predicted nevertheless.
        StoreUnavailableError: Postgres or the store cannot be reached.
    """
    dataset = read(lambda connection: refresh(connection, objects))
    made, errors = [], []
    for model in MODELS:
        try:
            made.append(_in_transaction(objects, model, dataset))
        except NoArtifactError as error:
            errors.append(error)
    if errors:
        msg = "no predictions of some models"
        raise ExceptionGroup(msg, errors)
    return dataset, made


def _in_transaction(objects: Objects, model: str, dataset: str) -> Made:
    return write(lambda connection: predict(connection, objects, model, dataset))


def refresh(connection: Connection, objects: Objects) -> str:
    """Build the features of what is known now, and return the dataset's identifier."""
    dataset = snapshot.take(connection, objects)
    build(objects, dataset)
    arrays.write(objects, dataset)
    return dataset


def predict(connection: Connection, objects: Objects, model: str, dataset: str) -> Made:
    """Predict what is not known yet with the champion; what was predicted before stays as it is.

    Args:
        connection: In a transaction.
        objects: Holds features and artifacts.
        model: Name of the model.
        dataset: Features to predict from, those of ``refresh``.

    Raises:
        NoArtifactError: Neither the champion's artifact nor an earlier one can be used.
        StoreUnavailableError: The store cannot be reached.
    """
    champion = registry.champion(connection, model)
    if champion is None:
        return Made(model, None, 0, 0, "there is no champion")
    if champion.disabled:
        return Made(model, None, 0, 0, f"the model is switched off: {champion.disabled_reason}")
    loaded = load_champion(objects, model, registry.candidates(connection, model))
    spec = MODELS[model]
    rows = read_features(objects, dataset, spec.subject)
    made = 0, 0
    if len(rows):
        frame, found = predict_ahead(spec, loaded, rows, rows.as_of.max())
        made = len(frame), _store(connection, spec, loaded, frame, found)
    reason = "; ".join(f"version {version}: {why}" for version, why in loaded.skipped)
    return Made(model, loaded.version, *made, reason or None)


def _store(
    connection: Connection,
    spec: ModelSpec,
    loaded: LoadedArtifact,
    frame: Frame,
    found: Predicted,
) -> int:
    rows = list(_rows(spec, loaded, frame, found))
    stored = 0
    for first in range(0, len(rows), _CHUNK):
        result = connection.execute(
            _INSERT,
            {
                "model": spec.name,
                "version": loaded.version,
                "base_value": found.base_value,
                "dataset": frame.dataset,
                "rows": layout.canonical(rows[first : first + _CHUNK]).decode(),
            },
        )
        stored += result.rowcount
    return stored


def _rows(
    spec: ModelSpec, loaded: LoadedArtifact, frame: Frame, found: Predicted
) -> Iterator[dict[str, Any]]:
    # The trading days to come are nobody's to know.
    closes_on = closing_days(spec, frame.as_of, np.empty(0, dtype=frame.as_of.dtype))
    for row in range(len(frame)):
        keys = {name: str(column[row]) for name, column in frame.keys.items()}
        as_of = str(frame.as_of[row])
        named = zip(loaded.artifact.features, found.attributions[row].tolist(), strict=True)
        yield {
            "id": str(stable_id("prediction", spec.name, loaded.version, as_of, *keys.values())),
            "as_of": as_of,
            **keys,
            "closes_on": None if np.isnat(closes_on[row]) else str(closes_on[row]),
            "value": float(found.value[row]),
            "lower": null_if_nan(found.lower[row]),
            "upper": null_if_nan(found.upper[row]),
            "baselines": {name: null_if_nan(each[row]) for name, each in found.baselines.items()},
            "attributions": {name: value for name, value in named if value != 0},
        }

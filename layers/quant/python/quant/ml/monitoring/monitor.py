"""Monitors all models on the features of one dataset, and logs what somebody should look at."""

import logging
from typing import Any, Final

from sqlalchemy import Connection

from quant.collectors.bucket import DamagedObjectError
from quant.db.keyset import data_version
from quant.errors import NotFoundError
from quant.ml import layout
from quant.ml.artifacts import NoArtifactError
from quant.ml.catalogue import MODELS
from quant.ml.features.build import manifest_of
from quant.ml.features.declared import FEATURE_VERSION
from quant.ml.monitoring import drift, outcomes
from quant.ml.monitoring.measurement import measure
from quant.ml.monitoring.performance import performance
from quant.ml.objects import Objects

# The field ``event`` of log lines, by what happened.
UNMONITORED: Final = "model_not_monitored"
DRIFT: Final = "model_drift"
PERFORMANCE_DRIFT: Final = "model_performance_drift"

# The share of features that have shifted from which on it is logged; without drift, at most one in
# twenty is expected to.
SHARE_SHIFTED: Final = 0.2

_logger = logging.getLogger("quant")


def run(connection: Connection, objects: Objects, dataset: str | None = None) -> dict[str, Any]:
    """Join outcomes to stored predictions, then measure drift; repeating it changes nothing.

    What is wrong with one model keeps no other from being monitored.

    Args:
        connection: Connection to write with; the caller commits.
        objects: The bucket of machine learning.
        dataset: Features that outcomes are taken from; None for the newest that were built.

    Returns:
        ``dataset``, None where there are no features; and by model, under ``models``:
        ``outcomes`` (see ``outcomes.Joined``), ``drift`` (see ``drift.summary``) and
        ``performance`` (see ``performance.performance``), the last two None where nothing can be
        measured, and ``problem``, why something could not.
    """
    dataset = dataset or _newest_dataset(connection, objects)
    models = (
        {}
        if dataset is None
        else {model: _monitor(connection, objects, dataset, model) for model in MODELS}
    )
    return {"dataset": dataset, "models": models}


def _newest_dataset(connection: Connection, objects: Objects) -> str | None:
    """Return the features of the newest data that were built, None where there are none."""
    current = layout.dataset_id(data_version(connection), FEATURE_VERSION)
    if _is_built(objects, current):
        return current
    suffix = f"-f{FEATURE_VERSION}"
    built = {key.split("/")[1] for key in objects.keys(f"{layout.FEATURES}/")}
    numbers = sorted(
        int(name.removeprefix("v").removesuffix(suffix)) for name in built if name.endswith(suffix)
    )
    names = [layout.dataset_id(number, FEATURE_VERSION) for number in reversed(numbers)]
    return next((name for name in names if _is_built(objects, name)), None)


def _is_built(objects: Objects, dataset: str) -> bool:
    try:
        manifest_of(objects, dataset)
    except NotFoundError:
        return False
    return True


def _monitor(connection: Connection, objects: Objects, dataset: str, model: str) -> dict[str, Any]:
    found: dict[str, Any] = {"outcomes": None, "drift": None, "performance": None, "problem": None}
    try:
        found["outcomes"] = outcomes.join(connection, objects, dataset, model).document()
        version = measure(connection, objects, dataset, model)
        if version is not None:
            found["drift"] = drift.summary(connection, model, version)
            found["performance"] = performance(connection, model, version)
    except (NotFoundError, DamagedObjectError, NoArtifactError, ValueError) as error:
        found["problem"] = str(error)
        _logger.error(
            "%s could not be monitored: %s",
            model,
            error,
            extra={"event": UNMONITORED, "model": model},
        )
    _log_drift(model, found["drift"])
    _log_performance(model, found["performance"])
    return found


def _log_drift(model: str, found: dict[str, Any] | None) -> None:
    if found is None:
        return
    share = found["share_shifted"] or 0.0
    if share > SHARE_SHIFTED or found["prediction_level"] in {"moderate", "large"}:
        _logger.warning(
            "%s has drifted: %d of %d features, predictions: %s",
            model,
            found["shifted"],
            found["features"],
            found["prediction_level"],
            extra={"event": DRIFT, "model": model, **found},
        )


def _log_performance(model: str, found: dict[str, Any] | None) -> None:
    if found is not None and found["worse"]:
        _logger.warning(
            "version %d of %s predicts worse than its record",
            found["version"],
            model,
            extra={"event": PERFORMANCE_DRIFT, "model": model, **found},
        )

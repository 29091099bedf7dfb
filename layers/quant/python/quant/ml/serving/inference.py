"""Applies artifacts to features within a request.

Artifacts and rows of features never change under their names and hold arrays alone, so a process
keeps the last ones: what a request waits for the first time is S3, and later the arithmetic. No
client and no random state is held, so that a snapshot of the process restores as well as it
started.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np

from quant.ml.artifact import Predicted
from quant.ml.artifacts import LoadedArtifact, load_champion
from quant.ml.catalogue import MODELS, ModelSpec, Subject, Task
from quant.ml.features.frame import Frame
from quant.ml.objects import Objects
from quant.ml.pipeline.ahead import predict_ahead
from quant.ml.serving.arrays import read

# Those of every model, and of a few that another version needs.
_KEPT: Final = len(MODELS) + 2
_rows: OrderedDict[tuple[str, Subject, date | None], Frame] = OrderedDict()


@dataclass(frozen=True, slots=True)
class Applied:
    """A model applied to one politician.

    Attributes:
        used: The artifact, and the versions skipped for it.
        frame: The rows predicted, by ``as_of``.
        predicted: Their predictions.
    """

    used: LoadedArtifact
    frame: Frame
    predicted: Predicted


def apply(
    objects: Objects,
    model: str,
    candidates: Sequence[tuple[int, str]],
    *,
    dataset: str,
    politician: str,
) -> Applied:
    """Predict the rows of a politician whose outcome is not known yet, those of the daily batch.

    Args:
        objects: Where artifacts and features are kept.
        model: Name of the model.
        candidates: As of ``quant.ml.registry.candidates``.
        dataset: Features to apply it to.
        politician: Identifier of the politician.

    Raises:
        NoArtifactError: No candidate has an artifact that can be used.
        NotFoundError: There are no such features.
        StoreUnavailableError: The store cannot be reached.
    """
    spec = MODELS[model]
    used = load_champion(objects, model, candidates)
    everybody = _everybody(objects, spec, used, dataset)
    own = everybody.take(everybody.keys["politician_id"] == politician)
    latest = everybody.as_of.max() if len(everybody) else np.datetime64(date.min)
    return Applied(used, *predict_ahead(spec, used, own, latest))


def forget() -> None:
    """Drop the rows that the process keeps: for tests, and for measuring a first request."""
    _rows.clear()


def _everybody(objects: Objects, spec: ModelSpec, used: LoadedArtifact, dataset: str) -> Frame:
    # Counts are forecast from all weeks of a politician. Otherwise no row that is predicted, and no
    # outcome that a baseline counts besides those of training, is earlier than the last of them.
    first = None if spec.task is Task.COUNT else used.artifact.trained_through
    key = (dataset, spec.subject, first)
    if key not in _rows:
        _rows[key] = read(objects, dataset, spec.subject, first=first)
        while len(_rows) > _KEPT:
            _rows.popitem(last=False)
    _rows.move_to_end(key)
    return _rows[key]

"""Applies artifacts to features within a request.

Artifacts and frames of features never change under their names and hold arrays alone, so a process
keeps the last ones: what a request waits for the first time is S3, and later the arithmetic. No
client and no random state is held, so that a snapshot of the process restores as well as it
started.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

import numpy as np

from quant.analytics.arrays import Flags
from quant.ml.artifact import Predicted
from quant.ml.artifacts import LoadedArtifact, load_champion
from quant.ml.catalogue import MODELS, ModelSpec, Subject
from quant.ml.features.frame import Frame
from quant.ml.features.read import read
from quant.ml.objects import Objects

# The longest outcome window is of 63 trading days; disclosures of a month are awaited for 45 days.
LOOK_BACK: Final = timedelta(days=120)

# Of each subject, of two datasets.
_KEPT: Final = 2 * len(Subject)
_frames: OrderedDict[tuple[str, Subject, date], Frame] = OrderedDict()


@dataclass(frozen=True, slots=True)
class Applied:
    """A model applied to one politician.

    Attributes:
        used: The artifact, and the versions skipped for it.
        frame: The rows predicted, newest first.
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
    """Predict the rows of a politician whose outcome is not known.

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
    since = (used.artifact.trained_through - LOOK_BACK).replace(day=1)
    everybody = _frame(objects, dataset, spec.subject, since)
    # With the rows before: a baseline counts outcomes that became known since training.
    own = everybody.take(everybody.keys["politician_id"] == politician)
    predicted = used.artifact.predict(own)
    rows = np.flatnonzero(open_rows(own, spec))[::-1]
    return Applied(used, own.take(rows), _take(predicted, rows))


def open_rows(frame: Frame, spec: ModelSpec) -> Flags:
    """Say which rows have an outcome to come, shape (n,).

    Of pairs and of politicians only those of the last day, whose window is the present one.
    """
    unknown: Flags = np.isnat(frame.known_on[spec.label])
    if spec.subject is not Subject.DISCLOSURE and len(frame):
        unknown &= frame.as_of == frame.as_of.max()
    return unknown


def forget() -> None:
    """Drop the frames that the process keeps: for tests, and for measuring a first request."""
    _frames.clear()


def _frame(objects: Objects, dataset: str, subject: Subject, since: date) -> Frame:
    key = (dataset, subject, since)
    if key not in _frames:
        _frames[key] = read(objects, dataset, subject, first=since)
        while len(_frames) > _KEPT:
            _frames.popitem(last=False)
    _frames.move_to_end(key)
    return _frames[key]


def _take(predicted: Predicted, rows: Any) -> Predicted:
    return Predicted(
        value=predicted.value[rows],
        lower=predicted.lower[rows],
        upper=predicted.upper[rows],
        margin=predicted.margin[rows],
        base_value=predicted.base_value,
        attributions=predicted.attributions[rows],
        baselines={name: values[rows] for name, values in predicted.baselines.items()},
    )

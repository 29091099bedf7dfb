"""Applies artifacts to features within a request.

Artifacts and rows of features never change under their names and hold arrays alone, so a process
keeps the last ones: what a request waits for the first time is S3, and later the arithmetic. No
client and no random state is held, so that a snapshot of the process restores as well as it
started.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

# Features are read with it where they are needed, which takes most of a second to import: here it
# is part of the snapshot that environments start from.
import duckdb as _duckdb  # noqa: F401

from quant.ml.artifact import Predicted
from quant.ml.artifacts import LoadedArtifact, load_champion
from quant.ml.catalogue import MODELS
from quant.ml.features.frame import Frame
from quant.ml.features.read import read
from quant.ml.objects import Objects
from quant.ml.pipeline.predict import open_rows

# Of two datasets, or of two versions of each model.
_KEPT: Final = 2 * len(MODELS)
_open: OrderedDict[tuple[str, str, int], Frame] = OrderedDict()


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
    used = load_champion(objects, model, candidates)
    everybody = _open_rows(objects, model, used, dataset)
    own = everybody.take(everybody.keys["politician_id"] == politician)
    return Applied(used, own, used.artifact.predict(own))


def forget() -> None:
    """Drop the rows that the process keeps: for tests, and for measuring a first request."""
    _open.clear()


def _open_rows(objects: Objects, model: str, used: LoadedArtifact, dataset: str) -> Frame:
    key = (dataset, model, used.version)
    if key not in _open:
        spec = MODELS[model]
        # No row that it predicts is earlier than those it was trained on.
        rows = read(objects, dataset, spec.subject, first=used.artifact.trained_through)
        _open[key] = open_rows(spec, rows, used)
        while len(_open) > _KEPT:
            _open.popitem(last=False)
    _open.move_to_end(key)
    return _open[key]

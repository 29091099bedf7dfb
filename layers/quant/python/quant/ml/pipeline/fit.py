"""A step for each item of the plan: one configuration of a model on one fold."""

from collections.abc import Mapping
from typing import Any

from quant.ml import layout
from quant.ml.catalogue import MODELS, Subject
from quant.ml.features.frame import Frame
from quant.ml.features.read import read
from quant.ml.objects import Objects
from quant.ml.pipeline.runs import Item, load, load_run
from quant.ml.training.configs import CONFIGS
from quant.ml.training.fit import fit_fold

# The last frame read, for a process fits many items of the same subject. An object store is kept
# beside it: another one may hold other data of the same identifier.
_last: tuple[Objects, str, Subject, Frame] | None = None


def fit(objects: Objects, item: Mapping[str, Any]) -> bool:
    """Fit an item of the plan and keep the result.

    Args:
        objects: Where features are, and the result goes.
        item: As the plan has it.

    Returns:
        Whether there was anything to do.

    Raises:
        NotFoundError: The run was not prepared.
    """
    wanted = Item.of(dict(item))
    if load(objects, wanted.key) is not None:
        return False
    run = load_run(objects, wanted.run)
    spec = MODELS[wanted.model]
    frame = frame_of(objects, run.dataset, spec.subject)
    result = fit_fold(
        spec,
        frame,
        run.settings.walk(spec, frame)[wanted.fold],
        CONFIGS[wanted.model][wanted.config],
        seed=run.settings.seed,
    )
    objects.publish(wanted.key, layout.canonical(result.document()))
    return True


def frame_of(objects: Objects, dataset: str, subject: Subject) -> Frame:
    """Return the rows of a subject, read once while a process stays with it."""
    global _last  # noqa: PLW0603
    if _last is None or _last[0] is not objects or _last[1:3] != (dataset, subject):
        _last = (objects, dataset, subject, read(objects, dataset, subject))
    return _last[3]

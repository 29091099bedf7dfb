"""The pipeline without a cloud: the same steps, the fits in a pool of processes.

A process that is killed loses what it is fitting; the next run goes on with what is left.
"""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import connection as pipes
from multiprocessing import get_context, parent_process
from pathlib import Path
from typing import Any, Protocol

from quant.db.session import read, write
from quant.ml.objects import Folder, MlBucket, Objects
from quant.ml.pipeline.prepare import prepare
from quant.ml.pipeline.publish import Published, publish
from quant.ml.pipeline.register import register
from quant.ml.pipeline.runs import Run, load_plan
from quant.ml.pipeline.settings import RunSettings
from quant.ml.tracking import Tracking


class Progress(Protocol):
    """Receives how far a run is."""

    def __call__(self, stage: str, completed: int, total: int) -> None:
        """Take note of ``completed`` of ``total`` tasks of a stage."""


def no_progress(stage: str, completed: int, total: int) -> None:
    """Take no note."""


@dataclass(frozen=True, slots=True)
class Trained:
    """What came of a model.

    Attributes:
        model: Name of the model.
        published: Its version.
        evaluation: What its step returned, see ``quant.ml.pipeline.evaluate``.
    """

    model: str
    published: Published
    evaluation: dict[str, Any]


def open_objects(place: str) -> Objects:
    """Return the objects of a bucket (``s3://name``) or of a folder."""
    if place.startswith("s3://"):
        return MlBucket(place.removeprefix("s3://").rstrip("/"))
    return Folder(Path(place))


def train(
    place: str,
    settings: RunSettings,
    *,
    processes: int,
    tracking: Tracking | None,
    progress: Progress = no_progress,
) -> tuple[Run, list[Trained]]:
    """Do every step from the snapshot to the publication of each model.

    Args:
        place: Where objects are, see ``open_objects``.
        settings: Of the run.
        processes: Number of processes that fit.
        tracking: The tracking server; None leaves it out.
        progress: Is told how far the run is.

    Raises:
        StoreUnavailableError: Postgres, the store or the tracking server cannot be reached.
    """
    objects = open_objects(place)
    progress("prepare", 0, 1)
    run = read(lambda connection: prepare(connection, objects, settings))
    progress("prepare", 1, 1)
    items = [item.document() for item in load_plan(objects, run.run)]
    with _pool(place, processes) as submit:
        _all(submit, "fit", [(item,) for item in items], progress)
        found = _all(submit, "evaluate", [(run.run, model) for model in run.models], progress)
    trained = []
    for number, document in enumerate(sorted(found, key=lambda each: each["model"])):
        progress("publish", number, len(found))
        model = document["model"]
        known = register(objects, tracking, run.run, model) if tracking else None
        published = _publish(objects, run.run, model, known)
        leader = published.champion
        if tracking and leader:
            tracking.point(model, leader.run, leader.version)
        trained.append(Trained(model, published, document))
    progress("publish", len(found), len(found))
    return run, trained


def _publish(objects: Objects, run: str, model: str, known: Any) -> Published:
    return write(lambda connection: publish(connection, objects, run, model, tracked=known))


type _Submit = Callable[..., Any]


@contextmanager
def _pool(place: str, processes: int) -> Iterator[_Submit]:
    # A forked process would share connections and the threads' locks of this one.
    pool = ProcessPoolExecutor(
        processes, mp_context=get_context("spawn"), initializer=_start, initargs=(place,)
    )
    with pool:
        try:
            yield pool.submit
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _all(
    submit: _Submit, stage: str, tasks: Sequence[tuple[Any, ...]], progress: Progress
) -> list[Any]:
    progress(stage, 0, len(tasks))
    futures = [submit(_TASKS[stage], *arguments) for arguments in tasks]
    results = []
    for future in as_completed(futures):
        results.append(future.result())
        progress(stage, len(results), len(tasks))
    return results


# In a process of the pool: opened once, so that what is read is kept from task to task.
_objects: Objects | None = None


def _start(place: str) -> None:
    global _objects  # noqa: PLW0603
    _objects = open_objects(place)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """End this process when the one that started it is gone: nobody else would."""
    parent = parent_process()
    if parent is not None:
        pipes.wait([parent.sentinel])
        os._exit(1)


def _there() -> Objects:
    if _objects is None:
        raise AssertionError
    return _objects


def _fit(item: dict[str, Any]) -> bool:
    from quant.ml.pipeline.fit import fit  # noqa: PLC0415 - LightGBM is the processes' alone

    return fit(_there(), item)


def _evaluate(run: str, model: str) -> dict[str, Any]:
    from quant.ml.pipeline.evaluate import evaluate  # noqa: PLC0415

    return evaluate(_there(), run, model)


_TASKS: dict[str, Callable[..., Any]] = {"fit": _fit, "evaluate": _evaluate}

"""The first step: take a snapshot, build the features, and plan the fits."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection

from quant.ml import layout, snapshot
from quant.ml.catalogue import MODELS, Subject
from quant.ml.features.build import build
from quant.ml.features.frame import Frame
from quant.ml.features.read import read
from quant.ml.objects import Objects
from quant.ml.pipeline.runs import PLAN, RUN, Item, Run
from quant.ml.pipeline.settings import RunSettings, code_version
from quant.ml.training.configs import CONFIGS


def prepare(connection: Connection, objects: Objects, settings: RunSettings | None = None) -> Run:
    """Take what is known now as the data of a run, and plan it.

    The same data, settings and code give the same run, with everything it has done already.

    Args:
        connection: In autocommit mode.
        objects: Where snapshot, features and plan go.
        settings: Of the run; the defaults where there are none.
    """
    dataset = snapshot.take(connection, objects)
    return plan(objects, dataset, build(objects, dataset), settings or RunSettings())


def plan(objects: Objects, dataset: str, manifest: dict[str, Any], settings: RunSettings) -> Run:
    """Plan the fits of a run on features that are built: models, folds and configurations."""
    folds: dict[str, int] = {}
    left_out: dict[str, str] = {}
    for name, frame in _frames(objects, dataset, settings.models):
        found = settings.walk(MODELS[name], frame)
        if found:
            folds[name] = len(found)
        else:
            left_out[name] = f"{len(frame)} rows do not suffice for {settings.folds} folds"
    decides = {
        "dataset": dataset,
        "features": layout.sha256(layout.canonical(manifest)),
        "settings": settings.document(),
        "configs": {name: CONFIGS[name] for name in settings.models},
        "code_version": code_version(),
    }
    run = Run(
        run=layout.run_id(decides),
        dataset=dataset,
        features=str(decides["features"]),
        settings=settings,
        code_version=code_version(),
        synthetic=bool(manifest["synthetic"]),
        folds={name: folds[name] for name in settings.models if name in folds},
        left_out=left_out,
    )
    items = [
        Item(run=run.run, model=name, fold=fold, config=config).document()
        for name, number in run.folds.items()
        for fold in range(number)
        for config in range(len(CONFIGS[name]))
    ]
    objects.publish(layout.run_key(run.run, PLAN), layout.canonical(items))
    # Last: where it is, everything before it is there too.
    objects.publish(layout.run_key(run.run, RUN), layout.canonical(run.document()))
    return run


def _frames(objects: Objects, dataset: str, models: Iterable[str]) -> Iterable[tuple[str, Frame]]:
    """Give each model with its rows, one subject's in memory at a time."""
    by_subject: dict[Subject, list[str]] = {}
    for name in models:
        by_subject.setdefault(MODELS[name].subject, []).append(name)
    for subject, names in by_subject.items():
        frame = read(objects, dataset, subject)
        for name in names:
            yield name, frame

"""The steps that tell the tracking server what came of a model, and later which version leads."""

import csv
import io
import json
from typing import Any

from quant.ml import layout
from quant.ml.catalogue import MODELS
from quant.ml.objects import Objects
from quant.ml.pipeline.runs import EVALUATION
from quant.ml.tracking import Metric, Registered, TrackedRun, Tracking, numbers


def register(objects: Objects, tracking: Tracking, run: str, model: str) -> Registered:
    """Register the version of a model that a run made; once, however often it is asked for.

    Raises:
        NotFoundError: The model was not evaluated.
        StoreUnavailableError: The server cannot be reached.
    """
    content = objects.get(layout.run_key(run, model, EVALUATION))
    document = json.loads(content)
    artifact = objects.get(layout.artifact_key(model, document["sha256"]))
    return tracking.register(tracked(document, content, artifact))


def tracked(document: dict[str, Any], content: bytes, artifact: bytes) -> TrackedRun:
    """Return what the server is told.

    Args:
        document: The evaluation as its step keeps it.
        content: The same as JSON.
        artifact: The artifact, JSON.
    """
    spec = MODELS[document["model"]]
    found = document["evaluation"]
    return TrackedRun(
        model=spec.name,
        description=spec.description,
        run=document["run"],
        params=_params(document),
        metrics=tuple(_metrics(found["metrics"])),
        tags={
            "quant.dataset": document["dataset"],
            "quant.sha256": document["sha256"],
            "quant.verdict": found["verdict"],
            "quant.synthetic": str(document["synthetic"]).lower(),
        },
        files={
            "model/artifact.json": artifact,
            EVALUATION: content,
            **{f"tables/{name}.csv": table for name, table in tables(found["metrics"]).items()},
        },
    )


def tables(metrics: dict[str, Any]) -> dict[str, bytes]:
    """Return every list of rows among the metrics as CSV, by its path: folds, bins and so on."""
    found: dict[str, bytes] = {}
    for name, value in metrics.items():
        if isinstance(value, dict):
            inner = tables(value)
            found |= {f"{name}.{path}": table for path, table in inner.items()}
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            found[name] = _table(value)
    return found


def _table(rows: list[dict[str, Any]]) -> bytes:
    # What is nested is written as JSON: a column for each name would differ by row.
    names = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(names)
    for row in rows:
        writer.writerow(_cell(row.get(name)) for name in names)
    return text.getvalue().encode()


def _cell(value: Any) -> Any:
    return layout.canonical(value).decode() if isinstance(value, dict | list) else value


def _params(document: dict[str, Any]) -> dict[str, str]:
    config = {f"config.{name}": value for name, value in document["evaluation"]["config"].items()}
    settings = {
        name: value for name, value in document["settings"].items() if name not in {"models"}
    }
    shared = {
        name: document[name] for name in ("dataset", "code_version", "trained_through", "sha256")
    }
    return {name: str(value) for name, value in {**config, **settings, **shared}.items()}


def _metrics(metrics: dict[str, Any]) -> list[Metric]:
    """Return the numbers of the whole record at step 0, and those of each fold at its number."""
    folds = metrics.get("folds", [])
    found = numbers("", {name: value for name, value in metrics.items() if name != "folds"})
    for row in folds:
        step = int(row["number"])
        found += numbers(
            "fold", {name: value for name, value in row.items() if name != "number"}, step
        )
    return found

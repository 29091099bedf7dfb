"""The step that judges a model by the fits of a run, and fits it to all that is known."""

import json
from typing import Any

from quant.ml import layout
from quant.ml.catalogue import MODELS
from quant.ml.objects import Objects
from quant.ml.pipeline import record
from quant.ml.pipeline.fit import frame_of
from quant.ml.pipeline.runs import EVALUATION, RECORD, load, load_plan, load_run
from quant.ml.training.evaluate import evaluate as judge
from quant.ml.training.finish import finish
from quant.ml.training.fit import FoldResult


def evaluate(objects: Objects, run: str, model: str) -> dict[str, Any]:
    """Evaluate a model of a run and keep record, artifact and evaluation.

    Returns:
        ``run``, ``model``, ``dataset``, ``code_version``, ``seed``, ``settings``, ``synthetic``,
        ``sha256`` of the artifact, ``trained_through``, and ``evaluation``, its document.

    Raises:
        NotFoundError: The run was not prepared, or a fit is missing.
    """
    key = layout.run_key(run, model, EVALUATION)
    there: dict[str, Any] | None = load(objects, key)
    if there is not None:
        return there
    planned = load_run(objects, run)
    spec = MODELS[model]
    frame = frame_of(objects, planned.dataset, spec.subject)
    found = judge(spec, frame, _results(objects, run, model))
    objects.put(layout.run_key(run, model, RECORD), record.write(frame, found.record))
    artifact = finish(
        spec,
        frame,
        found,
        run=run,
        seed=planned.settings.seed,
        code_version=planned.code_version,
        synthetic=planned.synthetic,
    )
    content = artifact.dump()
    digest = layout.sha256(content)
    objects.publish(layout.artifact_key(model, digest), content)
    document = {
        "run": run,
        "model": model,
        "dataset": planned.dataset,
        "code_version": planned.code_version,
        "seed": planned.settings.seed,
        "settings": planned.settings.document(),
        "synthetic": planned.synthetic,
        "sha256": digest,
        "trained_through": artifact.trained_through.isoformat(),
        "evaluation": found.document(),
    }
    # Last: where it is, everything before it is there too.
    objects.publish(key, layout.canonical(document))
    # As whoever asks again gets it.
    return _require(objects, key)


def _results(objects: Objects, run: str, model: str) -> list[FoldResult]:
    keys = [item.key for item in load_plan(objects, run) if item.model == model]
    return [FoldResult.of(_require(objects, key)) for key in keys]


def _require(objects: Objects, key: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(objects.get(key))
    return found

"""The final fit, on all rows whose outcome is known."""

import numpy as np

from quant.analytics.arrays import Flags
from quant.ml import baselines
from quant.ml.artifact import Artifact
from quant.ml.catalogue import Family, ModelSpec
from quant.ml.features.frame import Frame
from quant.ml.monitoring.stability import Reference
from quant.ml.training import booster
from quant.ml.training.evaluate import Evaluation
from quant.ml.training.fit import categorical


def finish(
    spec: ModelSpec,
    frame: Frame,
    evaluation: Evaluation,
    *,
    run: str,
    seed: int,
    code_version: str,
    synthetic: bool,
) -> Artifact:
    """Fit the chosen configuration to all rows with an outcome, and return the artifact.

    Args:
        spec: Model.
        frame: Rows.
        evaluation: Of the run's folds.
        run: Identifier of the training run.
        seed: Of every pseudo-random draw.
        code_version: Of the code that trains.
        synthetic: Whether the frame is made up.
    """
    known = ~np.isnan(frame.labels[spec.label])
    kinds = categorical(frame.subject, frame.names)
    text = None
    if spec.family is Family.LIGHTGBM:
        fitted = booster.fit(spec, frame, known, evaluation.config, seed=seed, categorical=kinds)
        text = fitted.booster.model_to_string()
    return Artifact(
        model=spec.name,
        family=str(spec.family),
        dataset=frame.dataset,
        run=run,
        trained_through=frame.as_of[known].max().item(),
        code_version=code_version,
        seed=seed,
        features=frame.names,
        settings=evaluation.config,
        booster=text,
        calibration=evaluation.calibration,
        interval=evaluation.interval,
        baselines={
            str(name): baselines.fit(name, spec, frame, known, kinds) for name in spec.baselines
        },
        reference=_reference(frame, known, evaluation),
        synthetic=synthetic,
    )


def _reference(frame: Frame, known: Flags, evaluation: Evaluation) -> dict[str, dict[str, object]]:
    """Return the distributions of the features, and of predictions out of sample."""
    columns = dict(zip(frame.names, frame.x[known].T, strict=True))
    return {
        name: Reference.measure(values).document()
        for name, values in {**columns, "prediction": evaluation.record.value}.items()
    }

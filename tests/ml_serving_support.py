"""Versions of models and predictions, plainly made up, for tests of what is served of them."""

import hashlib
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import numpy as np
from sqlalchemy.orm import Session

from quant.db.ml_models import Prediction
from quant.identity import stable_id
from quant.ml import registry
from quant.ml.artifact import Artifact
from quant.ml.catalogue import MODELS, Task
from quant.ml.conformal import IntervalRule
from quant.ml.features.frame import Frame
from quant.ml.registry import NewVersion
from quant.ml.training.configs import CONFIGS
from quant.ml.training.evaluate import Evaluation
from quant.ml.training.finish import finish
from quant.ml.training.record import Record
from quant.vocabulary import Verdict

AS_OF = date(2026, 10, 1)
# Of the form of a training run's, and made up.
EVALUATION: dict[str, Any] = {
    "config": {"num_leaves": 4},
    "metrics": {
        "loss": "squared_error",
        "rows": 100,
        "comparisons": {"zero": {"difference": 0.1, "p_value": 0.001, "n": 100, "clusters": 50}},
        "folds": [{"number": 1, "rows": 100}],
        "candidates": [{"config": {"num_leaves": 4}, "mean_loss": 0.5}],
    },
}


def publish(session: Session, model: str, run: str, **changes: Any) -> int:
    """Register a version as the pipeline does; accepted unless changed."""
    values: dict[str, Any] = {
        "model": model,
        "run": run,
        "tracking_run": None,
        "sha256": hashlib.sha256(f"{model} {run}".encode()).hexdigest(),
        "dataset": "v1-f1",
        "trained_through": AS_OF - timedelta(days=120),
        "verdict": Verdict.ACCEPTED,
        "reasons": (),
        "evaluation": EVALUATION,
        "synthetic": True,
        **changes,
    }
    version = registry.publish(session.connection(), NewVersion(**values))
    session.commit()
    return version


def made_up_prediction(model: str, version: int, number: int, **changes: Any) -> Prediction:
    """A prediction whose numbers are functions of ``number``."""
    as_of = AS_OF + timedelta(days=number // 4)
    values: dict[str, Any] = {
        "id": stable_id("test-prediction", model, version, number),
        "model": model,
        "version": version,
        "as_of": as_of,
        "made_at": datetime.combine(as_of, time(22), UTC),
        "value": number / 1000,
        "lower": number / 1000 - 0.1,
        "upper": number / 1000 + 0.1,
        "baselines": {"zero": 0.0, "historical_mean": 0.001},
        "base_value": 0.002,
        "attributions": {f"feature_{k}": (-1) ** k * k / 1000 for k in range(1, 8)},
        "dataset": "v1-f1",
        **changes,
    }
    return Prediction(**values)


def trained(frame: Frame, model: str, seed: int) -> Artifact:
    """An artifact of a model, fitted by the pipeline's last step; its interval is made up."""
    spec = MODELS[model]
    value = frame.labels[spec.label][~np.isnan(frame.labels[spec.label])]
    nothing = np.empty(0)
    record = Record(
        rows=np.arange(0),
        fold=np.arange(0),
        value=value,
        lower=nothing,
        upper=nothing,
        outcome=nothing,
        baselines={},
    )
    interval = None if spec.task is Task.PROBABILITY else IntervalRule(0.9, 0.2)
    evaluation = Evaluation(
        model, CONFIGS[model][0], record, None, interval, {}, Verdict.ACCEPTED, ()
    )
    return finish(
        spec, frame, evaluation, run=f"run-{seed}", seed=seed, code_version="test", synthetic=True
    )

"""Runs that were evaluated, for tests of what comes after: records whose quality is known."""

from datetime import date
from typing import Any

import numpy as np

from quant.ml import layout
from quant.ml.catalogue import KEYS, MODELS, ModelSpec
from quant.ml.features.frame import Frame
from quant.ml.objects import Objects
from quant.ml.pipeline import record
from quant.ml.training.record import Record

MODEL = "abnormal-return-21"
TRAINED_THROUGH = date(2020, 6, 30)


def frame_of(rows: int, first: int = 0) -> Frame:
    """Return rows of days from the ``first`` on, a synthetic ticker a day, of random outcomes."""
    spec = MODELS[MODEL]
    number = np.arange(first, first + rows)
    as_of = np.datetime64("2010-01-01") + number.astype("timedelta64[D]")
    outcome = np.random.default_rng(1).normal(size=first + rows)[first:]
    return Frame(
        subject=spec.subject,
        dataset="v1-f1",
        as_of=as_of,
        keys={name: np.array([f"{name}-{each % 7}" for each in number]) for name in _keys(spec)},
        names=("signal",),
        x=np.stack([outcome], axis=1),
        labels={spec.label: outcome},
        known_on={spec.label: as_of + np.timedelta64(31, "D")},
    )


def keep_run(
    objects: Objects,
    run: str,
    error: float,
    *,
    verdict: str = "accepted",
    frame: Frame | None = None,
) -> str:
    """Keep a run whose predictions miss by a normal error of this size; return its artifact's key.

    The errors of names of the same length are the same.
    """
    frame = frame_of(1500) if frame is None else frame
    outcome = frame.labels[MODELS[MODEL].label]
    missed = np.random.default_rng(len(run)).normal(size=len(frame))
    value = outcome + error * missed
    found = Record(
        rows=np.arange(len(frame)),
        fold=np.ones(len(frame), dtype=np.int64),
        value=value,
        lower=value - 1,
        upper=value + 1,
        outcome=outcome,
        baselines={"zero": np.zeros(len(frame))},
    )
    artifact = layout.canonical({"run": run, "error": error})
    digest = layout.sha256(artifact)
    objects.put(layout.run_key(run, MODEL, "record.parquet"), record.write(frame, found))
    objects.put(layout.artifact_key(MODEL, digest), artifact)
    objects.put(
        layout.run_key(run, MODEL, "evaluation.json"),
        layout.canonical(document(run, digest, verdict)),
    )
    return layout.artifact_key(MODEL, digest)


def document(run: str, digest: str, verdict: str = "accepted") -> dict[str, Any]:
    """Return what the step of evaluation keeps of a run."""
    skill = {"difference": 0.2, "lower": 0.1, "upper": 0.3, "p_value": 0.001}
    return {
        "run": run,
        "model": MODEL,
        "dataset": "v1-f1",
        "code_version": "0.1.0+0123456789ab",
        "seed": 1,
        "settings": {"models": [MODEL], "folds": 2, "embargo_days": 7, "seed": 1},
        "synthetic": True,
        "sha256": digest,
        "trained_through": TRAINED_THROUGH.isoformat(),
        "evaluation": {
            "model": MODEL,
            "config": {"num_leaves": 4},
            "calibration": None,
            "interval": None,
            "metrics": {
                "loss": "squared_error",
                "mean_loss": {"value": 0.5, "standard_error": None},
                "coverage": {"level": 0.9, "value": 0.91, "lower": 0.9, "upper": 0.92},
                "comparisons": {"zero": {"p_value": 0.001, "n": 1500, "skill": skill}},
                "folds": [
                    {"number": 1, "mean_loss": {"value": 0.4}, "config": {"num_leaves": 4}},
                    {"number": 2, "mean_loss": {"value": 0.6}, "config": {"num_leaves": 4}},
                ],
            },
            "verdict": verdict,
            "reasons": [] if verdict == "accepted" else ["no better than zero"],
        },
    }


def _keys(spec: ModelSpec) -> tuple[str, ...]:
    return KEYS[spec.subject]

"""Training of a model, and batch prediction, beside a script in scikit-learn that does the same.

Each measurement is a process of its own: ``ml_training.py SIDE MODEL``.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[2]
ROUNDS = 3
OURS, SCRIPT = "quant", "scikit-learn"
PAIRS, MONTHS = 1_400, 72
DISCLOSURES = 30_000
MODELS = ("trades-ticker-next-month", "abnormal-return-21")
BATCH = 10_000
TRAINING = ("folds", "judging", "final fit")
PREDICTION = ("batch prediction", "batch prediction, values alone")
PROCESSOR = "training, time of the processor"
MEMORY = "peak MB"
LOSS = "mean loss out of sample"


def run() -> Any:
    from report import Report, package_versions, sample

    taken: dict[tuple[str, str], list[dict[str, float]]] = {}
    for _ in range(ROUNDS):
        for model in MODELS:
            for side in (OURS, SCRIPT):
                taken.setdefault((model, side), []).append(_measure(side, model))

    def values(model: str, side: str, quantity: str) -> Any:
        return sample([measured[quantity] for measured in taken[model, side]])

    def row(model: str, quantity: str) -> tuple[str, ...]:
        ours, script = (values(model, side, quantity) for side in (OURS, SCRIPT))
        if quantity == LOSS:  # the same in every round
            cells = (
                f"{ours.median:.6g}",
                f"{script.median:.6g}",
                f"{ours.median / script.median:.4f}",
            )
        else:
            cells = (str(ours), str(script), ours.ratio(script))
        return (f"`{model}`", f"{values(model, OURS, 'rows').median:,.0f}", quantity, *cells)

    quantities = ("training", PROCESSOR, *TRAINING, *PREDICTION, MEMORY, LOSS)
    return Report(
        title="Training and batch prediction",
        method=_method(),
        columns=("model", "rows", "", OURS, SCRIPT, "ratio"),
        rows=tuple(row(model, quantity) for model in MODELS for quantity in quantities),
        versions=package_versions("lightgbm", "numpy", "pandas", "scikit-learn", "scipy"),
        measurements={
            f"{model}, {side}, {quantity}": values(model, side, quantity).values
            for model, side in taken
            for quantity in quantities
        },
    )


def _method() -> str:
    return (
        "Synthetic rows of all declared features, with a planted effect: "
        f"{PAIRS:,} pairs over {MONTHS} months, and {DISCLOSURES:,} disclosures. A warm-up and "
        "five walk-forward folds, the same of both; of each of two configurations, the number of "
        "trees is chosen by the last fifth of the training rows, purged. Then the baselines, the "
        "choice by earlier folds, calibration or intervals, the comparison with each baseline, and "
        "the final fit. The script has `HistGradientBoosting*` of the same size, "
        "`LogisticRegression` and `Ridge` with the same penalties, a groupby for subjects' rates, "
        "`IsotonicRegression`, a fixed quantile of residuals, and t-tests of periods' means. Ours "
        "does more: baselines with each configuration, as each fit is a task of its own; intervals "
        "that adapt; clustered intervals of every metric; distributions for drift; the artifact. "
        f"Each side has one thread and, in each of {ROUNDS} rounds, a process of its own, whose "
        f"imports do not count. Batch prediction is of the last {BATCH:,} rows, with intervals and "
        "baselines; ours reads the artifact first, and has attributions (SHAP) besides, which the "
        "script has not. Values alone are without all of these on either side. The loss is the log "
        "loss or squared error of the record. Memory is the most the process ever held (`VmHWM`). "
        "Seconds and megabytes."
    )


def _measure(side: str, model: str) -> dict[str, float]:
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    finished = subprocess.run(
        [sys.executable, __file__, side, model],
        env={**os.environ, **threads, "PYTHONPATH": os.pathsep.join(_paths())},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    measured: dict[str, float] = json.loads(finished.stdout)
    return measured


def _paths() -> list[str]:
    return [str(PROJECT / "tests"), str(PROJECT / "layers" / "quant" / "python")]


class Watch:
    """Takes the seconds of each step, by its name, and those of the processor."""

    def __init__(self) -> None:
        self.taken: dict[str, float] = {}
        self.processor: dict[str, float] = {}

    def __call__[T](self, name: str, function: Callable[[], T]) -> T:
        started, used = time.perf_counter(), time.process_time()
        result = function()
        self.taken[name] = time.perf_counter() - started
        self.processor[name] = time.process_time() - used
        return result


def _main() -> None:
    from export_memory import peak_mb

    side, model = sys.argv[1:]
    watch = Watch()
    frame = _made_up(model)
    loss = (_ours if side == OURS else _script)(model, frame, watch)
    measured = {
        **watch.taken,
        "training": sum(watch.taken[name] for name in TRAINING),
        PROCESSOR: sum(watch.processor[name] for name in TRAINING),
        "rows": len(frame),
        MEMORY: peak_mb(),
        LOSS: loss,
    }
    print(json.dumps(measured))


def _made_up(model: str) -> Any:
    from ml_support import disclosures, pair_months

    if model == MODELS[0]:
        return pair_months(seed=11, months=MONTHS, pairs=PAIRS)
    return disclosures(seed=12, signal=0.4, n=DISCLOSURES)


def _last(frame: Any) -> Any:
    import numpy as np

    return np.arange(len(frame)) >= len(frame) - BATCH


def _ours(model: str, frame: Any, watch: Watch) -> float:
    from ml_support import folds_of

    from quant.ml import catalogue
    from quant.ml.artifact import Artifact
    from quant.ml.booster_text import read_booster
    from quant.ml.training.configs import CONFIGS
    from quant.ml.training.evaluate import evaluate
    from quant.ml.training.finish import finish
    from quant.ml.training.fit import fit_fold

    spec, seed = catalogue.MODELS[model], catalogue.SEED
    results = watch(
        "folds",
        lambda: [
            fit_fold(spec, frame, fold, config, seed=seed)
            for fold in folds_of(spec, frame)
            for config in CONFIGS[model]
        ],
    )
    evaluation = watch("judging", lambda: evaluate(spec, frame, results))
    told = {"run": "bench", "seed": seed, "code_version": "bench", "synthetic": True}
    content = watch("final fit", lambda: finish(spec, frame, evaluation, **told).dump())
    last = _last(frame)
    watch("batch prediction", lambda: Artifact.load(content).predict(frame, last))
    artifact, x = Artifact.load(content), frame.x[last]
    trees = read_booster(artifact.booster)
    adjust = artifact.calibration.apply if artifact.calibration else lambda value: value
    watch("batch prediction, values alone", lambda: adjust(trees.predict(x)))
    return float(evaluation.metrics["mean_loss"]["value"])


def _script(model: str, frame: Any, watch: Watch) -> float:
    import ml_training_sklearn as script
    import pandas as pd
    from ml_support import folds_of

    from quant.ml import catalogue
    from quant.ml.catalogue import Task
    from quant.ml.training.fit import categorical

    spec = catalogue.MODELS[model]
    kinds = categorical(spec.subject, frame.names)
    rows = pd.DataFrame(frame.x, columns=list(frame.names)).assign(
        as_of=frame.as_of.astype("datetime64[s]"),
        known_on=frame.known_on[spec.label].astype("datetime64[s]"),
        subject=[" ".join(key) for key in zip(*frame.keys.values(), strict=True)],
        outcome=frame.labels[spec.label],
    )
    table = script.Table(
        rows,
        numbers=[name for name in frame.names if name not in kinds],
        categories=sorted(kinds),
        binary=spec.task is Task.PROBABILITY,
    )
    folds = [
        script.Fold(fold.train, fold.test, pd.Timestamp(fold.first_test_day))
        for fold in folds_of(spec, frame)
    ]
    values = watch("folds", lambda: script.fit_folds(table, folds))
    judged = watch("judging", lambda: script.judge(table, folds, values))
    trained = watch("final fit", lambda: script.finish(table, judged))
    last = table.take(_last(frame))
    watch("batch prediction", lambda: script.predict(last, trained))
    watch("batch prediction, values alone", lambda: script.predict_value(last, trained))
    return float(judged.metrics["loss"])


if __name__ == "__main__":
    _main()

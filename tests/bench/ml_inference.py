"""Predictions and attributions of trees in NumPy beside LightGBM's own, and what starting costs."""

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import lightgbm
import numpy as np
from ml_artifacts_support import RETURN, trained
from report import Report, package_versions, sample, short

from quant.ml.artifact import Artifact
from quant.ml.booster_text import read_booster
from quant.ml.shap import Explainer

# As the larger of the configurations that are trained, which early stopping seldom lets grow full.
TREES, LEAVES, FEATURES, TRAINED = 200, 15, 25, 20_000
# Number of calls, by what is asked for and the rows of a call.
CALLS = {
    "prediction": {1: 1_000, 100: 300, 10_000: 30},
    "attributions": {1: 300, 100: 100, 10_000: 10},
}
STARTS = 9
PROJECT = Path(__file__).resolve().parents[2]

# LightGBM imports what else is installed; a function would carry neither of these.
HIDE = "import sys; sys.modules.update(dict.fromkeys(('pandas', 'sklearn')));"
IMPORTS = {
    "NumPy": "import numpy",
    "`quant.settings`": "import quant.settings",
    "`quant.ml.artifact`: reads, predicts, attributes": "import quant.ml.artifact",
    "`quant.ml.artifacts`: loads them from S3 too": "import quant.ml.artifacts",
    "LightGBM, without pandas": f"{HIDE} import lightgbm",
    "LightGBM, with pandas": "import lightgbm",
}
BASE = "LightGBM, without pandas"

type Row = tuple[str, str, str, str, str]


def run() -> Report:
    rng = np.random.default_rng(20240103)
    x, booster = _trained(rng)
    text = booster.model_to_string()
    rows, measurements = _beside(x, booster, text)
    loaded, of_loading = _loading(booster)
    starts, of_starts = _starts()
    return Report(
        title="Inference of LightGBM's trees",
        method=(
            f"{TREES} trees of {LEAVES} leaves over {FEATURES} features, one of categories, a "
            f"tenth of the values unknown, fitted to {TRAINED:,} synthetic rows. Both sides use "
            "one thread and are called in turns; medians, and the 99th percentile after the "
            "stroke, which of 10,000 rows is the slowest call. Predictions are the same to the "
            "bit, attributions to "
            f"{measurements['greatest difference of attributions'][0]:.0e}. Loading is from the "
            "stored document, and from LightGBM's text in memory; the former verifies all of it. "
            f"Starting is the import in a fresh interpreter, {STARTS} of each in turns, with files "
            "in the page cache; LightGBM's is the base. Every function imports `quant.settings` "
            "anyway. Times in milliseconds."
        ),
        columns=("", "rows", "quant", "LightGBM", "ratio of medians"),
        rows=(*rows, *loaded, *starts),
        versions=package_versions("numpy", "lightgbm", "scipy"),
        measurements={**measurements, **of_loading, **of_starts},
    )


def _trained(rng: np.random.Generator) -> tuple[np.ndarray, lightgbm.Booster]:
    x = rng.normal(size=(TRAINED, FEATURES))
    x[:, 3] = rng.integers(0, 12, TRAINED)
    x[rng.random(x.shape) < 0.1] = np.nan
    known = np.nan_to_num(x)
    y = known[:, 0] * known[:, 1] + known[:, 3] % 3 + rng.normal(size=TRAINED)
    settings = {
        "objective": "regression",
        "num_leaves": LEAVES,
        "learning_rate": 0.05,
        "seed": 1,
        "num_threads": 1,
        "verbosity": -1,
    }
    return x, lightgbm.train(settings, lightgbm.Dataset(x, y, categorical_feature=[3]), TREES)


def _beside(
    x: np.ndarray, booster: lightgbm.Booster, text: str
) -> tuple[list[Row], dict[str, tuple[float, ...]]]:
    trees = read_booster(text)
    explainer = Explainer(trees)
    if not np.array_equal(trees.predict(x), booster.predict(x)):
        msg = "the predictions are not the same"
        raise AssertionError(msg)
    theirs = booster.predict(x[:1000], pred_contrib=True)[:, :-1]
    gap = float(np.abs(explainer.attributions(x[:1000]) - theirs).max())
    if gap > 1e-9:
        msg = f"the attributions are not the same: {gap}"
        raise AssertionError(msg)
    sides: dict[str, tuple[Callable[[np.ndarray], object], Callable[[np.ndarray], object]]] = {
        "prediction": (trees.predict, lambda part: booster.predict(part, num_threads=1)),
        "attributions": (
            explainer.attributions,
            lambda part: booster.predict(part, pred_contrib=True, num_threads=1),
        ),
    }
    rows: list[Row] = []
    measurements = {"greatest difference of attributions": (gap,)}
    for name, (ours, other) in sides.items():
        for n, calls in CALLS[name].items():
            part = np.ascontiguousarray(x[:n])
            taken = _in_turns([lambda f=ours, p=part: f(p), lambda f=other, p=part: f(p)], calls)
            rows.append((name, f"{n:,}", *map(_cell, taken), _ratio(*taken)))
            for side, values in zip(("quant", "LightGBM"), taken, strict=True):
                measurements[f"{name}, {n} rows, {side}, {_PERCENTILES}"] = _percentiles(values)
    return rows, measurements


def _loading(booster: lightgbm.Booster) -> tuple[list[Row], dict[str, tuple[float, ...]]]:
    text = booster.model_to_string()
    artifact = replace(
        trained(RETURN),
        features=tuple(booster.feature_name()),
        booster=text,
        interval=None,
        baselines={},
    )
    content = artifact.dump()
    taken = _in_turns(
        [lambda: Artifact.load(content), lambda: lightgbm.Booster(model_str=text)], 30
    )
    row = ("loading", "", *map(_cell, taken), _ratio(*taken))
    return [row], {
        f"loading, {side}, {_PERCENTILES}": _percentiles(values)
        for side, values in zip(("quant", "LightGBM"), taken, strict=True)
    }


def _starts() -> tuple[list[Row], dict[str, tuple[float, ...]]]:
    def start(statement: str) -> float:
        code = (
            f"import time; started = time.perf_counter(); {statement}; "
            "print((time.perf_counter() - started) * 1e3)"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=PROJECT
        )
        return float(done.stdout)

    taken: dict[str, list[float]] = {name: [] for name in IMPORTS}
    for number in range(STARTS + 1):
        for name, statement in IMPORTS.items():
            value = start(statement)
            if number:  # the first one fills the page cache
                taken[name].append(value)
    base = sample(taken[BASE])
    rows: list[Row] = []
    for name, values in taken.items():
        own = not name.startswith("LightGBM")
        cells = (str(sample(values)), "") if own else ("", str(sample(values)))
        rows.append((f"import of {name}", "", *cells, sample(values).ratio(base)))
    return rows, {f"import of {name}, ms": tuple(values) for name, values in taken.items()}


def _in_turns(functions: list[Callable[[], object]], calls: int) -> list[list[float]]:
    """Call each in turn, so that a slow moment meets all; return milliseconds of each."""
    taken: list[list[float]] = [[] for _ in functions]
    for number in range(calls + 1):
        for function, values in zip(functions, taken, strict=True):
            started = time.perf_counter()
            function()
            if number:  # the first one warms up
                values.append((time.perf_counter() - started) * 1e3)
    return taken


def _cell(values: list[float]) -> str:
    return " / ".join(map(short, _percentiles(values)))


_PERCENTILES = "ms, p50 and p99"


def _percentiles(values: list[float]) -> tuple[float, float]:
    return float(np.median(values)), float(np.percentile(values, 99))


def _ratio(ours: list[float], theirs: list[float]) -> str:
    return sample(ours).ratio(sample(theirs))

"""Artifacts of each kind and rows to apply them to, plainly made up."""

from datetime import date

import numpy as np
from ml_boosters_support import KINDS, fitted, made_up_rows

from quant.ml import baselines, calibration
from quant.ml.artifact import Artifact
from quant.ml.catalogue import KEYS, MODELS, Baseline, Family, Task
from quant.ml.conformal import STANDARD_DEVIATION, IntervalRule
from quant.ml.counts import WEEK_COUNT
from quant.ml.features.frame import Frame
from quant.ml.monitoring.stability import Reference

RETURN = "abnormal-return-21"
PROBABILITY = "trades-ticker-next-month"
COUNTS = ("trade-count-cycle", "trade-count-regime")


def made_up_frame(model, seed=1, n=400):
    """Rows of a model with its outcome: of pairs with all kinds of features, or weekly counts."""
    spec = MODELS[model]
    if spec.task is Task.COUNT:
        return _weekly_counts(spec, seed)
    x, y = made_up_rows(seed, n)
    outcome = (y > np.median(y)).astype(float) if spec.task is Task.PROBABILITY else y / 100
    as_of = np.datetime64("2020-01-31") + np.arange(n)
    keys = {
        name: np.array([f"{name} {each % 9}" for each in range(n)]) for name in KEYS[spec.subject]
    }
    return _frame(spec, as_of, keys, KINDS, x, outcome, 40)


def _weekly_counts(spec, seed, politicians=3, weeks=130):
    rng = np.random.default_rng(seed)
    counts = rng.poisson(2 + np.arange(politicians)[:, None], (politicians, weeks)).astype(float)
    outcome = np.full((politicians, weeks), np.nan)
    for week in range(weeks - spec.horizon):
        outcome[:, week] = counts[:, week + 1 : week + 1 + spec.horizon].sum(axis=1)
    sundays = np.datetime64("2021-01-03") + 7 * np.arange(weeks)
    names = np.repeat([f"politician {each}" for each in range(politicians)], weeks)
    order = np.argsort(np.tile(sundays, politicians), kind="stable")
    x = np.column_stack([rng.normal(size=counts.size), counts.ravel()])
    frame = _frame(
        spec,
        np.tile(sundays, politicians),
        {"politician_id": names},
        ("noise", WEEK_COUNT),
        x,
        outcome.ravel(),
        7 * spec.horizon,
    )
    return frame.take(order)


def _frame(spec, as_of, keys, names, x, outcome, days):
    known_on = as_of + np.timedelta64(days, "D")
    known_on[np.isnan(outcome)] = np.datetime64("NaT", "D")
    return Frame(
        subject=spec.subject,
        dataset="v1-f1",
        as_of=as_of,
        keys=keys,
        names=names,
        x=x,
        labels={spec.label: outcome},
        known_on={spec.label: known_on},
    )


def trained(model, frame=None, seed=1, **changes):
    """Return an artifact of a model, trained on rows whose outcome is known."""
    spec = MODELS[model]
    frame = made_up_frame(model) if frame is None else frame
    known = ~np.isnan(frame.labels[spec.label])
    outcome = frame.labels[spec.label][known]
    booster, calibrated, interval = None, None, None
    settings = {"weeks": spec.horizon}
    if spec.family is Family.LIGHTGBM:
        objective = "binary" if spec.task is Task.PROBABILITY else "regression"
        settings = {"objective": objective, "learning_rate": 0.1}
        fit = fitted(frame.x[known], outcome, objective=objective, seed=seed)
        booster = fit.model_to_string()
        if spec.task is Task.PROBABILITY:
            calibrated = calibration.fit(fit.predict(frame.x[known]), outcome)
        else:
            interval = IntervalRule(0.9, 1.7, scale="unknown", usual_scale=0.5, least_scale=0.1)
    else:
        interval = IntervalRule(0.9, 2.1, scale=STANDARD_DEVIATION, least=0.0)
    values = {
        "model": model,
        "family": str(spec.family),
        "dataset": frame.dataset,
        "run": "0123456789abcdef",
        "trained_through": date(2021, 3, 4),
        "code_version": "0.1.0",
        "seed": seed,
        "features": frame.names,
        "settings": settings,
        "booster": booster,
        "calibration": calibrated,
        "interval": interval,
        "baselines": {
            str(name): baselines.fit(Baseline(name), spec, frame, known, frozenset())
            for name in spec.baselines
        },
        "reference": {
            name: Reference.measure(column).document()
            for name, column in zip(frame.names, frame.x.T, strict=True)
        },
        "synthetic": True,
    }
    return Artifact(**{**values, **changes})

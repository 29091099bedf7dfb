"""The predictions that a model has to beat."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from quant.analytics.arrays import Flags, Floats, Integers
from quant.ml import credibility, linear, metrics
from quant.ml.catalogue import KEYS, Baseline, ModelSpec
from quant.ml.features.frame import Frame
from quant.ml.folds import inner_split

# On standardised columns and mean losses.
RIDGE_PENALTIES: Final = (0.01, 0.1, 1.0, 10.0)
LOGISTIC_PENALTIES: Final = (0.0001, 0.001, 0.01, 0.1)
# Fewest rows that a penalty is chosen with; with fewer, the greatest is taken.
_LEAST_ROWS: Final = 50


def fit(
    name: Baseline, spec: ModelSpec, frame: Frame, rows: Flags, categorical: frozenset[str]
) -> dict[str, Any]:
    """Return the parameters of a baseline, JSON.

    Args:
        name: Which.
        spec: Model that it is the baseline of.
        frame: Rows.
        rows: Those to fit, all with an outcome, shape (n,); one at least.
        categorical: Features whose numbers are codes.
    """
    match name:
        case Baseline.ZERO:
            return {}
        case Baseline.HISTORICAL_MEAN:
            return {"mean": _rounded(float(frame.labels[spec.label][rows].mean()))}
        case Baseline.SUBJECT_RATE:
            return _fit_rates(spec, frame, rows)
        case Baseline.RIDGE | Baseline.LOGISTIC:
            return _fit_linear(name, spec, frame, rows, categorical)


def predict(name: Baseline | str, parameters: dict[str, Any], frame: Frame) -> Floats:
    """Return what a baseline predicts, shape (n,).

    The subject's rate counts, besides the outcomes in the parameters, those of the frame's rows
    that became known later, up to each row's ``as_of``.
    """
    match Baseline(name):
        case Baseline.ZERO:
            return np.zeros(len(frame))
        case Baseline.HISTORICAL_MEAN:
            return np.full(len(frame), parameters["mean"])
        case Baseline.SUBJECT_RATE:
            return _predict_rates(parameters, frame)
        case Baseline.RIDGE:
            return _margin(parameters, frame)
        case Baseline.LOGISTIC:
            return linear.expit(_margin(parameters, frame))


def _fit_linear(
    name: Baseline, spec: ModelSpec, frame: Frame, rows: Flags, categorical: frozenset[str]
) -> dict[str, Any]:
    estimate = linear.ridge if name is Baseline.RIDGE else linear.logistic
    penalties = RIDGE_PENALTIES if name is Baseline.RIDGE else LOGISTIC_PENALTIES
    y = frame.labels[spec.label]
    used = frame.take(rows)
    columns = linear.fit_columns(used, np.full(len(used), fill_value=True), categorical)
    z, y = linear.matrix(columns, used), y[rows]
    penalty = penalties[-1]
    inner, validation = inner_split(used, spec.label, np.full(len(used), fill_value=True))
    if min(inner.sum(), validation.sum()) >= _LEAST_ROWS and _fits(name, y[inner]):
        losses = []
        for each in penalties:
            intercept, coefficients = estimate(z[inner], y[inner], each)
            margin = intercept + z[validation] @ coefficients
            value = margin if name is Baseline.RIDGE else linear.expit(margin)
            losses.append(metrics.loss(spec.task, value, y[validation]).mean())
        penalty = penalties[int(np.argmin(losses))]
    if not _fits(name, y):
        # One outcome alone: nothing to regress on.
        share = (float(y.sum()) + 0.5) / (len(y) + 1)
        intercept, coefficients = float(np.log(share / (1 - share))), np.zeros(len(columns))
    else:
        intercept, coefficients = estimate(z, y, penalty)
    return {
        "penalty": penalty,
        "intercept": _rounded(intercept),
        "columns": [
            {
                **{k: _rounded(v) if k in {"mean", "scale"} else v for k, v in column.items()},
                "coefficient": _rounded(coefficient),
            }
            for column, coefficient in zip(columns, coefficients.tolist(), strict=True)
        ],
    }


def _fits(name: Baseline, y: Floats) -> bool:
    return name is Baseline.RIDGE or bool(y.min() < y.max())


def _margin(parameters: dict[str, Any], frame: Frame) -> Floats:
    columns = parameters["columns"]
    coefficients = np.array([column["coefficient"] for column in columns], dtype=np.float64)
    margin: Floats = parameters["intercept"] + linear.matrix(columns, frame) @ coefficients
    return margin


def subjects(frame: Frame) -> NDArray[np.str_]:
    """Return one text for the key of each row, shape (n,)."""
    first, *others = (frame.keys[name].astype(np.str_) for name in KEYS[frame.subject])
    for other in others:
        first = np.char.add(np.char.add(first, "|"), other)
    return first


def _fit_rates(spec: ModelSpec, frame: Frame, rows: Flags) -> dict[str, Any]:
    names, code = np.unique(subjects(frame)[rows], return_inverse=True)
    outcome = frame.labels[spec.label][rows]
    # Weekly rows, of windows of several weeks.
    overlap = spec.horizon if spec.horizon_unit == "weeks" else 1
    found = credibility.fit(code, outcome, overlap=overlap)
    counts, totals = np.bincount(code), np.bincount(code, outcome)
    return {
        "label": spec.label,
        "mean": _rounded(found.mean),
        "strength": _rounded(found.strength) if np.isfinite(found.strength) else None,
        "through": frame.known_on[spec.label][rows].max().item().isoformat(),
        "subjects": {
            name: [n, total]
            for name, n, total in zip(names.tolist(), counts.tolist(), totals.tolist(), strict=True)
        },
    }


def _predict_rates(parameters: dict[str, Any], frame: Frame) -> Floats:
    strength = parameters["strength"]
    found = credibility.Credibility(parameters["mean"], np.inf if strength is None else strength)
    names, code = np.unique(subjects(frame), return_inverse=True)
    table = parameters["subjects"]
    before = np.array([table.get(name, (0, 0.0)) for name in names.tolist()], dtype=np.float64)
    before = before.reshape(-1, 2)[code]
    since, total = _since(parameters, frame, code)
    return found.rate(before[:, 1] + total, before[:, 0] + since)


def _since(parameters: dict[str, Any], frame: Frame, code: Integers) -> tuple[Floats, Floats]:
    """Return number and sum of the subject's outcomes known after the fit and by each row's day."""
    outcome, known_on = frame.labels[parameters["label"]], frame.known_on[parameters["label"]]
    new = ~np.isnan(outcome) & (known_on > np.datetime64(parameters["through"], "D"))
    day = known_on[new].astype("datetime64[D]").astype(np.int64)
    order = np.lexsort((day, code[new]))
    # Subjects one after the other, and days within each, as one rising number.
    span = 1 << 32
    place = (code[new] * span + day)[order]
    running = np.concatenate([[0.0], np.cumsum(outcome[new][order])])
    asked = frame.as_of.astype("datetime64[D]").astype(np.int64)
    until = np.searchsorted(place, code * span + asked, side="right")
    begin = np.searchsorted(place, code * span, side="left")
    return (until - begin).astype(np.float64), running[until] - running[begin]


def _rounded(value: float) -> float:
    """Drop the last digits, which depend on the machine's linear algebra."""
    return float(f"{value:.12g}")

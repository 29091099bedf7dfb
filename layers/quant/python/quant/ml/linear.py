"""Ridge and logistic regression on features with gaps, in closed form and by Newton's method.

Hoerl and Kennard (1970), Technometrics 12; le Cessie and van Houwelingen (1992), Applied
Statistics 41. Columns are standardised, hence one penalty suits all.
"""

from typing import Any, Final

import numpy as np

from quant.analytics.arrays import Flags, Floats
from quant.ml.features.frame import Frame

# A value further from the mean, in standard deviations, counts as this far: linear models
# extrapolate what trees do not.
_FURTHEST: Final = 5.0
_ITERATIONS: Final = 100
_DECREMENT: Final = 1e-18


def fit_columns(frame: Frame, rows: Flags, categorical: frozenset[str]) -> list[dict[str, Any]]:
    """Return how features become standardised columns, JSON.

    A number takes the median where it is unknown, and has a column of its own that says so. A
    category has a column for each of its codes. Columns that do not vary are left out.

    Args:
        frame: Rows.
        rows: Those to measure, shape (n,).
        categorical: Features whose numbers are codes.
    """
    found: list[dict[str, Any]] = []
    for name in frame.names:
        values = frame.column(name)[rows]
        missing = np.isnan(values)
        if name in categorical:
            codes = np.unique(values[~missing]).tolist()
            found += [_measured({"feature": name, "code": code}, values) for code in codes]
            continue
        if not missing.all():
            median = float(np.median(values[~missing]))
            found.append(_measured({"feature": name, "median": median}, values))
        found.append(_measured({"feature": name, "missing": True}, values))
    return [column for column in found if column["scale"] > 0]


def _measured(column: dict[str, Any], values: Floats) -> dict[str, Any]:
    raw = _raw(column, values)
    scale = float(raw.std())
    # Rounding alone is no variation.
    if scale <= 1e-12 * max(float(np.abs(raw).max(initial=0.0)), 1e-300):
        scale = 0.0
    return {**column, "mean": float(raw.mean()), "scale": scale}


def _raw(column: dict[str, Any], values: Floats) -> Floats:
    if "code" in column:
        raw = values == float(column["code"])
    elif "missing" in column:
        raw = np.isnan(values)
    else:
        raw = np.where(np.isnan(values), float(column["median"]), values)
    return np.asarray(raw, dtype=np.float64)


def matrix(columns: list[dict[str, Any]], frame: Frame) -> Floats:
    """Return the standardised columns of a frame's rows, shape (n, p)."""
    result = np.empty((len(frame), len(columns)))
    for place, column in enumerate(columns):
        raw = _raw(column, frame.column(column["feature"]))
        result[:, place] = (raw - column["mean"]) / column["scale"]
    return np.clip(result, -_FURTHEST, _FURTHEST)


def ridge(z: Floats, y: Floats, penalty: float) -> tuple[float, Floats]:
    """Return intercept and coefficients of least mean squared error / 2 + penalty |b|^2 / 2.

    Args:
        z: Shape (n, p).
        y: Shape (n,).
        penalty: Not of the intercept; positive.
    """
    centre, level = z.mean(axis=0), float(y.mean())
    centred = z - centre
    gram = centred.T @ centred / len(y) + penalty * np.eye(z.shape[1])
    coefficients = np.linalg.solve(gram, centred.T @ (y - level) / len(y))
    return level - float(centre @ coefficients), coefficients


def logistic(z: Floats, y: Floats, penalty: float) -> tuple[float, Floats]:
    """Return intercept and coefficients of least mean log loss + penalty |b|^2 / 2.

    Args:
        z: Shape (n, p).
        y: 0 or 1, both of which occur, shape (n,).
        penalty: Not of the intercept; positive.
    """
    x = np.column_stack([np.ones(len(y)), z])
    weights = np.full(x.shape[1], penalty)
    weights[0] = 0.0
    level = float(y.mean())
    beta = np.zeros(x.shape[1])
    beta[0] = np.log(level / (1 - level))
    value = _penalised(x, y, beta, weights)
    for _ in range(_ITERATIONS):
        p = expit(x @ beta)
        gradient = x.T @ (p - y) / len(y) + weights * beta
        hessian = (x * (p * (1 - p))[:, None]).T @ x / len(y) + np.diag(weights)
        step = np.linalg.solve(hessian, gradient)
        length = 1.0
        # Newton's step is a descent; a part of it suffices where the whole one overshoots.
        while (after := _penalised(x, y, beta - length * step, weights)) > value and length > 1e-6:
            length /= 2
        if after > value:
            break
        beta, value = beta - length * step, after
        # What is left to gain is half of this (Boyd and Vandenberghe 2004, section 9.5).
        if float(gradient @ step) < _DECREMENT:
            break
    return float(beta[0]), beta[1:]


def _penalised(x: Floats, y: Floats, beta: Floats, weights: Floats) -> float:
    margin = x @ beta
    return float(np.mean(np.logaddexp(0.0, margin) - y * margin) + (weights * beta) @ beta / 2)


def expit(margin: Floats) -> Floats:
    """Return the logistic function."""
    return 0.5 * (1 + np.tanh(0.5 * margin))

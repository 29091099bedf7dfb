"""What stored predictions were worth: loss, skill, coverage and calibration."""

from typing import Any, Final

import numpy as np

from quant.analytics.arrays import Flags, Floats
from quant.analytics.intervals import wilson_interval
from quant.analytics.multiple_testing import benjamini_hochberg
from quant.ml.catalogue import INTERVAL_LEVEL, ModelSpec, Task
from quant.ml.compare import mean, paired, periods
from quant.ml.metrics import LOSSES, calibration_error, end_of_share, loss, skill
from quant.ml.monitoring.stored import Stored

# With fewer outcomes there is no skill to speak of.
MINIMUM_CLOSED: Final = 100
# A baseline is beaten where the q-value is at most this.
LEVEL: Final = 0.05


def record(spec: ModelSpec, stored: Stored) -> dict[str, Any]:
    """Return the record of predictions, JSON.

    Loss, skill, coverage and calibration are null while there are too few outcomes: fewer than
    ``MINIMUM_CLOSED``, or in too few periods for a standard error.

    Args:
        spec: The model.
        stored: Predictions that were stored ahead of their outcome.
    """
    closed = stored.take(stored.closed)
    own = loss(spec.task, closed.value, closed.outcome)
    clusters, overlap = periods(spec, closed.as_of)
    enough = len(closed) >= MINIMUM_CLOSED and bool(
        np.isfinite(mean(own, clusters, overlap=overlap).standard_error)
    )
    return {
        **counts(stored),
        "first_as_of": stored.as_of.min().item() if len(stored) else None,
        "last_as_of": stored.as_of.max().item() if len(stored) else None,
        "periods": int(np.ptp(clusters)) + 1 if len(closed) else 0,
        "enough": enough,
        "loss": LOSSES[spec.task],
        "mean_loss": float(own.mean()) if enough else None,
        "baselines": _baselines(spec, closed, own) if enough else [],
        "coverage": _coverage(spec, closed) if enough else None,
        "calibration": (
            calibration_error(closed.value, closed.outcome, clusters, overlap=overlap).document()
            if enough and spec.task is Task.PROBABILITY
            else None
        ),
    }


def counts(stored: Stored) -> dict[str, int]:
    """Return how many predictions there are, and what became of them."""
    closed, missing = int(stored.closed.sum()), int(stored.missing.sum())
    return {
        "predictions": len(stored),
        "closed": closed,
        "missing": missing,
        "open": len(stored) - closed - missing,
    }


def months(spec: ModelSpec, stored: Stored) -> list[dict[str, Any]]:
    """Return counts, mean losses and coverage by month of the predictions, JSON."""
    month = stored.as_of.astype("datetime64[M]")
    found = []
    for each in np.unique(month):
        own = stored.take(month == each)
        closed = own.take(own.closed)
        found.append(
            {
                "month": str(each),
                **counts(own),
                "mean_loss": _mean(loss(spec.task, closed.value, closed.outcome)),
                "baseline_mean_losses": {
                    name: _mean(loss(spec.task, values, closed.outcome))
                    for name, values in closed.baselines.items()
                    if np.isfinite(values).all()
                },
                "coverage": _mean(inside(closed).astype(np.float64)[_bounded(closed)]),
            }
        )
    return found


def inside(stored: Stored) -> Flags:
    """Return which outcomes lie within their interval, shape (n,)."""
    return (stored.lower <= stored.outcome) & (stored.outcome <= stored.upper)


def _baselines(spec: ModelSpec, closed: Stored, own: Floats) -> list[dict[str, Any]]:
    clusters, overlap = periods(spec, closed.as_of)
    found, p_values = [], []
    for name, values in closed.baselines.items():
        rows = np.isfinite(values)
        other = loss(spec.task, values[rows], closed.outcome[rows])
        compared = paired(own[rows], other, clusters[rows], overlap=overlap)
        gained = skill(own[rows], other, clusters[rows], overlap=overlap).document()
        p_values.append(compared.p_value)
        found.append(
            {
                "name": name,
                "mean_loss": _mean(other),
                "skill": {
                    "value": gained["difference"],
                    "lower": gained["lower"],
                    "upper": gained["upper"],
                },
                **compared.document(),
            }
        )
    return [
        {
            **each,
            "q_value": None if np.isnan(q_value) else float(q_value),
            "beaten": bool(q_value <= LEVEL),
        }
        for each, q_value in zip(found, benjamini_hochberg(p_values), strict=True)
    ]


def _coverage(spec: ModelSpec, closed: Stored) -> dict[str, Any] | None:
    """Return the share of outcomes within their interval; None where the task has none."""
    closed = closed.take(_bounded(closed))
    if not len(closed):
        return None
    clusters, overlap = periods(spec, closed.as_of)
    held = inside(closed).astype(np.float64)
    found = mean(held, clusters, overlap=overlap).document()
    low, high = wilson_interval(held.sum(), len(held))
    return {
        "level": INTERVAL_LEVEL,
        "value": found["difference"],
        "lower": end_of_share(found["lower"]),
        "upper": end_of_share(found["upper"]),
        "lower_if_independent": float(low),
        "upper_if_independent": float(high),
        "n": found["n"],
    }


def _bounded(stored: Stored) -> Flags:
    return np.isfinite(stored.lower) & np.isfinite(stored.upper)


def _mean(values: Floats) -> float | None:
    return float(values.mean()) if len(values) else None

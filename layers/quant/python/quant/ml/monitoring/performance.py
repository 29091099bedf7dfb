"""Drift of performance: the last stored predictions beside the record out of sample."""

from typing import Any, Final

import numpy as np
from sqlalchemy import Connection, select

from quant.analytics.distributions import student_t_sf
from quant.analytics.multiple_testing import benjamini_hochberg
from quant.db.ml_models import ModelVersion
from quant.ml.catalogue import INTERVAL_LEVEL, MODELS
from quant.ml.compare import mean, periods
from quant.ml.metrics import LOSSES, loss
from quant.ml.monitoring.record import LEVEL, MINIMUM_CLOSED, inside
from quant.ml.monitoring.stored import Stored, load

# How many of the last predictions with an outcome are looked at.
LAST: Final = 500


def performance(
    connection: Connection, model: str, version: int, stored: Stored | None = None
) -> dict[str, Any] | None:
    """Compare the last closed predictions of a version with its record out of sample.

    Args:
        connection: Connection to read from.
        model: Name of the model.
        version: Number of the version.
        stored: Its predictions, where they have been loaded already.

    Returns:
        ``version``, ``n``, ``loss`` (its name), ``mean_loss``, ``record_mean_loss``,
        ``loss_p_value``, ``loss_q_value``, ``coverage``, ``coverage_p_value``,
        ``coverage_q_value`` and ``worse``; coverage is None where the task has no interval, p- and
        q-values where there are too few periods. None with fewer than ``MINIMUM_CLOSED`` outcomes
        of predictions stored ahead.
    """
    spec = MODELS[model]
    stored = load(connection, spec, version) if stored is None else stored
    stored = stored.take(np.flatnonzero(stored.ahead & stored.closed)[-LAST:])
    if len(stored) < MINIMUM_CLOSED:
        return None
    evaluation = connection.scalar(
        select(ModelVersion.evaluation).where(
            ModelVersion.model == model, ModelVersion.version == version
        )
    )
    record = ((evaluation or {}).get("metrics") or {}).get("mean_loss") or {}
    clusters, overlap = periods(spec, stored.as_of)
    own = mean(loss(spec.task, stored.value, stored.outcome), clusters, overlap=overlap)
    expected = _number(record.get("value"))
    error = float(np.hypot(own.standard_error, _number(record.get("standard_error"))))
    loss_p = _upper_tail(own.difference - expected, error, own.degrees)
    bounded = np.isfinite(stored.lower)
    held = inside(stored)[bounded].astype(np.float64)
    covered = mean(held, clusters[bounded], overlap=overlap)
    distance = abs(covered.difference - INTERVAL_LEVEL)
    coverage_p = 2 * _upper_tail(distance, covered.standard_error, covered.degrees)
    loss_q, coverage_q = benjamini_hochberg([loss_p, coverage_p]).tolist()
    document = {
        "version": version,
        "n": len(stored),
        "loss": LOSSES[spec.task],
        "mean_loss": own.difference,
        "record_mean_loss": expected,
        "loss_p_value": loss_p,
        "loss_q_value": loss_q,
        "coverage": covered.difference,
        "coverage_p_value": coverage_p,
        "coverage_q_value": coverage_q,
    }
    found: dict[str, Any] = {
        name: None if isinstance(value, float) and not np.isfinite(value) else value
        for name, value in document.items()
    }
    found["worse"] = bool(
        loss_q <= LEVEL or (coverage_q <= LEVEL and covered.difference < INTERVAL_LEVEL)
    )
    return found


def _upper_tail(difference: float, error: float, degrees: int) -> float:
    """Return the one-sided p-value; NaN where there is no standard error."""
    if not error > 0:
        return np.nan
    return float(student_t_sf(difference / error, degrees))


def _number(value: float | None) -> float:
    return np.nan if value is None else float(value)

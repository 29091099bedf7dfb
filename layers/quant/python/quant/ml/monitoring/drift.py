"""Drift of features and predictions as it was measured, beside what is usual in training."""

import math
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection, select

from quant.db.ml_models import FeatureDrift, ModelVersion
from quant.ml.monitoring.stability import LARGE, MODERATE

# The name that the drift of predictions goes by.
PREDICTION: Final = "prediction"
# How few months of training allow a p-value of ``LEVEL``.
MINIMUM_MONTHS: Final = 19
LEVEL: Final = 0.05


def latest(connection: Connection, model: str, version: int) -> list[dict[str, Any]]:
    """Return the drift of the last month measured, the greatest index first.

    Returns:
        By feature, and for ``prediction``: ``feature``, ``measured_on``, ``rows``, ``psi``,
        ``usual_psi`` (what the index exceeds in one of twenty months without drift), ``months`` (of
        training, that this is known from), ``p_value`` and ``level``: ``none``, ``moderate`` or
        ``large``, or ``unknown`` where fewer than ``MINIMUM_MONTHS`` months of training were
        measured. Empty where no month after training has been measured.
    """
    trained_through = (
        select(ModelVersion.trained_through)
        .where(ModelVersion.model == model, ModelVersion.version == version)
        .scalar_subquery()
    )
    rows = connection.execute(
        select(
            FeatureDrift.feature,
            FeatureDrift.measured_on,
            FeatureDrift.rows,
            FeatureDrift.psi,
            (FeatureDrift.measured_on <= trained_through).label("trained"),
        )
        .where(FeatureDrift.model == model, FeatureDrift.version == version)
        .order_by(FeatureDrift.measured_on)
    ).all()
    newest = max((row.measured_on for row in rows if not row.trained), default=None)
    usual: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        if row.trained:
            usual[row.feature].append(row.psi)
    found = [
        {
            "feature": row.feature,
            "measured_on": row.measured_on,
            "rows": row.rows,
            "psi": row.psi,
            **judge(row.psi, usual[row.feature]),
        }
        for row in rows
        if row.measured_on == newest
    ]
    return sorted(found, key=lambda each: (-each["psi"], each["feature"]))


def judge(psi: float, usual: Sequence[float]) -> dict[str, Any]:
    """Say what an index is worth beside those of the months of training."""
    months = len(usual)
    if months < MINIMUM_MONTHS:
        return {"usual_psi": None, "months": months, "p_value": None, "level": "unknown"}
    # Of a month like the others, the index is above this one with probability LEVEL at most.
    place = math.ceil((1 - LEVEL) * (months + 1))
    p_value = (1 + sum(each >= psi for each in usual)) / (months + 1)
    level = "none"
    if p_value <= LEVEL and psi >= MODERATE:
        level = "large" if psi >= LARGE else "moderate"
    return {
        "usual_psi": sorted(usual)[place - 1],
        "months": months,
        "p_value": p_value,
        "level": level,
    }


def summary(connection: Connection, model: str, version: int) -> dict[str, Any] | None:
    """Return what an alarm needs of the last month measured.

    Returns:
        ``version``, ``measured_on``, ``features`` (how many were judged), ``shifted``,
        ``expected_shifted`` (at most so many without drift), ``share_shifted``, ``worst_feature``,
        ``worst_psi``, ``prediction_psi`` and ``prediction_level``. None where no month after
        training has been measured.
    """
    found = latest(connection, model, version)
    if not found:
        return None
    own = [each for each in found if each["feature"] != PREDICTION]
    judged = [each for each in own if each["level"] != "unknown"]
    shifted = [each for each in judged if each["level"] != "none"]
    predictions = next((each for each in found if each["feature"] == PREDICTION), None)
    # The worst is one that shifted, if any did: others may be far away every month.
    worst = next(iter(shifted or own), None)
    return {
        "version": version,
        "measured_on": found[0]["measured_on"].isoformat(),
        "features": len(judged),
        "shifted": len(shifted),
        "expected_shifted": LEVEL * len(judged),
        "share_shifted": len(shifted) / len(judged) if judged else None,
        "worst_feature": worst["feature"] if worst else None,
        "worst_psi": worst["psi"] if worst else None,
        "prediction_psi": predictions["psi"] if predictions else None,
        "prediction_level": predictions["level"] if predictions else None,
    }

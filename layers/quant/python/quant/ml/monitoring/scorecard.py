"""The public record of a model: predictions stored before their outcome was known."""

from typing import Any, Final

import numpy as np
from sqlalchemy import Connection, select

from quant.db.keyset import data_version
from quant.db.ml_models import ModelVersion
from quant.errors import NotFoundError
from quant.methods import Method
from quant.methods.predictions import (
    CALIBRATION,
    INTERVAL,
    PERFORMANCE_DRIFT,
    SCORECARD,
    SKILL,
    STABILITY,
)
from quant.ml.catalogue import MODELS, ModelSpec, Task
from quant.ml.monitoring.counted import PROMPT_DAYS
from quant.ml.monitoring.drift import latest
from quant.ml.monitoring.performance import performance
from quant.ml.monitoring.record import MINIMUM_CLOSED, months, record
from quant.ml.monitoring.stored import Stored, load
from quant.ml.registry import ChampionVersion, champion

NOTICE: Final = (
    "What predictions of a model were worth so far; no finding about a person, and no investment "
    "advice."
)


def scorecard(connection: Connection, model: str) -> dict[str, Any]:
    """Return the document on the record of a model's stored predictions.

    Args:
        connection: Connection to read from.
        model: Name, of ``quant.ml.catalogue.MODELS``.

    Returns:
        ``data`` (``model``, ``title``, ``champion`` with ``version``, ``since``, ``disabled`` and
        ``disabled_reason``, ``overall``, ``versions``, ``months``, ``excluded``,
        ``minimum_closed``, ``drift`` and ``performance`` of the champion, ``statement``),
        ``methods``, ``notice``, ``synthetic`` and ``data_version``.

    Raises:
        NotFoundError: There is no such model.
    """
    if model not in MODELS:
        msg = f"there is no model {model}"
        raise NotFoundError(msg)
    spec = MODELS[model]
    data = data_version(connection)
    serving = champion(connection, model)
    stored = load(connection, spec)
    ahead = stored.take(stored.ahead)
    overall = record(spec, stored.take(stored.first))
    versions = np.unique(ahead.version).tolist()
    return {
        "data": {
            "model": model,
            "title": spec.title,
            "champion": _champion(serving),
            "overall": overall,
            "versions": [
                {"version": version, **record(spec, ahead.take(ahead.version == version))}
                for version in versions
            ],
            "months": months(spec, stored.take(stored.first)),
            "excluded": _excluded(stored),
            "minimum_closed": MINIMUM_CLOSED,
            "drift": latest(connection, model, serving.version) if serving else [],
            "performance": _performance(connection, model, serving, stored),
            "statement": statement(overall, serving),
        },
        "methods": [method.reference() for method in _methods(spec)],
        "notice": NOTICE,
        "synthetic": _is_synthetic(connection, model, versions, serving),
        "data_version": data,
    }


def statement(overall: dict[str, Any], serving: ChampionVersion | None) -> str:
    """Say in words what the record allows to say.

    Args:
        overall: Of ``quant.ml.monitoring.record.record``.
        serving: The champion; None where there is none.
    """
    said = []
    if serving is None:
        said.append("No version of the model has been promoted, so it predicts nothing.")
    elif serving.disabled:
        said.append("The model is switched off, so it predicts nothing.")
    if not overall["enough"]:
        if overall["closed"] < MINIMUM_CLOSED:
            said.append(
                f"Not enough yet: {overall['closed']} outcomes are known, and {MINIMUM_CLOSED} are "
                "needed."
            )
        else:
            said.append(
                "Not enough yet: the outcomes known lie in too short a time for a standard error."
            )
        return " ".join(said)
    beaten = [each["name"] for each in overall["baselines"] if each["beaten"]]
    unbeaten = [each["name"] for each in overall["baselines"] if not each["beaten"]]
    if beaten:
        said.append(f"The predictions were better than those of: {', '.join(beaten)}.")
    if unbeaten:
        said.append(f"The predictions do not beat: {', '.join(unbeaten)}.")
    return " ".join(said)


def _methods(spec: ModelSpec) -> tuple[Method, ...]:
    uncertainty = CALIBRATION if spec.task is Task.PROBABILITY else INTERVAL
    return (SCORECARD, SKILL, uncertainty, STABILITY, PERFORMANCE_DRIFT)


def _champion(serving: ChampionVersion | None) -> dict[str, Any] | None:
    if serving is None:
        return None
    return {
        "version": serving.version,
        "since": serving.since,
        "disabled": serving.disabled,
        "disabled_reason": serving.disabled_reason,
    }


def _performance(
    connection: Connection, model: str, serving: ChampionVersion | None, stored: Stored
) -> dict[str, Any] | None:
    if serving is None:
        return None
    own = stored.take(stored.version == serving.version)
    return performance(connection, model, serving.version, own)


def _excluded(stored: Stored) -> dict[str, Any]:
    return {"stored_late": int((~stored.ahead).sum()), "days_allowed": PROMPT_DAYS}


def _is_synthetic(
    connection: Connection, model: str, versions: list[int], serving: ChampionVersion | None
) -> bool:
    """Say whether a version of the record, or the champion, was trained on made-up data."""
    shown = {*versions, *([serving.version] if serving else [])}
    flags = connection.scalars(
        select(ModelVersion.synthetic).where(
            ModelVersion.model == model, ModelVersion.version.in_(sorted(shown))
        )
    )
    return any(flags)

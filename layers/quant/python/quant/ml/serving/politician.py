"""What all models predict of one politician, computed for the request.

The models are applied now rather than read from the predictions of the daily batch: after a
promotion or a roll-back the answer is the new champion's at once, and a champion whose artifact is
lost is noticed and replaced. Stored predictions of the same rows are named, since they alone are
part of the record. Postgres is read first and let go before S3 is asked.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import numpy as np
from sqlalchemy import Connection, select

from quant.collectors.bucket import DamagedObjectError
from quant.db.expressions import identified_by
from quant.db.keyset import data_version
from quant.db.ml_models import Champion, Prediction
from quant.db.models import Politician
from quant.errors import NotFoundError
from quant.ml import registry
from quant.ml.artifacts import NoArtifactError
from quant.ml.catalogue import KEYS, MODELS
from quant.ml.monitoring.closing import closing_days
from quant.ml.objects import Objects
from quant.ml.serving.inference import Applied, apply
from quant.ml.serving.shapes import POLITICIAN_COLUMNS, attributions, politician
from quant.ml.serving.states import (
    NOTICE,
    Status,
    live_records,
    method_references,
    status_document,
    statuses,
)
from quant.reports.documents import null_if_nan

# Predictions shown of a model and a politician.
MOST_PREDICTIONS: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What Postgres knows of a politician and the models.

    Attributes:
        politician: The politician, as answers refer to it.
        statuses: Of the models, by name.
        live: Records of stored predictions, by model.
        candidates: Versions that may predict with their SHA-256, by model; of those that predict.
        dataset: The latest features that predictions were made from; None where there are none.
        stored: Stored predictions of the politician by model, version and key.
        data_version: Version of the disclosed data.
    """

    politician: dict[str, Any]
    statuses: dict[str, Status]
    live: dict[str, dict[str, Any]]
    candidates: dict[str, list[tuple[int, str]]]
    dataset: str | None
    stored: dict[tuple[Any, ...], Any]
    data_version: int


def known_of(connection: Connection, identifier: str) -> Known:
    """Read what there is to know of a politician.

    Args:
        connection: Connection to read from.
        identifier: Identifier (UUID) or bioguide id.

    Raises:
        NotFoundError: There is no such politician.
    """
    row = connection.execute(
        select(Politician.id, *POLITICIAN_COLUMNS).where(identified_by(identifier))
    ).one_or_none()
    if row is None:
        msg = f"there is no politician {identifier}"
        raise NotFoundError(msg)
    found = statuses(connection)
    return Known(
        politician=politician(row.id, row),
        statuses=found,
        live=live_records(connection),
        candidates=registry.candidates_of(
            connection, [name for name, status in found.items() if status.predicts]
        ),
        dataset=_dataset(connection, found),
        stored=_stored(connection, row.id),
        data_version=data_version(connection),
    )


def politician_document(known: Known, objects: Objects) -> dict[str, Any]:
    """Return the answer on what the models predict of a politician.

    Args:
        known: What Postgres knows.
        objects: Where artifacts and features are kept.

    Raises:
        StoreUnavailableError: Artifacts or features cannot be reached.
    """
    models = [_applied(known, name, objects) for name in known.statuses]
    return {
        "data": {"politician": known.politician, "models": models},
        "methods": method_references(),
        "notice": NOTICE,
        "synthetic": known.politician["synthetic"]
        or any(model["synthetic"] for model in models if model["predictions"]),
        "data_version": known.data_version,
    }


def _applied(known: Known, model: str, objects: Objects) -> dict[str, Any]:
    shown = {
        **status_document(known.statuses[model], known.live),
        "used_version": None,
        "skipped": [],
        "dataset": None,
        "as_of": None,
        "predictions": [],
        "predictions_omitted": 0,
    }
    candidates = known.candidates.get(model)
    if candidates is None:
        return shown
    if known.dataset is None:
        return {**shown, "reason": "No features have been built yet."}
    politician_id = str(known.politician["id"])
    try:
        applied = apply(objects, model, candidates, dataset=known.dataset, politician=politician_id)
    except (NoArtifactError, NotFoundError, DamagedObjectError) as error:
        return {**shown, "reason": f"It cannot be applied: {error}."}
    rows = _predictions(known, model, applied)
    return {
        **shown,
        "used_version": applied.used.version,
        "skipped": [
            {"version": version, "reason": reason} for version, reason in applied.used.skipped
        ],
        "synthetic": applied.used.artifact.synthetic,
        "dataset": known.dataset,
        "as_of": rows[0]["as_of"] if rows else None,
        "predictions": rows[:MOST_PREDICTIONS],
        "predictions_omitted": max(len(rows) - MOST_PREDICTIONS, 0),
    }


def _predictions(known: Known, model: str, applied: Applied) -> list[dict[str, Any]]:
    # The trading days to come are nobody's to know.
    no_days = np.empty(0, dtype=applied.frame.as_of.dtype)
    closes_on = closing_days(MODELS[model], applied.frame.as_of, no_days).tolist()
    rows = [
        _prediction(known, model, applied, row, closes_on[row]) for row in range(len(applied.frame))
    ]
    return sorted(
        rows,
        key=lambda row: (row["as_of"], row["value"], row["ticker"] or row["sector"] or ""),
        reverse=True,
    )


def _prediction(
    known: Known, model: str, applied: Applied, row: int, closes_on: date | None
) -> dict[str, Any]:
    frame, predicted, version = applied.frame, applied.predicted, applied.used.version
    keys = {name: str(frame.keys[name][row]) for name in KEYS[frame.subject]}
    as_of = frame.as_of[row].item()
    ticker, sector = keys.get("ticker"), keys.get("sector")
    stored = known.stored.get((model, version, as_of, ticker, sector))
    by_feature = dict(
        zip(applied.used.artifact.features, predicted.attributions[row].tolist(), strict=True)
    )
    return {
        "id": stored.id if stored else None,
        "model": model,
        "version": version,
        "as_of": as_of,
        "closes_on": closes_on,
        "politician": known.politician,
        "ticker": ticker,
        "sector": sector,
        "value": float(predicted.value[row]),
        "lower": null_if_nan(float(predicted.lower[row])),
        "upper": null_if_nan(float(predicted.upper[row])),
        "baselines": {
            name: null_if_nan(float(values[row])) for name, values in predicted.baselines.items()
        },
        "base_value": float(predicted.base_value),
        **attributions(by_feature),
        "dataset": known.dataset,
        "made_at": stored.made_at if stored else None,
        "outcome": None,
        "outcome_on": None,
        "outcome_missing": None,
    }


def _dataset(connection: Connection, found: Mapping[str, Status]) -> str | None:
    """Return the latest dataset that the champions were trained on, or that predictions have."""
    latest = (
        select(Prediction.dataset)
        .where(Prediction.model == Champion.model)
        .order_by(Prediction.as_of.desc(), Prediction.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    predicted = connection.scalars(select(latest).select_from(Champion))
    trained = [status.dataset for status in found.values()]
    return max(filter(None, [*predicted, *trained]), key=_number, default=None)


def _number(dataset: str) -> list[int]:
    """Return what orders datasets: the versions of data and of features in their names."""
    return [int(part.lstrip("vf")) for part in dataset.split("-")]


def _stored(connection: Connection, politician_id: uuid.UUID) -> dict[tuple[Any, ...], Any]:
    rows = connection.execute(
        select(
            Prediction.id,
            Prediction.model,
            Prediction.version,
            Prediction.as_of,
            Prediction.ticker,
            Prediction.sector,
            Prediction.made_at,
        ).where(
            Prediction.politician_id == politician_id,
            Prediction.outcome.is_(None),
            Prediction.outcome_missing.is_(None),
        )
    )
    return {(row.model, row.version, row.as_of, row.ticker, row.sector): row for row in rows}

"""Model cards: what each model is, how good it is, and where it comes from."""

from typing import Any, Final

from sqlalchemy import Connection, select

from quant.db.keyset import data_version
from quant.db.ml_models import ModelEvent, ModelVersion
from quant.methods.predictions import METHODS as PREDICTION_METHODS
from quant.ml.features.declared import FEATURES
from quant.ml.serving.states import (
    METHODS,
    NOTICE,
    State,
    Status,
    known_model,
    live_records,
    method_references,
    status_document,
    statuses,
)

# The latest of each are shown: a year of weekly training.
MOST_VERSIONS: Final = 52
MOST_EVENTS: Final = 100


def model_list(connection: Connection) -> dict[str, Any]:
    """Return the answer with all models of the catalogue."""
    found = statuses(connection)
    live = live_records(connection)
    return {
        "data": [status_document(status, live) for status in found.values()],
        "methods": method_references(),
        "notice": NOTICE,
        "synthetic": any(status.synthetic for status in found.values()),
        "data_version": data_version(connection),
    }


def model_card(connection: Connection, name: str) -> dict[str, Any]:
    """Return the answer with the card of a model.

    Raises:
        NotFoundError: There is no such model.
    """
    spec = known_model(name)
    status = statuses(connection, {name})[name]
    versions = _versions(connection, name)
    shown = _shown(connection, status)
    return {
        "data": {
            **status_document(status, live_records(connection)),
            "shown_version": None if shown is None else _version(shown),
            "evaluation": None if shown is None else shown.evaluation,
            "features": [
                {
                    "name": feature.name,
                    "title": feature.title,
                    "formula": feature.formula,
                    "as_of_rule": feature.as_of_rule,
                    "kind": feature.kind,
                    "categories": list(feature.categories),
                }
                for feature in FEATURES[spec.subject]
            ],
            "versions": [_version(version) for version in versions],
            "events": _events(connection, name),
            "limits": [limit for method in METHODS for limit in method.limits],
        },
        "methods": [method.reference() for method in PREDICTION_METHODS],
        "notice": NOTICE,
        "data_version": data_version(connection),
    }


def _shown(connection: Connection, status: Status) -> Any | None:
    number = status.latest_version if status.version is None else status.version
    if status.state is State.NONE or number is None:
        return None
    return connection.execute(
        select(*_COLUMNS, ModelVersion.evaluation).where(
            ModelVersion.model == status.spec.name, ModelVersion.version == number
        )
    ).one()


def _versions(connection: Connection, name: str) -> list[Any]:
    query = select(*_COLUMNS).where(ModelVersion.model == name)
    return list(
        connection.execute(query.order_by(ModelVersion.version.desc()).limit(MOST_VERSIONS))
    )


def _events(connection: Connection, name: str) -> list[dict[str, Any]]:
    rows = connection.execute(
        select(
            ModelEvent.kind,
            ModelEvent.version,
            ModelEvent.previous_version,
            ModelEvent.reason,
            ModelEvent.actor,
            ModelEvent.occurred_at,
        )
        .where(ModelEvent.model == name)
        .order_by(ModelEvent.id.desc())
        .limit(MOST_EVENTS)
    )
    # Who it was is for the audit log alone.
    return [
        {
            "kind": row.kind,
            "version": row.version,
            "previous_version": row.previous_version,
            "reason": row.reason,
            "by": "pipeline" if row.actor is None else "administrator",
            "occurred_at": row.occurred_at,
        }
        for row in rows
    ]


_COLUMNS: Final = (
    ModelVersion.version,
    ModelVersion.run,
    ModelVersion.tracking_run,
    ModelVersion.sha256,
    ModelVersion.dataset,
    ModelVersion.trained_through,
    ModelVersion.verdict,
    ModelVersion.reasons,
    ModelVersion.synthetic,
    ModelVersion.created_at,
)


def _version(row: Any) -> dict[str, Any]:
    return {column.key: getattr(row, column.key) for column in _COLUMNS}

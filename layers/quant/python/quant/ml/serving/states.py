"""Whether each model predicts, why not, and its record so far.

Answers are cached under the data version like other lists, and under the last event of the
registry: a promotion, a roll-back or the kill switch shows at once. Predictions and outcomes that
the daily batch stores show when a cached answer ends, after five minutes at the most. So an answer
costs one look at Postgres even where it is cached; without Postgres nothing is answered, since
nothing else knows whether a model may predict.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, func, select, text
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import aliased

from quant.db.ml_models import Champion, ModelEvent, ModelVersion, Prediction
from quant.errors import NotFoundError
from quant.methods import Method
from quant.methods.predictions import (
    ATTRIBUTION,
    CALIBRATION,
    INTERVAL,
    PREDICTION,
    PROMOTION,
    SKILL,
    VALIDATION,
)
from quant.ml.catalogue import INTERVAL_LEVEL, MODELS, ModelSpec
from quant.ml.monitoring.counted import AHEAD
from quant.ml.serving.record import out_of_sample
from quant.vocabulary import Verdict

NOTICE: Final = (
    "Estimates from disclosed data beside the record they have so far; no finding about a person, "
    "and no investment advice."
)
METHODS: Final[tuple[Method, ...]] = (
    PREDICTION,
    INTERVAL,
    CALIBRATION,
    ATTRIBUTION,
    VALIDATION,
    SKILL,
    PROMOTION,
)


_SUBJECT: Final = (
    Prediction.model,
    Prediction.as_of,
    Prediction.politician_id,
    Prediction.ticker,
    Prediction.sector,
)


class State(StrEnum):
    """Whether a model predicts, or why not."""

    CHAMPION = "champion"
    DISABLED = "disabled"  # by the kill switch
    REFUSED = "refused"  # no version was good enough
    NONE = "none"  # there is no version


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """A model's place in the registry.

    Attributes:
        spec: The model.
        state: Whether it predicts.
        reason: Why not; None where it does.
        version: The champion, also of a model that is disabled.
        since: When it became the champion.
        latest_version: The version registered last.
        latest_verdict: Whether that one may become champion by itself.
        synthetic: Whether the champion, or without one the latest version, is of made-up data.
        evaluation: Of the champion's training run.
        dataset: Features the champion was trained on.
    """

    spec: ModelSpec
    state: State
    reason: str | None
    version: int | None = None
    since: datetime | None = None
    latest_version: int | None = None
    latest_verdict: Verdict | None = None
    synthetic: bool = False
    evaluation: Mapping[str, Any] | None = None
    dataset: str | None = None

    @property
    def predicts(self) -> bool:
        """Whether anything of the model may be served."""
        return self.state is State.CHAMPION


def last_event(connection: Connection) -> int:
    """Return the number of the registry's last event: what cached answers are kept under.

    Read it before the answer: then an answer is at least as new as the event it is kept under.
    """
    return connection.scalar(select(func.max(ModelEvent.id))) or 0


def known_model(name: str) -> ModelSpec:
    """Return the model of this name.

    Raises:
        NotFoundError: There is none.
    """
    if name not in MODELS:
        msg = f"there is no model {name}"
        raise NotFoundError(msg)
    return MODELS[name]


def statuses(connection: Connection, models: Collection[str] | None = None) -> dict[str, Status]:
    """Return the status of each of these models, of all without names, in the catalogue's order."""
    champions = {
        row.model: row
        for row in connection.execute(
            select(
                Champion.model,
                Champion.version,
                Champion.since,
                Champion.disabled,
                Champion.disabled_reason,
                ModelVersion.synthetic,
                ModelVersion.evaluation,
                ModelVersion.dataset,
            ).join(
                ModelVersion,
                (ModelVersion.model == Champion.model) & (ModelVersion.version == Champion.version),
            )
        )
    }
    latest = {
        row.model: row
        for row in connection.execute(
            select(
                ModelVersion.model,
                ModelVersion.version,
                ModelVersion.verdict,
                ModelVersion.reasons,
                ModelVersion.synthetic,
            )
            .ext(distinct_on(ModelVersion.model))
            .order_by(ModelVersion.model, ModelVersion.version.desc())
        )
    }
    return {
        name: _status(spec, champions.get(name), latest.get(name))
        for name, spec in MODELS.items()
        if models is None or name in models
    }


def _status(spec: ModelSpec, champion: Any, latest: Any) -> Status:
    if latest is None:
        return Status(
            spec=spec, state=State.NONE, reason=f"No version of {spec.name} has been trained."
        )
    seen: dict[str, Any] = {
        "latest_version": latest.version,
        "latest_verdict": latest.verdict,
        "synthetic": latest.synthetic,
    }
    if champion is None:
        reasons = "; ".join(latest.reasons) or "no version has been promoted"
        reason = f"Version {latest.version} is not served: {reasons}."
        return Status(spec=spec, state=State.REFUSED, reason=reason, **seen)
    disabled = champion.disabled
    why = f"Switched off by an administrator: {champion.disabled_reason}" if disabled else None
    return Status(
        spec=spec,
        state=State.DISABLED if disabled else State.CHAMPION,
        reason=why,
        version=champion.version,
        since=champion.since,
        evaluation=champion.evaluation,
        dataset=champion.dataset,
        **{**seen, "synthetic": champion.synthetic},
    )


def live_records(connection: Connection) -> dict[str, dict[str, Any]]:
    """Return what became of each model's stored predictions, of all versions together.

    Those count that the scorecard counts: the first of a subject and date that was stored before
    its outcome was known.
    """
    counted = select(Prediction).where(text(AHEAD))
    counted = counted.ext(distinct_on(*_SUBJECT)).order_by(
        *_SUBJECT, Prediction.made_at, Prediction.version
    )
    first = aliased(Prediction, counted.subquery())
    known = first.outcome.is_not(None)
    interval = known & first.lower.is_not(None)
    held = first.outcome.between(first.lower, first.upper)
    rows = connection.execute(
        select(
            first.model,
            func.count().label("predictions"),
            func.count(first.outcome).label("outcomes"),
            func.count(first.outcome_missing).label("missing"),
            func.count().filter(interval).label("intervals"),
            func.count().filter(interval & held).label("held"),
        ).group_by(first.model)
    )
    return {
        row.model: {
            "predictions": row.predictions,
            "outcomes": row.outcomes,
            "missing": row.missing,
            "intervals": row.intervals,
            "coverage": row.held / row.intervals if row.intervals else None,
        }
        for row in rows
    }


_NO_RECORD: Final[dict[str, Any]] = {
    "predictions": 0,
    "outcomes": 0,
    "missing": 0,
    "intervals": 0,
    "coverage": None,
}


def status_document(status: Status, live: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """Return what an answer says of a model.

    Args:
        status: The model's status.
        live: Records of stored predictions by model, of ``live_records``.
    """
    spec = status.spec
    return {
        "name": spec.name,
        "title": spec.title,
        "description": spec.description,
        "task": spec.task,
        "subject": spec.subject,
        "unit": spec.unit,
        "horizon": spec.horizon,
        "horizon_unit": spec.horizon_unit,
        "interval_level": INTERVAL_LEVEL,
        "baselines": list(spec.baselines),
        "state": status.state,
        "reason": status.reason,
        "version": status.version,
        "since": status.since,
        "latest_version": status.latest_version,
        "latest_verdict": status.latest_verdict,
        "synthetic": status.synthetic,
        "record": {
            "out_of_sample": out_of_sample(status.evaluation),
            "live": live.get(spec.name, _NO_RECORD),
        },
    }


def method_references() -> list[dict[str, str | None]]:
    """Return what answers with predictions say of the methods behind them."""
    return [method.reference() for method in METHODS]

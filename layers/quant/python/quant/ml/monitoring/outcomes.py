"""Realised outcomes: labels of the present features, joined to predictions stored before."""

import logging
import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from typing import Final

import numpy as np
from sqlalchemy import Connection, func, or_, select, text

from quant.analytics.arrays import Days
from quant.db.ml_models import Prediction
from quant.db.models import Price
from quant.ml.catalogue import KEYS, MODELS, ModelSpec, Task
from quant.ml.features.build import manifest_of
from quant.ml.features.read import read
from quant.ml.monitoring.closing import closing_days
from quant.ml.objects import Objects
from quant.reports.load import load_prices

# How long an outcome is waited for after the end of its window.
GRACE: Final = timedelta(days=30)

# Stored outcomes of so many days are compared with what the data say now.
_COMPARED: Final = timedelta(days=90)
# Adjusted prices are revised in their last digits with every dividend; an outcome is not.
_TOLERANCE: Final = 1e-6

# The field ``event`` of the log line of outcomes that a correction of the data has changed.
OUTCOMES_DIFFER: Final = "prediction_outcomes_differ"

_logger = logging.getLogger("quant")


@dataclass(frozen=True, slots=True)
class Joined:
    """What became of a model's predictions in one run.

    Attributes:
        closed: That got their outcome now.
        missing: Of which it was said now that there will be none.
        open: That still wait.
        differing: Closed earlier, of which the data now give another outcome; the stored one stays.
    """

    closed: int
    missing: int
    open: int
    differing: int

    def document(self) -> dict[str, int]:
        """Return the counts by name."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """A stored prediction, and what the data now say of its outcome.

    Attributes:
        closes_on: As stored.
        outcome: As stored.
        missing: As stored.
        found: Whether the data hold what it is about.
        ends_on: Last day of its window; None while that is unknown.
        label: Its outcome; None while that is unknown.
        known_on: Day on which the outcome was known.
    """

    id: uuid.UUID
    as_of: date
    ticker: str | None
    closes_on: date | None
    outcome: float | None
    missing: str | None
    found: bool = False
    ends_on: date | None = None
    label: float | None = None
    known_on: date | None = None

    @property
    def differs(self) -> bool:
        """Whether the data now give another outcome than the one that is stored."""
        if self.outcome is None:
            return False
        return self.label is None or abs(self.label - self.outcome) > _TOLERANCE


def join(connection: Connection, objects: Objects, dataset: str, model: str) -> Joined:
    """Give the predictions of a model the outcomes that are known by now.

    An outcome that is stored stays. One that was said to be missing is filled in should the data
    come to know it.

    Args:
        connection: Connection to write with.
        objects: Holds the features.
        dataset: Features whose labels are the outcomes.
        model: Name of the model.

    Raises:
        NotFoundError: The features of those months were not built.
    """
    spec = MODELS[model]
    through = _known_through(objects, dataset, spec)
    cases = _cases(connection, objects, dataset, spec, through)
    differing = sum(case.differs for case in cases)
    if differing:
        _logger.warning(
            "%d stored outcomes of %s are others by the present data",
            differing,
            model,
            extra={"event": OUTCOMES_DIFFER, "model": model, "differing": differing},
        )
    waiting = [case for case in cases if case.outcome is None]
    known = [case for case in waiting if case.label is not None]
    unknown = [case for case in waiting if case.label is None]
    overdue = [case for case in unknown if case.missing is None and _is_overdue(case, through)]
    reasons = _reasons(connection, spec, overdue)
    settled = [replace(case, missing=reasons.get(case.id, case.missing)) for case in unknown]
    _store(connection, known, [case for case in settled if case.id in reasons or _moved(case)])
    still_open = sum(case.missing is None for case in settled)
    return Joined(len(known), len(overdue), still_open, differing)


def _known_through(objects: Objects, dataset: str, spec: ModelSpec) -> date | None:
    """Return the last day that the features reach to: an outcome after it is not missing yet."""
    name = "trading_days_through" if spec.task is Task.RETURN else "disclosed_through"
    day = manifest_of(objects, dataset)[name]
    return date.fromisoformat(day) if day else None


def _cases(
    connection: Connection, objects: Objects, dataset: str, spec: ModelSpec, through: date | None
) -> list[_Case]:
    """Return what waits for an outcome, or got it lately."""
    names = KEYS[spec.subject]
    since = None if through is None else through - _COMPARED
    rows = connection.execute(
        select(
            Prediction.id,
            Prediction.as_of,
            Prediction.ticker,
            Prediction.closes_on,
            Prediction.outcome,
            Prediction.outcome_missing.label("missing"),
            *(getattr(Prediction, name).label(f"key_{name}") for name in names),
        )
        .where(
            Prediction.model == spec.name,
            or_(Prediction.outcome.is_(None), Prediction.outcome_on > since),
        )
        .order_by(Prediction.as_of, Prediction.id)
    ).all()
    if not rows:
        return []
    days = np.array([row.as_of for row in rows], dtype="datetime64[D]")
    ends = closing_days(spec, days, _trading_days(connection, spec, rows[0].as_of)).tolist()
    labels = _labels(objects, dataset, spec, rows[0].as_of, rows[-1].as_of)
    cases = []
    for row, ends_on in zip(rows, ends, strict=True):
        label = labels.get((row.as_of, *(str(getattr(row, f"key_{name}")) for name in names)))
        value, known_on = label or (None, None)
        cases.append(
            _Case(
                id=row.id,
                as_of=row.as_of,
                ticker=row.ticker,
                closes_on=row.closes_on,
                outcome=row.outcome,
                missing=row.missing,
                found=label is not None,
                ends_on=row.closes_on or ends_on,
                label=value,
                known_on=known_on,
            )
        )
    return cases


def _trading_days(connection: Connection, spec: ModelSpec, first: date) -> Days:
    if spec.task is not Task.RETURN:
        return np.empty(0, dtype="datetime64[D]")
    return load_prices(connection, (), first=first).days


def _labels(
    objects: Objects, dataset: str, spec: ModelSpec, first: date, last: date
) -> dict[tuple[object, ...], tuple[float | None, date | None]]:
    """Return outcome and the day it was known by date and key; both None while unknown."""
    frame = read(objects, dataset, spec.subject, first=first, last=last)
    values, known_on = frame.labels[spec.label], frame.known_on[spec.label]
    known = np.isfinite(values) & ~np.isnat(known_on)
    keys = (frame.as_of.tolist(), *(frame.keys[name].tolist() for name in KEYS[spec.subject]))
    return {
        key: (value, day) if there else (None, None)
        for key, value, day, there in zip(
            zip(*keys, strict=True), values.tolist(), known_on.tolist(), known, strict=True
        )
    }


def _is_overdue(case: _Case, through: date | None) -> bool:
    return case.ends_on is not None and through is not None and through - case.ends_on > GRACE


def _moved(case: _Case) -> bool:
    return case.ends_on != case.closes_on


def _reasons(
    connection: Connection, spec: ModelSpec, cases: Sequence[_Case]
) -> dict[uuid.UUID, str]:
    """Return why cases have no outcome."""
    last_prices: dict[str | None, date] = {}
    if spec.task is Task.RETURN:
        rows = connection.execute(
            select(Price.ticker, func.max(Price.day).label("day"))
            .where(Price.ticker.in_(sorted({case.ticker for case in cases if case.ticker})))
            .group_by(Price.ticker)
        )
        last_prices = {row.ticker: row.day for row in rows}
    return {case.id: _reason(case, last_prices.get(case.ticker)) for case in cases}


def _reason(case: _Case, last_price: date | None) -> str:
    if last_price is not None and case.ends_on is not None and last_price < case.ends_on:
        return f"the stock's prices end on {last_price}"
    if not case.found:
        return "the data no longer hold what was predicted of"
    return "the data do not hold the whole window"


def _store(connection: Connection, known: Sequence[_Case], unknown: Sequence[_Case]) -> None:
    cases = [*known, *unknown]
    if not cases:
        return
    connection.execute(
        text(
            "update predictions p set closes_on = c.closes_on, outcome = c.outcome,"
            " outcome_on = c.outcome_on, outcome_missing = c.missing"
            " from unnest(cast(:ids as uuid[]), cast(:closes_on as date[]),"
            " cast(:outcomes as double precision[]), cast(:outcomes_on as date[]),"
            " cast(:missing as text[]))"
            " as c (id, closes_on, outcome, outcome_on, missing)"
            # Another run may have been faster.
            " where p.id = c.id and p.outcome is null"
        ),
        {
            "ids": [case.id for case in cases],
            "closes_on": [case.ends_on for case in cases],
            "outcomes": [case.label for case in cases],
            "outcomes_on": [case.known_on for case in cases],
            "missing": [None] * len(known) + [case.missing for case in unknown],
        },
    )

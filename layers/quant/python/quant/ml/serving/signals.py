"""The latest prediction of each ticker by each model."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, and_, case, false, func, or_, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import aliased

from quant.db.keyset import SortKey, fetch_page
from quant.db.ml_models import Prediction
from quant.db.models import Politician
from quant.ml import registry
from quant.ml.catalogue import MODELS, Subject, Task
from quant.ml.serving.filters import SignalFilters
from quant.ml.serving.listing import is_open, page_document
from quant.ml.serving.shapes import COLUMNS, prediction
from quant.ml.serving.states import Status, statuses

# The models that say something of a ticker.
TICKER_MODELS: Final = frozenset(
    name
    for name, spec in MODELS.items()
    if spec.subject in {Subject.DISCLOSURE, Subject.TICKER_PAIR}
)
_PROBABILITIES: Final = tuple(
    name for name, spec in MODELS.items() if spec.task is Task.PROBABILITY
)


def signal_page(
    connection: Connection, filters: SignalFilters, *, limit: int, cursor: str | None
) -> dict[str, Any]:
    """Return a page of signals: the latest open prediction of each ticker and model, newest first.

    Where several politicians have one of the same day, the most probable is shown. Returns have no
    such order, and the greatest of many would be a biased choice: then it is the first by
    identifier, which has nothing to do with the value.

    Raises:
        InvalidCursorError: The cursor is malformed or belongs to other filters.
    """
    asked = TICKER_MODELS if filters.model is None else TICKER_MODELS & {filters.model}
    found = statuses(connection, asked)
    latest = _latest(connection, found, filters)
    columns = [latest.c[column.key] for column in COLUMNS if column.key in latest.c]
    shown = aliased(Prediction, latest)
    page = fetch_page(
        connection,
        select(*columns, latest.c.predictions, *_POLITICIAN)
        .select_from(latest)
        .join(Politician, Politician.id == latest.c.politician_id),
        lambda row: {**prediction(row), "predictions": row.predictions},
        sort_keys={"as_of": SortKey(shown.as_of, shown.id, date.fromisoformat)},
        sort="-as_of",
        filters=asdict(filters),
        limit=limit,
        cursor=cursor,
    )
    return page_document(connection, page, found)


_POLITICIAN: Final = tuple(column for column in COLUMNS if column.class_ is Politician)
_PREDICTION: Final = tuple(column for column in COLUMNS if column.class_ is Prediction)


def _latest(connection: Connection, found: Mapping[str, Status], filters: SignalFilters) -> Any:
    """Return the subquery of one prediction for each ticker and model."""
    most_probable = case((Prediction.model.in_(_PROBABILITIES), Prediction.value))
    same_day = func.count().over(
        partition_by=(Prediction.ticker, Prediction.model, Prediction.as_of, Prediction.version)
    )
    query = (
        select(*_PREDICTION, same_day.label("predictions"))
        .where(_may_predict(connection, found), Prediction.ticker.is_not(None), is_open())
        .ext(distinct_on(Prediction.ticker, Prediction.model))
        .order_by(
            Prediction.ticker,
            Prediction.model,
            Prediction.as_of.desc(),
            # Postgres takes no bare constant here, which the condition is without any model.
            case((_is_champion(found), 0), else_=1),
            Prediction.version.desc(),
            most_probable.desc().nulls_last(),
            Prediction.id,
        )
    )
    if filters.ticker is not None:
        query = query.where(Prediction.ticker == filters.ticker)
    return query.subquery("latest")


def _is_champion(found: Mapping[str, Status]) -> ColumnElement[bool]:
    return or_(
        false(),
        *(
            and_(Prediction.model == name, Prediction.version == status.version)
            for name, status in found.items()
        ),
    )


def _may_predict(connection: Connection, found: Mapping[str, Status]) -> ColumnElement[bool]:
    """Return the condition that a version is the champion, or one it replaced.

    Not one that was rolled back. One that was replaced has predicted what is not yet predicted
    anew, or stands in for a champion whose artifact is damaged.
    """
    predicting = [name for name, status in found.items() if status.predicts]
    allowed = [
        and_(Prediction.model == name, Prediction.version.in_([version for version, _ in each]))
        for name, each in registry.candidates_of(connection, predicting).items()
    ]
    return or_(*allowed) if allowed else false()

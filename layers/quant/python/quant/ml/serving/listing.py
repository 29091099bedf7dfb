"""The list of stored predictions."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, and_, false, or_

from quant.db.expressions import identified_by
from quant.db.keyset import SortKey, fetch_page
from quant.db.ml_models import Prediction
from quant.ml.serving.filters import PredictionFilters
from quant.ml.serving.shapes import prediction, stored
from quant.ml.serving.states import (
    NOTICE,
    Status,
    live_records,
    method_references,
    status_document,
    statuses,
)
from quant.paging import Page

_SORT: Final = {"as_of": SortKey(Prediction.as_of, Prediction.id, date.fromisoformat)}


def prediction_page(
    connection: Connection, filters: PredictionFilters, *, limit: int, cursor: str | None
) -> dict[str, Any]:
    """Return a page of the predictions of models that may be served, newest first.

    Raises:
        InvalidCursorError: The cursor is malformed or belongs to other filters.
    """
    found = statuses(connection, None if filters.model is None else {filters.model})
    page = fetch_page(
        connection,
        stored().where(served(found), *_conditions(filters)),
        prediction,
        sort_keys=_SORT,
        sort="-as_of",
        filters=asdict(filters),
        limit=limit,
        cursor=cursor,
    )
    return page_document(connection, page, found)


def served(found: Mapping[str, Status]) -> ColumnElement[bool]:
    """Return the condition that a prediction is of a model that may be served."""
    names = [name for name, status in found.items() if status.predicts]
    return Prediction.model.in_(names) if names else false()


def page_document(
    connection: Connection, page: Page, found: Mapping[str, Status]
) -> dict[str, Any]:
    """Return the answer with a page of predictions.

    Args:
        connection: Connection to read from.
        page: The page.
        found: Status of the models asked about.
    """
    live = live_records(connection)
    return {
        "data": page.rows,
        "page": {"count": len(page.rows), "next_cursor": page.next_cursor},
        "models": [status_document(status, live) for status in found.values()],
        "methods": method_references(),
        "notice": NOTICE,
        "synthetic": is_synthetic(page.rows, found),
        "data_version": page.data_version,
    }


def is_synthetic(rows: list[dict[str, Any]], found: Mapping[str, Status]) -> bool:
    """Say whether a politician, or what a model was trained on, is made up."""
    return any(row["politician"]["synthetic"] or found[row["model"]].synthetic for row in rows)


def _conditions(filters: PredictionFilters) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if filters.politician is not None:
        conditions.append(identified_by(filters.politician))
    for column, value in (
        (Prediction.model, filters.model),
        (Prediction.ticker, filters.ticker),
        (Prediction.sector, filters.sector),
    ):
        if value is not None:
            conditions.append(column == value)
    if filters.as_of_from is not None:
        conditions.append(Prediction.as_of >= filters.as_of_from)
    if filters.as_of_to is not None:
        conditions.append(Prediction.as_of <= filters.as_of_to)
    if filters.state == "open":
        conditions.append(is_open())
    elif filters.state == "closed":
        conditions.append(
            or_(Prediction.outcome.is_not(None), Prediction.outcome_missing.is_not(None))
        )
    return conditions


def is_open() -> ColumnElement[bool]:
    """Return the condition that a prediction's outcome may yet come."""
    return and_(Prediction.outcome.is_(None), Prediction.outcome_missing.is_(None))

"""The statements that compute a subject's rows, written of the declarations."""

from collections.abc import Sequence
from datetime import date

from duckdb import DuckDBPyConnection

from quant.ml.catalogue import KEYS, Subject
from quant.ml.features.feature import Feature, Part
from quant.ml.features.rows import ROWS

RESULT = "result"


def compute(
    database: DuckDBPyConnection,
    subject: Subject,
    features: Sequence[Feature],
    *,
    since: date | None = None,
    until: date | None = None,
) -> None:
    """Make the table ``result`` of a subject's rows, by ``as_of`` and key.

    Args:
        database: With the tables of ``quant.ml.features.tables``.
        subject: What rows are about.
        features: Columns.
        since: First ``as_of``; None for all.
        until: Last ``as_of``; None for all.
    """
    keys = KEYS[subject]
    database.execute(
        "create or replace table subject_rows as"
        f" select row_number() over (order by as_of, {', '.join(keys)}) as row_id, *"
        f" from ({ROWS[subject].sql})"
        " where as_of between coalesce($since, date '0001-01-01')"
        " and coalesce($until, date '9999-12-31')",
        {"since": since, "until": until},
    )
    database.execute(f"create or replace table {RESULT} as {_select(subject, features)}")
    database.execute("drop table subject_rows")


def columns_of(subject: Subject) -> list[str]:
    """Return the columns beside the features: keys, day, and outcomes."""
    labels = [name for label in ROWS[subject].labels for name in (label, f"{label}_known_on")]
    return [*KEYS[subject], "as_of", "synthetic", *labels]


def _select(subject: Subject, features: Sequence[Feature]) -> str:
    parts: dict[str, Part] = {}
    for feature in features:
        if feature.part is not None:
            _collect(feature.part, parts)
    shown = [f"{feature.expression} as {feature.name}" for feature in features]
    keys = [f"cast(r.{key} as varchar) as {key}" for key in KEYS[subject]]
    labels = [
        column
        for label in ROWS[subject].labels
        for column in (f"cast(r.{label} as double) as {label}", f"r.{label}_known_on")
    ]
    with_parts = ", ".join(f"{part.name} as ({part.sql})" for part in parts.values())
    joins = " ".join(f"left join {name} on {name}.row_id = r.row_id" for name in parts)
    return (
        f"{f'with {with_parts}' if parts else ''}"
        f" select {', '.join([*keys, 'r.as_of', 'p.synthetic', *shown, *labels])}"
        f" from subject_rows r join politicians p using (politician_id) {joins} order by r.row_id"
    )


def _collect(part: Part, parts: dict[str, Part]) -> None:
    """Add a part after those that it needs."""
    for needed in part.needs:
        _collect(needed, parts)
    if parts.setdefault(part.name, part) != part:
        msg = f"two parts are named {part.name}"
        raise ValueError(msg)

"""Stored predictions as arrays, with what became of them.

Each column comes as one text of numbers, as in ``quant.reports.load``.
"""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from sqlalchemy import Connection, text

from quant.analytics.arrays import Days, Flags, Floats, Integers
from quant.ml.catalogue import ModelSpec
from quant.ml.monitoring.counted import AHEAD
from quant.reports.load import parse_numbers


@dataclass(frozen=True, slots=True)
class Stored:
    """n stored predictions of a model, by date.

    Attributes:
        as_of: Day of each, shape (n,).
        version: That made it, shape (n,).
        value: Shape (n,).
        lower: Lower end of the interval, shape (n,); NaN without one.
        upper: Upper end, shape (n,).
        outcome: Shape (n,); NaN without one.
        missing: Whether there will be no outcome, shape (n,).
        ahead: Whether it was stored within ``PROMPT_DAYS`` of its date and before the day on which
            its outcome was known, shape (n,).
        first: Whether it is the first of those that was stored of its subject and date, shape (n,).
        baselines: What each baseline predicted, by name, shape (n,).
    """

    as_of: Days
    version: Integers
    value: Floats
    lower: Floats
    upper: Floats
    outcome: Floats
    missing: Flags
    ahead: Flags
    first: Flags
    baselines: dict[str, Floats]

    def __len__(self) -> int:
        return len(self.as_of)

    @property
    def closed(self) -> Flags:
        """Which have an outcome, shape (n,)."""
        return np.isfinite(self.outcome)

    def take(self, rows: Flags | Integers) -> Self:
        """Return some of the rows."""
        return replace(
            self,
            as_of=self.as_of[rows],
            version=self.version[rows],
            value=self.value[rows],
            lower=self.lower[rows],
            upper=self.upper[rows],
            outcome=self.outcome[rows],
            missing=self.missing[rows],
            ahead=self.ahead[rows],
            first=self.first[rows],
            baselines={name: values[rows] for name, values in self.baselines.items()},
        )


def load(connection: Connection, spec: ModelSpec, version: int | None = None) -> Stored:
    """Return the stored predictions of a model.

    Args:
        connection: Connection to read from.
        spec: The model.
        version: Of this version; None for all.
    """
    expressions: dict[str, str] = {
        "as_of": "as_of - date '1970-01-01'",
        "version": "version",
        "value": "value",
        "lower": "coalesce(lower, 'NaN')",
        "upper": "coalesce(upper, 'NaN')",
        "outcome": "coalesce(outcome, 'NaN')",
        "missing": "(outcome_missing is not null)::int",
        "ahead": "ahead::int",
        "first": "(ahead and place = 1)::int",
        **{str(name): f"coalesce(baselines ->> '{name}', 'NaN')" for name in spec.baselines},
    }
    columns = ", ".join(
        f"string_agg(({expression})::text, ' ' order by as_of, id) as \"{name}\""
        for name, expression in expressions.items()
    )
    row = connection.execute(
        # The expressions and the names are constants of this project.
        text(
            f"select {columns} from ("  # noqa: S608
            " select *, row_number() over ("
            "  partition by as_of, politician_id, ticker, sector, ahead order by made_at, version"
            " ) as place from ("
            f"  select *, {AHEAD} as ahead from predictions"
            "  where model = :model and version = coalesce(cast(:version as int), version)"
            " ) dated) placed"
        ),
        {"model": spec.name, "version": version},
    ).one()
    found = {name: parse_numbers(row._mapping[name]) for name in expressions}
    return Stored(
        as_of=found["as_of"].astype(np.int64).astype("datetime64[D]"),
        version=found["version"].astype(np.int64),
        value=found["value"],
        lower=found["lower"],
        upper=found["upper"],
        outcome=found["outcome"],
        missing=found["missing"] > 0,
        ahead=found["ahead"] > 0,
        first=found["first"] > 0,
        baselines={str(name): found[name] for name in spec.baselines},
    )

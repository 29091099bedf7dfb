"""The record out of sample as a table: a run's, and what another run predicted of the same rows."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import duckdb
import numpy as np
from numpy.typing import NDArray

from quant.analytics.arrays import Days, Floats, Integers
from quant.ml.features.frame import Frame

if TYPE_CHECKING:
    # It imports LightGBM, which those have not that read what was recorded.
    from quant.ml.training.record import Record


@dataclass(frozen=True, slots=True)
class Outcomes:
    """n predictions out of sample with their outcomes, identified by day and key.

    Attributes:
        as_of: Day of each prediction, shape (n,).
        key: The identifying columns of each row as one text, shape (n,).
        value: Predictions, shape (n,).
        outcome: What came true, shape (n,).
    """

    as_of: Days
    key: NDArray[np.str_]
    value: Floats
    outcome: Floats

    def __len__(self) -> int:
        return len(self.as_of)

    def take(self, rows: Integers) -> Self:
        """Return some of the rows."""
        return type(self)(self.as_of[rows], self.key[rows], self.value[rows], self.outcome[rows])

    def common(self, other: "Outcomes") -> tuple[Self, "Outcomes"]:
        """Return the rows that both have, in the same order."""
        mine, theirs = _names(self), _names(other)
        _, here, there = np.intersect1d(mine, theirs, assume_unique=True, return_indices=True)
        return self.take(here), other.take(there)


def _names(outcomes: Outcomes) -> NDArray[np.str_]:
    days = np.datetime_as_string(outcomes.as_of, unit="D")
    return np.strings.add(np.strings.add(days, "/"), outcomes.key)


def write(frame: Frame, record: "Record") -> bytes:
    """Return a record as Parquet, with the day and the key of each row."""
    rows = frame.take(record.rows)
    columns: dict[str, Any] = {
        "as_of": rows.as_of.astype("datetime64[s]"),
        **{name: column.astype(object) for name, column in rows.keys.items()},
        "fold": record.fold,
        "value": record.value,
        "lower": record.lower,
        "upper": record.upper,
        "outcome": record.outcome,
        **{f"baseline_{name}": column for name, column in record.baselines.items()},
    }
    with (
        tempfile.TemporaryDirectory(prefix="quant-record-") as folder,
        duckdb.connect() as database,
    ):
        path = Path(folder, "record.parquet")
        database.execute("set threads = 1")
        database.register("record", columns)
        table = database.sql("select * replace (as_of::date as as_of) from record")
        table.write_parquet(str(path), compression="zstd")
        return path.read_bytes()


def read_outcomes(content: bytes, keys: tuple[str, ...]) -> Outcomes:
    """Return the predictions of a record.

    Args:
        content: Parquet, as ``write`` gives it.
        keys: Names of the identifying columns.
    """
    with (
        tempfile.TemporaryDirectory(prefix="quant-record-") as folder,
        duckdb.connect() as database,
    ):
        path = Path(folder, "record.parquet")
        path.write_bytes(content)
        found = database.execute("select * from read_parquet(?)", [str(path)]).fetchnumpy()
    return Outcomes(
        found["as_of"].astype("datetime64[D]"),
        np.array(["/".join(parts) for parts in zip(*(found[name] for name in keys), strict=True)]),
        np.asarray(found["value"], dtype=np.float64),
        np.asarray(found["outcome"], dtype=np.float64),
    )

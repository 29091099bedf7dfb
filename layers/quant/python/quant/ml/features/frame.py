"""Rows of features and outcomes as arrays: what training, prediction and monitoring share."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from quant.analytics.arrays import Days, Flags, Floats, Integers
from quant.ml.catalogue import Subject


@dataclass(frozen=True, slots=True)
class Frame:
    """n rows of k features, by ``as_of`` and then by key.

    Attributes:
        subject: What a row is about.
        dataset: Identifier of the features, ``quant.ml.layout.dataset_id``.
        as_of: Day whose end every feature was known at, shape (n,).
        keys: Identifying columns by name, each of shape (n,).
        names: Of the features, in the order of the columns.
        x: The features, shape (n, k); NaN where unknown. Categories are codes.
        labels: Outcomes by name, each of shape (n,); NaN while unknown.
        known_on: Day on whose end each outcome was known, by label, shape (n,); NaT where not.
    """

    subject: Subject
    dataset: str
    as_of: Days
    keys: dict[str, NDArray[np.str_]]
    names: tuple[str, ...]
    x: Floats
    labels: dict[str, Floats]
    known_on: dict[str, Days]

    def __len__(self) -> int:
        return len(self.as_of)

    def take(self, rows: Flags | Integers) -> Self:
        """Return some of the rows."""
        return replace(
            self,
            as_of=self.as_of[rows],
            keys={name: column[rows] for name, column in self.keys.items()},
            x=self.x[rows],
            labels={name: column[rows] for name, column in self.labels.items()},
            known_on={name: column[rows] for name, column in self.known_on.items()},
        )

    def column(self, name: str) -> Floats:
        """Return one feature, shape (n,).

        Raises:
            ValueError: There is no such feature.
        """
        return self.x[:, self.names.index(name)]

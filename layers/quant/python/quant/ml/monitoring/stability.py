"""The population stability index.

PSI = sum over bins of (q - p) ln(q / p), of the shares p of a reference and q of a sample: the
symmetrised relative entropy. Yurdakul (2018), Statistical Properties of Population Stability Index.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np

from quant.analytics.arrays import Floats, Integers

# Rules of thumb for large samples.
MODERATE: Final = 0.1
LARGE: Final = 0.25

_BINS: Final = 10
# Added to the count of every bin: the estimate of Krichevsky and Trofimov (1981), IEEE Transactions
# on Information Theory 27, after which no bin is empty.
_HALF_ROW: Final = 0.5


@dataclass(frozen=True, slots=True)
class Reference:
    """A distribution as shares of b bins and of the unknown values.

    Attributes:
        edges: Ascending, shape (b - 1,); a value equal to an edge lies above it.
        shares: Of the bins, and of unknown values last; shape (b + 1,).
        rows: How many rows they are shares of.
    """

    edges: Floats
    shares: Floats
    rows: int

    @classmethod
    def measure(cls, values: Floats) -> Self:
        """Return the distribution of ``values``, shape (n,), in ten bins of like many rows.

        Up to ten different values have a bin each.
        """
        known = values[~np.isnan(values)]
        different = np.unique(known)
        if len(different) > _BINS:
            cuts = np.quantile(known, np.arange(1, _BINS) / _BINS, method="inverted_cdf")
            # The least value is no edge, as nothing is below it; where it is most of the rows, the
            # next one parts them from the others.
            edges = np.unique(np.maximum(cuts, different[1]))
        else:
            edges = different[1:]
        counts = np.bincount(_bins(values, edges), minlength=len(edges) + 2)
        return cls(edges, counts / max(len(values), 1), len(values))

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Self:
        """Read what ``document`` wrote."""
        return cls(
            np.asarray(document["edges"], dtype=np.float64),
            np.asarray(document["shares"], dtype=np.float64),
            int(document["rows"]),
        )

    def document(self) -> dict[str, Any]:
        """Return the distribution as JSON."""
        return {"edges": self.edges.tolist(), "shares": self.shares.tolist(), "rows": self.rows}

    def count(self, values: Floats) -> Integers:
        """Return how many of ``values``, shape (n,), are in each bin, unknown ones last."""
        return np.bincount(_bins(values, self.edges), minlength=len(self.shares))

    def index(self, values: Floats) -> float:
        """Return the population stability index of ``values``, shape (n,), n > 0."""
        counts = self.count(values)
        expected = self.shares * self.rows
        # A bin that neither has is no bin.
        used = (counts > 0) | (expected > 0)
        q = _smoothed(counts[used].astype(np.float64))
        p = _smoothed(expected[used])
        return float(np.sum((q - p) * np.log(q / p)))


def _bins(values: Floats, edges: Floats) -> Integers:
    places = np.searchsorted(edges, values, side="right")
    return np.where(np.isnan(values), len(edges) + 1, places)


def _smoothed(counts: Floats) -> Floats:
    counts = counts + _HALF_ROW
    return counts / counts.sum()

"""Gradient-boosted trees as one table of nodes, walked for all rows at once.

The decisions are those of LightGBM: https://lightgbm.readthedocs.io/en/stable/Advanced-Topics.html
(missing values, categorical features). ``quant.ml.booster_text`` reads the table from its text.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from quant.analytics.arrays import Flags, Floats, Integers

# As near to zero counts as zero where zeros are missing values: LightGBM's constant, a float32.
ZERO: Final = float(np.float32(1e-35))
# Below, rows are taken down all trees at once; the fixed cost of each node is higher otherwise.
_FEW: Final = 400
_WORD: Final = 32  # categories in one word of a set


class Link(StrEnum):
    """How a margin becomes a prediction."""

    IDENTITY = "identity"
    LOGISTIC = "logistic"
    EXPONENTIAL = "exponential"


@dataclass(frozen=True, slots=True)
class Trees:
    """T trees of m nodes; a leaf is a node whose children are itself.

    Attributes:
        features: Names of the k columns that the trees are for.
        link: From the sum of the trees' values to the prediction.
        slope: Of the logistic link; 1 otherwise.
        roots: Node where each tree begins, shape (T,).
        depth: Greatest number of decisions on the way to a leaf.
        column: What a node decides by, shape (m,); 0 for a leaf. Of feature j, column j is its
            values; column k + j those with NaN going left; columns 2 k + j and 3 k + j those with
            zero and NaN going right, or left.
        threshold: Values up to it go left, shape (m,); NaN where categories decide.
        left: Node that follows on the left, shape (m,).
        right: Node that follows on the right, shape (m,).
        set_start: First word of the set of categories that go left, shape (m,).
        set_words: Number of its words, shape (m,); 0 where a threshold decides.
        words: The sets: bit j of word i stands for category 32 i + j, shape (words,).
        value: Of a leaf, shape (m,); 0 for others.
        count: Training rows that came by, shape (m,).
    """

    features: tuple[str, ...]
    link: Link
    slope: float
    roots: Integers
    depth: int
    column: Integers
    threshold: Floats
    left: Integers
    right: Integers
    set_start: Integers
    set_words: Integers
    words: Integers
    value: Floats
    count: Integers

    def __len__(self) -> int:
        return len(self.roots)

    def margin(self, x: Floats) -> Floats:
        """Return the sum of the trees' values, in the order of the trees, shape (n,).

        A row's sum does not depend on the rows beside it.

        Args:
            x: Features, shape (n, k); NaN where unknown.
        """
        columns = self.columns(x)
        if len(x) < _FEW:
            return self._walk(columns)
        return self._divide(columns)

    def predict(self, x: Floats) -> Floats:
        """Return the predictions, shape (n,): the link of the margin."""
        return self.linked(self.margin(x))

    def linked(self, margin: Floats) -> Floats:
        """Return the prediction that a margin stands for."""
        match self.link:
            case Link.LOGISTIC:
                with np.errstate(over="ignore"):  # the exponential is infinite, the quotient 0
                    return 1 / (1 + np.exp(-self.slope * margin))
            case Link.EXPONENTIAL:
                return np.exp(margin)
            case Link.IDENTITY:
                return margin

    def columns(self, x: Floats) -> Floats:
        """Return the features as nodes compare them, shape (columns, n): see ``column``.

        A missing value is minus infinity where it goes left, and NaN where it goes right: no
        threshold holds that.

        Args:
            x: Features, shape (n, k); NaN where unknown.
        """
        plain = np.ascontiguousarray(x.T, dtype=np.float64)
        kinds = [plain, np.where(np.isnan(plain), -np.inf, plain)]
        if self.column.max() >= 2 * len(plain):
            missing = np.isnan(plain) | (np.abs(plain) <= ZERO)
            kinds += [np.where(missing, np.nan, plain), np.where(missing, -np.inf, plain)]
        return np.concatenate(kinds)

    def goes_left(self, nodes: Integers, values: Floats) -> Flags:
        """Return where values go from nodes.

        Args:
            nodes: Of a shape that broadcasts with that of ``values``.
            values: Each of the column that its node decides by.
        """
        left: Flags = values <= self.threshold[nodes]
        if np.any(self.set_words[nodes]):
            left |= self._in_set(nodes, values)
        return left

    def _walk(self, columns: Floats) -> Floats:
        """Take every row down all trees at once, a decision at a time."""
        n = columns.shape[1]
        flat, row = columns.ravel(), np.arange(n)
        node: NDArray[np.int64] = np.repeat(self.roots[:, None], n, axis=1)
        for _ in range(self.depth):
            left = self.goes_left(node, flat.take(self.column[node] * n + row))
            node = np.where(left, self.left[node], self.right[node])
        # One after the other: a sum by pairs would depend on how many rows there are.
        total: Floats = np.add.accumulate(self.value[node], axis=0)[-1]
        return total

    def _divide(self, columns: Floats) -> Floats:
        """Divide the rows among a node's children, down from the root of one tree after another."""
        total = np.zeros(columns.shape[1])
        everything = np.arange(columns.shape[1])
        for root in self.roots.tolist():
            waiting = [(root, everything)]
            while waiting:
                node, rows = waiting.pop()
                if self.left[node] == node:
                    total[rows] += self.value[node]
                    continue
                left = self.goes_left(node, columns[self.column[node]].take(rows))
                waiting.append((int(self.left[node]), rows[left]))
                waiting.append((int(self.right[node]), rows[~left]))
        return total

    def _in_set(self, nodes: Integers, values: Floats) -> Flags:
        """Return whether values are categories in the sets of nodes; nothing is where none is."""
        # Fractions count as the whole number towards zero, hence -0.5 as category 0.
        category = np.trunc(np.where(np.isnan(values), -1.0, values))
        inside = (category >= 0) & (category < _WORD * self.set_words[nodes])
        code = np.where(inside, category, 0).astype(np.int64)
        word = self.words[np.where(inside, self.set_start[nodes] + code // _WORD, 0)]
        found: Flags = inside & ((word >> (code % _WORD)) & 1 == 1)
        return found

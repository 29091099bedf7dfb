"""SHAP values of gradient-boosted trees, for all rows at once.

Path-dependent: a feature that is not known splits a row among both children, by their shares of the
training rows. Lundberg et al. (2020), Nature Machine Intelligence 2, 56-67, algorithm 2.

Along the way to one leaf, each feature j of d is either passed or not by the row (o = 1 or 0), and
by a share z of the training rows at its decisions. The leaf's value times the product of o over
known and z over unknown features is a game whose Shapley values are integrals along the diagonal of
its multilinear extension (Owen 1972, Management Science 18, P64-P79):

    phi_j = value (o_j - z_j) int_0^1 prod_{i != j} (z_i (1 - u) + o_i u) du

The integrand is a polynomial of degree d - 1, so that Gauss and Legendre's rule of (d + 1) // 2
nodes is exact; every term is positive, so that nothing cancels.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from quant.analytics.arrays import Flags, Floats, Integers
from quant.ml.trees import Trees

# Rows of one block, and cells of one array while a block is worked on.
_ROWS: Final = 2048
_CELLS: Final = 1 << 18
# Ways of passing d features are tabulated while they fit one byte.
_BYTE: Final = 8


@dataclass(frozen=True, slots=True)
class _Step:
    """One decision of some features on their way to a leaf; the i-th ones of each feature together.

    Attributes:
        place: Leaf and feature, as leaf * d + feature, ascending, shape (s,).
        node: Where it is decided, shape (s,).
        right: Whether the leaf is on the right, shape (s,).
    """

    place: Integers
    node: Integers
    right: Flags

    def between(self, first: int, last: int) -> "_Step":
        """Return the decisions of places from ``first`` to before ``last``, counted from there."""
        inside = slice(*np.searchsorted(self.place, [first, last]))
        return _Step(self.place[inside] - first, self.node[inside], self.right[inside])


@dataclass(frozen=True, slots=True)
class _Leaves:
    """The L leaves that d different features lead to.

    Attributes:
        feature: The features, shape (L, d).
        share: Share of training rows that pass all decisions by the feature, shape (L, d).
        value: Of the leaves, shape (L,).
        steps: The decisions; each feature has one among the first.
    """

    feature: Integers
    share: Floats
    value: Floats
    steps: tuple[_Step, ...]

    def parts(self, leaves: int) -> Iterator["_Leaves"]:
        """Yield the leaves, so many at a time."""
        d = self.feature.shape[1]
        for start in range(0, len(self.value), leaves):
            part = slice(start, start + leaves)
            steps = (step.between(start * d, (start + leaves) * d) for step in self.steps)
            yield _Leaves(
                self.feature[part],
                self.share[part],
                self.value[part],
                tuple(step for step in steps if len(step.place)),
            )


class Explainer:
    """Says how much of each margin is due to which feature.

    Args:
        trees: What made the margins.

    Attributes:
        base_value: Mean margin of the training rows, hence of a row of which nothing is known.
    """

    base_value: float

    def __init__(self, trees: Trees):
        self._trees = trees
        is_leaf = trees.left == np.arange(len(trees.left))
        tree = np.repeat(np.arange(len(trees)), np.diff(np.append(trees.roots, len(is_leaf))))
        rows = trees.count[trees.roots][tree]
        expected = np.where(is_leaf, trees.value * trees.count / rows, 0.0)
        self.base_value = float(expected.sum())
        self._groups = list(_group(trees, np.flatnonzero(is_leaf)))

    def attributions(self, x: Floats) -> Floats:
        """Return the SHAP values, shape (n, k); with ``base_value`` they add up to the margin.

        Args:
            x: Features, shape (n, k); NaN where unknown.
        """
        found = np.zeros(x.shape)
        for start in range(0, len(x), _ROWS):
            block = slice(start, start + _ROWS)
            found[block] = self._block(x[block]).T
        return found

    def _block(self, x: Floats) -> Floats:
        n, k = x.shape
        left = self._decisions(self._trees.columns(x))
        found = np.zeros((k, n))
        for group in self._groups:
            for leaves in group.parts(max(_CELLS // (n * group.feature.shape[1]), 1)):
                passed = _passed(leaves, left)
                _add_by_feature(found, leaves.feature.ravel(), _values(leaves, passed))
        return found

    def _decisions(self, columns: Floats) -> Flags:
        """Return whether each row goes left at each node, shape (m, n)."""
        m, n = len(self._trees.left), columns.shape[1]
        left = np.empty((m, n), dtype=np.bool_)
        step = max(_CELLS // n, 1)
        for start in range(0, m, step):
            nodes = np.arange(start, min(start + step, m))[:, None]
            values = columns[self._trees.column[nodes[:, 0]]]
            left[start : start + step] = self._trees.goes_left(nodes, values)
        return left


def _group(trees: Trees, leaves: Integers) -> Iterator[_Leaves]:
    """Yield the leaves by the number of features on their way; one without decisions is in none."""
    leaf, node, right, share = _ways(trees, leaves)
    k = len(trees.features)
    pair, element = np.unique(leaf * k + trees.column[node] % k, return_inverse=True)
    shares = np.ones(len(pair))
    np.multiply.at(shares, element, share)
    features = np.bincount(pair // k, minlength=len(leaves))
    # The how-manieth decision of its feature each one is.
    order = np.argsort(element, kind="stable")
    first = np.cumsum(np.bincount(element)) - np.bincount(element)
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order)) - first[element[order]]
    for d in np.unique(features[features > 0]).tolist():
        inside = features[pair // k] == d
        place = np.cumsum(inside) - 1
        steps = []
        for i in range(int(rank.max()) + 1):
            chosen = order[(inside[element] & (rank == i))[order]]
            steps.append(_Step(place[element[chosen]], node[chosen], right[chosen]))
        yield _Leaves(
            (pair[inside] % k).reshape(-1, d),
            shares[inside].reshape(-1, d),
            trees.value[leaves[features == d]],
            tuple(steps),
        )


def _ways(trees: Trees, leaves: Integers) -> tuple[Integers, Integers, Flags, Floats]:
    """Climb from all leaves to their roots.

    Returns:
        Of each decision on each way: the place of the leaf among ``leaves``, the node, whether it
        goes right there, and the share of the node's training rows that do likewise.
    """
    m = len(trees.left)
    parent = np.full(m, -1)
    inner = np.flatnonzero(trees.left != np.arange(m))
    parent[trees.left[inner]] = inner
    parent[trees.right[inner]] = inner
    place, child = np.arange(len(leaves)), leaves
    found = []
    while len(child):
        above = parent[child] >= 0
        place, child = place[above], child[above]
        node = parent[child]
        found.append(
            (place, node, trees.right[node] == child, trees.count[child] / trees.count[node])
        )
        child = node
    leaf, node, right, share = map(np.concatenate, zip(*found, strict=True))
    return leaf, node, right, share


def _passed(leaves: _Leaves, left: Flags) -> Flags:
    """Return whether rows pass all decisions by a feature on the way to a leaf, shape (L, d, n)."""
    first, *others = leaves.steps
    passed = left[first.node] ^ first.right[:, None]
    for step in others:
        passed[step.place] &= left[step.node] ^ step.right[:, None]
    return passed.reshape(*leaves.feature.shape, -1)


def _values(leaves: _Leaves, passed: Flags) -> Floats:
    """Return the SHAP values of each leaf's features, shape (L * d, n)."""
    d, n = passed.shape[1:]
    ways = 1 << d
    if d > _BYTE or n <= ways:
        return _shapley(leaves, passed).reshape(-1, n)
    # More rows than ways to pass: each way is computed once, and rows look theirs up.
    every = (np.arange(ways) >> np.arange(d)[:, None]) & 1 == 1
    table = _shapley(leaves, np.broadcast_to(every, (len(passed), d, ways)))
    way = np.packbits(passed, axis=1, bitorder="little")[:, 0].astype(np.intp)
    found = np.empty(passed.shape)
    for own, which, values in zip(table, way, found, strict=True):
        np.take(own, which, axis=1, out=values, mode="clip")
    return found.reshape(-1, n)


def _shapley(leaves: _Leaves, passed: Flags) -> Floats:
    """Return the integrals of the module's head, shape (L, d, n)."""
    share = leaves.share[:, :, None]
    points, weights = np.polynomial.legendre.leggauss((passed.shape[1] + 1) // 2)
    total: NDArray[np.float64] = np.zeros(passed.shape)
    for point, weight in zip((points + 1) / 2, weights / 2, strict=True):
        factor = share * (1 - point) + point * passed
        total += weight * factor.prod(axis=1, keepdims=True) / factor
    return leaves.value[:, None, None] * (passed - share) * total


def _add_by_feature(total: Floats, feature: Integers, values: Floats) -> None:
    """Add values, shape (places, n), to the totals of their features, shape (k, n)."""
    order = np.argsort(feature, kind="stable")
    which, starts = np.unique(feature[order], return_index=True)
    for number, places in zip(which, np.split(order, starts[1:]), strict=True):
        total[number] += values[places].sum(axis=0)

"""Reads LightGBM's text of a booster, version 4, as LightGBM writes it: ``model_to_string``.

Only what one output of summed constant leaves needs; whatever else the text says is refused rather
than passed over. Nothing in it is trusted: every index is checked before it is used.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from quant.analytics.arrays import Flags, Floats, Integers
from quant.errors import QuantError
from quant.ml.trees import Link, Trees

_VERSION: Final = "v4"
_END: Final = "end of trees"

_LINKS: Final = {
    "regression": Link.IDENTITY,
    "regression_l1": Link.IDENTITY,
    "huber": Link.IDENTITY,
    "fair": Link.IDENTITY,
    "quantile": Link.IDENTITY,
    "mape": Link.IDENTITY,
    "binary": Link.LOGISTIC,
    "cross_entropy": Link.LOGISTIC,
    "poisson": Link.EXPONENTIAL,
    "gamma": Link.EXPONENTIAL,
    "tweedie": Link.EXPONENTIAL,
}

# Bits of ``decision_type``.
_CATEGORICAL: Final = 1
_DEFAULT_LEFT: Final = 2
_MISSING_SHIFT: Final = 2  # then two bits: none, zero or NaN is the missing value
_MISSING_ZERO: Final = 1
_MISSING_NAN: Final = 2
_LARGEST_DECISION: Final = _MISSING_NAN << _MISSING_SHIFT | _DEFAULT_LEFT | _CATEGORICAL

_LARGEST: Final = 2**31 - 1  # LightGBM counts in int32
_INTEGERS: Final = re.compile(r"[-0-9 ]*")


class BoosterTextError(QuantError):
    """The text is not LightGBM's, damaged, or of a kind that is not served."""


def read_booster(text: str) -> Trees:
    """Return the trees of LightGBM's text.

    Raises:
        BoosterTextError: It cannot be read; the message says where.
    """
    head, *blocks = _blocks(text)
    features, link, slope = _header(head, len(blocks))
    read = [_tree(number, block, len(features)) for number, block in enumerate(blocks)]
    sizes = [len(tree.value) for tree in read]
    roots = np.cumsum([0, *sizes[:-1]])
    word_start = np.cumsum([0, *(len(tree.words) for tree in read[:-1])])

    def joined(column: Callable[[_Tree], Any]) -> Any:
        return np.concatenate([column(tree) for tree in read])

    node_start = np.repeat(roots, sizes)
    left, right = joined(lambda tree: tree.left), joined(lambda tree: tree.right)
    return Trees(
        features=features,
        link=link,
        slope=slope,
        roots=roots,
        depth=_depth(roots, left + node_start, right + node_start),
        column=joined(lambda tree: tree.column),
        threshold=joined(lambda tree: tree.threshold),
        left=left + node_start,
        right=right + node_start,
        set_start=joined(lambda tree: tree.set_start) + np.repeat(word_start, sizes),
        set_words=joined(lambda tree: tree.set_words),
        words=joined(lambda tree: tree.words),
        value=joined(lambda tree: tree.value),
        count=joined(lambda tree: tree.count),
    )


@dataclass(frozen=True, slots=True)
class _Tree:
    """A tree's nodes: first those that decide, then the leaves, as in the text.

    The attributes are those of ``Trees``, by places within the tree.
    """

    column: Integers
    threshold: Floats
    left: Integers
    right: Integers
    set_start: Integers
    set_words: Integers
    words: Integers
    value: Floats
    count: Integers


class _Fields:
    """The lines ``name=value`` of one block of the text."""

    def __init__(self, where: str, lines: Sequence[str]):
        self._where = where
        self._values: dict[str, str] = {}
        for line in lines:
            name, equals, value = line.partition("=")
            if name in self._values:
                raise self.error(f"{name} is there twice")
            self._values[name] = value if equals else ""

    def error(self, what: str) -> BoosterTextError:
        return BoosterTextError(f"{self._where}: {what}")

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def text(self, name: str) -> str:
        if name not in self._values:
            raise self.error(f"{name} is missing")
        return self._values[name]

    def expect(self, name: str, value: str) -> None:
        if (found := self.text(name)) != value:
            raise self.error(f"{name} is {found!r}, not {value!r}")

    def whole(self, name: str, least: int, greatest: int) -> int:
        return int(self.integers(name, 1, least, greatest)[0])

    def integers(self, name: str, length: int, least: int, greatest: int) -> Integers:
        """Return ``length`` integers within bounds."""
        words = self._words(name, length)
        try:
            # int() by itself would take underscores, and digits of any script.
            values = list(map(int, words)) if _INTEGERS.fullmatch(self.text(name)) else None
        except ValueError:
            values = None
        if values is None:
            raise self.error(f"{name} holds something else than whole numbers")
        if values and not least <= min(values) <= max(values) <= greatest:
            raise self.error(f"{name} has values outside {least} to {greatest}")
        return np.array(values, dtype=np.int64)

    def floats(self, name: str, length: int) -> Floats:
        """Return ``length`` numbers, of which none is NaN."""
        words = self._words(name, length)
        try:
            values = np.array([float(word) for word in words], dtype=np.float64)
        except ValueError:
            raise self.error(f"{name} holds something else than numbers") from None
        if np.isnan(values).any():
            raise self.error(f"{name} holds NaN")
        return values

    def _words(self, name: str, length: int) -> list[str]:
        words = self.text(name).split()
        if len(words) != length:
            raise self.error(f"{name} has {len(words)} values, not {length}")
        return words


def _blocks(text: str) -> list[list[str]]:
    """Return the lines of the header and of each tree."""
    blocks: list[list[str]] = [[]]
    for line in text.splitlines():
        if line == _END:
            return blocks
        if line.startswith("Tree="):
            blocks.append([])
        if line:
            blocks[-1].append(line)
    msg = f"the text breaks off: it has no line {_END!r}"
    raise BoosterTextError(msg)


def _header(lines: list[str], trees: int) -> tuple[tuple[str, ...], Link, float]:
    """Return the features' names, the link and its slope."""
    header = _Fields("header", lines)
    if lines[:1] != ["tree"]:
        raise header.error("it does not begin with 'tree'")
    header.expect("version", _VERSION)
    header.expect("num_class", "1")
    header.expect("num_tree_per_iteration", "1")
    if "average_output" in header:
        raise header.error("forests, whose trees are averaged, are not served")
    columns = header.whole("max_feature_idx", 0, _LARGEST) + 1
    names = tuple(header.text("feature_names").split())
    if len(names) != columns:
        raise header.error(f"feature_names has {len(names)} values, not {columns}")
    sizes = header.text("tree_sizes").split()
    if len(sizes) != trees or not trees:
        raise header.error(f"tree_sizes is of {len(sizes)} trees; there are {trees}")
    return names, *_link(header)


def _link(header: _Fields) -> tuple[Link, float]:
    objective, *options = header.text("objective").split() or [""]
    if objective not in _LINKS or "sqrt" in options:
        raise header.error(f"objective is {header.text('objective')!r}, which is not served")
    link = _LINKS[objective]
    slopes = [option.removeprefix("sigmoid:") for option in options if "sigmoid:" in option]
    if objective != "binary":
        return link, 1.0
    try:
        (slope,) = map(float, slopes)
    except ValueError:
        raise header.error("objective has no slope of its sigmoid") from None
    if not 0 < slope < np.inf:
        raise header.error(f"objective has a sigmoid of slope {slope}")
    return link, slope


def _tree(number: int, lines: list[str], columns: int) -> _Tree:
    fields = _Fields(f"tree {number}", lines)
    fields.expect("Tree", str(number))
    if "is_linear" in fields:
        fields.expect("is_linear", "0")
    leaves = fields.whole("num_leaves", 1, _LARGEST)
    inner = leaves - 1
    kind = fields.integers("decision_type", inner, 0, _LARGEST_DECISION)
    # Infinite where NaN alone goes right.
    threshold = fields.floats("threshold", inner)
    feature = fields.integers("split_feature", inner, 0, columns - 1)
    # Of a leaf j, the text says ~j.
    children = np.array(
        [fields.integers(name, inner, -leaves, inner - 1) for name in ("left_child", "right_child")]
    ).reshape(2, inner)
    _check_shape(fields, children, leaves)
    left, right = np.where(children < 0, inner + ~children, children)
    value = fields.floats("leaf_value", leaves)
    if not np.isfinite(value).all():
        raise fields.error("leaf_value has values that are not finite")
    # A count of 0 would have no share of its parent's rows.
    count = [
        fields.integers("internal_count", inner, 1, _LARGEST),
        fields.integers("leaf_count", leaves, 1, _LARGEST),
    ]
    set_start, set_words, words = _sets(fields, kind, threshold)
    self_ = np.arange(inner, inner + leaves)
    none = np.zeros(leaves, dtype=np.int64)
    return _Tree(
        column=np.concatenate([_column(kind, threshold, feature, columns), none]),
        threshold=np.concatenate(
            [np.where(_has_set(kind), np.nan, threshold), np.full(leaves, np.inf)]
        ),
        left=np.concatenate([left, self_]),
        right=np.concatenate([right, self_]),
        set_start=np.concatenate([set_start, none]),
        set_words=np.concatenate([set_words, none]),
        words=words,
        value=np.concatenate([np.zeros(inner), value]),
        count=np.concatenate(count),
    )


def _check_shape(fields: _Fields, children: Integers, leaves: int) -> None:
    """Check that every node and leaf but the root is the child of one node before it."""
    inner = leaves - 1
    ordered = (children > np.arange(inner)) | (children < 0)
    nodes, ends = children[children >= 0], ~children[children < 0]
    whole = np.array_equal(np.sort(nodes), np.arange(1, inner)) or inner == 0
    if not (ordered.all() and whole):
        raise fields.error("its nodes are no tree")
    if inner and not np.array_equal(np.sort(ends), np.arange(leaves)):
        raise fields.error("its leaves are not each the end of one branch")


def _has_set(kind: Integers) -> Flags:
    decided: Flags = kind & _CATEGORICAL == _CATEGORICAL
    return decided


def _column(kind: Integers, threshold: Floats, feature: Integers, columns: int) -> Integers:
    """Return the column of each node, by where missing values go."""
    missing = kind >> _MISSING_SHIFT
    # NaN that is no missing value counts as zero; among categories it is in no set.
    left = np.where(missing == 0, threshold >= 0, kind & _DEFAULT_LEFT == _DEFAULT_LEFT)
    which = np.where(missing == _MISSING_ZERO, 2, 0) + left
    column: Integers = feature + columns * np.where(_has_set(kind), 0, which)
    return column


def _sets(
    fields: _Fields, kind: Integers, threshold: Floats
) -> tuple[Integers, Integers, Integers]:
    """Return the first word and the number of words of each node's set, and the words."""
    nothing = np.zeros(len(kind), dtype=np.int64)
    categorical = _has_set(kind)
    number = fields.whole("num_cat", 0, _LARGEST)
    if number != np.count_nonzero(categorical):
        raise fields.error(f"num_cat is {number}; {np.count_nonzero(categorical)} nodes have sets")
    if not number:
        return nothing, nothing, np.zeros(0, dtype=np.int64)
    bounds = fields.integers("cat_boundaries", number + 1, 0, _LARGEST)
    if bounds[0] != 0 or np.any(np.diff(bounds) < 1):
        raise fields.error("cat_boundaries do not ascend from 0")
    words = fields.integers("cat_threshold", int(bounds[-1]), 0, 2**32 - 1)
    # The threshold of such a node is the number of its set.
    places = threshold[categorical].astype(np.int64)
    if not np.array_equal(np.sort(threshold[categorical]), np.arange(number)):
        raise fields.error("threshold does not name each set once")
    start, length = nothing.copy(), nothing.copy()
    start[categorical], length[categorical] = bounds[places], np.diff(bounds)[places]
    return start, length, words


def _depth(roots: Integers, left: Integers, right: Integers) -> int:
    """Return the greatest number of decisions to a leaf."""
    level, depth = roots, 0
    while len(level := level[left[level] != level]):
        level, depth = np.concatenate([left[level], right[level]]), depth + 1
    return depth

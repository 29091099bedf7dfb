"""Wild cluster bootstrap intervals of means that are clustered in two ways.

Cameron, Gelbach and Miller (2008), Review of Economics and Statistics 90: the residuals of each
politician are multiplied by one random sign, and the statistic is studentised. With errors
clustered in two ways as MacKinnon, Nielsen and Webb (2021), Journal of Business & Economic
Statistics 39: signs by one dimension, studentised by the two-way standard error.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.random import PCG64, Generator

from quant.analytics.arrays import Floats, Integers
from quant.analytics.performance.clustered import cluster_codes

DRAWS: Final = 999
_TAIL: Final = 0.025
# With fewer clusters, signs alone give too few distinct draws: Webb's six points do instead
# (Webb 2023, Canadian Journal of Economics 56).
_FEW_CLUSTERS: Final = 12
_SIX_POINTS: Final = np.sqrt(np.array([0.5, 1.0, 1.5]))
# Elements of one batch of draws, so that it stays in the processor's cache.
_BATCH: Final = 1 << 18


def seeded(*parts: str) -> Generator:
    """Return a generator whose stream depends on the given names alone."""
    digest = hashlib.sha256("\x1f".join(parts).encode()).digest()
    return Generator(PCG64(int.from_bytes(digest[:16])))


@dataclass(frozen=True, slots=True)
class _Cells:
    """Sums over the trades of one politician on one date, which is all that a draw needs.

    Attributes:
        politician: Of each cell, shape (c,), ascending within a date.
        starts: First cell of each date, shape (dates,).
        score: Sums of weighted residuals, shape (c,).
        weight: Sums of weights, shape (c,).
    """

    politician: Integers
    starts: Integers
    score: Floats
    weight: Floats


def bootstrap_interval(
    values: Floats,
    weights: Floats,
    dimensions: Sequence[Integers],
    generator: Generator,
    draws: int = DRAWS,
) -> tuple[float, float]:
    """Return the bootstrap-t interval of a weighted mean, of 95 %.

    Args:
        values: Shape (n,).
        weights: Positive, shape (n,).
        dimensions: Labels of politicians and of dates, shape (n,) each.
        generator: Of the random signs.
        draws: Bootstrap samples.

    Returns:
        Both ends; NaN with fewer than two clusters in a dimension or without variation.
    """
    politician, politicians = cluster_codes(dimensions[0])
    date, dates = cluster_codes(dimensions[1])
    if min(politicians, dates) < 2:
        return np.nan, np.nan
    centre = float(weights @ values / weights.sum())
    cells = _cells(weights * (values - centre), weights, politician, date)
    signs = _signs(generator, draws, politicians)
    identity = np.ones((1, politicians))
    [[_, observed]] = _studentised(cells, identity)
    if not observed > 0:
        return np.nan, np.nan
    batch = max(1, _BATCH // len(cells.score))
    drawn = np.concatenate(
        [_studentised(cells, signs[i : i + batch]) for i in range(0, draws, batch)]
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        statistics = drawn[:, 0] / drawn[:, 1]
    statistics = np.sort(statistics[np.isfinite(statistics)])
    if not len(statistics):
        return np.nan, np.nan
    low, high = np.quantile(statistics, [_TAIL, 1 - _TAIL])
    return centre - float(high) * observed, centre - float(low) * observed


def _signs(generator: Generator, draws: int, clusters: int) -> Floats:
    sign: Floats = np.asarray(generator.choice([-1.0, 1.0], (draws, clusters)))
    if clusters < _FEW_CLUSTERS:
        sign *= generator.choice(_SIX_POINTS, (draws, clusters))
    return sign


def _cells(scores: Floats, weights: Floats, politician: Integers, date: Integers) -> _Cells:
    politicians = int(politician.max()) + 1
    pairs, places = np.unique(date * politicians + politician, return_inverse=True)
    return _Cells(
        pairs % politicians,
        np.flatnonzero(np.diff(pairs // politicians, prepend=-1)),
        np.bincount(places, scores),
        np.bincount(places, weights),
    )


def _studentised(cells: _Cells, signs: Floats) -> Floats:
    """Return how far each draw's mean is from the centre, and its two-way standard error.

    Args:
        cells: c cells.
        signs: Multiplier of each politician's residuals, shape (draws, politicians).

    Returns:
        Shape (draws, 2).
    """
    politicians, dates = signs.shape[1], len(cells.starts)
    total = cells.weight.sum()
    drawn = signs[:, cells.politician] * cells.score
    moved = drawn.sum(axis=1) / total
    # Residuals about the mean of the draw.
    drawn -= moved[:, None] * cells.weight
    both = np.square(drawn).sum(axis=1)
    by_date = np.square(np.add.reduceat(drawn, cells.starts, axis=1)).sum(axis=1)
    own = np.bincount(cells.politician, cells.score, politicians)
    weight = np.bincount(cells.politician, cells.weight, politicians)
    by_politician = np.square(signs * own - moved[:, None] * weight).sum(axis=1)
    one_way = [
        squares * clusters / (clusters - 1)
        for squares, clusters in ((by_politician, politicians), (by_date, dates))
    ]
    pairs = len(cells.score)
    two_way = one_way[0] + one_way[1] - both * pairs / (pairs - 1)
    variance = np.maximum.reduce([two_way, *one_way])
    return np.column_stack([moved, np.sqrt(variance) / total])

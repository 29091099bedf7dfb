"""Surrogate weekly series: what two independent members' series could have looked like.

Sources: Kunsch (1989), Annals of Statistics 17, and Lahiri (2003), Resampling Methods for Dependent
Data, on blocks; Besag and Clifford (1991), Biometrika 78, on stopping early.
"""

import hashlib
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from numpy.random import PCG64, Generator

from quant.analytics.arrays import Floats, Integers

# Half a year: long enough to keep what successive weeks of one member have in common.
BLOCK_WEEKS: Final = 26
# Six blocks have 720 orders, each in as many rotations as there are weeks.
_FEWEST_BLOCKS: Final = 6
_MOST_BLOCKS: Final = 10
# Six blocks of a quarter.
MIN_WEEKS: Final = 78

FEW: Final = 499
MANY: Final = 9_999
# With as many of the few at least as extreme, more of them could not make a result of it.
_ENOUGH: Final = 10
_AT_ONCE: Final = 1000


def pair_generator(method: str, names: Sequence[str]) -> Generator:
    """Return a generator that is the same for the same method and names, in any order."""
    text = "\n".join((method, *sorted(names)))
    return np.random.Generator(PCG64(int.from_bytes(hashlib.sha256(text.encode()).digest()[:16])))


def block_permutations(weeks: int, copies: int, generator: Generator) -> Integers:
    """Return orders of the weeks in which blocks of consecutive weeks changed places.

    The circle of weeks is cut at a random place into six to ten blocks, of half a year where the
    weeks allow, which are put together in random order. So a series keeps its values and how they
    follow each other within a block, and loses what it has in common with another one.

    Args:
        weeks: Number of weeks, at least ``MIN_WEEKS``.
        copies: Number of orders.
        generator: Source of randomness.

    Returns:
        Shape (copies, weeks): each row is a permutation of the weeks.
    """
    blocks = min(max(weeks // BLOCK_WEEKS, _FEWEST_BLOCKS), _MOST_BLOCKS)
    edges = np.linspace(0, weeks, blocks + 1).round().astype(np.int64)
    order = generator.permuted(np.tile(np.arange(blocks), (copies, 1)), axis=1)
    lengths = np.diff(edges)[order]
    starts = np.cumsum(lengths, axis=1) - lengths
    shift = np.repeat((edges[:-1][order] - starts).ravel(), lengths.ravel())
    places = shift.reshape(copies, weeks) + np.arange(weeks)
    places += generator.integers(weeks, size=(copies, 1))
    places[places >= weeks] -= weeks
    return places


def surrogate_mid_p(
    observed: float,
    weeks: int,
    statistic: Callable[[Integers], Floats],
    generator: Generator,
    *,
    most: int = MANY,
) -> tuple[float, int]:
    """Return the empirical mid-p-value of a statistic, and of how many surrogates.

    Few surrogates first; many where few were at least as extreme. Half of the ties count: sums of a
    few trades tie often, and counting all of them would hold the rate of false positives far below
    the nominal one.

    Args:
        observed: Value of the statistic.
        weeks: Number of weeks.
        statistic: Its values for orders of the weeks, (copies, weeks) to (copies,).
        generator: Source of randomness.
        most: Greatest number of surrogates.
    """
    tolerance = 1e-9 * max(1.0, abs(observed))
    for copies in (FEW, most):
        greater = equal = 0
        for start in range(0, copies, _AT_ONCE):
            order = block_permutations(weeks, min(_AT_ONCE, copies - start), generator)
            values = statistic(order)
            above = values > observed + tolerance
            greater += int(above.sum())
            equal += int(((values >= observed - tolerance) & ~above).sum())
        if greater + equal >= _ENOUGH:
            break
    return (greater + (equal + 1) / 2) / (copies + 1), copies

"""Rank p-values of values beside the values known before them (conformal p-values).

Vovk, Gammerman and Shafer (2005), Algorithmic Learning in a Random World, chapters 2 and 8. Under
exchangeability the smoothed p-values of a sequence are independent and uniform, ties or not; the
unsmoothed ones, in which every tie counts against the value, are at least as large.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from quant.analytics.arrays import Days, Floats, Integers

# Values compared at once: bounds the memory of the comparison.
_ROWS: Final = 256


@dataclass(frozen=True, slots=True)
class RankPValues:
    """One-sided p-values (large is unusual) of n values; NaN where there is too little to compare.

    Attributes:
        p_value: (1 + number at least as large) / (1 + number compared).
        smoothed: (number larger + u (1 + number equal)) / (1 + number compared), u uniform.
        compared: Number of values that each one is compared with.
    """

    p_value: Floats
    smoothed: Floats
    compared: Integers


def rank_p_values(
    larger: Integers, equal: Integers, compared: Integers, tie_break: Floats, minimum: int
) -> RankPValues:
    """Return p-values from counts, all of one shape.

    Args:
        larger: Number of compared values that are larger.
        equal: Number of compared values that are equal.
        compared: Number of compared values.
        tie_break: Uniform numbers in [0, 1), independent of the values.
        minimum: Fewest values to compare with.
    """
    total = compared + 1.0
    enough = compared >= minimum
    return RankPValues(
        p_value=np.where(enough, (larger + equal + 1) / total, np.nan),
        smoothed=np.where(enough, (larger + tie_break * (equal + 1)) / total, np.nan),
        compared=compared,
    )


def expanding_rank_p_values(values: Floats, tie_break: Floats, minimum: int) -> RankPValues:
    """Compare each value with all values before it.

    Args:
        values: In the order in which they became known, shape (..., n); no NaN.
        tie_break: Uniform numbers in [0, 1), shape (..., n).
        minimum: Fewest earlier values to compare with.

    Raises:
        ValueError: A value is NaN.
    """
    if np.isnan(values).any():
        msg = "values must not be NaN"
        raise ValueError(msg)
    levels, codes = np.unique(values, return_inverse=True)
    codes = codes.reshape(values.shape)
    larger = np.zeros(values.shape, dtype=np.int64)
    equal = np.zeros(values.shape, dtype=np.int64)
    # Amounts come in few categories: a running count of each is cheaper than comparing pairs.
    for level in range(len(levels)):
        here = codes == level
        before = np.cumsum(here, axis=-1) - here
        equal += np.where(here, before, 0)
        larger += np.where(codes < level, before, 0)
    compared = np.broadcast_to(np.arange(values.shape[-1]), values.shape)
    return rank_p_values(larger, equal, compared, tie_break, minimum)


def reference_rank_p_values(
    values: Floats,
    day: Days,
    reference: Floats,
    reference_day: Days,
    *,
    tie_break: Floats,
    minimum: int,
) -> RankPValues:
    """Compare each value with those of a reference that became known no later than it.

    Args:
        values: Shape (n,); NaN is not tested.
        day: When each became known, shape (n,).
        reference: Shape (m,); NaN is never compared.
        reference_day: When each of the reference became known, shape (m,).
        tie_break: Uniform numbers in [0, 1), shape (n,).
        minimum: Fewest values to compare with.
    """
    usable = ~np.isnan(reference) & ~np.isnat(reference_day)
    reference, reference_day = reference[usable], reference_day[usable]
    larger, equal, compared = (np.zeros(len(values), dtype=np.int64) for _ in range(3))
    for start in range(0, len(values), _ROWS):
        rows = slice(start, start + _ROWS)
        known = reference_day <= day[rows, None]
        larger[rows] = np.count_nonzero(known & (reference > values[rows, None]), axis=1)
        equal[rows] = np.count_nonzero(known & (reference == values[rows, None]), axis=1)
        compared[rows] = np.count_nonzero(known, axis=1)
    compared[np.isnan(values)] = 0
    return rank_p_values(larger, equal, compared, tie_break, max(minimum, 1))

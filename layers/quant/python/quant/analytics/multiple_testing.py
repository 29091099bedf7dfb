"""Corrections for testing many hypotheses at once."""

import numpy as np
from numpy.typing import ArrayLike

from quant.analytics.arrays import Floats


def benjamini_hochberg(p_values: ArrayLike) -> Floats:
    """Return the q-values of the Benjamini-Hochberg step-up procedure.

    Rejecting where q <= 0.05 keeps the expected share of false discoveries at or below 5 % under
    independence or positive regression dependence. Source: Benjamini and Hochberg (1995), Journal
    of the Royal Statistical Society B 57; adjusted values as in Yekutieli and Benjamini (1999).

    Args:
        p_values: Shape (n,); NaN for what was not tested, which does not count.

    Returns:
        Shape (n,), in the order given; NaN where the p-value is.

    Raises:
        ValueError: A p-value is outside of [0, 1].
    """
    p_values = np.asarray(p_values, dtype=np.float64)
    tested = np.flatnonzero(~np.isnan(p_values))
    values = p_values[tested]
    if np.any((values < 0) | (values > 1)):
        msg = "a p-value lies in [0, 1]"
        raise ValueError(msg)
    q_values = np.full(p_values.shape, np.nan)
    order = np.argsort(values, kind="stable")
    scaled = values[order] * len(values) / np.arange(1, len(values) + 1)
    # From the greatest down, so that a smaller p-value never has a greater q-value.
    q_values[tested[order]] = np.minimum.accumulate(scaled[::-1])[::-1]
    return q_values


def permutation_q_values(p_values: ArrayLike, null_p_values: ArrayLike, copies: int) -> Floats:
    """Return q-values from the p-values of the same tests on data in which the null holds.

    Of as many tests as have a p-value that small, so many are expected to be false as there are in
    a copy on average, the data themselves counted in as one of them. It needs no p-value to be
    uniform, and corrects for any dependence that the copies keep. Source: Tusher, Tibshirani and
    Chu (2001), Proceedings of the National Academy of Sciences 98.

    Args:
        p_values: Shape (n,).
        null_p_values: Of all copies together, shape (m,).
        copies: Number of copies.
    """
    p_values = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p_values, kind="stable")
    values = p_values[order]
    null = np.sort(np.asarray(null_p_values, dtype=np.float64))
    false = (1 + np.searchsorted(null, values, side="right")) / (copies + 1)
    rate = np.minimum(false / np.searchsorted(values, values, side="right"), 1)
    q_values = np.empty(len(values))
    q_values[order] = np.minimum.accumulate(rate[::-1])[::-1]
    return q_values

"""Upper tails of sums of independent, unlike Bernoulli variables."""

import numpy as np

from quant.analytics.arrays import Floats, Integers


def poisson_binomial_tail(
    probabilities: Floats, group: Integers, observed: Integers
) -> tuple[Floats, Floats]:
    """Return P(X >= x) and P(X = x) of the Poisson-binomial distribution, for g sums at once.

    By convolution, which adds positive numbers only and so keeps the relative accuracy of tails
    however small. Source: Barlow and Heidtmann (1984), IEEE Transactions on Reliability R-33.

    Args:
        probabilities: Of success of each variable, shape (n,).
        group: Ascending sum, from 0, that each variable belongs to, shape (n,).
        observed: The x of each sum, shape (g,).

    Returns:
        Two arrays of shape (g,).
    """
    sums = len(observed)
    start = np.searchsorted(group, np.arange(sums))
    length = np.bincount(group, minlength=sums)
    tail, mass = np.ones(sums), np.zeros(sums)
    # Sums of like x share an array, whose width is the greatest x among them.
    scale = np.frexp(observed)[1]
    for level in np.unique(scale):
        members = np.flatnonzero(scale == level)
        members = members[np.argsort(-length[members], kind="stable")]
        law = _capped(probabilities, start[members], length[members], int(observed[members].max()))
        rows = np.arange(len(members))
        below = np.cumsum(law[:, ::-1], axis=1)[:, ::-1]
        tail[members], mass[members] = (
            below[rows, observed[members]],
            law[rows, observed[members]],
        )
    return tail, mass


def _capped(probabilities: Floats, start: Integers, length: Integers, cap: int) -> Floats:
    """Return P(X = 0), ..., P(X = cap), P(X > cap) of sums in descending order of length."""
    law = np.zeros((len(start), cap + 2))
    law[:, 0] = 1
    active = np.searchsorted(-length, -np.arange(length.max(initial=0)), side="left")
    for step, count in enumerate(active):
        success = probabilities[start[:count] + step, None]
        part = law[:count]
        moved = part[:, :-1] * success
        part[:, :-1] -= moved
        part[:, 1:] += moved
    return law

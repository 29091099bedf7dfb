"""A hidden Markov model of two Poisson rates, estimated anew every year of an expanding window."""

from typing import Final

import numpy as np

from quant.analytics.arrays import Floats, Integers
from quant.analytics.patterns.hmm import PoissonHmm, filter_states, infer

_REFIT: Final = 52  # weeks between two estimates
# A fixed number: what stops one window's estimate early must not be another, later one's.
_ITERATIONS: Final = 30
# Prior counts of stays and moves in a row of the transition matrix: rows never become certain.
_PRIOR: Final = np.array([[2.0, 0.2], [0.2, 2.0]])[:, :, None]


def regime_moments(y: Integers, first: int, horizons: tuple[int, ...]) -> tuple[Floats, Floats]:
    """Return mean and variance of the next weeks' sums, by origin and horizon.

    The moments are exact, given the rates and transitions estimated of the weeks before the last
    estimate and the states' probabilities at the origin.

    Args:
        y: Weekly counts, shape (T,).
        first: First origin.
        horizons: Weeks.
    """
    starts = np.arange(first, len(y) + 1, _REFIT)
    known = np.arange(len(y))[:, None] < starts
    model = fit(np.where(known, y[:, None], np.nan))
    filtered, *_ = filter_states(model, np.repeat(y[:, None].astype(np.float64), len(starts), 1))
    shape = (len(y) + 1 - first, len(horizons))
    means, variances = np.empty(shape), np.empty(shape)
    for place, start in enumerate(starts.tolist()):
        origins = np.arange(start, min(start + _REFIT, len(y) + 1))
        transition = model.transition[:, :, place]
        state = filtered[origins - 1, :, place] @ transition
        for column, horizon in enumerate(horizons):
            mean, variance = sum_moments(state, model.rates[:, place], transition, horizon)
            means[origins - first, column], variances[origins - first, column] = mean, variance
    return means, variances


def fit(counts: Floats) -> PoissonHmm:
    """Estimate a model of each series by Baum-Welch, from its quantiles on.

    Args:
        counts: n series, shape (t, n); NaN where missing.
    """
    observed = ~np.isnan(counts)
    filled = np.where(observed, counts, 0.0)
    low, high = np.nanquantile(counts, [0.25, 0.9], axis=0)
    low = np.maximum(low, 0.1)
    rates = np.stack([low, np.maximum.reduce([high, 2 * low, np.nanmean(counts, axis=0)])])
    n = counts.shape[1]
    start = np.full((2, n), 0.5)
    transition = np.repeat(np.array([[0.9, 0.1], [0.1, 0.9]])[:, :, None], n, axis=2)
    for _ in range(_ITERATIONS):
        inferred = infer(PoissonHmm(start, transition, rates), counts)
        weight = inferred.smoothed * observed[:, None, :]
        # Half an event more, as in the baseline, so that no rate is zero.
        rates = (np.einsum("tkn,tn->kn", weight, filled) + 0.5) / (weight.sum(axis=0) + 1.0)
        moves = inferred.transitions + _PRIOR
        transition = moves / moves.sum(axis=1, keepdims=True)
    return PoissonHmm(start, transition, rates)


def sum_moments(
    state: Floats, rates: Floats, transition: Floats, horizon: int
) -> tuple[Floats, Floats]:
    """Return mean and variance of the sum of Poisson counts over the next weeks, shape (...).

    Args:
        state: Probability of each state in the first of these weeks, shape (..., k).
        rates: Shape (k,).
        transition: Shape (k, k).
        horizon: Weeks.
    """
    # Of each state: probability, expected sum so far and expected square of it, on its paths.
    probability, total, square = state, np.zeros_like(state), np.zeros_like(state)
    for week in range(horizon):
        if week:
            probability, total, square = (
                moment @ transition for moment in (probability, total, square)
            )
        square = square + 2 * total * rates + probability * rates * rates
        total = total + probability * rates
    mean = total.sum(axis=-1)
    return mean, mean + square.sum(axis=-1) - mean * mean

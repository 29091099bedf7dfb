"""A two-state Poisson hidden Markov model, re-estimated as weeks go by."""

from typing import Final

import numpy as np

from quant.analytics.arrays import Floats, Integers

_REFIT: Final = 52  # weeks between two estimates
_ITERATIONS: Final = 40
_LEAST_RATE: Final = 1e-3
# Prior counts of stays and moves in a row of the transition matrix: rows never become certain.
_PRIOR: Final = np.array([[2.0, 0.2], [0.2, 2.0]])


def regime_moments(y: Integers, first: int, horizons: tuple[int, ...]) -> tuple[Floats, Floats]:
    """Return mean and variance of the next weeks' sums, by origin and horizon.

    The moments of the sum are exact, given the rates and transitions estimated of the weeks
    before the last estimate and the state's probabilities at the origin.

    Args:
        y: Weekly counts, shape (T,).
        first: First origin.
        horizons: Weeks.
    """
    log_factorial = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, int(y.max()) + 1)))])
    means, variances = [], []
    for start in range(first, len(y) + 1, _REFIT):
        rates, transition = fit(y[:start], log_factorial)
        end = min(start + _REFIT, len(y) + 1)
        state = filtered(y[: end - 1], rates, transition, log_factorial)
        for origin in range(start, end):
            moments = [sum_moments(state[origin], rates, transition, h) for h in horizons]
            means.append([mean for mean, _ in moments])
            variances.append([variance for _, variance in moments])
    return np.array(means), np.array(variances)


def _likelihood(y: Integers, rates: Floats, log_factorial: Floats) -> Floats:
    """Return the Poisson likelihood by week and state, each week's greatest being 1."""
    log = y[:, None] * np.log(rates) - rates - log_factorial[y][:, None]
    return np.asarray(np.exp(log - log.max(axis=1, keepdims=True)))


def filtered(y: Integers, rates: Floats, transition: Floats, log_factorial: Floats) -> Floats:
    """Return the probabilities of the states of week t given y[:t], shape (T + 1, 2)."""
    seen = _likelihood(y, rates, log_factorial)
    state = np.full((len(y) + 1, 2), 0.5)
    for week in range(len(y)):
        updated = (state[week] * seen[week]) @ transition
        state[week + 1] = updated / updated.sum()
    return state


def fit(y: Integers, log_factorial: Floats) -> tuple[Floats, Floats]:
    """Return rates and transition matrix by Baum-Welch (Baum et al. 1970), from quantiles.

    Args:
        y: Weekly counts, shape (T,).
        log_factorial: Logarithms of the factorials of 0 to the greatest count.
    """
    rates = np.maximum([np.quantile(y, 0.25), np.quantile(y, 0.9)], [0.1, 0.5])
    rates[1] = max(rates[1], 2 * rates[0], float(y.mean()))
    transition = np.array([[0.9, 0.1], [0.1, 0.9]])
    for _ in range(_ITERATIONS):
        seen = _likelihood(y, rates, log_factorial)
        ahead = filtered(y, rates, transition, log_factorial)[:-1] * seen
        ahead /= ahead.sum(axis=1, keepdims=True)
        back = np.ones((len(y), 2))
        for week in range(len(y) - 2, -1, -1):
            back[week] = transition @ (seen[week + 1] * back[week + 1])
            back[week] /= back[week].sum()
        occupancy = ahead * back
        occupancy /= occupancy.sum(axis=1, keepdims=True)
        pairs = ahead[:-1, :, None] * transition * (seen[1:] * back[1:])[:, None, :]
        moves = (pairs / pairs.sum(axis=(1, 2), keepdims=True)).sum(axis=0) + _PRIOR
        updated = np.maximum((y @ occupancy + 0.5) / (occupancy.sum(axis=0) + 1.0), _LEAST_RATE)
        transition = moves / moves.sum(axis=1, keepdims=True)
        converged = np.allclose(updated, rates, rtol=1e-4)
        rates = updated
        if converged:
            break
    return rates, transition


def sum_moments(
    state: Floats, rates: Floats, transition: Floats, horizon: int
) -> tuple[float, float]:
    """Return mean and variance of the sum of Poisson counts over the next weeks."""
    # Of each state: probability, expected sum so far and expected square of it, on its paths.
    probability, total, square = state, np.zeros(2), np.zeros(2)
    for week in range(horizon):
        if week:
            probability, total, square = (
                moment @ transition for moment in (probability, total, square)
            )
        square = square + 2 * total * rates + probability * rates * rates
        total = total + probability * rates
    mean = float(total.sum())
    return mean, mean + float(square.sum()) - mean * mean

"""Distribution functions that NumPy lacks, vectorised; the tests compare them with SciPy.

SciPy itself would add some 110 MB to every function that computes.
"""

import math
from collections.abc import Callable
from statistics import NormalDist
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from quant.analytics.arrays import Flags, Floats

_NORMAL: Final = NormalDist()
_EPSILON: Final = np.finfo(np.float64).eps
# Of Lentz's algorithm in place of a zero denominator (Press et al. 2007, section 5.2).
_TINY: Final = 1e-300
_MOST_TERMS: Final = 10_000


def _elementwise(function: Callable[[float], float], values: ArrayLike) -> Floats:
    array = np.asarray(values, dtype=np.float64)
    flat = np.fromiter((function(value) for value in array.ravel()), np.float64, array.size)
    return flat.reshape(array.shape)


def normal_sf(z: ArrayLike) -> Floats:
    """Return P(Z > z) of the standard normal distribution, of the shape of ``z``; NaN gives NaN."""
    return 0.5 * _elementwise(lambda value: math.erfc(value / math.sqrt(2)), z)


def normal_ppf(p: ArrayLike) -> Floats:
    """Return the standard normal quantiles of ``p``, of its shape; -inf at 0 and inf at 1.

    Raises:
        ValueError: A probability is outside of [0, 1].
    """

    def quantile(value: float) -> float:
        if math.isnan(value):
            return math.nan
        if value in {0.0, 1.0}:
            return math.inf if value else -math.inf
        if not 0 < value < 1:
            msg = f"{value} is no probability"
            raise ValueError(msg)
        return _NORMAL.inv_cdf(value)

    return _elementwise(quantile, p)


def log_gamma(x: ArrayLike) -> Floats:
    """Return the logarithm of the gamma function of positive ``x``, of its shape."""
    return _elementwise(math.lgamma, x)


def incomplete_beta(a: ArrayLike, b: ArrayLike, x: ArrayLike) -> Floats:
    """Return the regularised incomplete beta function I_x(a, b), of the broadcast shape.

    By its continued fraction (Press et al. 2007, Numerical Recipes, section 6.4).

    Args:
        a: Positive.
        b: Positive.
        x: In [0, 1]; NaN gives NaN.
    """
    a, b, x = np.broadcast_arrays(*(np.asarray(value, dtype=np.float64) for value in (a, b, x)))
    # The fraction converges fast below the mean; above it the mirror image does.
    mirrored = x > (a + 1) / (a + b + 2)
    first, second = np.where(mirrored, b, a), np.where(mirrored, a, b)
    at = np.where(mirrored, 1 - x, x)
    with np.errstate(divide="ignore", invalid="ignore"):
        log_front = (
            log_gamma(first + second)
            - log_gamma(first)
            - log_gamma(second)
            + first * np.log(at)
            + second * np.log1p(-at)
        )
    front = np.where((at > 0) & (at < 1), np.exp(log_front), 0.0)
    value = front * _beta_fraction(first, second, at) / first
    value = np.where(np.isnan(x), np.nan, value)
    return np.where(mirrored, 1 - value, value)


def _beta_fraction(a: Floats, b: Floats, x: Floats) -> Floats:
    """Evaluate the continued fraction of the incomplete beta function by Lentz's algorithm."""
    x = np.nan_to_num(x)
    c = np.ones_like(x)
    d = 1 / _away_from_zero(1 - (a + b) * x / (a + 1))
    value = d.copy()
    for m in range(1, _MOST_TERMS):
        change = np.ones_like(x)
        for numerator in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 / _away_from_zero(1 + numerator * d)
            c = _away_from_zero(1 + numerator / c)
            change = c * d
            value = value * change
        if np.all(np.abs(change - 1) < 4 * _EPSILON):
            break
    return value


def _away_from_zero(values: Floats) -> Floats:
    return np.where(np.abs(values) < _TINY, _TINY, values)


def student_t_sf(t: ArrayLike, degrees: ArrayLike) -> Floats:
    """Return P(T > t) of Student's t distribution, of the broadcast shape.

    Args:
        t: Values; NaN gives NaN.
        degrees: Degrees of freedom, positive; infinity gives the normal distribution.
    """
    t, degrees = np.broadcast_arrays(
        np.asarray(t, dtype=np.float64), np.asarray(degrees, dtype=np.float64)
    )
    finite = np.isfinite(degrees)
    of = np.where(finite, degrees, 1.0)
    with np.errstate(over="ignore", invalid="ignore"):
        squares = np.square(t)
        tail = 0.5 * incomplete_beta(of / 2, 0.5, np.where(np.isinf(t), 0.0, of / (of + squares)))
    value = np.where(t > 0, tail, 1 - tail)
    return np.where(finite, value, normal_sf(t))


def student_t_ppf(p: ArrayLike, degrees: ArrayLike) -> Floats:
    """Return the quantiles of Student's t distribution, of the broadcast shape.

    Args:
        p: Probabilities in (0, 1).
        degrees: Degrees of freedom, positive; infinity gives the normal distribution.
    """
    p, degrees = np.broadcast_arrays(
        np.asarray(p, dtype=np.float64), np.asarray(degrees, dtype=np.float64)
    )
    # The upper tail alone, as 1 - sf would lose the digits of small probabilities.
    tail = np.minimum(p, 1 - p)
    # Newton's method from the left: the tail is convex and heavier than the normal one, so that
    # every step ends left of the quantile, from the normal quantile on.
    value = -normal_ppf(tail)
    for _ in range(_MOST_TERMS):
        step = (student_t_sf(value, degrees) - tail) / _student_t_pdf(value, degrees)
        value = value + np.maximum(step, 0.0)
        # The error after a step is the square of the step: nothing that a double could tell.
        if np.all(step <= 1e-9 * value):
            break
    return np.where(p < 0.5, -value, value)


def _student_t_pdf(t: Floats, degrees: Floats) -> Floats:
    finite = np.isfinite(degrees)
    of = np.where(finite, degrees, 1.0)
    log_front = log_gamma((of + 1) / 2) - log_gamma(of / 2) - np.log(of * math.pi) / 2
    value = np.exp(log_front - (of + 1) / 2 * np.log1p(np.square(t) / of))
    normal = np.exp(-np.square(t) / 2) / math.sqrt(2 * math.pi)
    return np.where(finite, value, normal)


def hypergeometric_pmf(
    k: ArrayLike, population: ArrayLike, successes: ArrayLike, draws: ArrayLike
) -> Floats:
    """Return P(X = k) of the hypergeometric distribution, of the broadcast shape.

    Args:
        k: Successes drawn.
        population: Size of the population.
        successes: Successes in it.
        draws: Draws without replacement.
    """
    k, population, successes, draws = np.broadcast_arrays(
        *(np.asarray(value, dtype=np.float64) for value in (k, population, successes, draws))
    )
    possible = (k >= np.maximum(0, draws + successes - population)) & (
        k <= np.minimum(draws, successes)
    )
    # Any possible value where k is not: the logarithms of factorials need one.
    at = np.where(possible, k, np.maximum(0, draws + successes - population))

    def log_choose(n: Floats, m: Floats) -> Floats:
        return _log_factorial(n) - _log_factorial(m) - _log_factorial(n - m)

    log = (
        log_choose(successes, at)
        + log_choose(population - successes, draws - at)
        - log_choose(population, draws)
    )
    return np.where(possible, np.exp(log), 0.0)


def _log_factorial(n: Floats) -> Floats:
    # One value of each number that occurs: pairs of a few hundred members share their counts.
    numbers, places = np.unique(n, return_inverse=True)
    return log_gamma(numbers + 1)[places].reshape(n.shape)


def hypergeometric_sf(
    k: ArrayLike, population: ArrayLike, successes: ArrayLike, draws: ArrayLike
) -> Floats:
    """Return P(X >= k), the upper tail with ``k`` itself, of the broadcast shape.

    SciPy's ``hypergeom.sf(k - 1, population, successes, draws)``. Arguments as of
    ``hypergeometric_pmf``.
    """
    k, population, successes, draws = np.broadcast_arrays(
        *(np.asarray(value, dtype=np.float64) for value in (k, population, successes, draws))
    )
    shape = k.shape
    k, population, successes, draws = (value.ravel() for value in (k, population, successes, draws))
    mode = np.floor((draws + 1) * (successes + 1) / (population + 2))
    upward = k > mode
    # Below the mode the upper tail begins with terms too small for a double: take the lower one.
    start = np.where(upward, k, k - 1)
    total = _tail(start, population, successes, draws, upward=upward)
    return np.where(upward, total, 1 - total).clip(0, 1).reshape(shape)


def _tail(
    start: Floats, population: Floats, successes: Floats, draws: Floats, *, upward: Flags
) -> Floats:
    """Sum the probabilities from ``start`` to the end of the support, away from the mode."""
    term = hypergeometric_pmf(start, population, successes, draws)
    total = term.copy()
    active = np.flatnonzero(term > 0)
    at = start[active]
    while active.size:
        n, s, d, up = population[active], successes[active], draws[active], upward[active]
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(
                up,
                (s - at) * (d - at) / ((at + 1) * (n - s - d + at + 1)),
                at * (n - s - d + at) / ((s - at + 1) * (d - at + 1)),
            )
        term[active] *= np.maximum(ratio, 0)
        total[active] += term[active]
        at = np.where(up, at + 1, at - 1)
        going_on = term[active] > total[active] * _EPSILON / 8
        active, at = active[going_on], at[going_on]
    return total

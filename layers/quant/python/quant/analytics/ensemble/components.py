"""The components: each says mean and variance of the next weeks' sum at every origin.

A component is a function of the counts y of T weeks, the first origin and the horizons; it returns
mean and variance of the sum of y[t], ..., y[t + h - 1] for each origin t from ``first`` to T, shape
(T - first + 1, horizons), of which row t uses y[:t] alone.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np

from quant.analytics.arrays import Floats, Integers
from quant.analytics.ensemble.regime import regime_moments
from quant.analytics.patterns.dtw import warping_distance

_HALF_LIFE: Final = 13  # weeks
_HAZARD: Final = 1 / 52  # changepoints a week, before seeing any
_REFIT: Final = 13  # weeks between two estimates of the cycle
_SHORTEST_CYCLE: Final = 3  # weeks
_WINDOW: Final = 12  # weeks of an analogue
_BAND: Final = 2  # weeks, of the Sakoe-Chiba band
_ANALOGUES: Final = 10


class Moments(NamedTuple):
    """Mean and variance of the sum, by origin and horizon."""

    mean: Floats
    variance: Floats


type Component = Callable[[Integers, int, tuple[int, ...]], Moments]


def _of_sums(mean: Floats, variance: Floats, weight: Floats, horizons: tuple[int, ...]) -> Moments:
    """Return the moments of sums of independent weeks with an estimated mean.

    Args:
        mean: Of one week, by origin.
        variance: Of one week, by origin.
        weight: Number of weeks that the mean is estimated of, by origin.
        horizons: Weeks.
    """
    h = np.array(horizons, dtype=np.float64)
    spread = np.maximum(variance, mean)[:, None]
    return Moments(mean[:, None] * h, spread * (h + h * h / weight[:, None]))


def historical_mean(y: Integers, first: int, horizons: tuple[int, ...]) -> Moments:
    """The baseline: mean and variance of all weeks before.

    Half an event is added (Jeffreys' prior of a Poisson rate), so that no rate is zero.
    """
    n = np.arange(first, len(y) + 1, dtype=np.float64)
    total = np.concatenate([[0], np.cumsum(y)])[first:]
    squares = np.concatenate([[0], np.cumsum(y * y)])[first:]
    variance = (squares - total * total / n) / np.maximum(n - 1, 1)
    return _of_sums((total + 0.5) / n, variance, n, horizons)


def recent_rate(y: Integers, first: int, horizons: tuple[int, ...]) -> Moments:
    """Exponentially weighted mean and variance, with a half-life of 13 weeks.

    Brown (1959), Statistical Forecasting for Inventory Control.
    """
    keep = 0.5 ** (1 / _HALF_LIFE)
    weight = total = squares = weight_squares = 0.0
    rows = []
    for week, count in enumerate([*y.tolist(), 0]):
        if week >= first:
            effective = weight * weight / weight_squares
            mean = (total + 0.5) / weight
            spread = max(squares / weight - (total / weight) ** 2, 0.0)
            rows.append((mean, spread * effective / max(effective - 1, 1), effective))
        weight = keep * weight + 1
        weight_squares = keep * keep * weight_squares + 1
        total = keep * total + count
        squares = keep * squares + count * count
    mean, variance, effective = np.array(rows).T
    return _of_sums(mean, variance, effective, horizons)


def changepoint(y: Integers, first: int, horizons: tuple[int, ...]) -> Moments:
    """Bayesian online changepoint detection with Poisson counts and gamma rates.

    Adams and MacKay (2007), arXiv:0710.3742: one changepoint a year is expected; the prior of a
    new rate has the mean of the weeks before the first origin.
    """
    h = np.array(horizons, dtype=np.float64)
    prior_shape = 0.5
    prior_rate = prior_shape / (float(y[:first].mean()) + 0.5 / first)
    shape, rate = np.array([prior_shape]), np.array([prior_rate])
    log_weight = np.zeros(1)  # of each time since the last changepoint
    log_factorial = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, int(y.max()) + 1)))])
    means, variances = [], []
    for week, count in enumerate([*y.tolist(), 0]):
        if week >= first:
            weight = np.exp(log_weight)
            each = (shape / rate)[:, None] * h
            mean = weight @ each
            spread = each + (shape / rate**2)[:, None] * h * h
            means.append(mean)
            variances.append(weight @ (spread + each * each) - mean * mean)
        if week == len(y):
            break
        # Negative binomial predictive of the week, by run length.
        rising = np.log(shape[:, None] + np.arange(count)).sum(axis=1)
        log_predictive = (
            rising - log_factorial[count] - shape * np.log1p(1 / rate) - count * np.log1p(rate)
        )
        grown = log_weight + log_predictive
        changed = np.logaddexp.reduce(grown) + np.log(_HAZARD)
        log_weight = np.concatenate([[changed], grown + np.log1p(-_HAZARD)])
        log_weight -= np.logaddexp.reduce(log_weight)
        shape = np.concatenate([[prior_shape], shape + count])
        rate = np.concatenate([[prior_rate], rate + 1])
    return Moments(np.array(means), np.array(variances))


def regime(y: Integers, first: int, horizons: tuple[int, ...]) -> Moments:
    """A hidden Markov model of two Poisson rates (Zucchini and MacDonald 2009, chapters 1-5)."""
    return Moments(*regime_moments(y, first, horizons))


def cycle(y: Integers, first: int, horizons: tuple[int, ...]) -> Moments:
    """A sinusoid of the period that is strongest in the periodogram of the weeks before."""
    h = np.array(horizons)
    origins = np.arange(first, len(y) + 1)
    means, variances = np.empty((len(origins), len(h))), np.empty((len(origins), len(h)))
    for start in range(first, len(y) + 1, _REFIT):
        here = slice(start - first, min(start + _REFIT, len(y) + 1) - first)
        past = y[:start].astype(np.float64)
        frequency = _strongest_frequency(past)
        fitted = _harmonics(np.arange(start), frequency)
        coefficients, *_ = np.linalg.lstsq(fitted, past, rcond=None)
        residual = float(np.sum((past - fitted @ coefficients) ** 2) / max(start - 3, 1))
        ahead = _harmonics(np.arange(start, start + _REFIT + int(h.max())), frequency)
        level = past.mean() + 0.5 / start
        expected = np.maximum(ahead @ coefficients, 0.05 * level)
        running = np.concatenate([[0.0], np.cumsum(expected)])
        begin = (origins[here] - start)[:, None]
        means[here] = running[begin + h] - running[begin]
        # Three coefficients and the level's own error.
        variances[here] = residual * (h + 3 * h * h / start)
    return Moments(means, np.maximum(variances, means))


def _harmonics(weeks: Integers, frequency: float) -> Floats:
    angle = 2 * np.pi * frequency * weeks
    return np.column_stack([np.ones(len(weeks)), np.cos(angle), np.sin(angle)])


def _strongest_frequency(past: Floats) -> float:
    """Return the Fourier frequency (cycles a week) of most power, of periods seen three times."""
    frequencies = np.fft.rfftfreq(len(past))
    power = np.abs(np.fft.rfft(past - past.mean())) ** 2
    within = (frequencies >= 3 / len(past)) & (frequencies <= 1 / _SHORTEST_CYCLE)
    return float(frequencies[within][np.argmax(power[within])])


def analogues(y: Integers, first: int, horizons: tuple[int, ...]) -> Moments:
    """What followed the ten spells of twelve weeks most like the last one, by DTW.

    Dynamic time warping of the counts' square roots, whose variance is stable, within a band of two
    weeks (Sakoe and Chiba 1978, IEEE Transactions on Acoustics, Speech and Signal Processing 26).
    """
    roots = np.sqrt(y + 0.375)
    ends = np.arange(_WINDOW, len(y) + 1)  # of the spells, exclusive
    spells = np.lib.stride_tricks.sliding_window_view(roots, _WINDOW)
    running = np.concatenate([[0], np.cumsum(y)])
    means, variances = [], []
    for origin in range(first, len(y) + 1):
        distance = warping_distance(spells[origin - _WINDOW], spells[: origin - _WINDOW], _BAND)
        order = np.argsort(distance, kind="stable")
        row = []
        for h in horizons:
            # Only spells whose next h weeks are over.
            similar = ends[order[ends[order] + h <= origin]][:_ANALOGUES]
            followed = (running[similar + h] - running[similar]).astype(np.float64)
            count = max(len(followed), 1)
            mean = (followed.sum() + 0.5) / count
            spread = followed.var(ddof=1) if count > 1 else mean
            row.append((mean, max(spread, mean) * (1 + 1 / count)))
        means.append([mean for mean, _ in row])
        variances.append([variance for _, variance in row])
    return Moments(np.array(means), np.array(variances))


BASELINE: Final = "historical_mean"
COMPONENTS: Final[dict[str, Component]] = {
    BASELINE: historical_mean,
    "recent_rate": recent_rate,
    "changepoint": changepoint,
    "regime": regime,
    "cycle": cycle,
    "analogues": analogues,
}

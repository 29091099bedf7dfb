"""Changes of a Poisson rate: where they are, and whether there are any."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.random import Generator

from quant.analytics.arrays import Floats, Integers
from quant.analytics.patterns.surrogates import empirical_p_values, permutations

_BLOCK: Final = 1 << 21


@dataclass(frozen=True, slots=True)
class Segment:
    """Weeks of one rate.

    Attributes:
        start: Place of its first count.
        stop: Place after its last.
        rate: Mean count.
        standard_error: Of the rate, widened by the dispersion of the counts.
    """

    start: int
    stop: int
    rate: float
    standard_error: float


@dataclass(frozen=True, slots=True)
class Segmentation:
    """Segments of a series, and tests of their borders.

    Attributes:
        segments: In the order of time.
        p_values: Of each border, given the two next to it, shape (segments - 1,).
        dispersion: Variance over mean within segments, at least 1.
        penalty: Cost of a border.
    """

    segments: tuple[Segment, ...]
    p_values: Floats
    dispersion: float
    penalty: float


def dispersion(counts: Floats) -> Floats:
    """Return the variance of counts over their mean, from differences of neighbours, at least 1.

    A change of the rate touches one difference alone, so that the estimate is the same with many
    changes and with none; 1 for Poisson counts.

    Args:
        counts: Shape (..., t).
    """
    squares = np.square(np.diff(counts, axis=-1)).sum(axis=-1)
    sums = (counts[..., 1:] + counts[..., :-1]).sum(axis=-1)
    ratio = np.divide(squares, sums, out=np.ones_like(sums), where=sums > 0)
    return np.asarray(np.maximum(ratio, 1.0), dtype=np.float64)


def poisson_cost(total: Floats, length: Floats | Integers) -> Floats:
    """Return -2 times the greatest Poisson log-likelihood of segments, up to a constant.

    The constant depends on the whole series alone.

    Args:
        total: Sum of the counts of each segment.
        length: Number of them, positive.
    """
    positive = total > 0
    rate = np.where(positive, total, 1) / length
    return np.where(positive, -2 * total * np.log(rate), 0.0)


def segment(counts: Floats, penalty: float, least: int) -> list[int]:
    """Return the starts of the segments of least cost and penalty, found by PELT.

    Exact: Killick, Fearnhead and Eckley (2012), Journal of the American Statistical Association
    107. A start that cannot be best any more is dropped only once the one that beats it may be
    followed by a segment of the least length.

    Args:
        counts: Shape (t,).
        penalty: For every segment after the first.
        least: Least length of a segment.

    Returns:
        Places of the first counts of the segments; the first is 0.
    """
    t = len(counts)
    sums = np.concatenate([[0.0], np.cumsum(counts)])
    best = np.full(t + 1, np.inf)
    best[0] = -penalty
    previous = np.zeros(t + 1, dtype=np.int64)
    starts = np.array([0])
    # When each start goes out of use.
    ends = np.full(t + 1, t + 1)
    for stop in range(least, t + 1):
        if stop >= 2 * least:
            starts = np.append(starts, stop - least)
        starts = starts[ends[starts] > stop]
        costs = best[starts] + poisson_cost(sums[stop] - sums[starts], stop - starts)
        place = int(np.argmin(costs))
        best[stop] = costs[place] + penalty
        previous[stop] = starts[place]
        beaten = starts[costs > best[stop]]
        ends[beaten] = np.minimum(ends[beaten], stop + least)
    found = []
    stop = t
    while stop > 0:
        stop = int(previous[stop])
        found.append(stop)
    return found[::-1]


def change_test(rng: Generator, counts: Floats, *, n: int) -> Floats:
    """Return p-values of the null that weeks are exchangeable, against a change of the rate.

    The statistic is the likelihood ratio for a rate that differs between the two extremes of the
    centred cumulative sum: one change, or two with a return (the epidemic alternative of Levin and
    Kline 1985, Statistics in Medicine 4). Permutations keep the distribution of the counts, however
    dispersed.

    Args:
        rng: Source of randomness.
        counts: Shape (s, t).
        n: Permutations.

    Returns:
        Shape (s,).
    """
    p_values = np.empty(len(counts))
    rows = max(1, _BLOCK // (n * counts.shape[1]))
    for first in range(0, len(counts), rows):
        part = counts[first : first + rows]
        null = _change_statistic(permutations(rng, part, n))
        p_values[first : first + rows] = empirical_p_values(_change_statistic(part), null)
    return p_values


def _change_statistic(counts: Floats) -> Floats:
    t = counts.shape[-1]
    sums = np.zeros((*counts.shape[:-1], t + 1))
    np.cumsum(counts, axis=-1, out=sums[..., 1:])
    total = sums[..., -1]
    bridge = sums - total[..., None] * (np.arange(t + 1) / t)
    extremes = np.stack([bridge.argmin(axis=-1), bridge.argmax(axis=-1)], axis=-1)
    low, high = extremes.min(axis=-1), extremes.max(axis=-1)
    inside = (
        np.take_along_axis(sums, high[..., None], axis=-1)
        - np.take_along_axis(sums, low[..., None], axis=-1)
    )[..., 0]
    length = high - low
    outside_length = t - length
    # Extremes next to each other around the circle leave nothing to compare.
    comparable = (length > 0) & (outside_length > 0)
    ratio = (
        poisson_cost(total, np.array(t))
        - poisson_cost(inside, np.maximum(length, 1))
        - poisson_cost(total - inside, np.maximum(outside_length, 1))
    )
    return np.where(comparable, ratio, 0.0)


def segmentation(rng: Generator, counts: Floats, *, least: int, n: int) -> Segmentation:
    """Return the segments of a series and p-values of their borders.

    The penalty is ``3 log t`` times the dispersion: the modified Bayesian information criterion of
    Zhang and Siegmund (2007), Biometrics 63, without its term for the lengths, for quasi-Poisson
    counts.

    Args:
        rng: Source of randomness.
        counts: Shape (t,), t >= 2 * least.
        least: Least length of a segment.
        n: Permutations of each border's two segments.
    """
    spread = float(dispersion(counts))
    penalty = 3 * np.log(len(counts)) * spread
    starts = segment(counts, penalty, least)
    stops = [*starts[1:], len(counts)]
    segments = []
    for start, stop in zip(starts, stops, strict=True):
        rate = float(counts[start:stop].mean())
        # One half keeps the error of a rate of zero above zero.
        error = np.sqrt(spread * max(rate, 0.5 / (stop - start)) / (stop - start))
        segments.append(Segment(start, stop, rate, float(error)))
    p_values = [
        float(change_test(rng, counts[None, start:stop], n=n)[0])
        for start, stop in zip(starts[:-1], stops[1:], strict=True)
    ]
    return Segmentation(tuple(segments), np.array(p_values), spread, float(penalty))

"""Dynamic time warping: repeated windows of a series, and series that move alike.

Counts are compared by their square roots, which makes the spread of busy and quiet weeks alike
(Anscombe 1948, Biometrika 35), z-normalised. Warping is bound by the band of Sakoe and Chiba
(1978), IEEE Transactions on Acoustics, Speech and Signal Processing 26.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.random import Generator

from quant.analytics.arrays import Floats, Integers
from quant.analytics.patterns.surrogates import (
    empirical_p_values,
    fit_serial,
    permutations,
    serial_surrogates,
)

# Pairs warped at once, so that the rows of all their tables stay in a processor's cache.
_BATCH: Final = 8192
# Values of surrogates held at once.
_BLOCK: Final = 1 << 21


@dataclass(frozen=True, slots=True)
class Match:
    """A past window that resembles the latest one.

    Attributes:
        start: Place of its first count.
        distance: Warping distance of the z-normalised windows.
        p_independent: Chance of a window this near anywhere in the past if weeks are exchangeable.
        p_serial: The same if activity comes and goes.
    """

    start: int
    distance: float
    p_independent: float
    p_serial: float

    @property
    def p_value(self) -> float:
        """That of the null of the series: the two are the same where no dependence is found.

        Where weeks are dependent the other null is false, and to ask that it be beaten too would
        cost the test its level.
        """
        return self.p_serial


@dataclass(frozen=True, slots=True)
class MatchSearch:
    """What a search for the latest window in a series' past found.

    Attributes:
        matches: Past windows that do not overlap each other, the nearest first; none where the
            latest window, or the past, has no variation.
        p_value: Of the nearest; NaN without one.
        share: Share of the variance that is autoregressive under the second null.
        phi: Its coefficient a week.
    """

    matches: tuple[Match, ...]
    p_value: float
    phi: float
    share: float


def z_normalise(counts: Floats) -> Floats:
    """Return the square roots of counts, less their mean over their standard deviation.

    Args:
        counts: Shape (..., m); a constant series becomes NaN.
    """
    roots = np.sqrt(counts + 3 / 8)
    centred = roots - roots.mean(axis=-1, keepdims=True)
    deviation = np.sqrt(np.square(centred).mean(axis=-1, keepdims=True))
    return np.divide(centred, deviation, out=np.full_like(centred, np.nan), where=deviation > 1e-12)


def warping_distance(first: Floats, second: Floats, radius: int) -> Floats:
    """Return the dynamic time warping distances of pairs of series.

    The root of the least sum of squared differences over monotone paths whose places differ by at
    most ``radius``; 0 gives the Euclidean distance. dtaidistance calls ``radius + 1`` its window.

    Args:
        first: Shape (..., m).
        second: Shape (..., m); both broadcast. NaN in either gives infinity.
        radius: Half-width of the band, in steps.
    """
    first, second = np.broadcast_arrays(first, second)
    shape, m = first.shape[:-1], first.shape[-1]
    first, second = first.reshape(-1, m), second.reshape(-1, m)
    distances = np.empty(len(first))
    for start in range(0, len(first), _BATCH):
        part = slice(start, start + _BATCH)
        distances[part] = _warp(first[part].T, second[part].T, radius)
    return np.where(np.isnan(distances), np.inf, distances).reshape(shape)


def _warp(first: Floats, second: Floats, radius: int) -> Floats:
    """Return the distances of pairs in columns, shape (m, n) to (n,)."""
    m, n = first.shape
    # Row i of the table from column i - radius on: place k is column i - radius + k.
    padded = np.full((m + 2 * radius, n), np.inf)
    padded[radius : radius + m] = second
    width = 2 * radius + 1
    above = np.full((width + 1, n), np.inf)
    above[radius] = 0  # before the first row, the corner is diagonal to the first column
    for i in range(m):
        row = padded[i : i + width] - first[i]
        row *= row
        # The place above is one further in the row before, the diagonal one the same.
        reach = np.minimum(above[:-1], above[1:]) if i else above[:-1].copy()
        above[0] = row[0] + reach[0]
        for k in range(1, width):
            np.minimum(reach[k], above[k - 1], out=reach[k])
            np.add(row[k], reach[k], out=above[k])
    distances: Floats = np.sqrt(above[radius])
    return distances


def search_matches(
    rng: Generator,
    counts: Floats,
    *,
    length: int,
    radius: int,
    surrogates: int,
    most: int = 3,
) -> list[MatchSearch]:
    """Search each series' past for what resembles its latest window.

    The latest window is held fixed and the past before it is drawn anew under each null; the
    p-value is the rank of the distance among the least distances to those pasts, hence corrected
    for the number of windows searched. Where no serial dependence is found the nulls are the same.

    Args:
        rng: Source of randomness.
        counts: Shape (s, t), t >= 3 * length.
        length: Weeks of a window.
        radius: Half-width of the band.
        surrogates: How many of each null.
        most: Most matches to return.
    """
    latest = z_normalise(counts[:, -length:])
    past = counts[:, :-length]
    distances = _window_distances(latest, past, radius)
    nearest = distances.min(axis=1)
    serial = fit_serial(past)
    independent = np.empty((len(counts), surrogates))
    rows = max(1, _BLOCK // (surrogates * counts.shape[1] * length))
    for first in range(0, len(counts), rows):
        part = slice(first, first + rows)
        series = permutations(rng, past[part], surrogates)
        independent[part] = _window_distances(latest[part, None], series, radius).min(axis=-1)
    dependent = independent.copy()
    places = np.flatnonzero(serial.is_dependent)
    for first in range(0, len(places), rows):
        some = places[first : first + rows]
        series = serial_surrogates(rng, past[some], serial.take(some), surrogates)
        dependent[some] = _window_distances(latest[some, None], series, radius).min(axis=-1)
    found = []
    for i in range(len(counts)):
        matches = tuple(
            Match(
                int(start),
                float(distances[i, start]),
                float(empirical_p_values(-distances[i, start], -independent[i])),
                float(empirical_p_values(-distances[i, start], -dependent[i])),
            )
            for start in _apart(distances[i], length, most)
        )
        p_value = matches[0].p_value if np.isfinite(nearest[i]) else np.nan
        found.append(MatchSearch(matches, p_value, float(serial.phi[i]), float(serial.share[i])))
    return found


def _window_distances(latest: Floats, past: Floats, radius: int) -> Floats:
    """Return the distance of every window of the past to the latest one, shape (..., windows)."""
    windows = z_normalise(sliding_window_view(past, latest.shape[-1], axis=-1))
    return warping_distance(latest[..., None, :], windows, radius)


def _apart(distances: Floats, length: int, most: int) -> list[int]:
    """Return the nearest windows that do not overlap."""
    chosen: list[int] = []
    for start in np.argsort(distances, kind="stable"):
        if len(chosen) == most or not np.isfinite(distances[start]):
            break
        if all(abs(int(start) - other) >= length for other in chosen):
            chosen.append(int(start))
    return chosen


def compare_series(
    rng: Generator,
    counts: Floats,
    pairs: Integers,
    *,
    radius: int,
    surrogates: int,
) -> tuple[Floats, Floats]:
    """Return how far series are from each other, and p-values of their likeness.

    The null is that the second series of a pair does not know the time of the first, which is held
    fixed: the second is drawn anew, in random order or, where serial dependence is found, with that
    dependence. Shifts around a circle would ask no model, but a series joined to its own beginning
    is less like any other, so that of busy times that last long they find too many alike. A trend
    or a season that both share counts as likeness.

    Args:
        rng: Source of randomness.
        counts: Series of the same weeks, shape (s, t), t >= 8.
        pairs: Places of the two series of each pair, shape (p, 2).
        radius: Half-width of the band.
        surrogates: How many of each pair's second series.

    Returns:
        Distances and p-values, shape (p,); infinite and 1 where a series is constant.
    """
    normalised = z_normalise(counts)
    serial = fit_serial(counts)
    distances = warping_distance(normalised[pairs[:, 0]], normalised[pairs[:, 1]], radius)
    null = np.empty((len(pairs), surrogates))
    rows = max(1, _BLOCK // (surrogates * counts.shape[1]))
    dependent = serial.is_dependent[pairs[:, 1]]
    for is_dependent in (False, True):
        places = np.flatnonzero(dependent == is_dependent)
        for start in range(0, len(places), rows):
            some = places[start : start + rows]
            first, second = pairs[some].T
            if is_dependent:
                series = serial_surrogates(rng, counts[second], serial.take(second), surrogates)
            else:
                series = permutations(rng, counts[second], surrogates)
            null[some] = warping_distance(normalised[first, None], z_normalise(series), radius)
    p_values = empirical_p_values(-distances, -null)
    return distances, np.where(np.isfinite(distances), p_values, 1.0)

"""Lomb-Scargle periodograms of counts, and cycles that chance does not explain."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.random import Generator

from quant.analytics.arrays import Floats, Integers
from quant.analytics.patterns.surrogates import (
    SerialFit,
    empirical_p_values,
    fit_serial,
    permutations,
    serial_spectrum,
    serial_surrogates,
)

# Series are transformed in blocks of about this many values.
_BLOCK: Final = 1 << 21


@dataclass(frozen=True, slots=True)
class FrequencyGrid:
    """Frequencies ``index / length``, in cycles a day.

    Attributes:
        index: Whole numbers, ascending, shape (f,).
        length: Days that the series is padded to; its product with a frequency is whole.
    """

    index: Integers
    length: int

    @property
    def frequencies(self) -> Floats:
        """Cycles a day, shape (f,)."""
        return self.index / self.length


@dataclass(frozen=True, slots=True)
class Cycle:
    """A peak of a periodogram.

    Attributes:
        period: Days; the highest frequency of the grid near it.
        low: Lower end of the period where the peak has half its height, days.
        high: Upper end of it.
        power: Share of the counts' variance that a sinusoid of this period explains.
        amplitude: Of that sinusoid, as a multiple of the mean count.
        p_independent: False-alarm probability over all frequencies if days are exchangeable.
        p_serial: The same if activity comes and goes (serially dependent days).
    """

    period: float
    low: float
    high: float
    power: float
    amplitude: float
    p_independent: float
    p_serial: float

    @property
    def p_value(self) -> float:
        """That of the null of the series: the two are the same where no dependence is found.

        Where days are dependent the other null is false, and to ask that it be beaten too would
        cost the test its level.
        """
        return self.p_serial


@dataclass(frozen=True, slots=True)
class CycleSearch:
    """What a search for cycles found.

    Attributes:
        cycles: Highest peaks, the most improbable first.
        p_value: Of the search: of its most improbable frequency.
        phi: Autoregressive coefficient a weekday of the second null.
        share: Share of the variance that is autoregressive under it; 0 for no dependence.
    """

    cycles: tuple[Cycle, ...]
    p_value: float
    phi: float
    share: float


def frequency_grid(
    span: int, *, shortest: float, longest: float, oversampling: int
) -> FrequencyGrid:
    """Return the frequencies of periods within bounds.

    Args:
        span: Days that the series covers.
        shortest: Shortest period, days.
        longest: Longest period, days.
        oversampling: Frequencies per independent one, at least; the grid is made a little finer
            where that is a faster length to transform.
    """
    length = _fast_length(oversampling * span)
    return FrequencyGrid(np.arange(math.ceil(length / longest), int(length / shortest) + 1), length)


def _fast_length(least: int) -> int:
    """Return the least number of that size whose only prime factors are 2, 3 and 5."""
    number = least
    while True:
        rest = number
        for prime in (2, 3, 5):
            while rest % prime == 0:
                rest //= prime
        if rest == 1:
            return number
        number += 1


def lomb_scargle(counts: Floats, offsets: Integers, grid: FrequencyGrid) -> Floats:
    """Return normalised Lomb-Scargle periodograms of series observed on the same days.

    The share of the variance around the mean that a sinusoid explains, in [0, 1] (Lomb 1976;
    Scargle 1982; "standard" normalisation of VanderPlas 2018, ApJS 236). As days are whole numbers
    the trigonometric sums are exact values of a zero-padded Fourier transform.

    Args:
        counts: Shape (..., n); a constant series has power 0.
        offsets: Day of each count, from 0, ascending, shape (n,).
        grid: Frequencies.

    Returns:
        Shape (..., f).
    """
    n = len(offsets)
    observed = np.zeros(grid.length)
    observed[offsets] = 1
    # The phase that makes sine and cosine orthogonal on these days, and their sums of squares.
    double = np.fft.fft(observed)[2 * grid.index % grid.length]
    phase = np.exp(0.5j * np.angle(np.conj(double)))
    cosines = (n + np.abs(double)) / 2
    sines = (n - np.abs(double)) / 2
    weights_c = 1 / cosines
    weights_s = np.divide(1, sines, out=np.zeros_like(sines), where=sines > 1e-9 * n)
    flat = counts.reshape(-1, n)
    power = np.empty((len(flat), len(grid.index)))
    rows = max(1, _BLOCK // grid.length)
    for start in range(0, len(flat), rows):
        block = flat[start : start + rows]
        centred = block - block.mean(axis=1, keepdims=True)
        padded = np.zeros((len(block), grid.length))
        padded[:, offsets] = centred
        transform = np.fft.rfft(padded, axis=1)[:, grid.index] * phase
        explained = transform.real**2 * weights_c + transform.imag**2 * weights_s
        total = np.square(centred).sum(axis=1, keepdims=True)
        power[start : start + rows] = np.divide(
            explained, total, out=np.zeros_like(explained), where=total > 0
        )
    return power.reshape(*counts.shape[:-1], len(grid.index))


def search_cycles(
    rng: Generator,
    counts: Floats,
    offsets: Integers,
    grid: FrequencyGrid,
    *,
    surrogates: int,
    peaks: int = 5,
) -> list[CycleSearch]:
    """Search series for cycles and say how improbable the peaks are without any.

    The p-value of a frequency is the rank of its statistic among the surrogates' maxima over all
    frequencies, hence corrected for having searched them all. If days are exchangeable the
    statistic is the power. If they are serially dependent it is the power over the spectrum of the
    dependence, fitted anew to each surrogate as it was to the series, so that the uncertainty of
    the fit is in the null; where no dependence is found the two nulls are the same.

    Args:
        rng: Source of randomness.
        counts: Series on the same weekdays, shape (s, n).
        offsets: Day of each count, from 0, ascending, shape (n,).
        grid: Frequencies.
        surrogates: How many of each null.
        peaks: Most peaks to return.
    """
    power = lomb_scargle(counts, offsets, grid)
    serial = fit_serial(counts)
    p_independent = np.empty_like(power)
    rows = max(1, 2 * _BLOCK // (surrogates * counts.shape[1]))
    for start in range(0, len(counts), rows):
        part = slice(start, start + rows)
        null = lomb_scargle(permutations(rng, counts[part], surrogates), offsets, grid)
        p_independent[part] = _false_alarm(power[part], null)
    p_serial = p_independent.copy()
    dependent = np.flatnonzero(serial.is_dependent)
    for start in range(0, len(dependent), rows):
        some = dependent[start : start + rows]
        fit = serial.take(some)
        series = serial_surrogates(rng, counts[some], fit, surrogates)
        p_serial[some] = _false_alarm(
            _whitened(power[some], fit, grid),
            # The series got here as dependence was found, hence no surrogate may do without it.
            _whitened(
                lomb_scargle(series, offsets, grid), fit_serial(series, dependent=True), grid
            ),
        )
    return [
        CycleSearch(
            cycles=_cycles(
                power[i], np.stack([p_independent[i], p_serial[i]]), counts[i], grid, peaks
            ),
            p_value=float(p_serial[i].min()),
            phi=float(serial.phi[i]),
            share=float(serial.share[i]),
        )
        for i in range(len(counts))
    ]


def _whitened(power: Floats, fit: SerialFit, grid: FrequencyGrid) -> Floats:
    # Five steps of the series, which has no weekends, are seven days.
    cycles_a_step = grid.frequencies * 7 / 5
    whitened: Floats = power / serial_spectrum(
        fit.phi[..., None], fit.share[..., None], cycles_a_step
    )
    return whitened


def _false_alarm(statistics: Floats, null: Floats) -> Floats:
    """Return the false-alarm probability of each frequency, shape (s, f).

    Args:
        statistics: Shape (s, f).
        null: Of the surrogates, shape (s, n, f).
    """
    maxima = null.max(axis=-1)[:, None, :]
    return empirical_p_values(
        statistics, np.broadcast_to(maxima, (*statistics.shape, maxima.shape[-1]))
    )


def _cycles(
    power: Floats, p_values: Floats, counts: Floats, grid: FrequencyGrid, most: int
) -> tuple[Cycle, ...]:
    """Return the peaks, the most improbable first; ``p_values`` has a row for each null."""
    padded = np.concatenate([[-np.inf], power, [-np.inf]])
    tops = np.flatnonzero((power > padded[:-2]) & (power >= padded[2:]) & (power > 0))
    order = np.lexsort((-power[tops], p_values[1][tops]))
    chosen: dict[int, tuple[float, float]] = {}
    for top in tops[order].tolist():
        low, high = _half_height(power, top)
        # A lesser bump on the slope of a peak is no cycle of its own.
        if not any(
            low <= other <= high or lowest <= top <= highest
            for other, (lowest, highest) in chosen.items()
        ):
            chosen[top] = (low, high)
        if len(chosen) == most:
            break
    places = np.arange(len(power))
    deviation, mean = counts.std(), counts.mean()
    return tuple(
        Cycle(
            period=grid.length / float(grid.index[top]),
            low=grid.length / float(np.interp(high, places, grid.index)),
            high=grid.length / float(np.interp(low, places, grid.index)),
            power=float(power[top]),
            amplitude=float(np.sqrt(2 * power[top]) * deviation / mean),
            p_independent=float(p_values[0, top]),
            p_serial=float(p_values[1, top]),
        )
        for top, (low, high) in chosen.items()
    )


def _half_height(power: Floats, top: int) -> tuple[float, float]:
    """Return where the peak at ``top`` has half its height on either side, in grid steps."""
    half = power[top] / 2
    below = np.flatnonzero(power[: top + 1] < half)
    above = np.flatnonzero(power[top:] < half)
    low, high = 0.0, float(len(power) - 1)
    if len(below):
        place = below[-1]
        low = place + (half - power[place]) / (power[place + 1] - power[place])
    if len(above):
        place = top + above[0]
        high = place - (half - power[place]) / (power[place - 1] - power[place])
    return float(low), float(high)

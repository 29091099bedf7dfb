"""Series that share a series' counts but not its pattern, and p-values against them.

Two nulls. Under the first, days (or weeks) are exchangeable: a permutation of the counts is as
likely as the counts, whatever their distribution. Under the second, activity comes and goes: the
counts are a function of a stationary Gaussian process that is the sum of a first-order
autoregression and white noise. Its surrogates are permutations too, drawn so that busy times lump
together as they do in the data, after the amplitude-adjusted surrogates of Theiler, Eubank,
Longtin, Galdrikian and Farmer (1992), Physica D 58, reviewed by Schreiber and Schmitz (2000),
Physica D 142.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike, NDArray

from quant.analytics.arrays import Flags, Floats, Integers
from quant.analytics.distributions import normal_ppf

# Candidate autoregressive coefficients and shares of the variance that is autoregressive.
_PHI: Final = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.94, 0.97, 0.985])
_SHARES: Final = np.array([0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0])
# What Akaike's criterion asks of the log-likelihood: one for each of the two.
_PARAMETERS: Final = 2
_HERMITE_TERMS: Final = 24
# Two p-values of the same rank differ by rounding; what is equal up to it counts as equal.
_TOLERANCE: Final = 1e-9


@dataclass(frozen=True, slots=True)
class SerialFit:
    """Serial dependence of s series: autocorrelation ``share * phi**lag`` of their counts.

    Attributes:
        phi: Autoregressive coefficient a step, shape (s,).
        share: Share of the variance that is autoregressive, shape (s,); 0 for none.
    """

    phi: Floats
    share: Floats

    @property
    def is_dependent(self) -> Flags:
        """Which series are serially dependent, shape (s,)."""
        dependent: Flags = self.share > 0
        return dependent

    def take(self, which: Flags | Integers) -> "SerialFit":
        """Return the fits that a mask or an array of places selects."""
        return SerialFit(self.phi[which], self.share[which])


def permutations(rng: Generator, counts: Floats, n: int) -> Floats:
    """Return random permutations of each series.

    Args:
        rng: Source of randomness.
        counts: Shape (..., t).
        n: How many of each.

    Returns:
        Shape (..., n, t).
    """
    repeated = np.repeat(counts[..., None, :], n, axis=-2)
    rng.permuted(repeated, axis=-1, out=repeated)
    return repeated


def fit_serial(counts: Floats, *, dependent: bool = False) -> SerialFit:
    """Estimate the serial dependence of counts by Whittle's likelihood on a grid.

    The spectrum of an autoregression in white noise is compared with the periodogram at all
    Fourier frequencies (Whittle 1953, Arkiv foer Matematik 2), the level profiled out. Dependence
    is taken to be there where its two parameters earn their place by Akaike's criterion.

    Args:
        counts: Shape (..., t), t >= 8.
        dependent: Whether dependence is there for sure, as in surrogates drawn to have it.

    Returns:
        The fit of each series; its fields have shape (...).
    """
    t = counts.shape[-1]
    flat = counts.reshape(-1, t)
    centred = flat - flat.mean(axis=1, keepdims=True)
    ordinates = np.abs(np.fft.rfft(centred, axis=1)[:, 1 : (t - 1) // 2 + 1]) ** 2
    frequencies = np.arange(1, ordinates.shape[1] + 1) / t
    phi = np.concatenate([[0.0], np.repeat(_PHI, len(_SHARES))])
    share = np.concatenate([[0.0], np.tile(_SHARES, len(_PHI))])
    spectra = serial_spectrum(phi[:, None], share[:, None], frequencies)
    level = ordinates @ (1 / spectra).T / len(frequencies)
    with np.errstate(divide="ignore", invalid="ignore"):
        # Minus the logarithm of the likelihood, up to a constant.
        cost = len(frequencies) * np.log(level) + np.log(spectra).sum(axis=1)
    if dependent:
        cost[:, 0] = np.inf
    else:
        cost[:, 1:] += _PARAMETERS
    # A constant series has no spectrum, hence no dependence.
    best = np.where(centred.any(axis=1), np.argmin(cost, axis=1), 0)
    shape = counts.shape[:-1]
    return SerialFit(phi[best].reshape(shape), share[best].reshape(shape))


def serial_spectrum(phi: Floats, share: Floats, frequencies: Floats) -> Floats:
    """Return the spectrum of an autoregression in white noise, of mean 1 over all frequencies.

    Args:
        phi: Autoregressive coefficient.
        share: Share of the variance that is autoregressive.
        frequencies: Cycles a step; all three broadcast.
    """
    autoregression = (1 - phi**2) / (1 - 2 * phi * np.cos(2 * np.pi * frequencies) + phi**2)
    spectrum: Floats = share * autoregression + (1 - share)
    return spectrum


def latent_share(counts: Floats, phi: float, share: float) -> float:
    """Return the autoregressive share of the Gaussian process behind counts.

    The map from Gaussian values to counts weakens correlation; by Mehler's formula this share gives
    the counts of lag 1 the autocorrelation ``share * phi``.

    Args:
        counts: Shape (t,).
        phi: Autoregressive coefficient.
        share: Share of the counts' variance that is autoregressive.
    """
    if share == 0:
        return 0.0
    correlations = np.linspace(0, 1, 201)
    wanted = np.interp(share * phi, count_correlation(counts, correlations), correlations)
    return min(1.0, float(wanted) / phi)


def count_correlation(counts: Floats, correlations: Floats) -> Floats:
    """Return the correlation of counts whose Gaussian values have these correlations.

    Args:
        counts: Shape (t,); their ranks are the ranks of the Gaussian values.
        correlations: Ascending, in [0, 1].
    """
    t = len(counts)
    z = _normal_scores(t)
    values = np.sort(counts) - counts.mean()
    # Normalised Hermite polynomials by their recurrence.
    before, current = np.ones(t), z
    weights = []
    for k in range(1, _HERMITE_TERMS + 1):
        weights.append(np.mean(values * current) ** 2)
        before, current = current, (z * current - np.sqrt(k) * before) / np.sqrt(k + 1)
    variance = np.mean(values**2)
    powers = correlations[:, None] ** np.arange(1, _HERMITE_TERMS + 1)
    # What the polynomials up to this order leave out matters only next to a correlation of 1.
    rest = max(variance - sum(weights), 0.0)
    mapped: Floats = (powers @ np.array(weights) + rest * correlations**200) / variance
    return mapped


@lru_cache(maxsize=16)
def _normal_scores(t: int) -> Floats:
    return normal_ppf((np.arange(t) + 0.5) / t)


def serial_surrogates(rng: Generator, counts: Floats, fit: SerialFit, n: int) -> Floats:
    """Return permutations of each series that are serially dependent as ``fit`` says.

    Args:
        rng: Source of randomness.
        counts: Shape (s, t).
        fit: Of the s series.
        n: How many of each.

    Returns:
        Shape (s, n, t).
    """
    s, t = counts.shape
    shares = np.array([latent_share(*row) for row in zip(counts, fit.phi, fit.share, strict=True)])
    # Time first: each step of the recursion then is one contiguous row.
    process = rng.standard_normal((t, s, n), dtype=np.float32)
    phi = fit.phi.astype(np.float32)[:, None]
    innovation = np.sqrt(1 - phi**2)
    for step in range(1, t):
        process[step] *= innovation
        process[step] += phi * process[step - 1]
    process *= np.sqrt(shares).astype(np.float32)[:, None]
    noise = rng.standard_normal((t, s, n), dtype=np.float32)
    noise *= np.sqrt(1 - shares).astype(np.float32)[:, None]
    process += noise
    order = np.argsort(np.moveaxis(process, 0, -1).astype(np.float64, order="C"), axis=-1)
    surrogates = np.empty((s, n, t))
    ranked = np.broadcast_to(np.sort(counts, axis=-1)[:, None, :], surrogates.shape)
    np.put_along_axis(surrogates, order, ranked, axis=-1)
    return surrogates


def empirical_p_values(observed: ArrayLike, null: NDArray[np.floating]) -> Floats:
    """Return (1 + surrogates at least as extreme) / (1 + surrogates), large being extreme.

    Never 0, and exact where the observed value and the surrogates' are exchangeable (Davison and
    Hinkley 1997, Bootstrap Methods and their Application, section 4.2).

    Args:
        observed: Statistics, shape (...).
        null: Statistics of the surrogates, shape (..., n).
    """
    value = np.asarray(observed, dtype=np.float64)[..., None]
    margin = _TOLERANCE * np.abs(value)
    as_extreme = np.count_nonzero(null >= value - np.where(np.isfinite(margin), margin, 0), axis=-1)
    p_values: Floats = (1 + as_extreme) / (1 + null.shape[-1])
    return p_values

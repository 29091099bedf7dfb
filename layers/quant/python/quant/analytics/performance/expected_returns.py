"""What a stock was expected to return: market-adjusted, market model, Fama-French.

The parameters of the two models are estimated on the ``ESTIMATION_DAYS`` returns that end
``ESTIMATION_GAP`` trading days before entry, so the window of the event is no part of them:
MacKinlay (1997), section 4.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from quant.analytics.arrays import Days, FactorPanel, Flags, Floats, Integers

# The window [-273, -22] before entry.
ESTIMATION_DAYS: Final = 252
ESTIMATION_GAP: Final = 22
MINIMUM_OBSERVATIONS: Final = 126

# Trades whose state fits into a processor's second-level cache.
_BATCH: Final = 8192
# Below this share of what independent factors would have, their covariance counts as singular.
_SINGULAR: Final = 1e-10


@dataclass(frozen=True, slots=True)
class Factors:
    """What a model's expected returns are linear in, on d trading days.

    Attributes:
        returns: Factor returns, shape (d, p); NaN where unknown.
        risk_free: Added to the expected and taken from the actual return, shape (d,).
    """

    returns: Floats
    risk_free: Floats


def market_factors(benchmark_returns: Floats) -> Factors:
    """Return the one factor of the market-adjusted and the market model."""
    return Factors(benchmark_returns[:, None], np.zeros(len(benchmark_returns)))


def fama_french_factors(panel: FactorPanel, days: Days) -> Factors:
    """Return the three factors on trading days, NaN on days the panel does not have."""
    columns = (panel.market, panel.smb, panel.hml, panel.risk_free)
    aligned = np.full((len(days), len(columns)), np.nan)
    if len(panel.days):
        places = np.searchsorted(panel.days, days).clip(max=len(panel.days) - 1)
        there = panel.days[places] == days
        aligned[there] = np.column_stack(columns)[places[there]]
    return Factors(aligned[:, :3], aligned[:, 3])


def window_sums(values: Floats, length: int) -> Floats:
    """Return the sums of the last ``length`` rows up to each row; rows before the first are 0.

    Each is a prefix of one block plus a suffix of the block before, so that nothing is subtracted:
    no window takes the rounding of values outside of it, past or future (van Herk 1992, Pattern
    Recognition Letters 13).

    Args:
        values: Shape (d, k).
        length: Rows of a window.

    Returns:
        Shape (d, k).
    """
    rows, columns = values.shape
    blocks = -(-rows // length) + 1
    padded = np.zeros((blocks * length, columns))
    padded[length : length + rows] = values
    padded = padded.reshape(blocks, length, columns)
    prefix = np.cumsum(padded, axis=1).reshape(-1, columns)
    suffix = np.cumsum(padded[:, ::-1], axis=1)[:, ::-1]
    # A window that is a whole block must not count it twice.
    suffix[:, 0] = 0.0
    sums: Floats = prefix[length : length + rows]
    sums += suffix.reshape(-1, columns)[1 : rows + 1]
    return sums


@dataclass(frozen=True, slots=True)
class Loadings:
    """A model's parameters for n trades.

    Attributes:
        alpha: Daily, shape (n,); NaN where it could not be estimated.
        beta: Of each factor, shape (n, p); NaN likewise.
        observations: Days they were estimated on, shape (n,).
    """

    alpha: Floats
    beta: Floats
    observations: Integers


def unit_loadings(trades: int) -> Loadings:
    """Return the parameters that the market-adjusted model takes for granted: alpha 0, beta 1."""
    return Loadings(np.zeros(trades), np.ones((trades, 1)), np.zeros(trades, dtype=np.int64))


def estimate_loadings(
    returns: Floats, factors: Factors, entry: Integers, column: Integers
) -> Loadings:
    """Estimate each trade's parameters by ordinary least squares on its estimation window.

    From sums over windows of the whole panel, two rows of which each trade looks up.

    Args:
        returns: Simple daily returns, shape (d, k); NaN where unknown.
        factors: On the same days.
        entry: Row of each trade's entry, shape (n,).
        column: Column of its ticker, shape (n,).

    Returns:
        The parameters; NaN with fewer than ``MINIMUM_OBSERVATIONS`` days or collinear factors.
    """
    last = entry - ESTIMATION_GAP
    inside = last >= 0
    at = (np.where(inside, last, 0), column)
    has_factors = np.isfinite(factors.returns).all(axis=1) & np.isfinite(factors.risk_free)
    valid: Flags = np.isfinite(returns) & has_factors[:, None]
    excess = np.where(valid, returns - np.where(has_factors, factors.risk_free, 0.0)[:, None], 0.0)
    known = np.where(has_factors[:, None], factors.returns, 0.0).T

    def total(values: Floats) -> Floats:
        return np.asarray(window_sums(values, ESTIMATION_DAYS)[at])

    mask = valid.astype(np.float64)
    n = np.where(inside, total(mask), 0.0)
    n_or_one = np.maximum(n, 1.0)
    y = total(excess)
    x = np.column_stack([total(mask * f[:, None]) for f in known])
    xy = np.column_stack([total(excess * f[:, None]) for f in known]) - x * (y / n_or_one)[:, None]
    xx = (
        _cross_products(mask, known, total)
        - x[:, :, None] * x[:, None, :] / (n_or_one[:, None, None])
    )
    usable = (n >= MINIMUM_OBSERVATIONS) & _is_regular(xx)
    beta = np.full(x.shape, np.nan)
    beta[usable] = np.linalg.solve(xx[usable], xy[usable][:, :, None])[:, :, 0]
    alpha = (y - (x * beta).sum(axis=1)) / n_or_one
    return Loadings(alpha, beta, n.astype(np.int64))


def _cross_products(mask: Floats, known: Floats, total: Callable[[Floats], Floats]) -> Floats:
    """Return the sums of products of each two factors, shape (n, p, p)."""
    rows = [
        [total(mask * (known[row] * known[other])[:, None]) for other in range(row + 1)]
        for row in range(len(known))
    ]
    size = range(len(known))
    return np.stack(
        [np.stack([rows[max(i, j)][min(i, j)] for j in size], axis=-1) for i in size], axis=-2
    )


def _is_regular(matrices: Floats) -> Flags:
    diagonal = np.diagonal(matrices, axis1=1, axis2=2).prod(axis=1)
    return np.asarray(np.linalg.det(matrices) > _SINGULAR * diagonal) & (diagonal > 0)


@dataclass(frozen=True, slots=True)
class Expected:
    """Expected returns of n trades over each of the horizons, NaN where unknown.

    Attributes:
        sums: Sums of the daily returns, shape (n, h).
        growth: Products of 1 + the daily returns, shape (n, h).
        estimated: Whether the model's parameters could be estimated, shape (n,).
    """

    sums: Floats
    growth: Floats
    estimated: Flags


def benchmark_windows(
    benchmark_close: Floats,
    benchmark_returns: Floats,
    entry: Integers,
    horizons: Sequence[int],
) -> Expected:
    """Return what the market-adjusted model expects: the benchmark's own return.

    Windows that end after the last row hold no meaning.

    Args:
        benchmark_close: Shape (d,).
        benchmark_returns: Its simple daily returns, shape (d,).
        entry: Row of each trade's entry, shape (n,).
        horizons: Trading days after entry.
    """
    start = entry[:, None]
    ends = np.minimum(start + np.asarray(horizons), len(benchmark_close) - 1)
    is_known = np.isfinite(benchmark_returns)
    missing = np.cumsum(~is_known)
    sums = np.cumsum(np.where(is_known, benchmark_returns, 0.0))
    gaps = missing[ends] > missing[start]
    return Expected(
        sums=np.where(gaps, np.nan, sums[ends] - sums[start]),
        growth=benchmark_close[ends] / benchmark_close[start],
        estimated=np.ones(len(entry), dtype=np.bool_),
    )


def model_windows(
    factors: Factors, loadings: Loadings, entry: Integers, horizons: Sequence[int]
) -> Expected:
    """Return what a model with parameters of each trade expects, compounded day by day.

    Windows that end after the last row hold no meaning.
    """
    sums = np.empty((len(entry), len(horizons)))
    growth = np.empty_like(sums)
    for start in range(0, len(entry), _BATCH):
        part = slice(start, start + _BATCH)
        sums[part], growth[part] = _accumulated(
            factors, loadings.alpha[part], loadings.beta[part], entry[part], horizons=horizons
        )
    return Expected(sums, growth, np.isfinite(loadings.alpha))


def _accumulated(
    factors: Factors, alpha: Floats, beta: Floats, entry: Integers, *, horizons: Sequence[int]
) -> tuple[Floats, Floats]:
    """Return the sums and products of ``Expected``."""
    last_row = len(factors.risk_free) - 1
    total, product = np.zeros(len(entry)), np.ones(len(entry))
    sums, growth = [], []
    for step in range(1, horizons[-1] + 1):
        rows = np.minimum(entry + step, last_row)
        expected = alpha + factors.risk_free[rows]
        for factor, loading in zip(factors.returns.T, beta.T, strict=True):
            expected += loading * factor[rows]
        total += expected
        expected += 1
        product *= expected
        if step in horizons:
            sums.append(total.copy())
            growth.append(product.copy())
    return np.column_stack(sums), np.column_stack(growth)

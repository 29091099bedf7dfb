"""Wild cluster bootstrap intervals of mean abnormal returns.

Cameron, Gelbach and Miller (2008), Review of Economics and Statistics 90: the residuals of each
politician are multiplied by one random sign, and the statistic is studentised. With errors
clustered in two ways as MacKinnon, Nielsen and Webb (2021), Journal of Business & Economic
Statistics 39: signs by one dimension, studentised by the two-way standard error.
"""

import hashlib
from typing import Final

import numpy as np
from numpy.random import PCG64, Generator

from quant.analytics.arrays import Floats
from quant.analytics.performance.trade_days import TradeDays

DRAWS: Final = 999
_TAIL: Final = 0.025
# With fewer clusters, signs alone give too few distinct draws: Webb's six points do instead
# (Webb 2023, Canadian Journal of Economics 56).
_FEW_CLUSTERS: Final = 12
_SIX_POINTS: Final = np.sqrt(np.array([0.5, 1.0, 1.5]))


def seeded(*parts: str) -> Generator:
    """Return a generator whose stream depends on the given names alone."""
    digest = hashlib.sha256("\x1f".join(parts).encode()).digest()
    return Generator(PCG64(int.from_bytes(digest[:16])))


def bootstrap_interval(
    mean: TradeDays, generator: Generator, draws: int = DRAWS
) -> tuple[float, float]:
    """Return the bootstrap-t interval of a mean, of 95 %.

    Args:
        mean: One mean.
        generator: Of the random signs.
        draws: Bootstrap samples.

    Returns:
        Both ends; NaN where the mean has no standard error, and for a difference.
    """
    observed = mean.inference().standard_error
    if not observed > 0 or mean.means > 1:
        return np.nan, np.nan
    moved, errors = _drawn(mean, _signs(generator, draws, mean.clusters[0]))
    with np.errstate(divide="ignore", invalid="ignore"):
        statistics = moved / errors
    statistics = statistics[np.isfinite(statistics)]
    if not len(statistics):
        return np.nan, np.nan
    low, high = np.quantile(statistics, [_TAIL, 1 - _TAIL])
    return mean.value - float(high) * observed, mean.value - float(low) * observed


def _signs(generator: Generator, draws: int, clusters: int) -> Floats:
    sign: Floats = np.asarray(generator.choice([-1.0, 1.0], (draws, clusters)))
    if clusters < _FEW_CLUSTERS:
        sign *= generator.choice(_SIX_POINTS, (draws, clusters))
    return sign


def _drawn(mean: TradeDays, signs: Floats) -> tuple[Floats, Floats]:
    """Return how far each draw's mean is from the estimate, and its standard error.

    A draw's residuals are those of each cluster times its sign, less what its mean takes from them.

    Args:
        mean: Of c clusters.
        signs: Shape (draws, c).
    """
    residuals, shares = mean.residuals, mean.shares
    own = residuals.sum(axis=1)
    moved = signs @ own
    by_cluster = np.square(signs * own - moved[:, None] * shares.sum(axis=1)).sum(axis=1)
    by_day = np.square(signs @ residuals - moved[:, None] * shares.sum(axis=0)).sum(axis=1)
    # The square of each cell, multiplied out: a matrix of all draws and cells would be large.
    by_cell = (
        np.square(signs) @ np.square(residuals).sum(axis=1)
        - 2 * moved * (signs @ (residuals * shares).sum(axis=1))
        + np.square(moved) * np.square(shares).sum()
    )
    return moved, np.sqrt(mean.variances(by_cluster, by_day, by_cell))

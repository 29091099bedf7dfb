"""What daily returns say of a portfolio: drawdowns, comparison with a benchmark, hit rate."""

import math
from dataclasses import dataclass

import numpy as np

from quant.analytics.arrays import Floats, Integers
from quant.analytics.backtest.sharpe import TRADING_DAYS, SharpeRatio, sharpe_ratio
from quant.analytics.long_run import Regression, long_run_covariance, newey_west_lags, regress


@dataclass(frozen=True, slots=True)
class Drawdown:
    """The deepest fall of an equity curve below its highest point before, and the longest.

    Attributes:
        depth: Share of the peak that was lost, at most 0.
        peak: Row of the peak before the deepest fall.
        trough: Row of its deepest point.
        recovery: First row that reached the peak again; None where none did.
        longest: Most trading days in a row below an earlier peak.
    """

    depth: float
    peak: int
    trough: int
    recovery: int | None
    longest: int


def drawdown(equity: Floats) -> Drawdown:
    """Return the drawdowns of an equity curve of at least one row, shape (t,)."""
    peaks = np.maximum.accumulate(equity)
    depth = equity / peaks - 1
    trough = int(np.argmin(depth))
    peak = int(np.argmax(equity[: trough + 1]))
    after = np.flatnonzero(equity[trough:] >= peaks[trough])
    rows = np.arange(len(equity))
    at_peak = np.maximum.accumulate(np.where(depth >= 0, rows, 0))
    return Drawdown(
        depth=float(depth[trough]),
        peak=peak,
        trough=trough,
        recovery=trough + int(after[0]) if depth[trough] < 0 and len(after) else None,
        longest=int((rows - at_peak).max()),
    )


@dataclass(frozen=True, slots=True)
class MeanReturn:
    """A mean daily return with its Newey-West standard error."""

    value: float
    error: float


def mean_return(returns: Floats) -> MeanReturn:
    """Return the mean of daily returns, shape (t,); NaN without any."""
    if not len(returns):
        return MeanReturn(math.nan, math.nan)
    mean = float(returns.mean())
    scores = (returns - mean)[:, None]
    variance = long_run_covariance(scores, newey_west_lags(len(returns)))[0, 0] / len(returns)
    return MeanReturn(mean, math.sqrt(max(variance, 0.0)))


@dataclass(frozen=True, slots=True)
class Comparison:
    """A portfolio beside a benchmark over the same days.

    Attributes:
        active: Mean daily return in excess of the benchmark's.
        tracking_error: Standard deviation of that excess, per year.
        information: Its Sharpe ratio: the information ratio, per day; None without variance.
        capm: Fit of the excess return on a constant (daily alpha) and the benchmark's excess
            return (beta); None where the benchmark does not vary.
    """

    active: MeanReturn
    tracking_error: float
    information: SharpeRatio | None
    capm: Regression | None


def compare(returns: Floats, benchmark: Floats, risk_free: Floats) -> Comparison:
    """Compare daily returns with those of a benchmark on the same days, each of shape (t,)."""
    active = returns - benchmark
    market = benchmark - risk_free
    capm = None
    if len(market) > 2 and float(np.ptp(market)) > 0:
        regressors = np.column_stack([np.ones(len(market)), market])
        capm = regress(returns - risk_free, regressors)
    return Comparison(
        active=mean_return(active),
        tracking_error=float(active.std(ddof=1)) * math.sqrt(TRADING_DAYS)
        if len(active) > 1
        else math.nan,
        information=sharpe_ratio(active),
        capm=capm,
    )


@dataclass(frozen=True, slots=True)
class Share:
    """A share of positions with a standard error clustered by when they opened."""

    value: float
    error: float
    count: int
    clusters: int


def clustered_share(hits: Floats, cluster: Integers) -> Share:
    """Return the mean of zeros and ones with its cluster-robust standard error.

    Liang and Zeger (1986), Biometrika 73, with the correction g / (g - 1) for g clusters.

    Args:
        hits: 1 for a hit, else 0, shape (m,).
        cluster: Cluster of each, shape (m,).
    """
    count = len(hits)
    if not count:
        return Share(math.nan, math.nan, 0, 0)
    mean = float(hits.mean())
    _, place = np.unique(cluster, return_inverse=True)
    sums = np.bincount(place, weights=hits - mean)
    groups = len(sums)
    error = math.nan
    if groups > 1:
        error = math.sqrt(float(sums @ sums) * groups / (groups - 1)) / count
    return Share(mean, error, count, groups)

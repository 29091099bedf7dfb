"""Sharpe ratios, their standard errors, and what is left of them after many were tried.

Daily excess returns in, daily ratios out; times the square root of 252 they are annual.

- Lo (2002), The Statistics of Sharpe Ratios, Financial Analysts Journal 58(4).
- Mertens (2002), Comments on variance of the IID estimator in Lo; Opdyke (2007), Comparing Sharpe
  ratios: so where are the p-values?, Journal of Asset Management 8.
- Bailey and Lopez de Prado (2012), The Sharpe ratio efficient frontier, Journal of Risk 15(2): the
  probabilistic Sharpe ratio.
- Bailey and Lopez de Prado (2014), The deflated Sharpe ratio, Journal of Portfolio Management
  40(5).
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from quant.analytics.arrays import Floats
from quant.analytics.distributions import normal_ppf, normal_sf
from quant.analytics.long_run import long_run_covariance, newey_west_lags

TRADING_DAYS: Final = 252
_EULER_MASCHERONI: Final = 0.5772156649015329


@dataclass(frozen=True, slots=True)
class Moments:
    """Of one or more series of daily excess returns; members of the shape of the batch.

    Attributes:
        observations: Days.
        mean: Mean.
        deviation: Standard deviation with T - 1 in its denominator.
        skewness: Third standardised moment.
        kurtosis: Fourth standardised moment, 3 for a normal distribution.
    """

    observations: Floats
    mean: Floats
    deviation: Floats
    skewness: Floats
    kurtosis: Floats

    @property
    def sharpe(self) -> Floats:
        """Mean over standard deviation; NaN for a series without variance."""
        return np.divide(
            self.mean,
            self.deviation,
            out=np.full_like(self.mean, np.nan),
            where=self.deviation > 0,
        )

    @property
    def scale(self) -> Floats:
        """Sharpe ratio's variance times T - 1 for independent returns (Mertens 2002)."""
        ratio = self.sharpe
        return np.asarray(1 - self.skewness * ratio + (self.kurtosis - 1) / 4 * ratio**2)


def moments(excess: Floats) -> Moments:
    """Return the moments along the last axis, of shape (...,); NaN where they are not defined."""
    observations = excess.shape[-1]
    shape = excess.shape[:-1]
    if observations < 2:
        nothing = np.full(shape, np.nan)
        return Moments(np.full(shape, float(observations)), *([nothing] * 4))
    mean = excess.mean(axis=-1)
    centred = excess - mean[..., None]
    square = centred**2
    variance = square.mean(axis=-1)
    # What rounding leaves of a constant series is no variance.
    varies = variance > (1e-14 * np.abs(excess).max(axis=-1)) ** 2
    safe = np.where(varies, variance, np.nan)
    return Moments(
        np.full(shape, float(observations)),
        mean,
        np.sqrt(np.where(varies, variance, 0.0) * (observations / (observations - 1))),
        (square * centred).mean(axis=-1) / safe**1.5,
        (square**2).mean(axis=-1) / safe**2,
    )


@dataclass(frozen=True, slots=True)
class SharpeRatio:
    """One daily Sharpe ratio with its standard errors.

    Attributes:
        value: The ratio.
        moments: Of the series.
        error_normal: Standard error for independent normal returns (Lo 2002, equation 9).
        error_independent: For independent returns of any distribution (Mertens 2002).
        error_robust: For dependent returns: the delta method with a Newey-West covariance of mean
            and variance (Lo 2002, section on GMM; Opdyke 2007).
        lags: Of that covariance.
        autocorrelation: Of the returns, at lag 1.
    """

    value: float
    moments: Moments
    error_normal: float
    error_independent: float
    error_robust: float
    lags: int
    autocorrelation: float

    @property
    def p_value(self) -> float:
        """One-sided, against a true ratio of at most zero, with the robust standard error."""
        return float(normal_sf(self.value / self.error_robust))


def sharpe_ratio(excess: Floats) -> SharpeRatio | None:
    """Return the Sharpe ratio of a series of daily excess returns, shape (t,).

    Returns:
        None with fewer than ten days or without variance: there is nothing to estimate.
    """
    of = moments(excess)
    value = float(of.sharpe)
    if len(excess) < 10 or not math.isfinite(value):
        return None
    observations = len(excess)
    lags = newey_west_lags(observations)
    centred = excess - of.mean
    variance = float((centred**2).mean())
    # How one day moves the ratio: its gradient in mean and variance times their scores.
    influence = (
        centred / math.sqrt(variance) - value / 2 * (centred**2 - variance) / variance
    ).reshape(-1, 1)
    robust = float(long_run_covariance(influence, lags)[0, 0]) / (observations - 1)
    return SharpeRatio(
        value=value,
        moments=of,
        error_normal=math.sqrt((1 + value**2 / 2) / (observations - 1)),
        error_independent=math.sqrt(float(of.scale) / (observations - 1)),
        error_robust=math.sqrt(robust),
        lags=lags,
        autocorrelation=float(centred[1:] @ centred[:-1] / (centred @ centred)),
    )


def probabilistic_sharpe_ratio(of: Moments, threshold: Floats | float = 0.0) -> Floats:
    """Return the probability that the true ratio is above a threshold, shape of the batch.

    Bailey and Lopez de Prado (2012), equation 11: of the estimate's asymptotic normal distribution
    for independent returns with their skewness and kurtosis.

    Args:
        of: Moments of daily excess returns.
        threshold: Daily ratio.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        z = (of.sharpe - threshold) * np.sqrt((of.observations - 1) / of.scale)
    return normal_sf(-z)


def expected_maximum(trials: int, variance: float) -> float:
    """Return the greatest ratio to be expected of this many that have no skill.

    Bailey and Lopez de Prado (2014), equation 1, for independent normal estimates.

    Args:
        trials: Ratios that were looked at; one of them is no choice and gives 0.
        variance: Variance of the ratios over the trials.

    Raises:
        ValueError: There is no trial.
    """
    if trials < 1:
        msg = "at least one trial was made: the one looked at"
        raise ValueError(msg)
    if trials == 1:
        return 0.0
    high, higher = normal_ppf([1 - 1 / trials, 1 - 1 / (trials * math.e)])
    expected = (1 - _EULER_MASCHERONI) * high + _EULER_MASCHERONI * higher
    return float(math.sqrt(variance) * expected)


def deflated_sharpe_ratio(of: Moments, trials: int, variance: float) -> Floats:
    """Return the probability that the true ratio is above what luck gives the best of many trials.

    The probabilistic Sharpe ratio with ``expected_maximum`` as threshold: one of at least 0.95 is
    taken as evidence. It is conservative where the trials are independent, because the best of many
    varies less than one does.
    """
    return probabilistic_sharpe_ratio(of, expected_maximum(trials, variance))


def sidak_p_value(p_value: Floats | float, trials: int) -> Floats:
    """Return the p-value of the best of independent trials, 1 - (1 - p)^trials (Sidak 1967).

    Journal of the American Statistical Association 62. Conservative where the trials depend on each
    other in the way that similar rules do.
    """
    # Exact where p is far below the resolution of 1 - p.
    with np.errstate(divide="ignore"):
        return np.asarray(-np.expm1(trials * np.log1p(-np.asarray(p_value, dtype=np.float64))))

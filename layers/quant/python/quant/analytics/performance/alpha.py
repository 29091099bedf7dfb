"""Alphas of calendar-time portfolios: by day or by month, with Newey-West errors.

Jensen (1968), Journal of Finance 23; Fama and French (1993), Journal of Financial Economics 33;
Newey and West (1987), Econometrica 55.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np

from quant.analytics.arrays import Days, FactorPanel, Floats, PricePanel
from quant.analytics.long_run import regress
from quant.analytics.performance.calendar_time import CalendarTimePortfolio, Leg
from quant.analytics.performance.clustered import Inference, inference
from quant.analytics.performance.event_study import simple_returns
from quant.analytics.performance.expected_returns import (
    Factors,
    fama_french_factors,
    market_factors,
)
from quant.analytics.performance.vocabulary import Model


class Frequency(StrEnum):
    """What a period of a regression is; daily returns are compounded to months."""

    DAILY = "daily"
    MONTHLY = "monthly"


PERIODS_A_YEAR: Final = {Frequency.DAILY: 252, Frequency.MONTHLY: 12}
# Of freedom for each stretch of lags + 1 periods.
_DEGREES: Final = 0.9
# With fewer the Newey-West errors are not to be relied on.
MINIMUM_PERIODS: Final = {Frequency.DAILY: 126, Frequency.MONTHLY: 36}


@dataclass(frozen=True, slots=True)
class Alpha:
    """The intercept of a portfolio's returns regressed on factors, with Newey-West errors.

    Attributes:
        leg: Which portfolio.
        model: What it is regressed on.
        frequency: What a period is.
        per_period: Alpha of a period, as a fraction; NaN with fewer than ``MINIMUM_PERIODS`` or
            collinear factors. Its ``n`` is the number of periods.
        annualised: Times the periods of a year, not compounded.
        loadings: Of the factors, none for ``Model.MARKET_ADJUSTED``.
        lags: Of the Newey-West errors.
        first: First day, or last day of the first month; None without periods.
        last: Of the last.
        empty: Periods between the portfolio's first and last return that were left out as it, or a
            part of it, held nothing on a day.
        factors_missing: Periods left out as a factor or the benchmark is unknown.
    """

    leg: Leg
    model: Model
    frequency: Frequency
    per_period: Inference
    annualised: Inference
    loadings: tuple[Inference, ...]
    lags: int
    first: np.datetime64 | None
    last: np.datetime64 | None
    empty: int
    factors_missing: int


def calendar_time_alpha(
    portfolio: CalendarTimePortfolio,
    prices: PricePanel,
    *,
    leg: Leg,
    model: Model,
    frequency: Frequency = Frequency.DAILY,
    factors: FactorPanel | None = None,
) -> Alpha:
    """Return the alpha of a portfolio.

    The portfolio's return, for Fama-French in excess of the risk-free rate, is regressed on a
    constant and the factors; that of purchases less sales finances itself and has no rate taken
    from it. Market-adjusted, alpha is the mean of the return less the benchmark's, which drops out
    of the difference.

    Student's t with 0.9 T / (lags + 1) degrees of freedom, as the error is itself estimated from
    few independent pieces: at 5 % these are the critical values of Kiefer and Vogelsang (2005),
    Econometric Theory 21, to 1 %. Covariance times T / (T - k).

    Args:
        portfolio: Daily returns.
        prices: The same panel, for its benchmark.
        leg: Which portfolio.
        model: What it is regressed on.
        frequency: What a period is. A month counts where the panel has the whole of it and the
            portfolio a return on each of its days.
        factors: Fama-French factors of that frequency, those of months dated within the month;
            without them ``Model.FAMA_FRENCH`` has no periods.
    """
    daily = _Periods.of(portfolio, prices)
    periods = daily if frequency is Frequency.DAILY else daily.compounded()
    series = periods.series(leg)
    regressors = periods.factors(model, frequency, factors)
    known = np.isfinite(regressors.returns).all(axis=1) & np.isfinite(regressors.risk_free)
    has_return = np.isfinite(series)
    used = np.flatnonzero(known & has_return)
    response, design = series[used], np.ones((len(used), 1))
    if leg is not Leg.DIFFERENCE:
        adjusted = model is Model.MARKET_ADJUSTED
        response = response - (regressors.returns[:, 0] if adjusted else regressors.risk_free)[used]
    if model is not Model.MARKET_ADJUSTED:
        design = np.column_stack([design, regressors.returns[used]])
    estimates, annualised, lags = _regressed(response, design, frequency)
    span = np.flatnonzero(has_return)
    return Alpha(
        leg=leg,
        model=model,
        frequency=frequency,
        per_period=estimates[0],
        annualised=annualised,
        loadings=tuple(estimates[1:]),
        lags=lags,
        first=periods.days[used[0]] if len(used) else None,
        last=periods.days[used[-1]] if len(used) else None,
        empty=int(span[-1] - span[0] + 1 - len(span)) if len(span) else 0,
        factors_missing=int((has_return & ~known).sum()),
    )


def _regressed(
    response: Floats, design: Floats, frequency: Frequency
) -> tuple[list[Inference], Inference, int]:
    """Return the coefficients, the first one annualised, and the lags of their errors."""
    periods, width = design.shape
    if periods < MINIMUM_PERIODS[frequency] or np.linalg.matrix_rank(design) < width:
        unknown = inference(np.nan, np.nan, 0, n=periods)
        return [unknown] * width, unknown, 0
    fit = regress(response, design)
    degrees = min(round(_DEGREES * periods / (fit.lags + 1)), periods - width)
    variances = np.diagonal(fit.covariance) * periods / (periods - width)
    estimates = [
        inference(float(value), float(variance), degrees, n=periods)
        for value, variance in zip(fit.coefficients, variances, strict=True)
    ]
    times = PERIODS_A_YEAR[frequency]
    annualised = inference(
        times * estimates[0].value, times**2 * float(variances[0]), degrees, n=periods
    )
    return estimates, annualised, fit.lags


@dataclass(frozen=True, slots=True)
class _Periods:
    """Returns of the portfolios and of the benchmark on d days, or in d months.

    Attributes:
        days: Shape (d,); the last trading day of a month.
        returns: Of purchases, sales and benchmark, shape (d, 3); NaN where unknown.
    """

    days: Days
    returns: Floats

    @classmethod
    def of(cls, portfolio: CalendarTimePortfolio, prices: PricePanel) -> "_Periods":
        benchmark = simple_returns(prices.benchmark_close)
        columns = (portfolio.purchases, portfolio.sales, benchmark)
        return cls(portfolio.days, np.column_stack(columns))

    def compounded(self) -> "_Periods":
        """Return the months, NaN where a day has no return or the panel may lack one."""
        if not len(self.days):
            return self
        months, starts = np.unique(self.days.astype("datetime64[M]"), return_index=True)
        returns = np.multiply.reduceat(1 + self.returns, starts) - 1
        # The first month lacks the return of the panel's first day; the last may not be over.
        end = (months[-1] + np.timedelta64(1, "M")).astype("datetime64[D]")
        if np.busday_count(self.days[-1] + np.timedelta64(1, "D"), end):
            returns[-1] = np.nan
        return _Periods(self.days[np.append(starts[1:], len(self.days)) - 1], returns)

    def series(self, leg: Leg) -> Floats:
        purchases, sales = self.returns[:, 0], self.returns[:, 1]
        if leg is Leg.DIFFERENCE:
            return np.asarray(purchases - sales)
        return purchases if leg is Leg.PURCHASES else sales

    def factors(self, model: Model, frequency: Frequency, panel: FactorPanel | None) -> Factors:
        if model is not Model.FAMA_FRENCH:
            return market_factors(self.returns[:, 2])
        if panel is None:
            absent = np.full((len(self.days), 3), np.nan)
            return Factors(absent, absent[:, 0])
        if frequency is Frequency.DAILY:
            return fama_french_factors(panel, self.days)
        by_month = FactorPanel(
            panel.days.astype("datetime64[M]"), panel.market, panel.smb, panel.hml, panel.risk_free
        )
        return fama_french_factors(by_month, self.days.astype("datetime64[M]"))

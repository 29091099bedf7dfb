"""Alphas of calendar-time portfolios, as documents."""

from typing import Any, Final

from quant.analytics.arrays import Flags
from quant.analytics.performance.alpha import Alpha, Frequency, calendar_time_alpha
from quant.analytics.performance.calendar_time import (
    CalendarTimePortfolio,
    Leg,
    calendar_time_portfolio,
)
from quant.analytics.performance.clustered import Inference
from quant.analytics.performance.vocabulary import Model
from quant.reports.documents import estimate
from quant.reports.performance_legs import correct
from quant.reports.performance_query import HOLDINGS, Configuration
from quant.reports.performance_study import Study

_FACTORS: Final = {
    Model.MARKET_ADJUSTED: (),
    Model.MARKET_MODEL: ("market",),
    Model.FAMA_FRENCH: ("market", "smb", "hml"),
}


def portfolios(
    study: Study, configuration: Configuration, which: Flags | None = None
) -> tuple[CalendarTimePortfolio, ...]:
    """Return the portfolios of the trades selected, one of each holding period.

    They do not depend on the configuration's model.
    """
    arrays, is_stock = study.trades.arrays, study.trades.is_stock
    if which is not None:
        arrays, is_stock = arrays.take(which), is_stock[which]
    return tuple(
        calendar_time_portfolio(
            arrays,
            study.prices,
            event=configuration.event,
            holding=holding,
            weighting=configuration.weighting,
            is_stock=is_stock,
        )
        for holding in HOLDINGS
    )


def calendar_documents(
    study: Study, model: Model, held: tuple[CalendarTimePortfolio, ...]
) -> list[dict[str, Any]]:
    """Return the alphas of portfolios by leg; their q-values are for the caller to fill in."""
    return [
        {
            "name": leg,
            "holdings": [
                {
                    "horizon": portfolio.holding,
                    **{
                        frequency.value: _shape(
                            calendar_time_alpha(
                                portfolio,
                                study.prices,
                                leg=leg,
                                model=model,
                                frequency=frequency,
                                factors=study.factors[frequency],
                            )
                        )
                        for frequency in Frequency
                    },
                }
                for portfolio in held
            ],
        }
        for leg in Leg
    ]


def correct_alphas(legs: list[dict[str, Any]]) -> None:
    """Fill in the q-values of alphas that are tested together, those of a frequency each."""
    for frequency in Frequency:
        found = [holding[frequency] for leg in legs for holding in leg["holdings"]]
        for name in ("alpha", "alpha_per_period"):
            correct([one[name] for one in found])


def _shape(found: Alpha) -> dict[str, Any]:
    return {
        "alpha": _estimate(found.annualised),
        "alpha_per_period": _estimate(found.per_period),
        "loadings": [
            {"name": name, "estimate": _estimate(loading)}
            for name, loading in zip(_FACTORS[found.model], found.loadings, strict=True)
        ],
        "lags": found.lags,
        "first": None if found.first is None else found.first.item(),
        "last": None if found.last is None else found.last.item(),
        "empty": found.empty,
        "factors_missing": found.factors_missing,
    }


def _estimate(found: Inference) -> dict[str, Any]:
    return estimate(
        found.value,
        n=found.n,
        standard_error=found.standard_error,
        low=found.low,
        high=found.high,
        p_value=found.p_value,
    )

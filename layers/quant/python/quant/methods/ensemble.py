"""Methods of the ensemble and of the insights."""

from typing import Final

from quant.methods import Method, Source
from quant.methods.sources import (
    BENJAMINI_HOCHBERG,
    DIEBOLD_MARIANO,
    GNEITING_RAFTERY,
    LAZARUS,
    SAKOE_CHIBA,
)

FORECAST: Final = Method(
    id="ensemble.forecast",
    version="1",
    title="Pooled forecast of the trade count",
    estimates="How many trades a member will disclose within the next 4 and 12 weeks.",
    estimator="A mixture of the distributions of six components: historical mean (the baseline), "
    "exponentially weighted mean (half-life 13 weeks), online changepoint detection, a hidden "
    "Markov model of two rates, the strongest cycle, and analogues by dynamic time warping. Each "
    "gives mean and variance of the sum, which stand for a negative binomial distribution. Weights "
    "are proportional to the exponential of the discounted (0.99 a week) sum of logarithmic scores "
    "of past forecasts one week ahead. Every forecast uses the weeks before it alone (expanding "
    "window), the first one after 104 weeks.",
    assumptions=(
        "The weeks to come are like some weeks that have been.",
        "Trades are counted in the week in which they were disclosed, so that every count is known "
        "when its week is over.",
    ),
    standard_errors="95 % prediction interval of the mixture, with its coverage among past "
    "forecasts. Of the score differences: long-run variance by equally weighted cosines.",
    null="The forecasts are no better than the baseline's: Diebold-Mariano test of the logarithmic "
    "scores, one-sided, with Student's t.",
    multiple_testing="Benjamini-Hochberg over the horizons, and over the components.",
    limits=(
        "Where the pool does not beat the baseline out of sample, the baseline is the forecast.",
        "A member with fewer than 156 weeks between the first disclosure and the last day of the "
        "data has no forecast.",
        "One filing may hold a hundred trades: counts are far from Poisson, and intervals wide.",
    ),
    sources=(
        Source(
            citation="Bates and Granger (1969), The Combination of Forecasts, Operational Research "
            "Quarterly 20",
            url="https://doi.org/10.1057/jors.1969.103",
        ),
        Source(
            citation="Hall and Mitchell (2007), Combining Density Forecasts, International Journal "
            "of Forecasting 23",
            url="https://doi.org/10.1016/j.ijforecast.2006.08.001",
        ),
        GNEITING_RAFTERY,
        Source(
            citation="Raftery, Karny and Ettler (2010), Online Prediction Under Model Uncertainty "
            "via Dynamic Model Averaging, Technometrics 52",
            url="https://doi.org/10.1198/TECH.2009.08104",
        ),
        DIEBOLD_MARIANO,
        LAZARUS,
        Source(
            citation="Adams and MacKay (2007), Bayesian Online Changepoint Detection",
            url="https://arxiv.org/abs/0710.3742",
        ),
        Source(
            citation="Zucchini and MacDonald (2009), Hidden Markov Models for Time Series, CRC",
        ),
        SAKOE_CHIBA,
    ),
)

EVIDENCE: Final = Method(
    id="ensemble.evidence",
    version="1",
    title="Evidence of the patterns",
    estimates="Which patterns of a member's trading beat their null hypotheses.",
    estimator="The p-values of the cycle, the regimes, the changes and the matches, side by side.",
    assumptions=("Those of each pattern's method.",),
    standard_errors=None,
    null="That of each pattern's method.",
    multiple_testing="Benjamini-Hochberg over the patterns.",
    limits=("A pattern that is there need not help to forecast: the weights say what does.",),
    sources=(BENJAMINI_HOCHBERG,),
)

INSIGHTS: Final = Method(
    id="ensemble.insights",
    version="1",
    title="Insights: what the tests support, and what they do not",
    estimates="Facts about a member's trades, each with number, test and evidence.",
    estimator="One statement for each test of the member that the other methods make.",
    assumptions=("Those of the method that each statement refers to.",),
    standard_errors=None,
    null="That of the method that a statement refers to.",
    multiple_testing="Benjamini-Hochberg over all statements with a p-value; a statement is "
    "supported where its q-value is at most 0.05, and else listed as not supported by the data.",
    limits=(
        "Facts, not judgements: nothing says that anybody did wrong, and nothing is investment "
        "advice.",
    ),
    sources=(BENJAMINI_HOCHBERG,),
)

METHODS: Final = (FORECAST, EVIDENCE, INSIGHTS)

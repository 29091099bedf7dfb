"""By what abnormal returns are measured: events, horizons, models and weights."""

from enum import StrEnum
from typing import Final

# Trading days: a day, a week, a month, a quarter, half a year, a year.
HORIZONS: Final = (1, 5, 21, 63, 126, 252)


class Event(StrEnum):
    """The day that an abnormal return is measured from.

    ``DISCLOSURE``: entry at the close of the first trading day after the day of disclosure, what a
    follower can earn. ``TRANSACTION``: entry at the close of the day of the transaction, or of the
    next trading day, what the filer did earn.
    """

    DISCLOSURE = "disclosure"
    TRANSACTION = "transaction"


class Model(StrEnum):
    """A model of expected returns.

    ``MARKET_ADJUSTED``: that of the benchmark. ``MARKET_MODEL``: alpha + beta x benchmark.
    ``FAMA_FRENCH``: risk-free rate + alpha + loadings x (market, SMB, HML), of Fama and French
    (1993).
    """

    MARKET_ADJUSTED = "market_adjusted"
    MARKET_MODEL = "market_model"
    FAMA_FRENCH = "fama_french"


class Weighting(StrEnum):
    """How much a trade counts.

    ``EQUAL``: each alike. ``MIDPOINT``: the middle of the disclosed range. ``LOG_UNIFORM``: the
    mean of an amount whose logarithm is uniform over the range, (b - a) / ln(b / a).
    """

    EQUAL = "equal"
    MIDPOINT = "midpoint"
    LOG_UNIFORM = "log_uniform"

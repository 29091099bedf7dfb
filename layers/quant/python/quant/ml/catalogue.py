"""The models, declared once: what each predicts, of whom, and against which baselines.

Read by the pipeline, by the handlers and by the documentation. Standard library only.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

# Every pseudo-random draw of training starts from here.
SEED: Final = 20120404  # the day on which the STOCK Act was signed

# The share of outcomes that an interval is made to hold.
INTERVAL_LEVEL: Final = 0.9

# Promotion asks for p <= this in every comparison, one-sided.
PROMOTION_LEVEL: Final = 0.05


class Task(StrEnum):
    """What kind of number a model predicts."""

    RETURN = "return"  # an abnormal return, with an interval
    PROBABILITY = "probability"  # of an event
    COUNT = "count"  # an expected number of trades, with an interval


class Subject(StrEnum):
    """What one prediction is about; the identifying columns are those of ``KEYS``."""

    DISCLOSURE = "disclosure"  # a politician's trades of one ticker disclosed on one day
    TICKER_PAIR = "ticker_pair"  # a politician and a ticker in one month
    SECTOR_PAIR = "sector_pair"  # a politician and a sector in one month
    POLITICIAN = "politician"  # a politician in the next four weeks


# Columns that identify a row, besides ``as_of``.
KEYS: Final[dict[Subject, tuple[str, ...]]] = {
    Subject.DISCLOSURE: ("politician_id", "ticker"),
    Subject.TICKER_PAIR: ("politician_id", "ticker"),
    Subject.SECTOR_PAIR: ("politician_id", "sector"),
    Subject.POLITICIAN: ("politician_id",),
}


class Baseline(StrEnum):
    """What a model has to beat."""

    ZERO = "zero"  # no abnormal return
    HISTORICAL_MEAN = "historical_mean"  # of all earlier outcomes
    SUBJECT_RATE = "subject_rate"  # of the subject's own earlier outcomes, shrunk to the mean
    RIDGE = "ridge"  # linear regression with an L2 penalty, on the same features
    LOGISTIC = "logistic"  # logistic regression with an L2 penalty, on the same features


class Family(StrEnum):
    """What the challenger is fitted with."""

    LIGHTGBM = "lightgbm"
    CYCLE = "cycle"  # the strongest cycle of a politician's weekly counts
    REGIME = "regime"  # a hidden Markov model of two rates


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    """One model.

    Attributes:
        name: Stable: clients, files and the registry use it.
        title: In a few words.
        description: What its number says, in one sentence.
        task: What kind of number.
        subject: What one prediction is about.
        family: What the challenger is fitted with.
        label: Column of the outcome in the features' files.
        horizon: Length of the outcome window, in ``horizon_unit``.
        horizon_unit: ``trading_days``, ``month`` or ``weeks``.
        unit: Of the predicted number.
        baselines: All of them have to be beaten.
    """

    name: str
    title: str
    description: str
    task: Task
    subject: Subject
    family: Family
    label: str
    horizon: int
    horizon_unit: str
    unit: str
    baselines: tuple[Baseline, ...]


_RETURN_BASELINES: Final = (Baseline.ZERO, Baseline.HISTORICAL_MEAN, Baseline.RIDGE)
_PROBABILITY_BASELINES: Final = (
    Baseline.HISTORICAL_MEAN,
    Baseline.SUBJECT_RATE,
    Baseline.LOGISTIC,
)
_COUNT_BASELINES: Final = (Baseline.SUBJECT_RATE,)


def _abnormal_return(days: int) -> ModelSpec:
    return ModelSpec(
        name=f"abnormal-return-{days}",
        title=f"Abnormal return over {days} trading days",
        description=f"The stock's return less the benchmark's over {days} trading days, from the "
        "close of the first trading day after the disclosure.",
        task=Task.RETURN,
        subject=Subject.DISCLOSURE,
        family=Family.LIGHTGBM,
        label=f"abnormal_return_{days}",
        horizon=days,
        horizon_unit="trading_days",
        unit="fraction",
        baselines=_RETURN_BASELINES,
    )


def _trades_next_month(subject: Subject, noun: str) -> ModelSpec:
    return ModelSpec(
        name=f"trades-{noun}-next-month",
        title=f"Trade in a {noun} within a month",
        description=f"The probability that a politician trades the {noun} in the month that begins "
        "at the date of the prediction, in a transaction disclosed within 45 days of its end.",
        task=Task.PROBABILITY,
        subject=subject,
        family=Family.LIGHTGBM,
        label="trades_next_month",
        horizon=1,
        horizon_unit="month",
        unit="probability",
        baselines=_PROBABILITY_BASELINES,
    )


def _count(family: Family, title: str) -> ModelSpec:
    return ModelSpec(
        name=f"trade-count-{family}",
        title=title,
        description="The number of trades that a politician discloses within the next four weeks.",
        task=Task.COUNT,
        subject=Subject.POLITICIAN,
        family=family,
        label="trades_disclosed_4_weeks",
        horizon=4,
        horizon_unit="weeks",
        unit="trades",
        baselines=_COUNT_BASELINES,
    )


MODELS: Final[dict[str, ModelSpec]] = {
    spec.name: spec
    for spec in (
        _abnormal_return(21),
        _abnormal_return(63),
        _trades_next_month(Subject.TICKER_PAIR, "ticker"),
        _trades_next_month(Subject.SECTOR_PAIR, "sector"),
        _count(Family.CYCLE, "Trade count by the strongest cycle"),
        _count(Family.REGIME, "Trade count by regime"),
    )
}

"""Made-up rows of features with the columns of the real ones, and training on them."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.random import PCG64, Generator
from scipy.signal import lfilter

from quant.ml.catalogue import SEED, ModelSpec, Subject
from quant.ml.counts import WEEK_COUNT
from quant.ml.features.declared import FEATURES
from quant.ml.features.frame import Frame
from quant.ml.folds import Fold, walk_forward
from quant.ml.training.configs import CONFIGS, EMBARGO_DAYS, FOLDS, MINIMUM_TRAIN_ROWS
from quant.ml.training.evaluate import Evaluation, evaluate
from quant.ml.training.fit import FoldResult, fit_fold

DATASET = "v0-f0"
DAY = np.timedelta64(1, "D")
FIRST_DAY = np.datetime64("2014-01-02")


@dataclass(frozen=True)
class Run:
    """A model fitted on every fold of a frame, and judged."""

    spec: ModelSpec
    frame: Frame
    folds: list[Fold]
    results: list[FoldResult]
    evaluation: Evaluation

    def relabelled(self, outcome) -> Frame:
        """The same rows with other outcomes."""
        return replace(self.frame, labels={**self.frame.labels, self.spec.label: outcome})


def folds_of(spec: ModelSpec, frame: Frame) -> list[Fold]:
    return walk_forward(
        frame,
        spec.label,
        folds=FOLDS,
        embargo_days=EMBARGO_DAYS,
        minimum_train_rows=MINIMUM_TRAIN_ROWS[spec.task],
    )


def trained(spec: ModelSpec, frame: Frame, results=None) -> Run:
    """Fit every configuration on every fold, and judge."""
    folds = folds_of(spec, frame)
    if results is None:
        results = [
            fit_fold(spec, frame, fold, config, seed=SEED)
            for fold in folds
            for config in CONFIGS[spec.name]
        ]
    return Run(spec, frame, folds, results, evaluate(spec, frame, results))


def _features(draw: Generator, subject: Subject, n: int):
    """Values of every declared feature: normal numbers, some unknown, codes and flags."""
    x = draw.normal(size=(n, len(FEATURES[subject])))
    x[draw.random(x.shape) < 0.05] = np.nan
    for place, feature in enumerate(FEATURES[subject]):
        if feature.kind == "category":
            x[:, place] = draw.integers(0, len(feature.categories), n)
        elif feature.kind == "flag":
            x[:, place] = draw.random(n) < 0.5
    return x, tuple(feature.name for feature in FEATURES[subject])


def _market(draw: Generator, days: int, tickers: int, horizon: int):
    """Daily abnormal returns with volatility that comes and goes, and the days they are of."""
    noise = draw.normal(0, 0.08, (days + horizon + 2, tickers))
    volatility = 0.015 * np.exp(lfilter([1.0], [1.0, -0.97], noise, axis=0))
    # Student's t with 4 degrees of freedom, of unit variance.
    returns = volatility * draw.standard_t(4, volatility.shape) / np.sqrt(2)
    return returns, np.busday_offset(FIRST_DAY, np.arange(len(returns)), roll="forward")


def disclosures(
    seed: int, *, signal: float, n: int = 1500, horizon: int = 21, days: int = 1500
) -> Frame:
    """Disclosures with overlapping abnormal returns, heteroskedastic and with heavy tails.

    Args:
        seed: Of the draws.
        signal: Expected return, in standard deviations, for each unit that the momentum is further
            from zero than on average: of this a linear model sees nothing.
        n: Disclosures.
        horizon: Trading days of the outcome.
        days: Trading days on which there are disclosures, after the first 63.
    """
    draw = Generator(PCG64(seed))
    tickers = 20
    returns, calendar = _market(draw, days + 63, tickers, horizon)
    cumulated = np.cumsum(returns, axis=0)
    day = np.sort(draw.integers(63, days + 63, n))
    ticker = draw.integers(0, tickers, n)
    x, names = _features(draw, Subject.DISCLOSURE, n)
    deviation = np.stack([returns[d - 62 : d + 1, t].std() for d, t in zip(day, ticker)])  # noqa: B905
    x[:, names.index("volatility_63")] = deviation * np.sqrt(252)
    momentum = x[:, names.index("momentum_63")]
    effect = np.nan_to_num(np.abs(momentum) - np.sqrt(2 / np.pi))
    end = day + 1 + horizon
    outcome = cumulated[end, ticker] - cumulated[day + 1, ticker]
    outcome = outcome + signal * effect * deviation * np.sqrt(horizon)
    label = f"abnormal_return_{horizon}"
    return Frame(
        subject=Subject.DISCLOSURE,
        dataset=DATASET,
        as_of=calendar[day],
        keys={
            "politician_id": draw.integers(0, 60, n).astype(np.str_),
            "ticker": ticker.astype(np.str_),
        },
        names=names,
        x=x,
        labels={label: outcome},
        known_on={label: calendar[end]},
    )


def pair_months(seed: int, *, months: int = 72, pairs: int = 160) -> Frame:
    """Months of pairs that trade at rates of their own, which a feature shows with noise."""
    draw = Generator(PCG64(seed))
    n = months * pairs
    pair = np.tile(np.arange(pairs), months)
    rate = draw.beta(0.8, 6.0, pairs)
    busy = np.repeat(draw.normal(0, 0.5, months), pairs)
    x, names = _features(draw, Subject.TICKER_PAIR, n)
    recent = draw.normal(size=n)
    x[:, names.index("pair_trades_90")] = np.log(rate)[pair] + 0.3 * draw.normal(size=n)
    x[:, names.index("days_since_pair")] = recent
    margin = np.log(rate / (1 - rate))[pair] + busy + np.where(recent > 0.5, 1.0, -0.5)
    outcome = (draw.random(n) < 1 / (1 + np.exp(-margin))).astype(np.float64)
    month = np.repeat(np.datetime64("2016-02") + np.arange(months) * np.timedelta64(1, "M"), pairs)
    as_of = month.astype("datetime64[D]") - DAY
    known_on = (month + np.timedelta64(1, "M")).astype("datetime64[D]") + 44 * DAY
    return Frame(
        subject=Subject.TICKER_PAIR,
        dataset=DATASET,
        as_of=as_of,
        keys={
            "politician_id": (pair % 20).astype(np.str_),
            "ticker": (pair // 20).astype(np.str_),
        },
        names=names,
        x=x,
        labels={"trades_next_month": outcome},
        known_on={"trades_next_month": known_on},
    )


def politician_weeks(seed: int, *, politicians: int = 25, weeks: int = 260) -> Frame:
    """Weekly counts of politicians with two regimes each, and the sum of the next four weeks."""
    draw = Generator(PCG64(seed))
    busy = np.cumsum(draw.random((weeks, politicians)) < 1 / 20, axis=0) % 2
    counts = draw.poisson(np.where(busy, draw.uniform(2, 8, politicians), 0.3))
    outcome = np.full((weeks, politicians), np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(counts, 4, axis=0).sum(axis=2)
    outcome[:-4] = windows[1:]
    sunday = np.datetime64("2016-01-03") + 7 * np.arange(weeks) * DAY
    known_on = np.repeat(sunday + 28 * DAY, politicians)
    known_on[np.isnan(outcome.ravel())] = np.datetime64("NaT", "D")
    x, names = _features(draw, Subject.POLITICIAN, weeks * politicians)
    x[:, names.index(WEEK_COUNT)] = counts.ravel()
    return Frame(
        subject=Subject.POLITICIAN,
        dataset=DATASET,
        as_of=np.repeat(sunday, politicians),
        keys={"politician_id": np.tile([f"p{place:02}" for place in range(politicians)], weeks)},
        names=names,
        x=x,
        labels={"trades_disclosed_4_weeks": outcome.ravel()},
        known_on={"trades_disclosed_4_weeks": known_on},
    )

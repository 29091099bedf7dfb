"""The pool of the components, and its record against the baseline out of sample."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from quant.analytics.arrays import Floats, Integers
from quant.analytics.distributions import student_t_sf
from quant.analytics.ensemble.components import BASELINE, COMPONENTS
from quant.analytics.ensemble.counts import log_pmf, quantile
from quant.analytics.long_run import cosine_variance
from quant.analytics.multiple_testing import benjamini_hochberg

HORIZONS: Final = (1, 4, 12)
# Weeks before the first forecast: two years.
FIRST_ORIGIN: Final = 104
# Fewest forecasts one week ahead whose outcome is known, for a record: one year.
MINIMUM_FORECASTS: Final = 52
COVERAGE: Final = 0.95
# A year-old score counts 0.6 of a new one (Raftery, Karny and Ettler 2010, Technometrics 52).
_DISCOUNT: Final = 0.99


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Forecasts beside the baseline's, by the logarithmic score (higher is better).

    Attributes:
        forecasts: Forecasts whose outcome is known.
        log_score: Mean logarithmic score.
        baseline_log_score: That of the baseline.
        difference: The first less the second.
        standard_error: Of the difference, robust to autocorrelation.
        p_value: One-sided, that the forecasts are no better than the baseline's.
        coverage: Share of outcomes in the 95 % interval; NaN where not computed.
    """

    forecasts: int
    log_score: float
    baseline_log_score: float
    difference: float
    standard_error: float
    p_value: float
    coverage: float


@dataclass(frozen=True, slots=True)
class Interval:
    """A forecast of a sum.

    Attributes:
        mean: Expected count.
        median: Median count.
        low: Lower end of the 95 % prediction interval.
        high: Upper end.
    """

    mean: float
    median: int
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class HorizonForecast:
    """The forecast of the next ``horizon`` weeks, and the record of those before.

    Attributes:
        horizon: Weeks.
        ensemble: The pool's forecast.
        baseline: The baseline's.
        record: The pool's accuracy.
        q_value: Of the record's p-value, Benjamini-Hochberg over the horizons of several weeks.
        origins: Weeks after which forecasts were made whose outcome is known, as counts of weeks.
        log_scores: The pool's score of each, shape (origins,).
        baseline_log_scores: The baseline's.
        outcomes: What came true.
        means: What the pool expected.
    """

    horizon: int
    ensemble: Interval
    baseline: Interval
    record: Accuracy
    q_value: float
    origins: Integers
    log_scores: Floats
    baseline_log_scores: Floats
    outcomes: Integers
    means: Floats


@dataclass(frozen=True, slots=True)
class ComponentRecord:
    """A component's part in the pool.

    Attributes:
        name: Key of ``COMPONENTS``.
        weight: In the pool now.
        means: Expected counts, by horizon.
        record: One week ahead, against the baseline.
        q_value: Benjamini-Hochberg over the components.
    """

    name: str
    weight: float
    means: Floats
    record: Accuracy
    q_value: float


@dataclass(frozen=True, slots=True)
class Ensemble:
    """What the pool says at the end of a series of weekly counts."""

    weeks: int
    horizons: tuple[HorizonForecast, ...]
    components: tuple[ComponentRecord, ...]


def forecast(y: Integers) -> Ensemble | None:
    """Forecast the next 1, 4 and 12 weeks by a walk forward with an expanding window.

    The pool is the mixture of the components' distributions. Its weights at an origin are
    proportional to the exponential of the components' discounted sums of logarithmic scores, one
    week ahead, of the forecasts whose outcome was known by then. Bates and Granger (1969),
    Operational Research Quarterly 20; Hall and Mitchell (2007), International Journal of
    Forecasting 23; Gneiting and Raftery (2007), Journal of the American Statistical Association
    102.

    Args:
        y: Weekly counts, shape (T,).

    Returns:
        None where there are fewer than 156 weeks.
    """
    if len(y) < FIRST_ORIGIN + MINIMUM_FORECASTS:
        return None
    moments = [part(y, FIRST_ORIGIN, HORIZONS) for part in COMPONENTS.values()]
    mean = np.stack([each.mean for each in moments])  # (components, origins, horizons)
    variance = np.stack([each.variance for each in moments])
    base = list(COMPONENTS).index(BASELINE)
    outcomes = [_sums(y, horizon) for horizon in HORIZONS]
    scores, below = zip(
        *(
            _scored(mean[:, : len(sums), place], variance[:, : len(sums), place], sums)
            for place, sums in enumerate(outcomes)
        ),
        strict=True,
    )
    weights = pool_weights(scores[HORIZONS.index(1)])
    records = []
    for place, sums in enumerate(outcomes):
        known = weights[:, : len(sums)]
        pooled = np.log(np.sum(known * np.exp(scores[place]), axis=0))
        at_most = np.sum(known * below[place][0], axis=0)
        less = np.sum(known * below[place][1], axis=0)
        tail = (1 - COVERAGE) / 2
        # In the interval: not below its lower end, and not above its upper end.
        covered = (at_most >= tail) & (less < 1 - tail)
        record = accuracy(pooled, scores[place][base], HORIZONS[place], float(covered.mean()))
        expected = np.sum(known * mean[:, : len(sums), place], axis=0)
        records.append((record, pooled, scores[place][base], sums, expected))
    several = [place for place, horizon in enumerate(HORIZONS) if horizon > 1]
    q_values = np.full(len(HORIZONS), np.nan)
    q_values[several] = benjamini_hochberg([records[place][0].p_value for place in several])
    now = weights[:, -1]
    horizons = tuple(
        HorizonForecast(
            horizon=horizon,
            ensemble=_interval(now, mean[:, -1, place], variance[:, -1, place]),
            baseline=_interval(
                np.ones(1), mean[base : base + 1, -1, place], variance[base : base + 1, -1, place]
            ),
            record=records[place][0],
            q_value=float(q_values[place]),
            origins=FIRST_ORIGIN + np.arange(len(records[place][3])),
            log_scores=records[place][1],
            baseline_log_scores=records[place][2],
            outcomes=records[place][3],
            means=records[place][4],
        )
        for place, horizon in enumerate(HORIZONS)
    )
    return Ensemble(len(y), horizons, _component_records(scores[0], base, now, mean[:, -1]))


def _component_records(
    scores: Floats, base: int, weights: Floats, means: Floats
) -> tuple[ComponentRecord, ...]:
    records = [accuracy(score, scores[base], 1, np.nan) for score in scores]
    p_values = [np.nan if place == base else record.p_value for place, record in enumerate(records)]
    q_values = benjamini_hochberg(p_values)
    return tuple(
        ComponentRecord(name, float(weight), mean, record, float(q_value))
        for name, weight, mean, record, q_value in zip(
            COMPONENTS, weights, means, records, q_values, strict=True
        )
    )


def _sums(y: Integers, horizon: int) -> Integers:
    """Return the sums that are known, by origin from the first on."""
    running = np.concatenate([[0], np.cumsum(y)])
    return np.asarray(running[FIRST_ORIGIN + horizon :] - running[FIRST_ORIGIN:-horizon])


def _scored(
    mean: Floats, variance: Floats, outcomes: Integers
) -> tuple[Floats, tuple[Floats, Floats]]:
    """Return logarithmic scores, and the probabilities of at most and of less than the outcome.

    Args:
        mean: Shape (components, origins).
        variance: Like ``mean``.
        outcomes: Shape (origins,).
    """
    scores, at_most, less = (np.empty(mean.shape) for _ in range(3))
    origins = np.arange(len(outcomes))
    for place in range(len(mean)):
        log = log_pmf(mean[place], variance[place], int(outcomes.max()))
        scores[place] = log[origins, outcomes]
        at_most[place] = np.cumsum(np.exp(log), axis=1)[origins, outcomes]
        less[place] = at_most[place] - np.exp(scores[place])
    # A surprise has a score, however bad: an unbounded one would decide everything after it.
    return np.maximum(scores, -700.0), (at_most, less)


def pool_weights(scores: Floats) -> Floats:
    """Return the weights of the components at every origin, shape (components, n + 1).

    Args:
        scores: Logarithmic scores one week ahead, shape (components, n): the weights at an origin
            use those of the origins before it.
    """
    total = np.zeros(len(scores))
    weights = np.empty((len(scores), scores.shape[1] + 1))
    for origin in range(scores.shape[1] + 1):
        relative = np.exp(total - total.max())
        weights[:, origin] = relative / relative.sum()
        if origin < scores.shape[1]:
            total = _DISCOUNT * total + scores[:, origin]
    return weights


def accuracy(scores: Floats, baseline: Floats, horizon: int, coverage: float = np.nan) -> Accuracy:
    """Compare logarithmic scores with the baseline's.

    The test of Diebold and Mariano (1995), Journal of Business and Economic Statistics 13.
    Forecasts of several weeks overlap, so that the long-run variance of the difference counts
    (``quant.analytics.long_run.cosine_variance``), with Student's t.

    Args:
        scores: Shape (n,).
        baseline: Shape (n,).
        horizon: Weeks ahead.
        coverage: Handed through.
    """
    n = len(scores)
    difference = scores - baseline
    mean = float(difference.mean()) if n else np.nan
    error, p_value = np.nan, np.nan
    variance, degrees = cosine_variance(difference, horizon)
    if np.isfinite(variance):
        error = float(np.sqrt(variance / n))
        # Equal scores leave rounding alone.
        if error > np.finfo(np.float64).eps * max(float(np.abs(scores).max()), 1.0):
            p_value = float(student_t_sf(mean / error, degrees))
    return Accuracy(
        forecasts=n,
        log_score=float(scores.mean()) if n else np.nan,
        baseline_log_score=float(baseline.mean()) if n else np.nan,
        difference=mean,
        standard_error=error,
        p_value=p_value,
        coverage=coverage,
    )


def _interval(weights: Floats, mean: Floats, variance: Floats) -> Interval:
    """Return mean, median and the 95 % interval of a mixture, shapes (components,)."""
    expected = float(weights @ mean)
    largest = 64
    tail = (1 - COVERAGE) / 2
    while True:
        pmf = weights @ np.exp(log_pmf(mean, variance, largest))
        if pmf.sum() > 1 - tail / 2 or largest > 10**6:
            break
        largest *= 2
    return Interval(expected, quantile(pmf, 0.5), quantile(pmf, tail), quantile(pmf, 1 - tail))

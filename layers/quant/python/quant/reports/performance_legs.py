"""Mean abnormal returns of purchases, of sales, and of the two together, at each horizon."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import numpy as np

from quant.analytics.arrays import Flags, Floats, Integers
from quant.analytics.multiple_testing import benjamini_hochberg
from quant.analytics.performance.bootstrap import bootstrap_interval, seeded
from quant.analytics.performance.clustered import Inference, difference, mean
from quant.analytics.performance.weights import mean_bounds
from quant.analytics.performance.windows import HORIZONS
from quant.reports.documents import estimate, null_if_nan
from quant.reports.performance_study import Measured

# With fewer clusters in a dimension there is no standard error to speak of: a variance of four
# sums. The mean is given without one.
FEWEST_CLUSTERS: Final = 5


class Leg(StrEnum):
    """Which trades a mean is of.

    ``SIGNED``: purchases with the abnormal return of the stock, sales with its negative, what came
    of the trades in their own direction.
    """

    PURCHASES = "purchases"
    SALES = "sales"
    PURCHASES_MINUS_SALES = "purchases_minus_sales"
    SIGNED = "signed"


class Measure(StrEnum):
    """Kind of abnormal return; also the name of its method."""

    CAR = "car"
    BHAR = "bhar"


class Clustering(StrEnum):
    """The first of the two dimensions that errors are clustered in; the other is the entry day."""

    POLITICIAN = "politician"
    TICKER = "ticker"


@dataclass(frozen=True, slots=True)
class Draws:
    """How bootstrap intervals are drawn.

    Attributes:
        name: What the random numbers depend on.
        count: Bootstrap samples.
    """

    name: str
    count: int


@dataclass(frozen=True, slots=True)
class _Rows:
    """The m trades of a leg that have a window at a horizon; all of shape (m,)."""

    values: dict[Measure, Floats]
    weights: Floats
    low: Floats
    high: Floats
    dimensions: tuple[Integers, Integers]
    side: Integers

    def of(self, which: Flags) -> "_Rows":
        first, second = self.dimensions
        return _Rows(
            {measure: values[which] for measure, values in self.values.items()},
            self.weights[which],
            self.low[which],
            self.high[which],
            (first[which], second[which]),
            self.side[which],
        )

    def bounds(self, measure: Measure) -> tuple[float, float]:
        return mean_bounds(self.values[measure], self.low, self.high)


def leg_documents(
    measured: Measured, clustering: Clustering, draws: Draws | None
) -> list[dict[str, Any]]:
    """Return the means of every leg at every horizon; their q-values are for the caller to fill in.

    Args:
        measured: The trades.
        clustering: First dimension of the clusters.
        draws: How bootstrap intervals are drawn; None for none.
    """
    return [
        {
            "name": leg,
            "horizons": [
                _horizon(measured, leg, place, clustering, draws) for place in range(len(HORIZONS))
            ],
        }
        for leg in Leg
    ]


def difference_documents(measured: Measured, inside: Flags, outside: Flags) -> list[dict[str, Any]]:
    """Return the mean of one group less that of another, by leg; q-values as above.

    Args:
        measured: All trades.
        inside: Which are the one group's, shape (n,).
        outside: Which are the other's.
    """
    both = inside | outside
    compared, indicator = measured.take(both), inside[both].astype(np.int64)
    return [
        {
            "name": leg,
            "horizons": [
                _difference(compared, leg, place, indicator) for place in range(len(HORIZONS))
            ],
        }
        for leg in (Leg.PURCHASES, Leg.SALES, Leg.SIGNED)
    ]


def infer(
    measured: Measured, leg: Leg, place: int, clustering: Clustering
) -> dict[Measure, Inference]:
    """Return the mean of a leg at the horizon of a place in ``HORIZONS``, for both measures."""
    rows = _rows(measured, leg, place, clustering)
    return {measure: _infer(rows, leg, measure) for measure in Measure}


def testable(found: Inference) -> bool:
    """Say whether there are clusters enough for a standard error."""
    return min(found.clusters, default=0) >= FEWEST_CLUSTERS and np.isfinite(found.standard_error)


def shape(found: Inference) -> dict[str, Any]:
    """Return an estimate; with too few clusters the value alone."""
    if not testable(found):
        return estimate(found.value, n=found.n)
    return estimate(
        found.value,
        n=found.n,
        standard_error=found.standard_error,
        low=found.low,
        high=found.high,
        p_value=found.p_value,
    )


def correct(estimates: Sequence[dict[str, Any]]) -> int:
    """Fill in the q-values of estimates that are tested together; return how many have a test."""
    p_values = [np.nan if one["p_value"] is None else one["p_value"] for one in estimates]
    for one, q_value in zip(estimates, benjamini_hochberg(p_values), strict=True):
        one["q_value"] = null_if_nan(float(q_value))
    return int(np.isfinite(p_values).sum())


def estimates_of(legs: Iterable[dict[str, Any]], measure: Measure) -> list[dict[str, Any]]:
    """Return the estimates of a measure in documents of legs."""
    return [row[measure] for leg in legs for row in leg["horizons"]]


def _of_leg(measured: Measured, leg: Leg, place: int) -> Flags:
    """Return which trades of a leg have a window at a horizon, shape (n,)."""
    which = measured.returns.included[:, place]
    if leg is Leg.PURCHASES:
        which = which & (measured.side > 0)
    elif leg is Leg.SALES:
        which = which & (measured.side < 0)
    return which


def _rows(measured: Measured, leg: Leg, place: int, clustering: Clustering) -> _Rows:
    found = measured.returns
    which = _of_leg(measured, leg, place)
    side = measured.side[which]
    sign = side if leg is Leg.SIGNED else 1
    first = measured.politician if clustering is Clustering.POLITICIAN else measured.ticker
    return _Rows(
        {
            Measure.CAR: sign * found.car[which, place],
            Measure.BHAR: sign * found.bhar[which, place],
        },
        measured.weights[which],
        measured.low[which],
        measured.high[which],
        (first[which], found.entry[which]),
        side,
    )


def _infer(rows: _Rows, leg: Leg, measure: Measure) -> Inference:
    arguments = (rows.values[measure], rows.weights, rows.dimensions)
    if leg is Leg.PURCHASES_MINUS_SALES:
        return difference(*arguments, (rows.side > 0).astype(np.int64))
    return mean(*arguments)


def _horizon(
    measured: Measured, leg: Leg, place: int, clustering: Clustering, draws: Draws | None
) -> dict[str, Any]:
    rows = _rows(measured, leg, place, clustering)
    found = {measure: _infer(rows, leg, measure) for measure in Measure}
    return {
        "horizon": HORIZONS[place],
        **{measure.value: shape(inference) for measure, inference in found.items()},
        "clusters": _clusters(clustering, found[Measure.CAR]),
        "bootstrap": _bootstrap(rows, leg, HORIZONS[place], found[Measure.CAR], draws),
        "amount_bounds": {measure.value: _bounds(rows, leg, measure) for measure in Measure},
    }


def _difference(measured: Measured, leg: Leg, place: int, inside: Integers) -> dict[str, Any]:
    rows = _rows(measured, leg, place, Clustering.POLITICIAN)
    indicator = inside[_of_leg(measured, leg, place)]
    found = {
        measure: difference(rows.values[measure], rows.weights, rows.dimensions, indicator)
        for measure in Measure
    }
    return {
        "horizon": HORIZONS[place],
        **{measure.value: shape(inference) for measure, inference in found.items()},
        "clusters": _clusters(Clustering.POLITICIAN, found[Measure.CAR]),
    }


def _clusters(clustering: Clustering, found: Inference) -> dict[str, int]:
    return dict(zip((clustering.value, "entry_day"), found.clusters, strict=True))


def _bootstrap(
    rows: _Rows, leg: Leg, horizon: int, found: Inference, draws: Draws | None
) -> dict[str, Any] | None:
    """Return the bootstrap interval of the mean CAR, None for a difference."""
    if draws is None or leg is Leg.PURCHASES_MINUS_SALES or not testable(found):
        return None
    low, high = bootstrap_interval(
        rows.values[Measure.CAR],
        rows.weights,
        rows.dimensions,
        seeded(draws.name, leg, str(horizon)),
        draws.count,
    )
    return {"low": null_if_nan(low), "high": null_if_nan(high), "draws": draws.count}


def _bounds(rows: _Rows, leg: Leg, measure: Measure) -> dict[str, Any]:
    """Return what mean, weighted by dollars, the disclosed ranges leave open."""
    if leg is Leg.PURCHASES_MINUS_SALES:
        bought = rows.of(rows.side > 0).bounds(measure)
        sold = rows.of(rows.side < 0).bounds(measure)
        low, high = bought[0] - sold[1], bought[1] - sold[0]
    else:
        low, high = rows.bounds(measure)
    return {"low": null_if_nan(low), "high": null_if_nan(high)}

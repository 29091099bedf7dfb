"""Mean abnormal returns of purchases, of sales, and of the two together, at each horizon."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import numpy as np

from quant.analytics.arrays import Flags, Floats, Integers
from quant.analytics.multiple_testing import benjamini_hochberg
from quant.analytics.performance.bootstrap import bootstrap_interval, seeded
from quant.analytics.performance.cells import Cells, difference, mean, sum_cells
from quant.analytics.performance.clustered import Inference, inference
from quant.analytics.performance.trade_days import TradeDays
from quant.analytics.performance.vocabulary import HORIZONS
from quant.analytics.performance.weights import mean_bounds
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
class Sides:
    """Purchases and sales with a window at one horizon, summed by cluster and day.

    Attributes:
        place: Of the horizon in ``HORIZONS``.
        purchases: Cells by measure.
        sales: Likewise.
    """

    place: int
    purchases: Mapping[Measure, Cells]
    sales: Mapping[Measure, Cells]

    def take(self, which: Flags) -> "Sides":
        """Return those of some of the clusters."""
        return Sides(
            self.place,
            {measure: cells.take(which) for measure, cells in self.purchases.items()},
            {measure: cells.take(which) for measure, cells in self.sales.items()},
        )

    def cells(self, leg: Leg, measure: Measure) -> Cells:
        """Return the cells of one mean."""
        bought, sold = self.purchases[measure], self.sales[measure]
        if leg is Leg.SIGNED:
            return bought.less(sold)
        return bought if leg is Leg.PURCHASES else sold

    def mean(self, leg: Leg, measure: Measure) -> TradeDays | None:
        """Return the mean of a leg; None where it, or one side of a difference, has no trades."""
        if leg is Leg.PURCHASES_MINUS_SALES:
            return difference(self.purchases[measure], self.sales[measure])
        return mean(self.cells(leg, measure))

    def infer(self, leg: Leg, measure: Measure) -> Inference:
        """Return the test of that mean."""
        return infer(self.mean(leg, measure))


def sides_of(measured: Measured, labels: Integers, place: int) -> Sides | None:
    """Return the trades with a window at a horizon, None where there are none.

    Args:
        measured: n trades.
        labels: Cluster of each, from 0, shape (n,).
        place: Of the horizon in ``HORIZONS``.
    """
    which = measured.returns.included[:, place]
    daily, horizon = measured.returns.daily, HORIZONS[place]
    if daily is None or not which.any():
        return None
    entry = measured.returns.entry[which]
    first = int(entry.min())
    summed = [
        sum_cells(
            daily.take(of_side),
            horizon,
            measured.weights[of_side],
            labels[of_side],
            clusters=int(labels.max()) + 1,
            first=first,
            days=int(entry.max()) - first + horizon,
        )
        for of_side in (which & (measured.side > 0), which & (measured.side < 0))
    ]
    bought, sold = (dict(zip(Measure, cells, strict=True)) for cells in summed)
    return Sides(place, bought, sold)


def leg_documents(
    measured: Measured, by_horizon: Sequence[Sides | None], clustering: str, draws: Draws | None
) -> list[dict[str, Any]]:
    """Return the means of every leg at every horizon; their q-values are for the caller to fill in.

    Args:
        measured: The trades.
        by_horizon: Their cells, in the order of ``HORIZONS``.
        clustering: What the clusters are.
        draws: How bootstrap intervals are drawn; None for none.
    """
    return [
        {
            "name": leg,
            "horizons": [
                {
                    "horizon": HORIZONS[place],
                    **_mean_document(leg, sides, clustering, draws),
                    "amount_bounds": _bounds(measured, leg, place),
                }
                for place, sides in enumerate(by_horizon)
            ],
        }
        for leg in Leg
    ]


def _mean_document(
    leg: Leg, sides: Sides | None, clustering: str, draws: Draws | None
) -> dict[str, Any]:
    means = {measure: None if sides is None else sides.mean(leg, measure) for measure in Measure}
    found = {measure: infer(cells) for measure, cells in means.items()}
    return {
        **{measure.value: shape(one) for measure, one in found.items()},
        "clusters": dict(zip((clustering, "day"), found[Measure.CAR].clusters, strict=True)),
        "bootstrap": _bootstrap(means[Measure.CAR], leg, draws),
    }


def infer(cells: TradeDays | None) -> Inference:
    """Return the test of a mean, that of none without one."""
    if cells is None:
        return inference(np.nan, np.nan, 0, n=0, clusters=(0, 0))
    return cells.inference()


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


def _bootstrap(cells: TradeDays | None, leg: Leg, draws: Draws | None) -> dict[str, Any] | None:
    """Return the bootstrap interval of a mean, None where it has no standard error either."""
    if draws is None or cells is None or cells.means > 1 or not testable(cells.inference()):
        return None
    generator = seeded(draws.name, leg, str(cells.horizon))
    low, high = bootstrap_interval(cells, generator, draws.count)
    return {"low": null_if_nan(low), "high": null_if_nan(high), "draws": draws.count}


def _bounds(measured: Measured, leg: Leg, place: int) -> dict[str, Any]:
    """Return what means, weighted by dollars, the disclosed ranges leave open."""
    included = measured.returns.included[:, place]
    bought, sold = included & (measured.side > 0), included & (measured.side < 0)
    found = {}
    for measure in Measure:
        returns = measured.returns.car if measure is Measure.CAR else measured.returns.bhar
        signed = returns[:, place] * (measured.side if leg is Leg.SIGNED else 1)
        if leg is Leg.PURCHASES_MINUS_SALES:
            first, second = (_bounds_of(measured, signed, which) for which in (bought, sold))
            low, high = first[0] - second[1], first[1] - second[0]
        else:
            which = {Leg.PURCHASES: bought, Leg.SALES: sold}.get(leg, included)
            low, high = _bounds_of(measured, signed, which)
        found[measure.value] = {"low": null_if_nan(low), "high": null_if_nan(high)}
    return found


def _bounds_of(measured: Measured, values: Floats, which: Flags) -> tuple[float, float]:
    return mean_bounds(values[which], measured.low[which], measured.high[which])

"""What the platform's event studies and portfolios find in the real disclosures.

Glue alone: every abnormal return, standard error and interval is of the code that answers
`GET /api/v1/analytics/performance`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from itertools import product
from typing import Any, Final

import numpy as np

from quant.analytics.arrays import FactorPanel, Flags, Integers, PricePanel
from quant.analytics.distributions import student_t_ppf
from quant.analytics.performance.alpha import Alpha, Frequency, calendar_time_alpha
from quant.analytics.performance.bootstrap import bootstrap_interval, seeded
from quant.analytics.performance.calendar_time import CalendarTimePortfolio, calendar_time_portfolio
from quant.analytics.performance.calendar_time import Leg as PortfolioLeg
from quant.analytics.performance.clustered import Inference, critical_value, inference, mean
from quant.analytics.performance.event_study import simple_returns
from quant.analytics.performance.trade_days import TradeDays, trade_days
from quant.analytics.performance.vocabulary import HORIZONS, Event, Model, Weighting
from quant.analytics.performance.weights import mean_bounds
from quant.ingest.bulk import ImportReport
from quant.reports.performance_legs import Leg, correct, shape, testable
from quant.reports.performance_query import Configuration
from quant.reports.performance_study import Measured, Study
from quant.stock_act import ENACTED

INDEX: Final = "index"
# The equally weighted mean of the stocks that have prices: what a pick at random among them earns.
TWENTY: Final = "twenty"
EXPECTED: Final = (
    (INDEX, Model.MARKET_ADJUSTED),
    (INDEX, Model.MARKET_MODEL),
    (TWENTY, Model.MARKET_ADJUSTED),
)
MEASURES: Final = ("car", "bhar")
LEGS: Final = (Leg.PURCHASES, Leg.SALES, Leg.PURCHASES_MINUS_SALES)

ALL: Final = "all members"
SENATE: Final = "Senate"
HOUSE: Final = "House"
DEMOCRATS: Final = "Democrats"
REPUBLICANS: Final = "Republicans"
# The period of Belmont et al. (2022).
PUBLISHED: Final = "Senate to 2020"
LAST_PUBLISHED: Final = date(2020, 12, 31)
POPULATIONS: Final = (ALL, SENATE, HOUSE, DEMOCRATS, REPUBLICANS, PUBLISHED)

DRAWS: Final = 999
# Those whose tables show bootstrap intervals.
BOOTSTRAPPED: Final = (ALL, PUBLISHED)
_POWER: Final = 0.80


@dataclass(frozen=True)
class Key:
    """What an estimate is of: the abnormal returns of a population's trades at a horizon."""

    population: str
    event: Event
    leg: Leg
    horizon: int
    benchmark: str = INDEX
    model: Model = Model.MARKET_ADJUSTED
    weighting: Weighting = Weighting.EQUAL


@dataclass(frozen=True)
class Findings:
    """The loaded data and what follows from them.

    Attributes:
        study: Trades, prices and factors.
        imports: What each file held.
    """

    study: Study
    imports: tuple[ImportReport, ...]
    _portfolios: dict[tuple[bytes, Event, int], CalendarTimePortfolio] = field(default_factory=dict)

    @property
    def prices(self) -> PricePanel:
        return self.study.prices

    @property
    def factors(self) -> FactorPanel:
        factors = self.study.factors[Frequency.MONTHLY]
        assert factors is not None
        return factors

    @cached_property
    def priced(self) -> Flags:
        """Which tickers have prices."""
        return np.isfinite(self.prices.close).any(axis=0)

    @cached_property
    def covered(self) -> Flags:
        """Which trades are purchases or sales of stock of a ticker with prices."""
        trades = self.study.trades
        ticker = trades.arrays.ticker
        priced = (ticker >= 0) & self.priced[np.maximum(ticker, 0)]
        return priced & trades.is_stock & (trades.arrays.side != 0)

    @cached_property
    def populations(self) -> dict[str, Flags]:
        """Which trades are each population's; all since the STOCK Act."""
        trades = self.study.trades
        chamber = np.array([member.chamber for member in trades.members])[trades.arrays.politician]
        party = np.array([member.party or "" for member in trades.members])
        party = party[trades.arrays.politician]
        since = trades.arrays.transaction_day >= np.datetime64(ENACTED)
        to_2020 = trades.arrays.transaction_day <= np.datetime64(LAST_PUBLISHED)
        return {
            ALL: since,
            SENATE: since & (chamber == "senate"),
            HOUSE: since & (chamber == "house"),
            DEMOCRATS: since & (party == "democrat"),
            REPUBLICANS: since & (party == "republican"),
            PUBLISHED: since & to_2020 & (chamber == "senate"),
        }

    @cached_property
    def studies(self) -> dict[str, Study]:
        """The study by benchmark: the index, and the mean of the twenty, rebalanced daily."""
        daily = np.nan_to_num(simple_returns(self.prices.close[:, self.priced]).mean(axis=1))
        control = replace(self.prices, benchmark=TWENTY, benchmark_close=np.cumprod(1 + daily))
        return {
            INDEX: self.study,
            TWENTY: Study(self.study.trades, control, self.study.factors),
        }

    def measured(self, key: Key) -> Measured:
        configuration = Configuration(event=key.event, model=key.model, weighting=key.weighting)
        measured = self.studies[key.benchmark].measured(configuration)
        return measured.take(self.populations[key.population])

    def row(self, key: Key, *, draws: int = 0) -> dict[str, Any]:
        """Return the means of a leg at a horizon, shaped as the API answers them."""
        sample = self.sample(key)
        car, bhar = (
            mean_of(sample, key, sample.politician, compounded=compounded)
            for compounded in (False, True)
        )
        found = cautious(car)
        bootstrap = None
        if draws and car is not None and car.means == 1 and testable(found):
            low, high = bootstrap_interval(car, seeded(repr(key)), draws)
            bootstrap = {"low": low, "high": high}
        return {
            "car": shape(found),
            "bhar": shape(cautious(bhar)),
            "clusters": dict(zip(("politician", "day"), found.clusters, strict=True)),
            "degrees": found.degrees,
            "as_answered": {} if car is None else shape(car.inference()),
            "bootstrap": bootstrap,
        }

    def amount_bounds(self, key: Key) -> tuple[float, float]:
        """Return what mean CAR, weighted by dollars, the disclosed ranges leave open."""
        if key.leg is Leg.PURCHASES_MINUS_SALES:
            bought = self.amount_bounds(replace(key, leg=Leg.PURCHASES))
            sold = self.amount_bounds(replace(key, leg=Leg.SALES))
            return bought[0] - sold[1], bought[1] - sold[0]
        sample = self.sample(key)
        values = sample.returns.car[:, sample.returns.horizons.index(key.horizon)]
        return mean_bounds(values, sample.low, sample.high)

    @cached_property
    def grid(self) -> dict[Key, dict[str, Any]]:
        """Every estimate with equal weights."""
        places = product(POPULATIONS, Event, LEGS, HORIZONS, EXPECTED)
        keys = (Key(*place, *expected) for *place, expected in places)
        return {
            key: self.row(key, draws=DRAWS if key.population in BOOTSTRAPPED else 0) for key in keys
        }

    def sample(self, key: Key) -> Measured:
        """Return the trades of a leg that have a window at the horizon."""
        measured = self.measured(key)
        which = measured.returns.included[:, measured.returns.horizons.index(key.horizon)]
        if key.leg in {Leg.PURCHASES, Leg.SALES}:
            which = which & (measured.side == (1 if key.leg is Leg.PURCHASES else -1))
        return measured.take(which)

    def without_one(self, key: Key) -> tuple[float, float]:
        """Return the least and the greatest mean with any one politician left out."""
        sample = self.sample(key)
        values = sample.returns.car[:, sample.returns.horizons.index(key.horizon)]
        means = [
            float(values[sample.politician != one].mean()) for one in np.unique(sample.politician)
        ]
        return min(means), max(means)

    def rank(self, key: Key) -> Inference:
        """Return how the traded stocks ranked among all with prices over the same windows.

        The mean rank from 0 (worst) to 1 (best), less the 0.5 of picks at random.
        """
        sample = self.sample(key)
        entry = sample.returns.entry
        close = self.prices.close[:, self.priced]
        growth = close[entry + key.horizon] / close[entry]
        own = growth[np.arange(len(entry)), (np.cumsum(self.priced) - 1)[sample.ticker]]
        rank = (growth < own[:, None]).sum(axis=1) / (close.shape[1] - 1)
        return mean(rank - 0.5, np.ones(len(rank)), (sample.politician, entry))

    def politicians(self, event: Event, horizon: int) -> tuple[list[dict[str, Any]], int]:
        """Return the politicians with a test of their own by p-value, and how many have none.

        Of all trades in their own direction, with errors clustered by ticker and day.
        """
        sample = self.sample(Key(ALL, event, Leg.SIGNED, horizon))
        signed = Key(ALL, event, Leg.SIGNED, horizon)
        rows = []
        codes = np.unique(sample.politician)
        for code in codes:
            own = sample.take(sample.politician == code)
            if testable(found := cautious(mean_of(own, signed, own.ticker))):
                name = self.study.trades.members[code].full_name
                rows.append({"name": name, "car": shape(found)})
        correct([row["car"] for row in rows])
        rows.sort(key=lambda row: row["car"]["p_value"])
        return rows, len(codes) - len(rows)

    def alpha(
        self,
        which: Flags,
        holding: int,
        *,
        event: Event,
        leg: PortfolioLeg,
        model: Model,
        frequency: Frequency = Frequency.DAILY,
    ) -> Alpha:
        """Return the alpha of the calendar-time portfolio of the trades selected."""
        key = which.tobytes(), event, holding
        if key not in self._portfolios:
            trades = self.study.trades
            self._portfolios[key] = calendar_time_portfolio(
                trades.arrays.take(which),
                self.prices,
                event=event,
                holding=holding,
                is_stock=trades.is_stock[which],
            )
        return calendar_time_alpha(
            self._portfolios[key],
            self.prices,
            leg=leg,
            model=model,
            frequency=frequency,
            factors=self.study.factors[frequency],
        )

    def rows(self) -> Iterator[dict[str, Any]]:
        """Every estimate of the grid, flat."""
        for key, row in self.grid.items():
            for measure in MEASURES:
                found, interval = row[measure], row["bootstrap"] if measure == "car" else None
                yield {
                    "population": key.population,
                    "event": key.event.value,
                    "benchmark": key.benchmark,
                    "model": key.model.value,
                    "measure": measure,
                    "leg": key.leg.value,
                    "horizon": key.horizon,
                    **{name: found[name] for name in ("n", "value", "standard_error")},
                    **{name: found[name] for name in ("low", "high", "p_value")},
                    "bootstrap_low": interval and interval["low"],
                    "bootstrap_high": interval and interval["high"],
                    "politicians": row["clusters"]["politician"],
                    "days": row["clusters"]["day"],
                }


def mean_of(
    sample: Measured, key: Key, labels: Integers, *, compounded: bool = False
) -> TradeDays | None:
    """Return the mean over trades that all have a window at the key's horizon; None without any."""
    if sample.returns.daily is None or not len(labels):
        return None
    return trade_days(
        sample.returns.daily,
        key.horizon,
        sample.weights * (sample.side if key.leg is Leg.SIGNED else 1),
        labels,
        compounded=compounded,
        inside=(sample.side > 0).astype(np.int64) if key.leg is Leg.PURCHASES_MINUS_SALES else None,
    )


def one_way(mean_of_trades: TradeDays) -> tuple[float, float]:
    """Return the variances of a mean clustered by politician alone and by day alone."""
    clusters, days = mean_of_trades.clusters
    rows = mean_of_trades.trades * mean_of_trades.horizon
    small = (rows - 1) / (rows - mean_of_trades.means)
    residuals = mean_of_trades.residuals
    return (
        small * clusters / (clusters - 1) * float(np.square(residuals.sum(axis=1)).sum()),
        small * days / (days - 1) * float(np.square(residuals.sum(axis=0)).sum()),
    )


def cautious(mean_of_trades: TradeDays | None) -> Inference:
    """Return the test of a mean by the greatest of the two-way and both one-way variances.

    With few politicians the sum of the one-way variances less that of the cells can come out far
    below either of them (MacKinnon, Nielsen and Webb 2024, "Jackknife inference with two-way
    clustering").
    """
    if mean_of_trades is None:
        return inference(np.nan, np.nan, 0, n=0, clusters=(0, 0))
    found = mean_of_trades.inference()
    if not np.isfinite(found.standard_error):
        return found
    variance = max(found.standard_error**2, *one_way(mean_of_trades))
    return inference(found.value, variance, found.degrees, n=found.n, clusters=found.clusters)


def detectable(row: dict[str, Any]) -> float:
    """Return the mean CAR that a two-sided test at 5 % finds with a probability of 80 %."""
    degrees = row["degrees"]
    quantiles = critical_value(degrees) + float(student_t_ppf(_POWER, degrees))
    return float(row["car"]["standard_error"] * quantiles)

"""Answers of the routes of abnormal returns."""

from datetime import date

from pydantic import BaseModel, Field

from analytics._anomaly_answers import EvidenceTrade
from analytics._performance_parameters import EVENT, MODEL, WEIGHTING
from quant.analytics.performance.calendar_time import Leg as Portfolio
from quant.analytics.performance.vocabulary import Event, Model, Weighting
from quant.reports.performance_legs import Leg
from quant.reports.performance_query import Grouping
from quant_http.models import (
    DataVersionField,
    Estimate,
    MethodReference,
    PoliticianReference,
    SampleInfo,
)

_HORIZON = Field(description="Trading days after entry.", examples=[63])
_BENCHMARK = Field(description="The benchmark; null where none has prices.", examples=["SPY"])
_REASON = Field(
    description="Why there is no number, in words; null where there is one.",
    examples=["None of the tickers traded has prices."],
)
_NOTICE = Field(
    examples=[
        "Averages of past returns after disclosed trades, beside a stated null hypothesis; no "
        "finding about how a trade came about, and no investment advice."
    ]
)


class ExcludedAt(BaseModel):
    """The trades that have a window at a horizon, and the others by reason."""

    horizon: int = _HORIZON
    used: int = Field(examples=[412])
    excluded: dict[str, int] = Field(
        description="`window_open`: it ends after the last price; `price_missing`: there is none "
        "on a day of it; `estimation_window_short`: too few returns before entry for the model; "
        "`factors_missing`: of the model or of the benchmark.",
        examples=[{"not_stock": 80, "window_open": 20}],
    )


class AmountBounds(BaseModel):
    """The least and greatest mean, weighted by dollars, that the disclosed ranges allow."""

    low: float | None = Field(examples=[-0.011])
    high: float | None = Field(examples=[0.019])


class BoundsByMeasure(BaseModel):
    """What the disclosed ranges leave open, whatever the weighting."""

    car: AmountBounds
    bhar: AmountBounds


class BootstrapInterval(BaseModel):
    """The 95 % bootstrap-t interval of the mean CAR."""

    low: float | None = Field(examples=[-0.0083])
    high: float | None = Field(examples=[0.0171])
    draws: int = Field(examples=[999])


class ComparedHorizon(BaseModel):
    """A mean, or a difference of means, at one horizon."""

    horizon: int = _HORIZON
    car: Estimate = Field(description="Cumulative abnormal return, as a fraction.")
    clusters: dict[str, int] = Field(
        description="Clusters in each dimension of the standard errors; zero where there is "
        "nothing on one of the two sides.",
        examples=[{"ticker": 96, "day": 510}],
    )


class MeanHorizon(ComparedHorizon):
    """A mean at one horizon."""

    bhar: Estimate = Field(description="Buy-and-hold abnormal return, as a fraction.")
    bootstrap: BootstrapInterval | None = Field(
        description="Null for committees and differences, and with too few clusters."
    )
    amount_bounds: BoundsByMeasure


class MeanLeg(BaseModel):
    """Mean abnormal returns of some of the trades."""

    name: Leg = Field(
        description="`purchases` and `sales`: of the stock. `purchases_minus_sales`: the first "
        "less the second. `signed`: of all trades in their own direction, that of sales negative."
    )
    horizons: list[MeanHorizon]


class ComparedLeg(BaseModel):
    """Differences of mean abnormal returns; of committees `signed` alone."""

    name: Leg
    horizons: list[ComparedHorizon]


class FactorLoading(BaseModel):
    """How a portfolio moves with a factor."""

    name: str = Field(examples=["market"])
    estimate: Estimate


class PortfolioAlpha(BaseModel):
    """The alpha of a portfolio, by one frequency."""

    alpha: Estimate = Field(description="Per year, not compounded; `n` counts periods.")
    alpha_per_period: Estimate = Field(description="Per day or month.")
    loadings: list[FactorLoading]
    lags: int = Field(description="Of the Newey-West errors.", examples=[6])
    first: date | None = Field(description="Last day of the first period.", examples=["2014-01-03"])
    last: date | None = Field(examples=["2022-12-28"])
    empty: int = Field(
        description="Periods left out in between, in which nothing was held.", examples=[12]
    )
    factors_missing: int = Field(
        description="Periods left out as a factor or the benchmark is not known.", examples=[0]
    )


class PortfolioHolding(BaseModel):
    """Alphas of a portfolio that holds each trade for as long as this."""

    horizon: int = Field(description="Trading days that a trade is held.", examples=[63])
    daily: PortfolioAlpha
    monthly: PortfolioAlpha


class PortfolioLeg(BaseModel):
    """Calendar-time portfolios of what was bought, of what was sold, or of the difference."""

    name: Portfolio
    holdings: list[PortfolioHolding]


class CorrectedOver(BaseModel):
    """What the q-values of the event study are corrected over."""

    politicians: int | None = Field(
        description="All with a measured trade; null where there are no q-values.", examples=[187]
    )
    data_version: int | None = Field(
        description="Version that the others' p-values were computed at.", examples=[7]
    )
    reason: str | None = Field(description="Why there are no q-values.", examples=[None])


class PerformanceEvidence(BaseModel):
    """A trade and what it contributes to the mean of all trades in their own direction."""

    trade: EvidenceTrade
    entry_day: date = Field(examples=["2020-11-27"])
    exit_day: date = Field(examples=["2021-03-01"])
    car: float = Field(description="Of the stock.", examples=[0.12])
    bhar: float = Field(description="Of the stock.", examples=[0.14])
    contribution: float = Field(
        description="Its share of the weights times its CAR in its own direction; these add up "
        "to the mean.",
        examples=[0.0011],
    )


class PerformanceData(BaseModel):
    """Abnormal returns of one politician's trades."""

    politician: PoliticianReference
    as_of: date | None = Field(description="As asked for.", examples=["2022-12-31"])
    event: Event = EVENT
    model: Model = MODEL
    weighting: Weighting = WEIGHTING
    horizon: int = _HORIZON
    benchmark: str | None = _BENCHMARK
    reason: str | None = _REASON
    statement: str = Field(
        description="The mean in words, and whether it differs from zero.",
        examples=[
            "Over the 63 trading days after disclosure, the abnormal return of 412 trades in their "
            "own direction was +0.42% on average (95 % interval -0.78% to +1.62%). It does not "
            "differ from zero (q over 187 politicians = 0.810)."
        ],
    )
    windows: list[ExcludedAt]
    legs: list[MeanLeg]
    calendar_time: list[PortfolioLeg]
    corrected_over: CorrectedOver
    evidence: list[PerformanceEvidence] = Field(
        description="The ten trades that contribute most to the mean, each with its filing."
    )
    notice: str = _NOTICE


class PerformanceAnswer(BaseModel):
    """The report on a politician's abnormal returns."""

    data: PerformanceData
    methods: list[MethodReference]
    sample: SampleInfo = Field(description="At the shortest horizon.")
    data_version: DataVersionField
    is_current: bool = Field(
        description="Whether the q-values are of that version, too.", examples=[True]
    )


class PerformanceGroup(BaseModel):
    """Abnormal returns of a group's trades."""

    id: str = Field(description="Party, chamber, committee, or `all`.", examples=["democrat"])
    name: str = Field(examples=["Democrat"])
    politicians: int = Field(description="Those with trades.", examples=[92])
    trades: int = Field(examples=[10_312])
    legs: list[MeanLeg]
    calendar_time: list[PortfolioLeg]


class GroupDifference(BaseModel):
    """One group less another."""

    group: str = Field(examples=["democrat"])
    other: str | None = Field(
        description="The other group; null for everybody else.", examples=["republican"]
    )
    legs: list[ComparedLeg]


class RankedPolitician(BaseModel):
    """A politician with the mean abnormal return of all trades in their own direction."""

    rank: int = Field(description="By the lower end of the interval of the mean CAR.", examples=[1])
    politician: PoliticianReference
    car: Estimate
    bhar: Estimate


class PerformanceRanking(BaseModel):
    """The politicians, with q-values over all of them."""

    horizon: int = _HORIZON
    tested: int = Field(description="Those with enough tickers and days.", examples=[120])
    not_tested: int = Field(description="Those with too few.", examples=[67])
    p_value_at_most_0_05: int = Field(
        description="Tested at that level without a correction; of means that are all zero one in "
        "twenty is.",
        examples=[9],
    )
    q_value_at_most_0_05: int = Field(description="At a false discovery rate of 5 %.", examples=[0])
    rows: list[RankedPolitician]
    data_version: DataVersionField


class PopulationData(BaseModel):
    """Abnormal returns of groups, their differences, and politicians ranked."""

    by: Grouping
    as_of: date | None = Field(description="As asked for.", examples=["2022-12-31"])
    event: Event = EVENT
    model: Model = MODEL
    weighting: Weighting = WEIGHTING
    benchmark: str | None = _BENCHMARK
    reason: str | None = _REASON
    windows: list[ExcludedAt]
    groups: list[PerformanceGroup]
    differences: list[GroupDifference] = Field(
        description="Each two groups; of committees, which overlap, each and everybody else."
    )
    tests: dict[str, int] = Field(
        description="How many tests each correction is over.",
        examples=[{"groups_car": 48, "groups_bhar": 48}],
    )
    ranking: PerformanceRanking
    notice: str = _NOTICE


class PopulationAnswer(BaseModel):
    """The report on everybody's abnormal returns."""

    data: PopulationData
    methods: list[MethodReference]
    sample: SampleInfo = Field(description="At the shortest horizon.")
    data_version: DataVersionField
    is_current: bool = Field(
        description="Whether all is of the present version; computed ahead, it may be of one "
        "before.",
        examples=[True],
    )

"""Answer of the backtest route."""

from datetime import date

from pydantic import BaseModel, Field

from quant.analytics.backtest.rules import Side
from quant.analytics.performance.vocabulary import Weighting
from quant.vocabulary import Chamber, Party
from quant_http.models import (
    DataVersionField,
    Estimate,
    MethodReference,
    PoliticianReference,
    SampleInfo,
)


class BacktestCommittee(BaseModel):
    """The committee whose members are copied."""

    id: str = Field(examples=["SSFI"])
    name: str = Field(examples=["Senate Committee on Finance"])
    chamber: str = Field(examples=["senate"])


class BacktestGroup(BaseModel):
    """Whose trades are copied: of those who are all that is not null."""

    politician: PoliticianReference | None
    committee: BacktestCommittee | None
    party: Party | None = Field(examples=["democrat"])
    chamber: Chamber | None = Field(examples=["senate"])


class BacktestConfiguration(BaseModel):
    """How they are copied; as in the parameters."""

    lag: int = Field(examples=[1])
    holding: int = Field(examples=[63])
    side: Side
    weighting: Weighting
    exit_on_reversal: bool = Field(examples=[False])
    max_positions: int | None = Field(examples=[None])
    position_cap: float = Field(examples=[1.0])
    cost_bps: float = Field(examples=[5])
    slippage_bps: float = Field(examples=[0])
    capital: float = Field(examples=[1_000_000])
    capacity_share: float | None = Field(examples=[0.01])


class BacktestSharpe(BaseModel):
    """A Sharpe ratio, and what is left of it after the trials."""

    annual: Estimate = Field(
        description="With the Newey-West standard error; the p-value is one-sided, as if nothing "
        "else had been tried."
    )
    standard_error_normal: float = Field(
        description="For independent normal returns (Lo 2002).", examples=[0.32]
    )
    standard_error_independent: float = Field(
        description="For independent returns (Mertens 2002).", examples=[0.33]
    )
    lags: int = Field(description="Of the Newey-West covariance, trading days.", examples=[8])
    autocorrelation: float = Field(description="Of daily returns, at lag 1.", examples=[-0.05])
    skewness: float = Field(examples=[-0.4])
    kurtosis: float = Field(description="3 for a normal distribution.", examples=[12.1])
    probabilistic: float = Field(
        description="Probability that the true ratio is above zero.", examples=[0.93]
    )
    deflated: float | None = Field(
        description="Probability that it is above what luck gives the best of the trials.",
        examples=[0.41],
    )
    trials: int = Field(description="Trials it is deflated by.", examples=[90])
    trials_in_sweep: int = Field(
        description="Configurations of the platform's sweep for this group.", examples=[90]
    )
    expected_maximum: float | None = Field(
        description="Annual ratio to be expected of the best of the trials without skill.",
        examples=[0.6],
    )
    familywise_p_value: float | None = Field(
        description="One-sided, corrected for all configurations of the sweep by resampling.",
        examples=[0.21],
    )
    finding: str = Field(
        description="Whether the ratio beats its null hypothesis, in words.",
        examples=[
            "The Sharpe ratio does not beat its null: corrected for the 90 configurations of the "
            "sweep, p = 0.210; the deflated Sharpe ratio over 90 trials is 0.410, where at least "
            "0.95 is evidence."
        ],
    )


class BacktestDrawdown(BaseModel):
    """The deepest fall below an earlier peak, and the longest time below one."""

    depth: float = Field(description="Share of the peak that was lost.", examples=[-0.31])
    peak: date = Field(examples=["2020-02-19"])
    trough: date = Field(examples=["2020-03-23"])
    recovery: date | None = Field(
        description="Day the peak was reached again; null where it was not.",
        examples=["2020-08-07"],
    )
    longest_trading_days: int = Field(
        description="Most trading days in a row below an earlier peak.", examples=[212]
    )


class BacktestTrading(BaseModel):
    """What was held and traded."""

    positions: int = Field(description="Positions opened.", examples=[412])
    open_at_end: int = Field(description="Those not closed by the last day.", examples=[9])
    mean_positions: float = Field(description="Open after a close, on average.", examples=[21.3])
    mean_exposure: float = Field(
        description="Sum of absolute weights after a close, on average.", examples=[0.97]
    )
    mean_net_exposure: float = Field(
        description="Sum of weights, those of short positions negative.", examples=[0.97]
    )
    share_of_days_invested: float = Field(examples=[0.99])
    annual_turnover: float = Field(
        description="Bought a year, or sold, as a multiple of the equity.", examples=[6.2]
    )
    annual_cost: float = Field(
        description="Costs a year as a share of the equity.", examples=[0.0062]
    )
    hit_rate: Estimate = Field(
        description="Share of closed positions with a gain before costs; standard error clustered "
        "by the month of entry."
    )
    share_above_benchmark: Estimate | None = Field(
        description="Share of closed positions that gained more than the benchmark did meanwhile."
    )


class BacktestCapacity(BaseModel):
    """How much capital the dollar volume leaves room for."""

    share_of_dollar_volume: float = Field(
        description="Of a ticker's average over 21 trading days.", examples=[0.01]
    )
    capital: float | None = Field(
        description="Greatest capital at which on 95 % of the days every position is within that "
        "share, US dollars; null where no volume is known.",
        examples=[12_500_000],
    )
    exposure_with_known_volume: float = Field(
        description="Share of the exposure whose volume is known.", examples=[1.0]
    )


class BacktestBenchmark(BaseModel):
    """The benchmark over the same days, and the backtest beside it."""

    symbol: str = Field(examples=["SPY"])
    total_return: float | None = Field(examples=[0.84])
    annual_return: float | None = Field(examples=[0.11])
    annual_volatility: float | None = Field(examples=[0.18])
    sharpe: Estimate = Field(description="Annual.")
    drawdown: BacktestDrawdown
    active_return: Estimate = Field(
        description="Mean annual return in excess of the benchmark's; Newey-West, two-sided."
    )
    tracking_error: float | None = Field(
        description="Annual standard deviation of that excess.", examples=[0.07]
    )
    information_ratio: Estimate = Field(description="Annual.")
    alpha: Estimate = Field(description="Of the CAPM, annual; Newey-West, two-sided.")
    beta: Estimate = Field(description="Of the CAPM.")


class BacktestPoint(BaseModel):
    """The state after a close."""

    day: date = Field(examples=["2020-03-20"])
    equity: float = Field(description="Value of one dollar.", examples=[1.12])
    benchmark: float | None = Field(
        description="The same of the benchmark; null without one.", examples=[1.08]
    )
    drawdown: float = Field(description="Below the highest value before.", examples=[-0.24])
    exposure: float = Field(description="Sum of absolute weights.", examples=[1.0])


class BacktestResult(BaseModel):
    """What copying did, from the first close at which a position opened."""

    first_day: date = Field(examples=["2016-01-05"])
    last_day: date = Field(examples=["2022-12-28"])
    trading_days: int = Field(description="Daily returns.", examples=[1758])
    total_return: float | None = Field(description="After costs.", examples=[0.71])
    annual_return: float | None = Field(description="Geometric.", examples=[0.09])
    mean_annual_return: Estimate = Field(
        description="Arithmetic mean of daily returns times 252; Newey-West."
    )
    annual_volatility: float | None = Field(examples=[0.19])
    risk_free_known: float = Field(
        description="Share of days whose risk-free rate is known; on others cash earns nothing.",
        examples=[1.0],
    )
    sharpe: BacktestSharpe | None = Field(
        description="Null with fewer than ten days or without variance."
    )
    drawdown: BacktestDrawdown
    trading: BacktestTrading
    capacity: BacktestCapacity
    benchmark: BacktestBenchmark | None = Field(description="Null where none has prices.")
    curve: list[BacktestPoint] = Field(
        description="The first day, then the last of each week, month or day."
    )


class BacktestData(BaseModel):
    """A backtest."""

    group: BacktestGroup
    configuration: BacktestConfiguration
    result: BacktestResult | None = Field(description="Null where no position opens.")


class BacktestAnswer(BaseModel):
    """A backtest with its methods."""

    data: BacktestData
    methods: list[MethodReference]
    sample: SampleInfo
    data_version: DataVersionField

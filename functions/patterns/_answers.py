"""Answers of the patterns routes."""

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from quant.reports.patterns_query import Analysis
from quant_http.models import (
    DataVersionField,
    Estimate,
    MethodReference,
    PageInfo,
    PoliticianReference,
    SampleInfo,
)

PatternStatus = Annotated[
    Literal["found", "not_found", "insufficient_data"],
    Field(
        description="Whether something beats its null at 5 %, nothing does, or there are too few "
        "trades to say anything.",
        examples=["not_found"],
    ),
]
PValue = Annotated[
    float | None,
    Field(description="Of the method's null; null where nothing was tested.", examples=[0.32]),
]
QValue = Annotated[
    float | None,
    Field(
        description="Corrected for all tests of the answer (Benjamini-Hochberg).", examples=[0.43]
    ),
]
Finding = Annotated[
    str,
    Field(
        description="What was found, in words.",
        examples=[
            "No cycle beats its nulls: series without one show a peak as high with probability "
            "0.32."
        ],
    ),
]
Surrogates = Annotated[int, Field(description="Series drawn under each null.", examples=[499])]


class Candidate(BaseModel):
    """A politician with trades, and what these suffice for."""

    politician: PoliticianReference
    trades: int = Field(description="Disclosed trades.", examples=[231])
    days: int = Field(description="Different days on which they were made.", examples=[66])
    weeks: int = Field(description="Weeks from the first trade's to the last's.", examples=[247])
    first_transaction: date = Field(examples=["2016-02-10"])
    last_transaction: date = Field(examples=["2020-11-10"])
    analyses: list[Analysis] = Field(
        description="Analyses that there is enough for.", examples=[["cycles", "changes"]]
    )


class CandidatePage(BaseModel):
    """One page of politicians with trades."""

    data: list[Candidate]
    page: PageInfo
    data_version: DataVersionField


class CountSeriesInfo(BaseModel):
    """The counts that an analysis rests on."""

    grid: Literal["weekday", "week"] = Field(
        description="What trades are counted by.", examples=["week"]
    )
    from_: date | None = Field(
        alias="from", description="First day; null without trades.", examples=["2016-02-08"]
    )
    to: date | None = Field(description="Last day.", examples=["2020-11-15"])
    observations: int = Field(description="Weekdays or weeks.", examples=[247])
    trades: int = Field(examples=[231])
    active: int = Field(description="Weekdays or weeks with a trade.", examples=[66])


class PeriodEstimate(BaseModel):
    """The length of a cycle."""

    days: float = Field(examples=[30.1])
    low: float = Field(
        description="Lower end of the periods where the peak has half its height.", examples=[29.4]
    )
    high: float = Field(description="Upper end of them.", examples=[30.9])


class CycleSearchInfo(BaseModel):
    """Where cycles were searched, and against what."""

    shortest_days: float = Field(examples=[15])
    longest_days: float = Field(examples=[434.2])
    frequencies: int = Field(description="Frequencies of the periodogram.", examples=[341])
    surrogates: Surrogates
    serial_share: float = Field(
        description="Share of the variance that is autoregressive under the second null; 0 where "
        "no serial dependence is found.",
        examples=[0.3],
    )
    serial_coefficient: float = Field(
        description="Its coefficient from weekday to weekday.", examples=[0.85]
    )


class CycleInfo(BaseModel):
    """A peak of the periodogram."""

    period: PeriodEstimate
    power: float = Field(
        description="Share of the variance that a sinusoid of this period explains.",
        ge=0,
        le=1,
        examples=[0.04],
    )
    amplitude: float = Field(
        description="Amplitude of that sinusoid over the mean count.", examples=[0.6]
    )
    p_independent: float = Field(
        description="False-alarm probability over all periods if days are exchangeable.",
        examples=[0.21],
    )
    p_serial: float = Field(
        description="The same if busy days lump together as far as they do in this series; the "
        "same number where they do not.",
        examples=[0.32],
    )
    found: bool = Field(description="Whether `p_serial` is at most 5 %.", examples=[False])


class CyclesData(BaseModel):
    """The cycles in which a politician's trades recur."""

    status: PatternStatus
    finding: Finding
    series: CountSeriesInfo
    p_value: PValue
    search: CycleSearchInfo | None
    cycles: list[CycleInfo] = Field(description="The most improbable peaks, that one first.")


class StateSelection(BaseModel):
    """How the number of states was chosen."""

    states: int = Field(description="What BIC prefers.", examples=[2])
    bic: list[float] = Field(
        description="Of one state, two, and so on.", examples=[[611.2, 590.4, 598.1, 612.9]]
    )
    log_likelihood: list[float] = Field(examples=[[-302.8, -281.4, -268.7, -257.2]])
    most_states: int = Field(examples=[4])
    restarts: int = Field(description="Beginnings of each fit.", examples=[10])
    surrogates: Surrogates
    bootstraps: int = Field(description="Series behind the intervals.", examples=[100])


class RegimeInfo(BaseModel):
    """A state of the hidden Markov model."""

    rate: Estimate = Field(description="Trades a week.")
    expected_weeks: Estimate = Field(
        description="Expected duration, weeks; null where the data show no end of it."
    )
    long_run_share: float = Field(description="Share of weeks in the long run.", examples=[0.7])
    transition: list[float] = Field(
        description="Probability that each regime, in order, is next week's.",
        examples=[[0.95, 0.05]],
    )


class LatestRegime(BaseModel):
    """The state of the latest week, from no count after it."""

    week: date = Field(description="Its Monday.", examples=["2020-11-09"])
    probabilities: list[float] = Field(
        description="Of each regime, given the counts up to that week.", examples=[[0.9, 0.1]]
    )


class RegimeSpell(BaseModel):
    """Weeks that the model puts into one regime, in retrospect (Viterbi)."""

    regime: int = Field(description="Place among the regimes, from 0.", examples=[0])
    from_: date = Field(alias="from", examples=["2016-02-08"])
    to: date = Field(examples=["2018-05-20"])
    trades: int = Field(examples=[40])


class RegimesData(BaseModel):
    """The regimes of a politician's activity."""

    status: PatternStatus
    finding: Finding
    series: CountSeriesInfo
    p_value: PValue
    selection: StateSelection | None
    regimes: list[RegimeInfo] = Field(description="By rate, the lowest first.")
    latest: LatestRegime | None
    spells: list[RegimeSpell] = Field(
        description="Known in retrospect alone: later counts moved their borders."
    )


class WindowInfo(BaseModel):
    """A quarter of weekly counts."""

    from_: date = Field(alias="from", examples=["2019-01-07"])
    to: date = Field(examples=["2019-04-07"])
    counts: list[int] = Field(
        description="Trades in each week.", examples=[[0, 1, 4, 9, 3, 1, 0, 0, 2, 0, 1, 0, 0]]
    )


class WindowMatch(WindowInfo):
    """A past quarter beside the latest one."""

    distance: float = Field(description="Warping distance.", examples=[1.83])
    p_independent: float = Field(
        description="Chance of one as near anywhere if weeks are exchangeable.", examples=[0.2]
    )
    p_serial: float = Field(
        description="The same if busy weeks lump together as far as they do in this series; the "
        "same number where they do not.",
        examples=[0.24],
    )
    found: bool = Field(description="Whether `p_serial` is at most 5 %.", examples=[False])


class WindowSearchInfo(BaseModel):
    """Where repetitions were searched."""

    window_weeks: int = Field(examples=[13])
    band_weeks: int = Field(description="How far a week may be warped.", examples=[2])
    windows: int = Field(description="Past windows searched.", examples=[222])
    surrogates: Surrogates


class RepetitionsData(BaseModel):
    """Past quarters that resemble a politician's latest one."""

    status: PatternStatus
    finding: Finding
    series: CountSeriesInfo
    p_value: PValue
    search: WindowSearchInfo
    latest: WindowInfo | None
    matches: list[WindowMatch] = Field(description="That do not overlap, the nearest first.")


class ChangeSearchInfo(BaseModel):
    """How changes of the rate were searched."""

    least_weeks: int = Field(description="Least length of a segment.", examples=[4])
    penalty: float = Field(description="Cost of a change.", examples=[31.7])
    dispersion: float = Field(description="Variance over mean of the counts.", examples=[1.9])
    surrogates: Surrogates


class RateSegment(BaseModel):
    """Weeks of one rate."""

    from_: date = Field(alias="from", examples=["2016-02-08"])
    to: date = Field(examples=["2018-05-20"])
    rate: Estimate = Field(description="Trades a week.")
    p_change: float | None = Field(
        description="Of the change that it begins with, given the changes next to it; null for the "
        "first segment.",
        examples=[0.002],
    )


class ChangesData(BaseModel):
    """When the rate of a politician's trades changed."""

    status: PatternStatus
    finding: Finding
    series: CountSeriesInfo
    p_value: PValue
    search: ChangeSearchInfo | None
    segments: list[RateSegment]


class PatternSubject(BaseModel):
    """Whose trades are looked at, and as they were known when."""

    politician: PoliticianReference
    as_of: date | None = Field(
        description="Last day of disclosure that counts; null for all trades.",
        examples=["2020-12-31"],
    )


class CyclesOf(CyclesData, PatternSubject):
    """The cycles of one politician."""


class RegimesOf(RegimesData, PatternSubject):
    """The regimes of one politician."""


class RepetitionsOf(RepetitionsData, PatternSubject):
    """The repetitions of one politician."""


class CyclesAnswer(BaseModel):
    """Cycles with their method."""

    data: CyclesOf
    method: MethodReference
    sample: SampleInfo
    data_version: DataVersionField


class RegimesAnswer(BaseModel):
    """Regimes with their method."""

    data: RegimesOf
    method: MethodReference
    sample: SampleInfo
    data_version: DataVersionField


class RepetitionsAnswer(BaseModel):
    """Repetitions with their method."""

    data: RepetitionsOf
    method: MethodReference
    sample: SampleInfo
    data_version: DataVersionField


class PatternTest(BaseModel):
    """One of the tests of a comprehensive answer."""

    analysis: Analysis
    status: PatternStatus = Field(description="By the q-value.")
    p_value: PValue
    q_value: QValue
    finding: Finding


class PatternsOf(PatternSubject):
    """All analyses of one politician; inside each, p-values are not corrected for the others."""

    summary: str = Field(
        description="What holds after correction.",
        examples=["Nothing beats its null, of 4 tests at a false discovery rate of 5%."],
    )
    tests: list[PatternTest]
    cycles: CyclesData
    regimes: RegimesData
    repetitions: RepetitionsData
    changes: ChangesData


class PatternsAnswer(BaseModel):
    """All analyses with their methods."""

    data: PatternsOf
    methods: list[MethodReference]
    sample: SampleInfo
    data_version: DataVersionField


class ProfileCycle(BaseModel):
    """The most improbable cycle of a politician."""

    status: PatternStatus
    p_value: PValue
    q_value: QValue
    period: PeriodEstimate | None


class ProfileRegimes(BaseModel):
    """The regimes of a politician, in short."""

    status: PatternStatus
    p_value: PValue
    q_value: QValue
    rates: list[float] = Field(description="Trades a week, ascending.", examples=[[0.4, 3.1]])
    expected_weeks: list[float | None] = Field(
        description="Expected duration of each, weeks.", examples=[[20.4, 3.9]]
    )


class PatternProfile(BaseModel):
    """When one of the compared politicians trades."""

    politician: PoliticianReference
    trades: int = Field(examples=[231])
    from_: date | None = Field(alias="from", examples=["2016-02-08"])
    to: date | None = Field(examples=["2020-11-15"])
    cycle: ProfileCycle
    regimes: ProfileRegimes


class PatternPair(BaseModel):
    """How alike two politicians' weeks are."""

    first: PoliticianReference
    second: PoliticianReference
    status: PatternStatus
    from_: date | None = Field(
        alias="from", description="First week that both cover.", examples=["2016-02-08"]
    )
    weeks: int = Field(description="Weeks that both cover.", examples=[247])
    distance: float | None = Field(
        description="Warping distance; null where it was not measured.", examples=[14.2]
    )
    p_value: PValue
    q_value: QValue


class ComparisonData(BaseModel):
    """How alike politicians trade in time."""

    as_of: date | None = Field(
        description="Last day of disclosure that counts; null for all trades.",
        examples=["2020-12-31"],
    )
    summary: str = Field(
        description="What holds after correction.",
        examples=[
            "No two of them are busy in the same weeks more than chance explains, of 5 tests at a "
            "false discovery rate of 5%."
        ],
    )
    surrogates: Surrogates
    profiles: list[PatternProfile]
    pairs: list[PatternPair]


class ComparisonAnswer(BaseModel):
    """A comparison with its methods."""

    data: ComparisonData
    methods: list[MethodReference]
    sample: SampleInfo
    data_version: DataVersionField

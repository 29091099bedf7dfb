"""Answers of the routes of anomalies, forecasts and insights."""

import uuid
from datetime import date

from pydantic import BaseModel, Field

from quant.vocabulary import FilingSource, Operation, Owner
from quant_http.models import (
    DataVersionField,
    Estimate,
    MethodReference,
    PoliticianReference,
    SampleInfo,
)

_P_VALUE = Field(description="Of the method's null hypothesis; null if not tested.", examples=[0.2])
_NOTICE = Field(
    examples=[
        "Facts about disclosed numbers beside a stated null hypothesis; no finding about a "
        "person, and no investment advice."
    ]
)


class EvidenceFiling(BaseModel):
    """The filing that reports a trade."""

    source: FilingSource = Field(examples=["senate_efd"])
    doc_id: str = Field(examples=["a0010f4a-c31a-4824-8b6d-6399b3ccb6f0"])
    url: str | None = Field(
        description="The filing as the official system shows it.",
        examples=[
            "https://efdsearch.senate.gov/search/view/ptr/a0010f4a-c31a-4824-8b6d-6399b3ccb6f0/"
        ],
    )
    filed_date: date | None = Field(examples=["2020-11-25"])


class EvidenceTrade(BaseModel):
    """A trade that a finding rests on."""

    id: uuid.UUID = Field(examples=["8f14e45f-ceea-5b1c-9a3d-5d1b2f0c7e11"])
    asset: str = Field(examples=["Beyond Meat, Inc."])
    ticker: str | None = Field(examples=["BYND"])
    operation: Operation = Field(examples=["sale_full"])
    owner: Owner | None = Field(examples=["spouse"])
    transaction_date: date = Field(examples=["2020-11-10"])
    disclosure_date: date | None = Field(examples=["2020-11-25"])
    amount_min: float = Field(description="US dollars.", examples=[50001])
    amount_max: float | None = Field(description="US dollars.", examples=[100000])
    filing: EvidenceFiling


class AnomalyEvidence(BaseModel):
    """A trade that a detector points to, with what makes it unusual."""

    trade: EvidenceTrade
    p_value: float | None = _P_VALUE
    q_value: float | None = Field(
        description="Corrected for the tests of the member's trades; null where the p-value is "
        "corrected already.",
        examples=[0.3],
    )
    supported: bool = Field(
        description="Whether it passes at a false discovery rate of 5 %; if none does, the least "
        "likely few are shown nevertheless.",
        examples=[False],
    )
    values: dict[str, float | date | str | None] = Field(
        description="The values that make it unusual, by name.",
        examples=[{"standard_deviations_above_own_median": 2.4, "earlier_trades": 120}],
    )


class AnomalyDetector(BaseModel):
    """What one detector says of the member."""

    name: str = Field(examples=["size"])
    method: str = Field(description="Its method, of `methods`.", examples=["anomalies.size"])
    p_value: float | None = _P_VALUE
    q_value: float | None = Field(
        description="Benjamini-Hochberg over the detectors.", examples=[0.4]
    )
    beats_null: bool = Field(examples=[False])
    tested: int = Field(description="Trades, windows or days tested.", examples=[310])
    significant: int = Field(description="Those that pass.", examples=[0])
    estimate: Estimate
    details: dict[str, float | str | list[str] | list[dict[str, float | date]] | None] = Field(
        description="Further numbers, by name.", examples=[{"late_filings": 3, "filings": 40}]
    )
    statement: str = Field(
        description="The facts in words.",
        examples=["3 of 40 filings have a transaction disclosed more than 45 days after it."],
    )
    evidence: list[AnomalyEvidence]


class CombinedAnomaly(BaseModel):
    """All detectors together."""

    p_value: float | None = _P_VALUE
    detectors: int = Field(description="Detectors with a p-value.", examples=[4])
    beats_null: bool = Field(examples=[False])
    statement: str = Field(
        examples=[
            "Taken together, the member's trades do not differ from the detectors' null "
            "hypotheses (p = 0.31)."
        ]
    )


class AnomalyData(BaseModel):
    """Unusual trades of one member."""

    politician: PoliticianReference
    as_of: date | None = Field(description="As asked for.", examples=["2022-12-31"])
    last_disclosure: date | None = Field(
        description="Last day on which anybody's trade was disclosed.", examples=["2022-12-30"]
    )
    combined: CombinedAnomaly
    detectors: list[AnomalyDetector]
    notice: str = _NOTICE


class AnomalyAnswer(BaseModel):
    """The report on unusual trades."""

    data: AnomalyData
    methods: list[MethodReference]
    sample: SampleInfo
    data_version: DataVersionField


class ForecastInterval(BaseModel):
    """A forecast of a number of trades."""

    mean: float = Field(examples=[9.1])
    median: int = Field(examples=[8])
    low: int = Field(description="Lower end of the 95 % prediction interval.", examples=[1])
    high: int = Field(description="Its upper end.", examples=[22])


class ForecastScore(BaseModel):
    """How past forecasts did beside the baseline's, by the logarithmic score."""

    forecasts: int = Field(description="Forecasts whose outcome is known.", examples=[312])
    mean_log_score: float | None = Field(description="Higher is better.", examples=[-2.31])
    difference: float | None = Field(description="Less the baseline's.", examples=[0.04])
    standard_error: float | None = Field(
        description="Of the difference, robust to overlap.", examples=[0.03]
    )
    p_value: float | None = Field(
        description="That they are no better than the baseline's, one-sided; null for the "
        "baseline.",
        examples=[0.11],
    )
    q_value: float | None = Field(description="Benjamini-Hochberg.", examples=[0.2])


class ForecastRecord(ForecastScore):
    """How the pool's past forecasts did."""

    baseline_mean_log_score: float | None = Field(examples=[-2.35])
    coverage: float | None = Field(
        description="Share of outcomes within the 95 % interval.", examples=[0.94]
    )


class PastForecast(BaseModel):
    """One past forecast, made with the weeks before it alone."""

    made_on: date = Field(description="First day of the weeks forecast.", examples=["2022-01-03"])
    expected: float = Field(examples=[8.2])
    outcome: int = Field(examples=[11])
    log_score: float = Field(examples=[-2.4])
    baseline_log_score: float = Field(examples=[-2.6])


class CountForecast(BaseModel):
    """The forecast of the trades disclosed within the next weeks."""

    weeks: int = Field(examples=[4])
    forecast: ForecastInterval = Field(description="The ensemble's, if it beats the baseline.")
    forecast_of: str = Field(description="`ensemble` or `baseline`.", examples=["baseline"])
    ensemble: ForecastInterval
    baseline: ForecastInterval
    beats_baseline: bool = Field(examples=[False])
    record: ForecastRecord
    past: list[PastForecast] = Field(description="Those that do not overlap.")


class ForecastComponent(ForecastScore):
    """A component of the ensemble; its score is of forecasts one week ahead."""

    name: str = Field(examples=["regime"])
    weight: float = Field(description="In the pool now.", examples=[0.31])
    expected: dict[str, float] = Field(
        description="Expected trades, by weeks ahead.", examples=[{"4": 9.4, "12": 28.0}]
    )
    beats_baseline: bool = Field(examples=[False])


class PatternEvidence(BaseModel):
    """What the test of one kind of pattern says."""

    analysis: str = Field(examples=["cycles"])
    status: str = Field(
        description="`found`, `not_found` or `insufficient_data`.", examples=["not_found"]
    )
    p_value: float | None = _P_VALUE
    q_value: float | None = Field(
        description="Benjamini-Hochberg over the patterns.", examples=[0.4]
    )
    finding: str = Field(examples=["No cycle beats its nulls."])


class ForecastSeries(BaseModel):
    """The series that is forecast: trades by the week of their disclosure."""

    first_week: date | None = Field(description="Its Monday.", examples=["2019-01-07"])
    weeks: int = Field(description="Whole weeks.", examples=[416])
    weeks_needed: int = Field(description="For a forecast with a record.", examples=[156])
    trades: int = Field(examples=[512])
    mean_per_week: float | None = Field(examples=[1.23])


class EnsembleData(BaseModel):
    """Forecasts of one member's trade count, and the evidence of patterns."""

    politician: PoliticianReference
    as_of: date | None = Field(description="As asked for.", examples=["2022-12-31"])
    last_disclosure: date | None = Field(
        description="Last day on which anybody's trade was disclosed.", examples=["2022-12-30"]
    )
    patterns: list[PatternEvidence]
    series: ForecastSeries
    forecasts: list[CountForecast] = Field(description="Empty where there are too few weeks.")
    components: list[ForecastComponent]
    statement: str = Field(
        examples=[
            "The pool does not beat the historical mean over 4 and 12 weeks out of sample: "
            "the forecast is the historical mean's."
        ]
    )
    notice: str = _NOTICE


class EnsembleAnswer(BaseModel):
    """The report on forecasts."""

    data: EnsembleData
    methods: list[MethodReference]
    sample: SampleInfo
    data_version: DataVersionField


class StatedInsight(BaseModel):
    """A statement of facts, with the test and the trades behind it."""

    topic: str = Field(examples=["lateness"])
    method: str = Field(description="Its method, of `methods`.", examples=["anomalies.lateness"])
    statement: str = Field(
        examples=["3 of 40 filings have a transaction disclosed more than 45 days after it."]
    )
    value: float | None = Field(description="The number in it.", examples=[0.075])
    n: int = Field(description="What it rests on.", examples=[40])
    p_value: float | None = _P_VALUE
    q_value: float | None = Field(
        description="Benjamini-Hochberg over all statements.", examples=[0.4]
    )
    evidence: list[EvidenceTrade] = Field(
        description="Trades behind it, five at most: those that stand out or, where a statement is "
        "about all that it counts, the latest of them."
    )


class InsightData(BaseModel):
    """What the tests of one member's trades support."""

    politician: PoliticianReference
    as_of: date | None = Field(description="As asked for.", examples=["2022-12-31"])
    last_disclosure: date | None = Field(
        description="Last day on which anybody's trade was disclosed.", examples=["2022-12-30"]
    )
    supported: list[StatedInsight] = Field(description="With a q-value of at most 0.05.")
    not_supported: list[StatedInsight] = Field(description="Tested, and not supported by the data.")
    not_tested: list[StatedInsight] = Field(description="With too little to test.")
    combined_p_value: float | None = Field(
        description="Of all detectors of unusual trades together.", examples=[0.3]
    )
    notice: str = _NOTICE


class InsightAnswer(BaseModel):
    """The report of insights."""

    data: InsightData
    methods: list[MethodReference]
    sample: SampleInfo
    data_version: DataVersionField

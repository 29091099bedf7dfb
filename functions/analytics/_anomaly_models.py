"""Parameters and answers of the routes of anomalies, ensemble and insights."""

import uuid
from datetime import date
from typing import Annotated

from pydantic import BaseModel, Field

from quant.vocabulary import FilingSource, Operation, Owner
from quant_http.models import (
    DataVersionField,
    Estimate,
    IsoDate,
    MethodReference,
    PoliticianReference,
    QueryModel,
    SampleInfo,
)

_P_VALUE = Field(description="Of the method's null hypothesis; null if not tested.", examples=[0.2])
_NOTICE = Field(
    examples=[
        "Facts about disclosed numbers beside a stated null hypothesis; no finding about a "
        "person, and no investment advice."
    ]
)


class AsOfQuery(QueryModel):
    """The day for which an answer is given."""

    as_of: Annotated[
        IsoDate | None,
        Field(
            description="Use only what was public at the end of this day; without it all that is "
            "known, trades of unknown disclosure date included where a method allows.",
            examples=["2022-12-31"],
        ),
    ] = None


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

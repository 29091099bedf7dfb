"""Parameters and answers of the quality reports."""

from datetime import date, datetime
from typing import Annotated

from pydantic import BaseModel, Field

from quant.pipeline.quality_filters import QualityFilters
from quant.pipeline.raw import DocumentKind
from quant.vocabulary import DocumentOutcome, FilingSource
from quant_http.models import IsoDate, PageInfo, PageQuery


class QualityQuery(PageQuery):
    """Parameters of the list of quality reports."""

    kind: Annotated[
        DocumentKind | None, Field(description="Kind of document.", examples=["house-ptr"])
    ] = None
    outcome: Annotated[
        DocumentOutcome | None, Field(description="What became of it.", examples=["rejected"])
    ] = None
    collected_from: Annotated[
        IsoDate | None, Field(description="First day of collection.", examples=["2026-11-01"])
    ] = None
    collected_to: Annotated[
        IsoDate | None, Field(description="Last day of collection.", examples=["2026-11-30"])
    ] = None

    def filters(self) -> QualityFilters:
        """Return the domain's form of these parameters."""
        return QualityFilters(**self.model_dump(exclude={"limit", "cursor"}))


class QualityReport(BaseModel):
    """What became of one document and of the rows in it."""

    key: str = Field(
        description="The document's key: kind, day of collection, SHA-256.",
        examples=[f"raw/house-ptr/2026-11-23/{'3f' * 32}"],
    )
    kind: DocumentKind = Field(examples=["house-ptr"])
    collected_on: date = Field(examples=["2026-11-23"])
    url: str | None = Field(
        examples=["https://disclosures-clerk.house.gov/public_disc/ptr-pdfs/2025/20026590.pdf"]
    )
    source: FilingSource | None = Field(
        description="System of a filing; null for other documents.", examples=["house_clerk"]
    )
    doc_id: str | None = Field(description="A filing's identifier there.", examples=["20026590"])
    outcome: DocumentOutcome = Field(
        description="`paper`: a scan, waiting for a person; `rejected`: nothing of it was taken.",
        examples=["loaded"],
    )
    parser: str | None = Field(description="Name and version.", examples=["house-ptr/1"])
    reason: str | None = Field(
        description="Why it was rejected; null otherwise.", examples=["layout_unknown"]
    )
    detail: str | None = Field(
        description="What that is about.", examples=["0 tables of transactions"]
    )
    rows: int = Field(description="Lines or entries in it.", examples=[9])
    accepted: int = Field(description="Those that were taken.", examples=[8])
    rejected: int = Field(description="Those that could not be read.", examples=[1])
    reject_reasons: dict[str, int] = Field(
        description="Rejected rows by reason.", examples=[{"amount_unreadable": 1}]
    )
    unmatched_names: dict[str, int] = Field(
        description="Rows by name of filers who are no known member.", examples=[{}]
    )
    unmatched_tickers: dict[str, int] = Field(
        description="Rows by name of listed assets without a symbol.",
        examples=[{"Synthetic Holdings": 1}],
    )
    counts: dict[str, int] = Field(
        description="What else was counted, such as filings by type.", examples=[{}]
    )
    processed_at: datetime = Field(examples=["2026-11-23T12:00:00Z"])


class QualityPage(BaseModel):
    """One page of quality reports."""

    data: list[QualityReport]
    page: PageInfo

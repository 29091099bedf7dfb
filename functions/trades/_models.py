"""Parameters and answers of the trades routes."""

import uuid
from datetime import date
from typing import Annotated, Any

from pydantic import BaseModel, Field, StringConstraints

from quant.paging import DEFAULT_LIMIT
from quant.trades import TradeFilters, TradeSort
from quant.vocabulary import (
    AssetType,
    Chamber,
    FilingSource,
    FilingStatus,
    Operation,
    OptionType,
    Owner,
    Party,
)
from quant_http.models import (
    POLITICIAN_ID_PATTERN,
    DataVersionField,
    IsoDate,
    Limit,
    PageInfo,
    PageQuery,
    PoliticianReference,
    QueryModel,
)

# Whole dollars: the bounds of the forms' categories are.
Amount = Annotated[int, Field(ge=0, le=10**13)]
Ticker = Annotated[
    str, StringConstraints(to_upper=True, pattern=r"^[A-Za-z0-9.^-]{1,24}$", strip_whitespace=True)
]


class TradesQuery(PageQuery):
    """Parameters of the list of trades."""

    politician: Annotated[
        str | None,
        Field(
            description="Identifier or bioguide id of the politician.",
            pattern=POLITICIAN_ID_PATTERN,
            examples=["W000779"],
        ),
    ] = None
    ticker: Annotated[Ticker | None, Field(description="Symbol.", examples=["MSFT"])] = None
    chamber: Chamber | None = None
    party: Party | None = None
    operation: Operation | None = None
    owner: Owner | None = None
    asset_type: AssetType | None = None
    amount_min: Annotated[
        Amount | None,
        Field(description="Least lower end of the disclosed range, US dollars.", examples=[15001]),
    ] = None
    amount_max: Annotated[
        Amount | None,
        Field(description="Greatest upper end of the range, US dollars.", examples=[100000]),
    ] = None
    transaction_from: Annotated[
        IsoDate | None, Field(description="First transaction date.", examples=["2020-01-01"])
    ] = None
    transaction_to: Annotated[
        IsoDate | None, Field(description="Last transaction date.", examples=["2020-12-31"])
    ] = None
    disclosure_from: Annotated[
        IsoDate | None, Field(description="First disclosure date.", examples=["2020-01-01"])
    ] = None
    disclosure_to: Annotated[
        IsoDate | None, Field(description="Last disclosure date.", examples=["2020-12-31"])
    ] = None
    sort: Annotated[
        TradeSort,
        Field(description="Order; `-` is descending, unknown disclosure dates are earliest."),
    ] = TradeSort.DISCLOSURE_DATE_DESC

    def filters(self) -> TradeFilters:
        """Return the domain's form of these parameters."""
        return TradeFilters(**self.model_dump(exclude={"limit", "cursor"}))


class RecentTradesQuery(QueryModel):
    """Parameters of the most recently disclosed trades."""

    limit: Limit = DEFAULT_LIMIT
    chamber: Chamber | None = None


class FilingReference(BaseModel):
    """The filing that reports a trade."""

    source: FilingSource = Field(examples=["senate_efd"])
    doc_id: str = Field(
        description="Identifier in the official system.",
        examples=["a0010f4a-c31a-4824-8b6d-6399b3ccb6f0"],
    )
    url: str | None = Field(
        description="The filing as the official system shows it.",
        examples=[
            "https://efdsearch.senate.gov/search/view/ptr/a0010f4a-c31a-4824-8b6d-6399b3ccb6f0/"
        ],
    )
    filed_date: date | None = Field(examples=["2020-11-25"])


class OptionTerms(BaseModel):
    """Terms of an option as the filer describes them; null where the description is silent."""

    type: OptionType | None = Field(examples=["call"])
    strike: float | None = Field(description="Strike price, US dollars.", examples=[150])
    expires: date | None = Field(examples=["2026-01-16"])
    contracts: int | None = Field(examples=[50])
    shares: int | None = Field(examples=[5000])
    exercised: bool = Field(description="Whether the trade is its exercise.", examples=[False])


class Trade(BaseModel):
    """One transaction line of a periodic transaction report (PTR)."""

    id: uuid.UUID = Field(examples=["8f14e45f-ceea-5b1c-9a3d-5d1b2f0c7e11"])
    politician: PoliticianReference
    owner: Owner | None = Field(description="Who holds the asset.", examples=["spouse"])
    asset: str = Field(examples=["Beyond Meat, Inc."])
    ticker: str | None = Field(
        description="Symbol, where one is disclosed or known for the asset's name.",
        examples=["BYND"],
    )
    ticker_confidence: float | None = Field(
        description="1 where the filing states the symbol or a review decided it, less where it "
        "was found by the asset's name; null without a symbol or where the source does not say.",
        ge=0,
        le=1,
        examples=[1],
    )
    asset_type: AssetType | None = Field(examples=["stock"])
    operation: Operation = Field(examples=["sale_full"])
    transaction_date: date = Field(examples=["2020-11-10"])
    notification_date: date | None = Field(
        description="When the filer learned of it.", examples=["2020-11-12"]
    )
    disclosure_date: date | None = Field(
        description="When it became public; null where the source does not say.",
        examples=["2020-11-25"],
    )
    amount_min: float = Field(
        description="Lower end of the disclosed range, US dollars.", examples=[50001]
    )
    amount_max: float | None = Field(
        description="Upper end of the disclosed range, US dollars; null when it has none.",
        examples=[100000],
    )
    capital_gains_over_200: bool | None = Field(
        description="The form's capital gains box; null where the source does not say.",
        examples=[False],
    )
    comment: str | None = Field(examples=["Rebalancing"])
    filing_status: FilingStatus | None = Field(
        description="Whether the line is new or amends one filed before; null where the form "
        "does not say.",
        examples=["new"],
    )
    subholding_of: str | None = Field(
        description="Account or trust that holds the asset.", examples=["Family Trust"]
    )
    option: OptionTerms | None = Field(description="Terms of an option that are described.")
    notes: list[str] = Field(
        description="Codes of what could not be read or had to be mended.",
        examples=[["disclosure_date_unknown"]],
    )
    filing: FilingReference


class TradePage(BaseModel):
    """One page of trades."""

    data: list[Trade]
    page: PageInfo
    data_version: DataVersionField


class ReplacedLine(BaseModel):
    """A line as it was filed before a later filing amended it."""

    id: uuid.UUID = Field(examples=["0f14e45f-ceea-5b1c-9a3d-5d1b2f0c7e11"])
    owner: Owner | None = Field(examples=["spouse"])
    asset: str = Field(examples=["Beyond Meat, Inc."])
    ticker: str | None = Field(examples=["BYND"])
    asset_type: AssetType | None = Field(examples=["stock"])
    operation: Operation = Field(examples=["sale_full"])
    transaction_date: date = Field(examples=["2020-11-10"])
    amount_min: float = Field(examples=[15001])
    amount_max: float | None = Field(examples=[50000])
    comment: str | None = Field(examples=["Rebalancing"])
    filing: FilingReference


class TradeDetail(Trade):
    """A trade with its source row."""

    line_number: int | None = Field(
        description="Line of the filing, from 1; null where the source does not say.",
        examples=[3],
    )
    also_reported_in: list[FilingReference] = Field(
        description="Other filings that report the same transaction, such as amendments."
    )
    replaces: list[ReplacedLine] = Field(
        description="What this trade amended: earlier lines, the latest first."
    )
    raw: dict[str, Any] = Field(
        description="The source row, unchanged.",
        examples=[{"ticker": "BYND", "type": "Sale (Full)", "amount": "$50,001 - $100,000"}],
    )

"""Parameters and answers of the statistics routes."""

import uuid
from datetime import date
from typing import Annotated

from pydantic import BaseModel, Field, ValidationInfo, field_validator

from quant.paging import DEFAULT_LIMIT
from quant.stats.selection import MAX_ROWS, Period, Ranking, Selection
from quant.stock_act import FILING_DEADLINE_DAYS, FIRST_TRANSACTION_DATE
from quant.vocabulary import Chamber, FilingSource, Operation, Owner, Party
from quant_http.models import (
    POLITICIAN_ID_PATTERN,
    DataVersionField,
    Estimate,
    IsoDate,
    MethodReference,
    PageInfo,
    PageQuery,
    PoliticianReference,
    QueryModel,
    SampleInfo,
)


class SelectionQuery(QueryModel):
    """Whose trades are counted, disclosed when."""

    chamber: Chamber | None = None
    party: Party | None = None
    period: Annotated[
        Period | None,
        Field(
            description="Days of disclosure up to the newest one that is known, not up to today; "
            "`1y` is 365 days. With any but `all`, trades of unknown disclosure date are left out. "
            "Without it `all`, unless days are given.",
            examples=["1y"],
        ),
    ] = None
    disclosed_from: Annotated[
        IsoDate | None,
        Field(description="First disclosure date, instead of a period.", examples=["2022-01-01"]),
    ] = None
    disclosed_to: Annotated[
        IsoDate | None,
        Field(description="Last disclosure date, instead of a period.", examples=["2022-12-31"]),
    ] = None

    @field_validator("disclosed_from", "disclosed_to")
    @classmethod
    def _instead_of_a_period(cls, day: date | None, info: ValidationInfo) -> date | None:
        if day is not None and info.data.get("period") is not None:
            msg = "must not be given together with a period"
            raise ValueError(msg)
        return day

    def selection(self) -> Selection:
        """Return the domain's form of these parameters."""
        return Selection(
            chamber=self.chamber,
            party=self.party,
            period=self.period or Period.ALL,
            disclosed_from=self.disclosed_from,
            disclosed_to=self.disclosed_to,
        )


class LeaderboardQuery(SelectionQuery):
    """Parameters of the leaderboard."""

    by: Annotated[
        Ranking,
        Field(
            description="What to rank by. `volume` ranks by the midpoint of the disclosed bounds, "
            "`timeliness` by the upper end of the interval of the late share, the lowest first, "
            "`return` by the lower end of that of the mean abnormal return. `return` is known of "
            "all trades together: it takes no period.",
            examples=["volume"],
        ),
    ]
    limit: Annotated[int, Field(ge=1, le=MAX_ROWS, description="Rows at most.", examples=[50])] = (
        DEFAULT_LIMIT
    )

    @field_validator("by")
    @classmethod
    def _returns_have_no_period(cls, by: Ranking, info: ValidationInfo) -> Ranking:
        bounds = ("period", "disclosed_from", "disclosed_to")
        given = {info.data.get(name) for name in bounds} - {None, Period.ALL}
        if by is Ranking.RETURN and given:
            msg = "returns are known of all trades together: leave out period and days"
            raise ValueError(msg)
        return by


class LateFilingsQuery(PageQuery):
    """Parameters of the list of late trades."""

    politician: Annotated[
        str | None,
        Field(
            description="Identifier or bioguide id of the politician.",
            pattern=POLITICIAN_ID_PATTERN,
            examples=["W000779"],
        ),
    ] = None
    chamber: Chamber | None = None
    party: Party | None = None
    min_days: Annotated[
        int,
        Field(
            description="Least number of days after the deadline; the summary disregards it.",
            ge=1,
            le=100_000,
            examples=[30],
        ),
    ] = 1

    def selection(self) -> Selection:
        """Return the domain's form of these parameters."""
        return Selection(politician=self.politician, chamber=self.chamber, party=self.party)


class PeriodInfo(BaseModel):
    """The days of disclosure that an answer is about; both belong to it."""

    name: Period | None = Field(
        description="As asked for; null where days were given.", examples=["1y"]
    )
    disclosed_from: date | None = Field(examples=["2021-12-31"])
    disclosed_to: date | None = Field(examples=["2022-12-30"])


class DisclosedVolume(BaseModel):
    """Between what bounds the sum of the trades' amounts lies, US dollars."""

    amount_min: float = Field(description="Sum of the lower ends.", examples=[1_250_084])
    amount_max: float = Field(
        description="Sum of the upper ends; of a range without one the lower end, so that with any "
        "`unbounded` it is a lower bound.",
        examples=[4_300_000],
    )
    midpoint: float = Field(
        description="Mean of the two, a convention to rank by.", examples=[2_775_042]
    )
    unbounded: int = Field(description="Trades whose range has no upper end.", examples=[0])


class Timeliness(BaseModel):
    """How many trades were disclosed in time."""

    late: int = Field(
        description=f"Disclosed more than {FILING_DEADLINE_DAYS} days after the transaction.",
        examples=[12],
    )
    in_time: int = Field(examples=[318])
    unknown: int = Field(
        description="Of unknown disclosure date: neither late nor in time.", examples=[82]
    )
    exempt: int = Field(
        description=f"Made before {FIRST_TRANSACTION_DATE}, from which on reports are due.",
        examples=[0],
    )
    effective_trials: float = Field(
        description="Independent trades that those of the filings are worth; what the interval "
        "rests on.",
        examples=[41.5],
    )
    late_share: Estimate = Field(description="Share of late trades among the late and timely ones.")


class RankedReturn(BaseModel):
    """A politician's mean cumulative abnormal return from disclosure."""

    horizon: int = Field(description="Trading days.", examples=[63])
    car: Estimate


class LeaderboardRow(BaseModel):
    """A ranked politician."""

    rank: int = Field(description="Equal values share one.", examples=[1])
    politician: PoliticianReference
    trade_count: int = Field(examples=[412])
    volume: DisclosedVolume
    timeliness: Timeliness
    return_: RankedReturn | None = Field(
        alias="return", description="Null unless ranked by, and where there is none."
    )


class Leaderboard(BaseModel):
    """The politicians that rank first."""

    data: list[LeaderboardRow]
    by: Ranking = Field(examples=["volume"])
    period: PeriodInfo
    ranked: int = Field(description="Politicians ranked, shown or not.", examples=[204])
    not_ranked: int = Field(description="Those with trades whose value is unknown.", examples=[31])
    reason: str | None = Field(
        description="Why nobody is ranked, where the data were not looked at yet; null otherwise.",
        examples=["the returns of these data have not been computed yet"],
    )
    methods: list[MethodReference] = Field(description="That of the ranking first.")
    sample: SampleInfo
    data_version: DataVersionField
    is_current: bool = Field(
        description="Whether that is the present version; computed returns may be of one before.",
        examples=[True],
    )


class SectorRow(BaseModel):
    """A sector's trades; exchanges are in the count alone."""

    sector: str | None = Field(
        description="GICS sector; null for trades without a ticker, or whose sector no source "
        "says.",
        examples=["Information Technology"],
    )
    trade_count: int = Field(examples=[4120])
    purchases: int = Field(examples=[2300])
    sales: int = Field(examples=[1800])
    politicians: int = Field(description="Who made them, counted.", examples=[120])
    share: float = Field(description="Of all trades counted here.", examples=[0.21])
    volume: DisclosedVolume


class SectorList(BaseModel):
    """Trades by sector."""

    data: list[SectorRow] = Field(description="Those with trades, the most first.")
    period: PeriodInfo
    methods: list[MethodReference]
    sample: SampleInfo
    data_version: DataVersionField


class OverviewTotals(BaseModel):
    """What is disclosed altogether."""

    trades: int = Field(examples=[32_410])
    synthetic_trades: int = Field(
        description="Those of made-up demonstration data, of no real person.", examples=[0]
    )
    filings: int = Field(examples=[9_120])
    politicians: int = Field(description="Those with trades.", examples=[235])
    tickers: int = Field(description="Those traded.", examples=[2_950])
    volume: DisclosedVolume


class CoverageShare(BaseModel):
    """Trades for which something is known."""

    trades: int = Field(examples=[28_010])
    share: float | None = Field(description="Of all trades; null without any.", examples=[0.86])


class OverviewCoverage(BaseModel):
    """On how many of the trades other statistics can rest."""

    ticker: CoverageShare
    sector: CoverageShare = Field(description="The ticker's sector is known.")
    price: CoverageShare = Field(description="The ticker has a price on any day.")
    disclosure_date: CoverageShare


class OverviewGroup(BaseModel):
    """Trades of a group."""

    value: str | int | None = Field(
        description="Year of the transaction, or value of the vocabulary; null where unknown.",
        examples=["senate"],
    )
    trade_count: int = Field(examples=[8_350])
    politicians: int = Field(examples=[60])
    volume: DisclosedVolume


class OverviewData(BaseModel):
    """Totals, coverage, first and last days, and counts by group."""

    totals: OverviewTotals
    coverage: OverviewCoverage
    first_transaction: date | None = Field(examples=["2012-07-05"])
    last_transaction: date | None = Field(examples=["2022-12-19"])
    first_disclosure: date | None = Field(examples=["2012-08-14"])
    last_disclosure: date | None = Field(examples=["2022-12-30"])
    by_year: list[OverviewGroup]
    by_chamber: list[OverviewGroup]
    by_party: list[OverviewGroup]
    by_operation: list[OverviewGroup]


class Overview(BaseModel):
    """What is disclosed altogether."""

    data: OverviewData
    methods: list[MethodReference]
    data_version: DataVersionField


class LateFilingReference(BaseModel):
    """The filing that reports a late trade."""

    source: FilingSource = Field(examples=["senate_efd"])
    doc_id: str = Field(examples=["a0010f4a-c31a-4824-8b6d-6399b3ccb6f0"])
    url: str | None = Field(
        description="The filing as the official system shows it.",
        examples=[
            "https://efdsearch.senate.gov/search/view/ptr/a0010f4a-c31a-4824-8b6d-6399b3ccb6f0/"
        ],
    )
    filed_date: date | None = Field(examples=["2020-11-25"])


class LateTrade(BaseModel):
    """A trade disclosed after its deadline."""

    id: uuid.UUID = Field(examples=["8f14e45f-ceea-5b1c-9a3d-5d1b2f0c7e11"])
    politician: PoliticianReference
    owner: Owner | None = Field(description="Who holds the asset.", examples=["spouse"])
    asset: str = Field(examples=["Beyond Meat, Inc."])
    ticker: str | None = Field(examples=["BYND"])
    operation: Operation = Field(examples=["sale_full"])
    transaction_date: date = Field(examples=["2020-11-10"])
    notification_date: date | None = Field(
        description="When the filer learned of it.", examples=["2020-11-12"]
    )
    disclosure_date: date = Field(description="When it became public.", examples=["2021-01-25"])
    days_late: int = Field(
        description=f"Days of the disclosure after day {FILING_DEADLINE_DAYS}.", examples=[31]
    )
    amount_min: float = Field(description="US dollars.", examples=[50001])
    amount_max: float | None = Field(
        description="US dollars; null where the range has no upper end.", examples=[100000]
    )
    filing: LateFilingReference


class LateTradePage(BaseModel):
    """One page of late trades."""

    data: list[LateTrade]
    page: PageInfo
    summary: Timeliness = Field(description="Of all trades of the politicians asked about.")
    methods: list[MethodReference]
    data_version: DataVersionField

"""Parameters and answers of the tickers routes."""

from datetime import date
from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

from quant.ticker_filters import MOST_POLITICIANS, TickerFilters, TickerSort
from quant_http.models import DataVersionField, PageInfo, PageQuery, PoliticianReference


class TickersQuery(PageQuery):
    """Parameters of the list of tickers."""

    search: Annotated[
        Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[^\x00]+$")]
        | None,
        Field(description="Text that symbol or name contain, in any case.", examples=["msft"]),
    ] = None
    sector: Annotated[
        Annotated[str, StringConstraints(min_length=1, max_length=60, pattern=r"^[A-Za-z &-]+$")]
        | None,
        Field(description="GICS sector.", examples=["Information Technology"]),
    ] = None
    sort: Annotated[TickerSort, Field(description="Order; a leading `-` means descending.")] = (
        TickerSort.TRADE_COUNT_DESC
    )

    def filters(self) -> TickerFilters:
        """Return the domain's form of these parameters."""
        return TickerFilters(**self.model_dump(exclude={"limit", "cursor"}))


class VolumeRange(BaseModel):
    """What was traded, as far as the disclosed ranges say, US dollars."""

    amount_min: float = Field(description="Sum of the lower ends.", examples=[1_250_084])
    amount_max: float = Field(
        description="Sum of the upper ends; of a range without one the lower end, so that with any "
        "`unbounded` it is a lower bound.",
        examples=[4_300_000],
    )
    unbounded: int = Field(description="Trades whose range has no upper end.", examples=[0])


class TradeActivity(BaseModel):
    """Trades counted, and their ranges summed; exchanges are in the count alone."""

    trade_count: int = Field(examples=[412])
    purchases: int = Field(examples=[230])
    sales: int = Field(examples=[180])
    first_transaction: date = Field(examples=["2014-02-03"])
    last_transaction: date = Field(examples=["2025-12-19"])
    volume: VolumeRange


class TickerActivity(TradeActivity):
    """Trades of a group, and how many politicians made them."""

    politicians: int = Field(description="Who made them, counted.", examples=[58])


class TickerSummary(TickerActivity):
    """A ticker that members trade."""

    symbol: str = Field(examples=["MSFT"])
    name: str | None = Field(examples=["Microsoft Corporation"])
    sector: str | None = Field(
        description="GICS sector; null where no source says.", examples=["Information Technology"]
    )


class TickerPage(BaseModel):
    """One page of tickers."""

    data: list[TickerSummary]
    page: PageInfo
    data_version: DataVersionField


class TickerQuarter(TickerActivity):
    """A calendar quarter's trades of a ticker, by transaction date."""

    quarter: date = Field(description="Its first day.", examples=["2020-01-01"])


class TickerTrader(TradeActivity):
    """One politician's trades of a ticker."""

    politician: PoliticianReference


class TickerPrices(BaseModel):
    """The prices held of a ticker."""

    first_day: date = Field(examples=["1990-01-02"])
    last_day: date = Field(examples=["2022-12-28"])
    last_close: float = Field(description="Unadjusted, US dollars.", examples=[234.53])
    source: str = Field(
        description="Where the last one is from; `synthetic` for made-up ones.", examples=["stooq"]
    )


class TickerData(TickerSummary):
    """A ticker with its trades by quarter and by politician."""

    quarters: list[TickerQuarter] = Field(description="Those with trades, the earliest first.")
    traded_by: list[TickerTrader] = Field(
        description=f"Those with the most trades first, at most {MOST_POLITICIANS}."
    )
    prices: TickerPrices | None = Field(description="Null without any.")


class TickerDetail(BaseModel):
    """One ticker."""

    data: TickerData
    data_version: DataVersionField

"""Parameters of the backtest route."""

from typing import Annotated

from pydantic import Field, StringConstraints

from quant.analytics.backtest.rules import Configuration, Side
from quant.analytics.performance.vocabulary import Weighting
from quant.reports.backtest_query import BacktestQuery, Resolution
from quant.vocabulary import Chamber, Party
from quant_http.models import (
    POLITICIAN_ID_PATTERN,
    Flag,
    IsoDate,
    QueryModel,
)


class BacktestParameters(QueryModel):
    """Whose trades are copied, and how."""

    politician: Annotated[
        str | None,
        Field(
            description="Identifier or bioguide id; copies this politician.",
            pattern=POLITICIAN_ID_PATTERN,
            examples=["W000779"],
        ),
    ] = None
    committee: Annotated[
        Annotated[str, StringConstraints(to_upper=True, pattern=r"^[A-Za-z0-9]{4,8}$")] | None,
        Field(
            description="congress-legislators `thomas_id` of a committee or subcommittee; copies "
            "those who hold a seat on it today.",
            examples=["SSFI"],
        ),
    ] = None
    party: Annotated[Party | None, Field(description="Copies members of this party.")] = None
    chamber: Annotated[Chamber | None, Field(description="Copies members of this chamber.")] = None
    side: Annotated[
        Side,
        Field(description="Whether disclosed sales are copied too, by selling short."),
    ] = Side.PURCHASES
    lag: Annotated[
        int,
        Field(
            description="Trading days from the disclosure day to the close at which a position "
            "opens.",
            ge=1,
            le=252,
            examples=[1],
        ),
    ] = 1
    holding: Annotated[
        int,
        Field(
            description="Trading days from that close to the one at which it is closed.",
            ge=1,
            le=1260,
            examples=[63],
        ),
    ] = 63
    weighting: Annotated[
        Weighting,
        Field(description="What a position weighs: the same, or by the disclosed range."),
    ] = Weighting.EQUAL
    exit_on_reversal: Annotated[
        Flag,
        Field(
            description="Close a position, too, when the same politician discloses a trade of the "
            "ticker in the other direction."
        ),
    ] = False
    max_positions: Annotated[
        int | None,
        Field(
            description="Most positions held; a new one displaces the one opened first.",
            ge=1,
            le=100_000,
            examples=[50],
        ),
    ] = None
    position_cap: Annotated[
        float,
        Field(
            description="Greatest weight of a ticker; what is over it stays in cash.",
            gt=0,
            le=1,
            examples=[0.1],
        ),
    ] = 1.0
    cost_bps: Annotated[
        float,
        Field(
            description="Commission and half spread per side, basis points of what is traded.",
            ge=0,
            le=1000,
            examples=[5],
        ),
    ] = 5.0
    slippage_bps: Annotated[
        float,
        Field(
            description="Price impact per side, basis points of what is traded.",
            ge=0,
            le=1000,
            examples=[5],
        ),
    ] = 0.0
    capital: Annotated[
        float,
        Field(description="Managed, US dollars.", gt=0, le=1e12, examples=[1_000_000]),
    ] = 1e6
    capacity_share: Annotated[
        float | None,
        Field(
            description="Greatest share of a ticker's average daily dollar volume that its "
            "position may be, where the volume is known; without it there is no such limit.",
            gt=0,
            le=1,
            examples=[0.01],
        ),
    ] = None
    start: Annotated[
        IsoDate | None,
        Field(description="First day on which a position may open.", examples=["2016-01-04"]),
    ] = None
    end: Annotated[
        IsoDate | None, Field(description="Last day of the curve.", examples=["2022-12-28"])
    ] = None
    trials: Annotated[
        int | None,
        Field(
            description="Trials that the Sharpe ratio is deflated by; by default the "
            "configurations of the platform's sweep. Give more where more groups were looked at.",
            ge=1,
            le=1_000_000,
            examples=[90],
        ),
    ] = None
    resolution: Annotated[
        Resolution, Field(description="The curve shows the last trading day of each.")
    ] = Resolution.WEEK

    def domain(self) -> BacktestQuery:
        """Return the query in the domain's terms."""
        values = self.model_dump()
        how = {name: values.pop(name) for name in Configuration.__dataclass_fields__}
        return BacktestQuery(configuration=Configuration(**how), **values)

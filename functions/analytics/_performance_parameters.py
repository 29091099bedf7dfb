"""Parameters of the routes of abnormal returns."""

from enum import IntEnum
from typing import Annotated

from pydantic import Field

from analytics._politician_parameters import AsOfQuery
from quant.analytics.performance.vocabulary import HORIZONS, Event, Model, Weighting
from quant.reports.performance_query import HORIZON, Configuration, Grouping

EVENT = Field(
    description="What windows follow: `disclosure`, entry at the close of the first trading day "
    "after the disclosure day, or `transaction`, entry at the close of its own day."
)
MODEL = Field(description="What return is expected.")
WEIGHTING = Field(description="How much a trade counts: each alike, or by its disclosed range.")


class Horizon(IntEnum):
    """Trading days: a day, a week, a month, a quarter, half a year, a year."""

    DAY = HORIZONS[0]
    WEEK = HORIZONS[1]
    MONTH = HORIZONS[2]
    QUARTER = HORIZONS[3]
    HALF_YEAR = HORIZONS[4]
    YEAR = HORIZONS[5]


class _HowQuery(AsOfQuery):
    event: Annotated[Event, EVENT] = Event.DISCLOSURE
    model: Annotated[Model, MODEL] = Model.MARKET_ADJUSTED
    weighting: Annotated[Weighting, WEIGHTING] = Weighting.EQUAL

    def configuration(self) -> Configuration:
        """Return how abnormal returns are measured, in the domain's terms."""
        return Configuration(event=self.event, model=self.model, weighting=self.weighting)


class PerformanceQuery(_HowQuery):
    """How a politician's abnormal returns are measured."""

    horizon: Annotated[
        Horizon,
        Field(description="Trading days that the statement and the evidence are about."),
    ] = Horizon(HORIZON)


class PopulationQuery(_HowQuery):
    """What politicians are grouped by, and how their abnormal returns are measured."""

    by: Annotated[
        Grouping,
        Field(
            description="What politicians are grouped by; `committee` is by the seats of today, "
            "without subcommittees."
        ),
    ] = Grouping.ALL
    horizon: Annotated[
        Horizon, Field(description="Trading days that politicians are ranked at.")
    ] = Horizon(HORIZON)
    limit: Annotated[int, Field(description="Politicians shown.", ge=1, le=500, examples=[50])] = 50

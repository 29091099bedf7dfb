"""What a report on abnormal returns is asked for."""

from dataclasses import dataclass
from enum import StrEnum
from itertools import product
from typing import Final

from quant.analytics.performance.vocabulary import Event, Model, Weighting

# A quarter: of the horizons the one that politicians are ranked at where none is asked for.
HORIZON: Final = 63
# How long calendar-time portfolios hold a trade: a month, a quarter, a year.
HOLDINGS: Final = (21, 63, 252)


class Grouping(StrEnum):
    """What politicians are grouped by; by committee they are in each that they sit on today."""

    ALL = "all"
    PARTY = "party"
    CHAMBER = "chamber"
    COMMITTEE = "committee"


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """How abnormal returns are measured.

    Attributes:
        event: What the windows follow.
        model: What return is expected.
        weighting: How much a trade counts.
    """

    event: Event = Event.DISCLOSURE
    model: Model = Model.MARKET_ADJUSTED
    weighting: Weighting = Weighting.EQUAL

    @property
    def key(self) -> str:
        """Name of the documents of this configuration."""
        return f"{self.event}.{self.model}.{self.weighting}"


# Those that the batch computes ahead; the other weightings are computed for the request.
CONFIGURATIONS: Final = tuple(
    Configuration(event=event, model=model) for event, model in product(Event, Model)
)

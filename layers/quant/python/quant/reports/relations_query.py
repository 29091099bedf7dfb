"""What reports on relations are asked for."""

from dataclasses import dataclass
from datetime import date
from enum import IntEnum
from typing import Final

from quant.analytics.relations.vocabulary import Coefficient, Measure

# Whom a request may name; every two of them are a pair.
MOST_POLITICIANS: Final = 20
DEFAULT_MOST_ACTIVE: Final = 10


class Window(IntEnum):
    """Length of the windows in which trades count as made together, days."""

    DAY = 1
    WEEK = 7
    FORTNIGHT = 14
    MONTH = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class PairsQuery:
    """What is asked of pairs of members.

    Attributes:
        politicians: Identifiers (UUID) or bioguide ids; empty for the most active.
        most_active: How many of those, by number of trades.
        measure: What is counted in each week.
        coefficient: Which correlation.
        as_of: Use only what was disclosed on or before this day; None for all trades.
    """

    politicians: tuple[str, ...] = ()
    most_active: int = DEFAULT_MOST_ACTIVE
    measure: Measure = Measure.TRADES
    coefficient: Coefficient = Coefficient.PEARSON
    as_of: date | None = None

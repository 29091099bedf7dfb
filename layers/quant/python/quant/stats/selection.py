"""What statistics are asked for: whose trades, disclosed when, ranked by what."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from quant.vocabulary import Chamber, Party

# Rows of a leaderboard.
MAX_ROWS: Final = 200


class Ranking(StrEnum):
    """What politicians are ranked by."""

    RETURN = "return"
    VOLUME = "volume"
    TRADE_COUNT = "trade_count"
    TIMELINESS = "timeliness"


class Period(StrEnum):
    """Days of disclosure up to the newest one that is known; ``1y`` is 365 days."""

    DAYS_30 = "30d"
    DAYS_90 = "90d"
    YEAR = "1y"
    YEARS_3 = "3y"
    ALL = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which trades; ``None`` does not filter.

    Attributes:
        politician: Identifier or bioguide id.
        period: Ignored where a bound is given.
        disclosed_from: First day of disclosure.
        disclosed_to: Last day of disclosure.
    """

    politician: str | None = None
    chamber: Chamber | None = None
    party: Party | None = None
    period: Period = Period.ALL
    disclosed_from: date | None = None
    disclosed_to: date | None = None

"""What a backtest's report is asked for."""

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from quant.analytics.backtest.rules import Configuration
from quant.vocabulary import Chamber, Party


class Resolution(StrEnum):
    """Of which days the equity curve is shown: the last of each."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestQuery:
    """Whose trades are copied, and how.

    Members of the group have all that is asked for; where nothing is, everybody's trades are
    copied.

    Attributes:
        politician: Identifier or bioguide id.
        committee: Identifier of a committee or subcommittee, of which they hold a seat today.
        party: Their party.
        chamber: Their chamber.
        configuration: How their trades are copied.
        start: First day at whose close a position may open.
        end: Last day of the curve.
        trials: Trials that the Sharpe ratio is deflated by; None for those of the sweep.
        resolution: Of which days the curve is shown.
    """

    politician: str | None = None
    committee: str | None = None
    party: Party | None = None
    chamber: Chamber | None = None
    configuration: Configuration = field(default_factory=Configuration)
    start: date | None = None
    end: date | None = None
    trials: int | None = None
    resolution: Resolution = Resolution.WEEK

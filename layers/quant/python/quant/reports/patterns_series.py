"""The series behind the reports on patterns, and what each analysis asks of them."""

import hashlib
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.random import PCG64, Generator

from quant.analytics.arrays import Days
from quant.analytics.patterns.series import CountSeries, weekday_counts, weekly_counts
from quant.methods import Method
from quant.reports.load import Member
from quant.reports.patterns_query import Analysis

# A finding is one whose p-value (or q-value, where several are corrected) is at most this.
LEVEL: Final = 0.05


@dataclass(frozen=True, slots=True)
class Requirement:
    """The least that an analysis can say anything about.

    Attributes:
        trades: Disclosed trades.
        days: Different days on which these were made.
        weeks: Weeks from that of the first trade to that of the last.
    """

    trades: int
    days: int
    weeks: int


REQUIREMENTS: Final = {
    Analysis.CYCLES: Requirement(trades=30, days=20, weeks=26),
    Analysis.REGIMES: Requirement(trades=30, days=15, weeks=52),
    Analysis.REPETITIONS: Requirement(trades=30, days=15, weeks=52),
    Analysis.CHANGES: Requirement(trades=20, days=10, weeks=26),
}


@dataclass(frozen=True)
class Subject:
    """A politician whose trades are looked at.

    Attributes:
        member: The politician.
        days: Transaction day of each trade, ascending, shape (n,).
    """

    member: Member
    days: Days

    @cached_property
    def weekdays(self) -> CountSeries:
        """Trades on each weekday."""
        return weekday_counts(self.days)

    @cached_property
    def weeks(self) -> CountSeries:
        """Trades in each week."""
        return weekly_counts(self.days)

    def lacks(self, analysis: Analysis) -> str | None:
        """Say what an analysis lacks, None where there is enough."""
        least = REQUIREMENTS[analysis]
        had = Requirement(len(self.days), len(np.unique(self.days)), len(self.weeks))
        if had.trades >= least.trades and had.days >= least.days and had.weeks >= least.weeks:
            return None
        return (
            f"Not enough to say anything: {had.trades} trades on {had.days} days within "
            f"{had.weeks} weeks; {least.trades} trades on {least.days} days within {least.weeks} "
            "weeks are needed."
        )

    def random(self, method: Method) -> Generator:
        """Return the source of randomness of a method: the same data give the same answer."""
        seed = hashlib.sha256(f"{method.id} {self.member.id}".encode()).digest()[:8]
        return Generator(PCG64(int.from_bytes(seed)))


def series_document(series: CountSeries, grid: str) -> dict[str, Any]:
    """Return what an answer says of a series of counts.

    Args:
        series: The series.
        grid: ``weekday`` or ``week``.
    """
    empty = not len(series)
    return {
        "grid": grid,
        "from": None if empty else day(series, 0),
        "to": None if empty else day(series, -1, last=grid == "week"),
        "observations": len(series),
        "trades": int(series.counts.sum()),
        "active": int(np.count_nonzero(series.counts)),
    }


def day(series: CountSeries, place: int, *, last: bool = False) -> date:
    """Return the day of a count; ``last`` asks for the Sunday of a week's."""
    first: date = series.days[place].item()
    return first + timedelta(days=6) if last else first


def number(value: float) -> float | None:
    """Return a number, None in place of one that is not finite."""
    return float(value) if np.isfinite(value) else None

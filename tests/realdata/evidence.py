"""What the sentences of the performance report rest on."""

from collections.abc import Sequence
from typing import Any, Final

from study import INDEX, PUBLISHED, Findings, Key

from quant.analytics.arrays import Flags
from quant.analytics.performance.alpha import Alpha, Frequency
from quant.analytics.performance.calendar_time import Leg as PortfolioLeg
from quant.analytics.performance.vocabulary import HORIZONS, Event, Model
from quant.reports.performance_legs import Leg

YEAR: Final = 252
WITHIN_YEAR: Final = HORIZONS[:-1]


class StaleSentenceError(AssertionError):
    """The numbers no longer say what a sentence of the report says."""


def holds(condition: bool, sentence: str) -> str:
    if not condition:
        raise StaleSentenceError(sentence)
    return sentence


def covers(found: dict[str, Any], value: float = 0.0) -> bool:
    """Whether the 95 % interval holds a value."""
    return bool(found["low"] <= value <= found["high"])


class Evidence:
    """What sentences about the findings refer to."""

    def __init__(self, findings: Findings) -> None:
        self.findings = findings

    def car(
        self,
        leg: Leg,
        horizon: int,
        benchmark: str = INDEX,
        *,
        event: Event = Event.TRANSACTION,
        population: str = PUBLISHED,
        model: Model = Model.MARKET_ADJUSTED,
    ) -> dict[str, Any]:
        key = Key(population, event, leg, horizon, benchmark, model)
        found: dict[str, Any] = self.findings.grid[key]["car"]
        return found

    def covered_everywhere(
        self, leg: Leg, benchmark: str, event: Event, horizons: Sequence[int]
    ) -> bool:
        return all(covers(self.car(leg, days, benchmark, event=event)) for days in horizons)

    def year_alpha(
        self,
        model: Model = Model.MARKET_MODEL,
        frequency: Frequency = Frequency.DAILY,
        leg: PortfolioLeg = PortfolioLeg.DIFFERENCE,
        without: Flags | None = None,
    ) -> Alpha:
        """Alpha of senators' trades to 2020, held for a year from the transaction."""
        which = self.findings.populations[PUBLISHED]
        if without is not None:
            which = which & ~without
        return self.findings.alpha(
            which, YEAR, event=Event.TRANSACTION, leg=leg, model=model, frequency=frequency
        )

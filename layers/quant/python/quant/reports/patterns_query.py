"""What reports on patterns are asked for."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from quant.politicians import PoliticianSort
from quant.vocabulary import Chamber, Party

# Whom a request may compare.
MOST_POLITICIANS: Final = 10


class Analysis(StrEnum):
    """What can be looked for in when a politician trades."""

    CYCLES = "cycles"
    REGIMES = "regimes"
    REPETITIONS = "repetitions"
    CHANGES = "changes"


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidateFilters:
    """Which politicians to list; ``None`` does not filter.

    Attributes:
        analysis: Only those with enough trades for it.
    """

    analysis: Analysis | None = None
    chamber: Chamber | None = None
    party: Party | None = None
    sort: PoliticianSort = PoliticianSort.TRADE_COUNT_DESC

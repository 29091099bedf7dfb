"""What lists of predictions and signals are asked for."""

from dataclasses import dataclass
from datetime import date
from typing import Literal

from quant.vocabulary import Sector


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictionFilters:
    """Which predictions to list; ``None`` does not filter.

    Attributes:
        model: Name of the model.
        politician: Identifier or bioguide id.
        ticker: Symbol, upper case.
        sector: GICS sector, of predictions about sectors.
        as_of_from: First day, inclusive.
        as_of_to: Last day, inclusive.
        state: Whether the outcome may yet come.
    """

    model: str | None = None
    politician: str | None = None
    ticker: str | None = None
    sector: Sector | None = None
    as_of_from: date | None = None
    as_of_to: date | None = None
    state: Literal["open", "closed"] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalFilters:
    """Which signals to list; ``None`` does not filter.

    Attributes:
        model: Name of the model.
        ticker: Symbol, upper case.
    """

    model: str | None = None
    ticker: str | None = None

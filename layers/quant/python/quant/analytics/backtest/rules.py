"""What a backtest is asked to do: sides, weights, timing, limits and costs."""

from dataclasses import dataclass
from enum import StrEnum

from quant.analytics.performance.vocabulary import Weighting


class Side(StrEnum):
    """Which disclosed trades are copied.

    With ``BOTH``, sales are sold short and purchases held long, together at most the whole equity.
    """

    PURCHASES = "purchases"
    BOTH = "both"


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """One way to copy a set of trades.

    Attributes:
        lag: Trading days from the disclosure day to the close at which a position opens, at least
            1: what is disclosed on a day can be acted on after that day's close.
        holding: Trading days from that close to the one at which it is closed, at least 1.
        side: Which trades are copied.
        weighting: What a position weighs.
        exit_on_reversal: Whether a position also closes, after the same lag, when the same
            politician discloses a trade of the same ticker in the other direction.
        max_positions: Most positions held; a new one displaces the one opened first.
        position_cap: Greatest weight of a ticker; what is over it stays in cash.
        cost_bps: Commission and half spread, basis points of each dollar traded.
        slippage_bps: Price impact, basis points of each dollar traded.
        capital: US dollars managed, held against the dollar volume of the tickers.
        capacity_share: Greatest share of a ticker's average daily dollar volume that its position
            may be, where the volume is known; None for no such limit.

    Raises:
        ValueError: A value is out of its range.
    """

    lag: int = 1
    holding: int = 63
    side: Side = Side.PURCHASES
    weighting: Weighting = Weighting.EQUAL
    exit_on_reversal: bool = False
    max_positions: int | None = None
    position_cap: float = 1.0
    cost_bps: float = 0.0
    slippage_bps: float = 0.0
    capital: float = 1e6
    capacity_share: float | None = None

    def __post_init__(self) -> None:
        in_range = (
            self.lag >= 1
            and self.holding >= 1
            and (self.max_positions is None or self.max_positions >= 1)
            and 0 < self.position_cap <= 1
            and self.cost_bps >= 0
            and self.slippage_bps >= 0
            and self.cost_rate < 0.5
            and self.capital > 0
            and (self.capacity_share is None or self.capacity_share > 0)
        )
        if not in_range:
            msg = f"out of range: {self}"
            raise ValueError(msg)

    @property
    def cost_rate(self) -> float:
        """Costs as a share of each dollar traded."""
        return (self.cost_bps + self.slippage_bps) / 1e4

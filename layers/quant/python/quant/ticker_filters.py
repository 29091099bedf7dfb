"""What lists of tickers are asked for, and how much is shown of one."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

# Politicians shown of a ticker, those with the most trades first.
MOST_POLITICIANS: Final = 100


class TickerSort(StrEnum):
    """Order of a list of tickers; a leading minus sign means descending."""

    SYMBOL = "symbol"
    SYMBOL_DESC = "-symbol"
    TRADE_COUNT = "trade_count"
    TRADE_COUNT_DESC = "-trade_count"


@dataclass(frozen=True, slots=True, kw_only=True)
class TickerFilters:
    """Which tickers to list, of those that were traded; ``None`` does not filter.

    Attributes:
        search: Text that symbol or name contain, in any case.
        sector: GICS sector.
    """

    search: str | None = None
    sector: str | None = None
    sort: TickerSort = TickerSort.TRADE_COUNT_DESC

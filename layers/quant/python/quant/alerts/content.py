"""What its owner says of a watchlist."""

from dataclasses import dataclass
from typing import Final

# Tickers, politicians and committees each.
MAX_ITEMS: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchlistContent:
    """What to watch, and how to tell of it.

    Attributes:
        name: What the owner calls it.
        tickers: Symbols, upper case.
        politicians: Identifiers (UUID) or bioguide ids.
        committees: congress-legislators ``thomas_id``; each stands for its present members.
        digest: Whether the owner gets a mail a day.
        webhook_url: Where each trade is posted, if anywhere.
    """

    name: str
    tickers: tuple[str, ...]
    politicians: tuple[str, ...]
    committees: tuple[str, ...]
    digest: bool
    webhook_url: str | None

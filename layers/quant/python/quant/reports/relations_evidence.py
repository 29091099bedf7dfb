"""The trades behind a relation of two members."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from sqlalchemy import Connection

from quant.analytics.relations.activity import triples_of_trades
from quant.reports.evidence import trade_rows
from quant.reports.load import LoadedTrades


class Events:
    """Every trade's stock, side and window, to find what two members have in common."""

    def __init__(self, trades: LoadedTrades, length: int) -> None:
        """Take the trades.

        Args:
            trades: The trades.
            length: Length of a window, days.
        """
        self._places, self._triples = triples_of_trades(
            trades.arrays, trades.arrays.transaction_day, length
        )

    def common(self, first: int, second: int, lag: int = 0) -> list[tuple[int, int]]:
        """Return the trades of the same stock and side in the same window, or some windows apart.

        Only windows from the later of both first trades to the earlier of both last ones count. Of
        several trades of a member in a window the first stands for all.

        Args:
            first: The one member.
            second: The other.
            lag: Windows by which the one comes before the other.

        Returns:
            Places of a trade of the one and of a trade of the other, the latest first.
        """
        one, other = (np.flatnonzero(self._triples.politician == each) for each in (first, second))
        if not len(one) or not len(other):
            return []
        window = self._triples.window
        start = max(window[one].min(), window[other].min())
        stop = min(window[one].max(), window[other].max())
        one, other = (
            each[(window[each] >= start) & (window[each] <= stop)] for each in (one, other)
        )
        # Wide enough that no shifted window reaches the numbers of another stock.
        span = int(np.ptp(window)) + 1 + 2 * abs(lag)
        keys = self._triples.stock * span + window - window.min()
        # The first of equal keys is the member's first trade, as trades are by day.
        _, mine, theirs = np.intersect1d(keys[one] + lag, keys[other], return_indices=True)
        order = np.argsort(-window[one[mine]], kind="stable")
        return [
            (int(self._places[one[mine[at]]]), int(self._places[other[theirs[at]]])) for at in order
        ]


class Evidence:
    """Places of trades that an answer names, and their rows."""

    def __init__(self, connection: Connection, trades: LoadedTrades, places: Iterable[int]) -> None:
        """Read the rows.

        Args:
            connection: Connection to read from.
            trades: The trades.
            places: Places of those named.
        """
        names = {place: str(trades.ids[place]) for place in set(places)}
        rows = trade_rows(connection, names.values())
        self._rows = {place: rows[name] for place, name in names.items()}

    def trade(self, place: int) -> dict[str, Any]:
        """Return what an answer says of a trade."""
        return self._rows[place]

    def common(self, places: tuple[int, int]) -> dict[str, Any]:
        """Return what an answer says of two trades of the same stock."""
        first, second = places
        return {"first": self.trade(first), "second": self.trade(second)}

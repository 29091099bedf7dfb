"""Reports on who trades like whom; the network of everybody is computed ahead."""

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

import numpy as np
from sqlalchemy import Connection

from quant.db.keyset import data_version
from quant.methods.relations import CENTRALITY, COMMUNITIES, CONFLICTS, NETWORK
from quant.reports.documents import sample
from quant.reports.load import LoadedTrades, load_trades
from quant.reports.relations_network import network_document
from quant.reports.relations_query import Window
from quant.reports.relations_verdicts import NOTICE
from quant.reports.store import Precomputation, stored_document

_METHODS: Final = (NETWORK, CENTRALITY, COMMUNITIES, CONFLICTS)


def network_report(
    connection: Connection, window: Window = Window.WEEK, as_of: date | None = None
) -> dict[str, Any]:
    """Return the co-trading network of all members: the stored one, or as of a day.

    Args:
        connection: Connection to read from.
        window: Length of the windows.
        as_of: Use only what was disclosed on or before this day; None for all trades.
    """
    if as_of is None:
        stored = stored_document(connection, NETWORK.id, str(window.value))
        if stored is not None:
            return stored
    version = data_version(connection)
    document = _network(connection, load_trades(connection, as_of=as_of), window, as_of)
    return {**document, "data_version": version, "is_current": True}


def _network(
    connection: Connection, trades: LoadedTrades, window: Window, as_of: date | None
) -> dict[str, Any]:
    return {
        "data": {
            "as_of": as_of,
            "window_days": window.value,
            **network_document(connection, trades, window.value),
            "notice": NOTICE,
        },
        "methods": [method.reference() for method in _METHODS],
        "sample": _sample(trades),
    }


def _sample(trades: LoadedTrades) -> dict[str, Any]:
    without = trades.arrays.ticker < 0
    exchanged = ~without & (trades.arrays.side == 0)
    return sample(
        trades,
        used=int(np.count_nonzero(~without & ~exchanged)),
        excluded={
            "no_ticker": int(np.count_nonzero(without)),
            "exchange": int(np.count_nonzero(exchanged)),
        },
    )


def _networks(connection: Connection) -> Mapping[str, Mapping[str, Any]]:
    trades = load_trades(connection)
    return {str(window.value): _network(connection, trades, window, None) for window in Window}


PRECOMPUTATIONS: Final = (
    Precomputation(
        NETWORK.id,
        ".".join(method.version for method in _METHODS),
        _networks,
    ),
)

"""Trades by sector of their tickers."""

from typing import Any

from sqlalchemy import Connection, func, select

from quant.db.keyset import data_version
from quant.db.models import Politician, Ticker, Trade
from quant.methods import stats as methods
from quant.stats.measures import SALES, volume, volume_columns
from quant.stats.scope import sample_of, settle
from quant.stats.selection import Selection
from quant.vocabulary import Operation


def read(connection: Connection, selection: Selection) -> dict[str, Any]:
    """Return the GICS sectors with trades, those with the most first.

    Trades without a ticker, or whose ticker's sector no source says, are the row without a sector.
    """
    version = data_version(connection)
    scope = settle(connection, selection)
    rows = (
        connection.execute(
            select(
                Ticker.sector,
                func.count().label("trade_count"),
                func.count().filter(Trade.operation == Operation.PURCHASE).label("purchases"),
                func.count().filter(Trade.operation.in_(SALES)).label("sales"),
                func.count(Trade.politician_id.distinct()).label("politicians"),
                *volume_columns(),
            )
            .select_from(Trade)
            .join(Politician, Politician.id == Trade.politician_id)
            .outerjoin(Ticker, Ticker.symbol == Trade.ticker)
            .where(*scope.conditions)
            .group_by(Ticker.sector)
            .order_by(func.count().desc(), Ticker.sector)
        )
        .mappings()
        .all()
    )
    total = sum(row["trade_count"] for row in rows)
    return {
        "data": [
            {
                "sector": row["sector"],
                "trade_count": row["trade_count"],
                "purchases": row["purchases"],
                "sales": row["sales"],
                "politicians": row["politicians"],
                "share": row["trade_count"] / total,
                "volume": volume(row),
            }
            for row in rows
        ],
        "period": scope.period,
        "methods": [methods.SECTORS.reference(), methods.VOLUME.reference()],
        "sample": sample_of(connection, scope),
        "data_version": version,
    }

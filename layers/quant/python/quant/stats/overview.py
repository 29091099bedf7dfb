"""What is disclosed altogether, and how much of it the other statistics can use."""

from typing import Any

from sqlalchemy import ColumnElement, Connection, Integer, cast, extract, func, select
from sqlalchemy.orm import InstrumentedAttribute

from quant.db.keyset import data_version
from quant.db.models import Filing, Politician, Price, Ticker, Trade
from quant.methods import stats as methods
from quant.stats.measures import volume, volume_columns


def read(connection: Connection) -> dict[str, Any]:
    """Return totals, coverage, first and last days, and counts by group."""
    version = data_version(connection)
    row = (
        connection.execute(
            select(
                func.count().label("trades"),
                func.count(Trade.politician_id.distinct()).label("politicians"),
                func.count(Trade.ticker.distinct()).label("tickers"),
                func.count().filter(Politician.synthetic).label("synthetic_trades"),
                *volume_columns(),
                func.count(Trade.ticker).label("with_ticker"),
                func.count(Trade.disclosure_date).label("with_disclosure_date"),
                func.min(Trade.transaction_date).label("first_transaction"),
                func.max(Trade.transaction_date).label("last_transaction"),
                func.min(Trade.disclosure_date).label("first_disclosure"),
                func.max(Trade.disclosure_date).label("last_disclosure"),
            )
            .select_from(Trade)
            .join(Politician, Politician.id == Trade.politician_id)
        )
        .mappings()
        .one()
    )
    covered = {
        "ticker": row["with_ticker"],
        "disclosure_date": row["with_disclosure_date"],
        **_covered_by_ticker(connection),
    }
    year = cast(extract("year", Trade.transaction_date), Integer)
    return {
        "data": {
            "totals": {
                "trades": row["trades"],
                "synthetic_trades": row["synthetic_trades"],
                "filings": connection.scalar(select(func.count()).select_from(Filing)),
                "politicians": row["politicians"],
                "tickers": row["tickers"],
                "volume": volume(row),
            },
            "coverage": {
                name: {"trades": count, "share": count / row["trades"] if row["trades"] else None}
                for name, count in covered.items()
            },
            "first_transaction": row["first_transaction"],
            "last_transaction": row["last_transaction"],
            "first_disclosure": row["first_disclosure"],
            "last_disclosure": row["last_disclosure"],
            "by_year": _grouped(connection, year),
            "by_chamber": _grouped(connection, Politician.chamber),
            "by_party": _grouped(connection, Politician.party),
            "by_operation": _grouped(connection, Trade.operation),
        },
        "methods": [methods.COUNTS.reference(), methods.VOLUME.reference()],
        "data_version": version,
    }


def _covered_by_ticker(connection: Connection) -> dict[str, int]:
    """Return how many trades have a ticker of known sector, and one with prices."""
    # By ticker first: prices are looked up once for each, not once a trade.
    counted = (
        select(Trade.ticker, func.count().label("trades"))
        .where(Trade.ticker.is_not(None))
        .group_by(Trade.ticker)
        .subquery()
    )
    has_price = select(Price.ticker).where(Price.ticker == counted.c.ticker).exists()
    row = connection.execute(
        select(
            func.coalesce(func.sum(counted.c.trades).filter(Ticker.sector.is_not(None)), 0).label(
                "sector"
            ),
            func.coalesce(func.sum(counted.c.trades).filter(has_price), 0).label("price"),
        ).join(Ticker, Ticker.symbol == counted.c.ticker)
    ).one()
    return {"sector": int(row.sector), "price": int(row.price)}


def _grouped(
    connection: Connection, group: ColumnElement[Any] | InstrumentedAttribute[Any]
) -> list[dict[str, Any]]:
    key = group.label("value")
    rows = connection.execute(
        select(
            key,
            func.count().label("trade_count"),
            func.count(Trade.politician_id.distinct()).label("politicians"),
            *volume_columns(),
        )
        .select_from(Trade)
        .join(Politician, Politician.id == Trade.politician_id)
        .group_by(key)
        .order_by(key)
    ).mappings()
    return [
        {
            "value": row["value"],
            "trade_count": row["trade_count"],
            "politicians": row["politicians"],
            "volume": volume(row),
        }
        for row in rows
    ]

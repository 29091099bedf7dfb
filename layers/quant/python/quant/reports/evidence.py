"""The trades behind a finding, each with its source filing."""

import uuid
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, select

from quant.db.models import Filing, Trade


def trade_rows(connection: Connection, ids: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return what an answer says of trades, by identifier."""
    rows = connection.execute(
        select(
            Trade.id,
            Trade.asset,
            Trade.ticker,
            Trade.operation,
            Trade.owner,
            Trade.transaction_date,
            Trade.disclosure_date,
            Trade.amount_min,
            Trade.amount_max,
            Filing.source,
            Filing.doc_id,
            Filing.url,
            Filing.filed_date,
        )
        .join(Filing, Filing.id == Trade.filing_id)
        .where(Trade.id.in_([uuid.UUID(name) for name in ids]))
    )
    filing = ("source", "doc_id", "url", "filed_date")
    return {
        str(row.id): {
            **{name: value for name, value in row._mapping.items() if name not in filing},
            "filing": {name: row._mapping[name] for name in filing},
        }
        for row in rows
    }

"""One disclosed trade with its source row, and trades as rows of queries through SQLAlchemy."""

import uuid
from typing import Any, Final

from sqlalchemy import Connection, Select, func, literal, select

from quant.db.models import Filing, Politician, Trade, TradeDuplicate
from quant.db.pipeline_models import FilingLine
from quant.errors import NotFoundError
from quant.vocabulary import LineOutcome

COLUMNS: Final = (
    Trade.id,
    Trade.owner,
    Trade.asset,
    Trade.ticker,
    Trade.asset_type,
    Trade.operation,
    Trade.transaction_date,
    Trade.notification_date,
    Trade.disclosure_date,
    Trade.amount_min,
    Trade.amount_max,
    Trade.capital_gains_over_200,
    Trade.comment,
    Trade.status,
    Trade.ticker_confidence,
    Trade.subholding_of,
    Trade.option_type,
    Trade.option_strike,
    Trade.option_expires,
    Trade.option_contracts,
    Trade.option_shares,
    Trade.option_exercised,
    Trade.notes,
    Politician.id.label("politician_id"),
    Politician.bioguide_id,
    Politician.full_name,
    Politician.chamber,
    Politician.party,
    Politician.state,
    Politician.synthetic,
    Filing.source,
    Filing.doc_id,
    Filing.url,
    Filing.filed_date,
)


def shape(row: Any) -> dict[str, Any]:
    """Return a row of ``COLUMNS`` as answers have it."""
    return {
        "id": row.id,
        "politician": {
            "id": row.politician_id,
            "bioguide_id": row.bioguide_id,
            "full_name": row.full_name,
            "chamber": row.chamber,
            "party": row.party,
            "state": row.state,
            "synthetic": row.synthetic,
        },
        "owner": row.owner,
        "asset": row.asset,
        "ticker": row.ticker,
        "ticker_confidence": row.ticker_confidence,
        "asset_type": row.asset_type,
        "operation": row.operation,
        "transaction_date": row.transaction_date,
        "notification_date": row.notification_date,
        "disclosure_date": row.disclosure_date,
        "amount_min": row.amount_min,
        "amount_max": row.amount_max,
        "capital_gains_over_200": row.capital_gains_over_200,
        "comment": row.comment,
        "filing_status": row.status,
        "subholding_of": row.subholding_of,
        "option": _option(row),
        "notes": row.notes,
        "filing": {
            "source": row.source,
            "doc_id": row.doc_id,
            "url": row.url,
            "filed_date": row.filed_date,
        },
    }


def _option(row: Any) -> dict[str, Any] | None:
    """Return the terms of an option, None where the trade has none."""
    # Set, true or false, wherever a description has terms.
    if row.option_exercised is None:
        return None
    return {
        "type": row.option_type,
        "strike": row.option_strike,
        "expires": row.option_expires,
        "contracts": row.option_contracts,
        "shares": row.option_shares,
        "exercised": row.option_exercised,
    }


def joined(*columns: Any) -> Select[*tuple[Any, ...]]:
    """Return a query of trades with their politicians and filings."""
    return (
        select(*columns)
        .select_from(Trade)
        .join(Politician, Politician.id == Trade.politician_id)
        .join(Filing, Filing.id == Trade.filing_id)
    )


def get_trade(connection: Connection, trade_id: uuid.UUID) -> dict[str, Any]:
    """Return one trade with its raw source row, its history and the other filings that report it.

    Raises:
        NotFoundError: There is no trade with this identifier.
    """
    row = connection.execute(
        joined(*COLUMNS, Trade.line_number, Trade.raw).where(Trade.id == trade_id)
    ).one_or_none()
    if row is None:
        msg = f"there is no trade {trade_id}"
        raise NotFoundError(msg)
    repeats = connection.execute(
        select(Filing.source, Filing.doc_id, Filing.url, Filing.filed_date)
        .join(TradeDuplicate, TradeDuplicate.filing_id == Filing.id)
        .where(TradeDuplicate.trade_id == trade_id)
        .order_by(Filing.doc_id)
    )
    return {
        **shape(row),
        "line_number": row.line_number,
        "also_reported_in": [dict(repeat._mapping) for repeat in repeats],
        "replaces": _replaced(connection, trade_id),
        "raw": row.raw,
    }


def _replaced(connection: Connection, trade_id: uuid.UUID) -> list[dict[str, Any]]:
    """Return the lines that a trade replaced, and those that they had replaced, latest first."""
    replaced = (
        select(FilingLine, literal(1).label("depth"))
        .where(FilingLine.counterpart_id == trade_id, _IS_SUPERSEDED)
        .cte("replaced", recursive=True)
    )
    replaced = replaced.union_all(
        select(FilingLine, replaced.c.depth + 1)
        .join(replaced, FilingLine.counterpart_id == replaced.c.trade_id)
        .where(_IS_SUPERSEDED)
    )
    lines = connection.execute(
        select(
            replaced.c.trade_id.label("id"),
            replaced.c.owner,
            replaced.c.asset,
            func.coalesce(replaced.c.ticker, replaced.c.resolved_ticker).label("ticker"),
            replaced.c.asset_type,
            replaced.c.operation,
            replaced.c.transaction_date,
            replaced.c.amount_min,
            replaced.c.amount_max,
            replaced.c.description.label("comment"),
            Filing.source,
            Filing.doc_id,
            Filing.url,
            Filing.filed_date,
        )
        .join(Filing, Filing.id == replaced.c.filing_id)
        .order_by(replaced.c.depth, Filing.doc_id, replaced.c.line_number)
    )
    filing = ("source", "doc_id", "url", "filed_date")
    return [
        {
            **{name: value for name, value in line._mapping.items() if name not in filing},
            "filing": {name: line._mapping[name] for name in filing},
        }
        for line in lines
    ]


_IS_SUPERSEDED: Final = FilingLine.outcome == LineOutcome.SUPERSEDED

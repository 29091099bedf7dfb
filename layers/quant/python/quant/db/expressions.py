"""SQL expressions that queries of several modules share."""

import uuid

from sqlalchemy import ColumnElement, Integer, type_coerce

from quant.db.models import Politician, Trade
from quant.stock_act import FILING_DEADLINE_DAYS


def identified_by(identifier: str) -> ColumnElement[bool]:
    """Return the condition that a politician has this identifier (UUID) or bioguide id."""
    try:
        return Politician.id == uuid.UUID(identifier)
    except ValueError:
        return Politician.bioguide_id == identifier.upper()


def days_late_of_trade() -> ColumnElement[int]:
    """Return the days by which a disclosure missed the 45 days, as ``quant.stock_act.days_late``.

    Null where the disclosure date is.
    """
    # Postgres subtracts dates to an integer.
    delay = type_coerce(Trade.disclosure_date - Trade.transaction_date, Integer)
    return delay - FILING_DEADLINE_DAYS

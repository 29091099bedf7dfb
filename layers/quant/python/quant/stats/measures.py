"""What is counted of trades, as SQL expressions, and how an answer shows it."""

from typing import Any, Final

from sqlalchemy import ColumnElement, RowMapping, and_, func
from sqlalchemy.sql.elements import Label

from quant.analytics.wilson import effective_trials, wilson_bounds
from quant.db.expressions import days_late_of_trade
from quant.db.models import Trade
from quant.stock_act import FIRST_TRANSACTION_DATE
from quant.vocabulary import Operation

SALES: Final = (Operation.SALE, Operation.SALE_FULL, Operation.SALE_PARTIAL)

# Transactions before had no deadline, hence cannot be late.
_DUE: Final[ColumnElement[bool]] = Trade.transaction_date >= FIRST_TRANSACTION_DATE
_KNOWN: Final[ColumnElement[bool]] = and_(_DUE, Trade.disclosure_date.is_not(None))


def volume_columns() -> tuple[Label[Any], ...]:
    """Return the sums of the disclosed ranges of a group."""
    return (
        func.coalesce(func.sum(Trade.amount_min), 0).label("amount_min"),
        # A range without an upper end counts with its lower one, and is counted.
        func.coalesce(func.sum(func.coalesce(Trade.amount_max, Trade.amount_min)), 0).label(
            "amount_max"
        ),
        func.count().filter(Trade.amount_max.is_(None)).label("unbounded"),
    )


def volume(row: RowMapping) -> dict[str, Any]:
    """Return what an answer says of the sums of ranges."""
    return {
        "amount_min": row["amount_min"],
        "amount_max": row["amount_max"],
        "midpoint": (row["amount_min"] + row["amount_max"]) / 2,
        "unbounded": row["unbounded"],
    }


def timeliness_columns() -> tuple[Label[Any], ...]:
    """Return the counts of the 45-day rule of a filing's trades."""
    return (
        func.count().filter(_KNOWN).label("known"),
        func.count().filter(and_(_KNOWN, days_late_of_trade() > 0)).label("late"),
        func.count().filter(and_(_DUE, Trade.disclosure_date.is_(None))).label("unknown"),
        func.count().filter(~_DUE).label("exempt"),
    )


def timeliness(row: RowMapping) -> dict[str, Any]:
    """Return what an answer says of the 45-day rule.

    Args:
        row: Sums of ``timeliness_columns`` over filings, with ``known_squares``, the sum of the
            squares of ``known``.
    """
    known, late = int(row["known"]), int(row["late"])
    share = low = high = None
    trials = 0.0
    if known:
        share = late / known
        trials = effective_trials(known, int(row["known_squares"]))
        low, high = wilson_bounds(share, trials)
    return {
        "late": late,
        "in_time": known - late,
        "unknown": int(row["unknown"]),
        "exempt": int(row["exempt"]),
        "effective_trials": trials,
        "late_share": {
            "value": share,
            "standard_error": None,
            "low": low,
            "high": high,
            "p_value": None,
            "q_value": None,
            "n": known,
        },
    }

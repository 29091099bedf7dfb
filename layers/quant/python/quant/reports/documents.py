"""What documents of reports are made of."""

import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import numpy as np
import orjson

from quant.reports.load import LoadedTrades


def dump_document(document: Any) -> bytes:
    """Return a document as UTF-8 JSON: NumPy scalars and arrays as numbers, NaN as null."""
    return orjson.dumps(document, default=_default, option=orjson.OPT_SERIALIZE_NUMPY)


def _default(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, np.ndarray):
        # Of text or dates, or not contiguous: orjson writes arrays of numbers alone.
        return [null_if_nan(item) for item in value.tolist()]
    if isinstance(value, np.generic):
        return null_if_nan(value.item())
    raise TypeError(type(value).__name__)


def null_if_nan(value: Any) -> Any:
    """Return None in place of a number that is none."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def estimate(
    value: float,
    *,
    n: int,
    standard_error: float | None = None,
    low: float | None = None,
    high: float | None = None,
    p_value: float | None = None,
    q_value: float | None = None,
) -> dict[str, Any]:
    """Return a number with its uncertainty; what is None or NaN is null.

    Args:
        value: The point estimate.
        n: Observations it rests on.
        standard_error: Of the same unit as the value.
        low: Lower end of the 95 % confidence interval.
        high: Upper end of it.
        p_value: Of the method's null hypothesis.
        q_value: Corrected for testing many (Benjamini-Hochberg).
    """
    return {
        "value": null_if_nan(float(value)),
        "standard_error": _number(standard_error),
        "low": _number(low),
        "high": _number(high),
        "p_value": _number(p_value),
        "q_value": _number(q_value),
        "n": int(n),
    }


def _number(value: float | None) -> float | None:
    return None if value is None else null_if_nan(float(value))


def sample(
    trades: LoadedTrades, *, used: int | None = None, excluded: Mapping[str, int] | None = None
) -> dict[str, Any]:
    """Return what an answer says of the trades it rests on.

    Args:
        trades: All trades that were asked about.
        used: How many of them the numbers rest on; None for all.
        excluded: The others by reason.
    """
    days = trades.arrays.transaction_day
    return {
        "trades": len(trades.arrays),
        "used": len(trades.arrays) if used is None else used,
        "excluded": {reason: int(count) for reason, count in (excluded or {}).items() if count},
        "politicians": len(trades.members),
        "first_transaction": days.min().item() if len(days) else None,
        "last_transaction": days.max().item() if len(days) else None,
        "synthetic": trades.synthetic,
    }

"""JSON as the API writes it."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import orjson


def _default(value: Any) -> Any:
    if isinstance(value, Decimal):
        # Disclosed amounts have at most 16 digits in whole cents, which a double holds exactly
        # enough to print back unchanged.
        return float(value)
    raise TypeError(type(value).__name__)


def dump_json(value: Any) -> bytes:
    """Return ``value`` as UTF-8 JSON: dates in ISO 8601, UUIDs and enums as text."""
    return orjson.dumps(value, default=_default)


def dump_line(fields: Mapping[str, Any]) -> str:
    """Return the fields of a line of the log as JSON, whatever values they have."""
    try:
        return orjson.dumps(fields, default=str).decode()
    except TypeError:
        # Half of a surrogate pair, a number of more than 64 bits, keys that are no text.
        return json.dumps(fields, default=str, separators=(",", ":"))

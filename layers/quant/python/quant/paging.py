"""Keyset pagination: opaque cursors and the pages they lead to.

A cursor holds the sort key of the last row of a page. Rows inserted while a client pages through
a list can therefore neither repeat nor skip a row that was there before.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from quant.errors import InvalidCursorError

MAX_LIMIT: Final = 100
DEFAULT_LIMIT: Final = 50


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list.

    Attributes:
        rows: The page's rows, at most ``limit`` of them; each a mapping, or its JSON as
            ``orjson.Fragment``.
        next_cursor: Cursor of the next page, or ``None`` on the last one.
        data_version: Version of the disclosed data the page was read from.
    """

    rows: list[Any]
    next_cursor: str | None
    data_version: int


def query_digest(query: Mapping[str, object]) -> str:
    """Return a short digest of a list's filters and sort, without its cursor and limit."""
    kept = {key: str(value) for key, value in query.items() if value is not None}
    content = json.dumps(kept, sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:12]


def encode_cursor(digest: str, key: object, row_id: object) -> str:
    """Return the cursor that continues the query ``digest`` after the row with this sort key."""
    content = json.dumps([digest, str(key), str(row_id)], separators=(",", ":"))
    return base64.urlsafe_b64encode(content.encode()).decode().rstrip("=")


def decode_cursor(cursor: str, digest: str) -> tuple[str, str]:
    """Return the sort key and row id a cursor stands for.

    Raises:
        InvalidCursorError: The cursor is malformed or belongs to a query with other filters.
    """
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        content = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (binascii.Error, UnicodeDecodeError, ValueError) as error:
        msg = "the cursor is malformed"
        raise InvalidCursorError(msg) from error
    match content:
        case [str(issued_for), str(key), str(row_id)]:
            pass
        case _:
            msg = "the cursor is malformed"
            raise InvalidCursorError(msg)
    if issued_for != digest:
        msg = "the cursor belongs to a query with other filters or another sort"
        raise InvalidCursorError(msg)
    return key, row_id

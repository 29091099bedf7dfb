"""Stable identifiers of disclosed facts: UUIDv5 (RFC 9562, section 5.5) of their natural key."""

import hashlib
import json
import uuid
from collections.abc import Sequence
from typing import Final

NAMESPACE: Final = uuid.uuid5(uuid.NAMESPACE_DNS, "quant-analytics-platform")


def stable_id(kind: str, *natural_key: object) -> uuid.UUID:
    """Return the identifier of the ``kind`` of thing that has this natural key.

    JSON keeps the parts apart: ``("a", "bc")`` and ``("ab", "c")`` differ.
    """
    name = json.dumps([kind, *map(str, natural_key)], ensure_ascii=False)
    return uuid.uuid5(NAMESPACE, name)


def politician_id(bioguide_id: str) -> uuid.UUID:
    """Return the identifier of a member of Congress."""
    return stable_id("politician", bioguide_id)


def unmatched_politician_id(chamber: str, alias: str) -> uuid.UUID:
    """Return the identifier of a filer known only by a normalised name."""
    return stable_id("politician", chamber, alias)


def filing_id(source: str, doc_id: str) -> uuid.UUID:
    """Return the identifier of a filing in an official system."""
    return stable_id("filing", source, doc_id)


def trade_id(filing: uuid.UUID, line_hash: str, occurrence: int) -> uuid.UUID:
    """Return the identifier of a PTR's transaction line."""
    return stable_id("trade", filing, line_hash, occurrence)


def line_hash(fields: Sequence[object]) -> str:
    """Return 16 hex digits that identify a transaction line's content within its filing."""
    content = json.dumps([None if field is None else str(field) for field in fields])
    return hashlib.sha256(content.encode()).hexdigest()[:16]

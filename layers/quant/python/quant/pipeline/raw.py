"""Raw documents in S3: the key says what and when, the metadata where from.

Keys are ``raw/<kind>/<day>/<sha256>``: the same bytes collected on the same day are one object,
however often they are stored, and everything downstream can be made again from these objects.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Final

PREFIX: Final = "raw/"
DROP_PREFIX: Final = "drop/prices/"  # where an operator puts price files

_KEY: Final = re.compile(r"raw/([a-z-]+)/(\d{4}-\d{2}-\d{2})/([0-9a-f]{64})", re.ASCII)


class DocumentKind(StrEnum):
    """What a raw document is, hence which parser reads it."""

    HOUSE_INDEX = "house-index"  # {year}FD.zip of the Clerk
    HOUSE_PTR = "house-ptr"  # PDF
    SENATE_INDEX = "senate-index"  # one page of search results, JSON
    SENATE_PTR = "senate-ptr"  # HTML
    SENATE_PAPER = "senate-paper"  # HTML page that shows a scan
    LEGISLATORS = "legislators"  # legislators-current.yaml
    LEGISLATORS_HISTORICAL = "legislators-historical"
    COMMITTEES = "committees"  # committees-current.yaml
    COMMITTEE_MEMBERSHIP = "committee-membership"  # committee-membership-current.yaml
    PRICES = "prices"  # CSV in this project's own columns


@dataclass(frozen=True, slots=True)
class RawDocument:
    """One raw document.

    Attributes:
        kind: What it is.
        collected_on: UTC day it was collected.
        content: Its bytes.
        metadata: ``url``, ``doc-id``, ``year``, ``etag``, ``last-modified`` ... where known;
            ASCII, as S3 keeps it.
    """

    kind: DocumentKind
    collected_on: date
    content: bytes
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def sha256(self) -> str:
        """SHA-256 of the content, hexadecimal."""
        return hashlib.sha256(self.content).hexdigest()

    @property
    def key(self) -> str:
        """Key of its S3 object."""
        return f"{PREFIX}{self.kind}/{self.collected_on.isoformat()}/{self.sha256}"


def parse_key(key: str) -> tuple[DocumentKind, date, str]:
    """Return the kind, day and SHA-256 that a key states.

    Raises:
        ValueError: It is not the key of a raw document.
    """
    match = _KEY.fullmatch(key)
    if match is None:
        msg = f"not the key of a raw document: {key!r}"
        raise ValueError(msg)
    return DocumentKind(match[1]), date.fromisoformat(match[2]), match[3]

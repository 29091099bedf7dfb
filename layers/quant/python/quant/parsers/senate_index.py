"""One page of the Senate eFD's search results: the JSON its DataTables table asks for.

Each row of ``data`` is ``[first name, last name, office, link to the report, day submitted]``; the
link is an HTML anchor whose address says whether the report is an electronic form or a scan, and
whose text is the report's title. Source: https://efdsearch.senate.gov/search/.
"""

import json
import re
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from quant.ingest.names import Filer
from quant.ingest.values import clean_text, parse_date
from quant.parsers.model import DocumentError, Unreadable
from quant.vocabulary import Chamber

PARSER: Final = "senate-index/1"

MAX_BYTES: Final = 8 << 20
_COLUMNS: Final = 5

# A link to a report, the eFD's identifier of it being a UUID.
_LINK: Final = re.compile(
    r"""<a\s[^<>]*?href\s*=\s*["'](?:https://efdsearch\.senate\.gov)?"""
    r"/search/view/([a-z-]+(?:/[a-z-]+)?)/"
    r"""([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/?["'][^<>]*>([^<>]*)</a>""",
    re.ASCII | re.IGNORECASE,
)
_TITLE: Final = re.compile(r"Periodic Transaction Report\b", re.IGNORECASE)
_AMENDMENT: Final = re.compile(r"\(Amendment\s+(\d{1,3})\)", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class SenateIndexEntry:
    """One report of a page of search results.

    Attributes:
        doc_id: The report's UUID, in lower case.
        title: Its title.
        is_ptr: Whether it is a periodic transaction report.
        paper: Whether it is a scan.
        filer: Who filed; None where the row gives no name.
        filed_date: Day it was submitted; None where it is no date.
        amendment_number: The n of "(Amendment n)" in the title, if it has one.
    """

    doc_id: str
    title: str
    is_ptr: bool
    paper: bool
    filer: Filer | None
    filed_date: date | None
    amendment_number: int | None


def amendment_number(title: str) -> int | None:
    """Return the n of "(Amendment n)" in a report's title."""
    match = _AMENDMENT.search(title)
    return int(match[1]) if match else None


def is_ptr_title(title: str) -> bool:
    """Say whether a title is that of a periodic transaction report."""
    return _TITLE.match(title) is not None


def parse_senate_index(content: bytes) -> tuple[SenateIndexEntry, ...]:
    """Read a page of search results, in its order.

    Raises:
        DocumentError: It is not such a page; a single row of another form makes it so, since rows
            are all made by one template.
    """
    return tuple(_entry(row) for row in _rows(content))


def _rows(content: bytes) -> list[Any]:
    if len(content) > MAX_BYTES:
        raise DocumentError(Unreadable.TOO_LARGE, f"JSON of {len(content)} bytes")
    try:
        document = json.loads(content)
    # ValueError covers wrong encodings and absurd numbers; nesting ends the parser's recursion.
    except (ValueError, RecursionError) as error:
        raise DocumentError(Unreadable.NOT_THIS_FORMAT, f"JSON: {error}") from error
    rows = document.get("data") if isinstance(document, dict) else None
    if not isinstance(rows, list):
        raise DocumentError(Unreadable.LAYOUT_UNKNOWN, "no list of rows in `data`")
    return rows


def _entry(row: Any) -> SenateIndexEntry:
    if not (
        isinstance(row, list)
        and len(row) >= _COLUMNS
        and all(isinstance(cell, str) for cell in row[:_COLUMNS])
    ):
        raise DocumentError(Unreadable.LAYOUT_UNKNOWN, "a row is not of five texts")
    first, last, _, link, submitted = row[:_COLUMNS]
    match = _LINK.search(link)
    if match is None:
        raise DocumentError(Unreadable.LAYOUT_UNKNOWN, "a row without a link to a report")
    title = clean_text(match[3])
    return SenateIndexEntry(
        doc_id=match[2].lower(),
        title=title,
        is_ptr=is_ptr_title(title),
        paper=match[1].lower() == "paper",
        filer=Filer.named(Chamber.SENATE, _name(first, last)),
        filed_date=parse_date(submitted),
        amendment_number=amendment_number(title),
    )


def _name(first: str, last: str) -> str:
    # Last names come as "Moran,  " and "McConnell, Jr." as well.
    return f"{clean_text(first)} {clean_text(last).rstrip(', ')}"

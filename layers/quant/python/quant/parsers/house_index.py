"""The House Clerk's yearly index of filings: ``{year}FD.zip`` with ``{year}FD.xml``.

Source: https://disclosures-clerk.house.gov/FinancialDisclosure. Below the XML's root
``FinancialDisclosure`` there is a ``Member`` element for each filing. Of the letters in
``FilingType`` only ``P``, a periodic transaction report, matters here; the others are counted.
"""

import re
from collections import Counter
from dataclasses import dataclass
from datetime import date
from typing import Final
from xml.etree.ElementTree import Element

from quant.ingest.names import Filer, parse_state_district
from quant.ingest.values import clean_text, parse_date
from quant.ingest.vocabulary import RejectReason
from quant.parsers.archives import is_zip, read_member
from quant.parsers.model import DocumentError, RejectedLine, Unreadable
from quant.parsers.xml import parse_xml
from quant.vocabulary import Chamber

PARSER: Final = "house-index/1"
PTR: Final = "P"

_MEMBER_NAME: Final = re.compile(r"(?i:\d{4}FD\.xml)", re.ASCII)
_TAGS: Final = frozenset(
    {
        "Prefix",
        "Last",
        "First",
        "Suffix",
        "FilingType",
        "StateDst",
        "Year",
        "FilingDate",
        "DocID",
    }
)
_DOC_ID: Final = re.compile(r"\d{1,20}", re.ASCII)
_FILING_TYPE: Final = re.compile(r"[A-Z]{1,2}", re.ASCII)
_YEAR: Final = re.compile(r"\d{4}", re.ASCII)


@dataclass(frozen=True, slots=True)
class HouseIndexEntry:
    """One filing of the index.

    Attributes:
        doc_id: The filing's identifier.
        filing_type: The Clerk's letter; ``P`` is a periodic transaction report.
        year: Year of the index, part of the filing's address.
        filer: Who filed; None where the index gives no name.
        filed_date: Day of filing; None where it is empty or no date.
    """

    doc_id: str
    filing_type: str
    year: int
    filer: Filer | None
    filed_date: date | None

    @property
    def is_ptr(self) -> bool:
        """Whether it is a periodic transaction report."""
        return self.filing_type == PTR


@dataclass(frozen=True, slots=True)
class HouseIndex:
    """A yearly index, read.

    Attributes:
        year: Its year; None for an index without filings, as at the start of a year.
        entries: Its filings as listed: a few candidates' filings are listed twice.
        rejects: Entries that could not be read.
    """

    year: int | None
    entries: tuple[HouseIndexEntry, ...]
    rejects: tuple[RejectedLine, ...] = ()

    def counts(self) -> dict[str, int]:
        """Return the number of filings by type."""
        return dict(sorted(Counter(entry.filing_type for entry in self.entries).items()))

    def ptrs(self) -> tuple[HouseIndexEntry, ...]:
        """Return the periodic transaction reports, each identifier once, in its order."""
        found: dict[str, HouseIndexEntry] = {}
        for entry in self.entries:
            if entry.is_ptr:
                known = found.get(entry.doc_id)
                # Listed differently, the same one is kept whatever the order.
                found[entry.doc_id] = min(entry, known, key=repr) if known else entry
        return tuple(found[doc_id] for doc_id in sorted(found))


def parse_house_index(content: bytes) -> HouseIndex:
    """Read a yearly index.

    Args:
        content: The zip archive as the Clerk publishes it, or the XML file in it.

    Raises:
        DocumentError: It is not such an index.
    """
    xml = read_member(content, _MEMBER_NAME) if is_zip(content) else content
    root = parse_xml(xml, "FinancialDisclosure")
    entries: list[HouseIndexEntry] = []
    rejects: list[RejectedLine] = []
    for number, element in enumerate(root, start=1):
        fields = _fields(element)
        problem = _problem(fields)
        if problem is not None:
            rejects.append(RejectedLine(number, RejectReason.FILING_UNREADABLE, problem, fields))
            continue
        entries.append(_entry(fields))
    years = {entry.year for entry in entries}
    if len(years) > 1 or (rejects and not entries):
        detail = f"years {sorted(years)}, {len(rejects)} unreadable filings"
        raise DocumentError(Unreadable.LAYOUT_UNKNOWN, detail)
    return HouseIndex(years.pop() if years else None, tuple(entries), tuple(rejects))


def _fields(element: Element) -> dict[str, str]:
    fields = {child.tag: clean_text(child.text) for child in element}
    missing = _TAGS - fields.keys()
    if element.tag != "Member" or missing:
        detail = f"{element.tag} without {', '.join(sorted(missing)) or 'further elements'}"
        raise DocumentError(Unreadable.LAYOUT_UNKNOWN, detail)
    return {tag: fields[tag] for tag in sorted(_TAGS)}


def _problem(fields: dict[str, str]) -> str | None:
    for tag, pattern in (("DocID", _DOC_ID), ("FilingType", _FILING_TYPE), ("Year", _YEAR)):
        if not pattern.fullmatch(fields[tag]):
            return f"{tag} {fields[tag]!r}"
    return None


def _entry(fields: dict[str, str]) -> HouseIndexEntry:
    state, district = parse_state_district(fields["StateDst"])
    name = " ".join(fields[tag] for tag in ("First", "Last", "Suffix") if fields[tag])
    return HouseIndexEntry(
        doc_id=fields["DocID"],
        filing_type=fields["FilingType"],
        year=int(fields["Year"]),
        filer=Filer.named(Chamber.HOUSE, name, state, district),
        filed_date=parse_date(fields["FilingDate"]),
    )

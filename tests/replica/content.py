"""What the replica serves: synthetic filings, members and prices in the sources' formats."""

import io
import zipfile
from dataclasses import dataclass, field
from datetime import date, timedelta
from xml.sax.saxutils import escape

from senate_support import paper_page, ptr_page
from synthetic_ptr import PtrLine, ptr_pdf, scan_pdf

PTR_ID = "7a1f6c3e-52d4-4c0e-9b8a-1d2e3f405162"
PAPER_ID = "C0FFEE00-1234-4ABC-8DEF-0123456789AB"

LEGISLATORS = {
    "legislators-current.yaml": """\
- id:
    bioguide: Z900001
  name:
    first: Synthetic
    last: Member
    official_full: Synthetic Member
  bio:
    gender: F
  terms:
  - type: rep
    start: '2021-01-03'
    end: '2027-01-03'
    state: ZZ
    district: 1
    party: Independent
""",
    "legislators-historical.yaml": """\
- id:
    bioguide: Z900002
  name:
    first: Former
    last: Member
  bio:
    gender: M
  terms:
  - type: sen
    start: '1995-01-04'
    end: '2001-01-03'
    state: ZZ
    class: 1
    party: Independent
""",
    "committees-current.yaml": """\
- type: house
  name: House Committee on Synthetic Affairs
  thomas_id: HSZZ
  house_committee_id: ZZ
""",
    "committee-membership-current.yaml": """\
HSZZ:
- name: Synthetic Member
  party: majority
  rank: 1
  bioguide: Z900001
""",
}


@dataclass
class HouseFiling:
    """A filing of the House; one without ``pdf`` is listed but not there."""

    doc_id: str
    filed: date
    pdf: bytes | None = None
    filing_type: str = "P"
    last: str = "Member"
    first: str = "Synthetic"
    state_district: str = "ZZ01"


@dataclass
class SenateFiling:
    """A filing of the Senate; one without ``page`` is listed but not there."""

    doc_id: str
    submitted: date
    page: bytes | None = None
    paper: bool = False
    first: str = "Synthia"
    last: str = "Member"
    title: str = "Periodic Transaction Report"


@dataclass
class Content:
    """All that is served.

    Attributes:
        house: Filings by the year of their index.
        senate: PTRs.
        legislators: Text of the files by name.
        prices: By symbol: day, close, adjusted close, volume; the oldest first.
    """

    house: dict[int, list[HouseFiling]] = field(default_factory=dict)
    senate: list[SenateFiling] = field(default_factory=list)
    legislators: dict[str, str] = field(default_factory=lambda: dict(LEGISLATORS))
    prices: dict[str, list[tuple[date, str, str, int]]] = field(default_factory=dict)


def sample(today: date) -> Content:
    """A little of everything, as of a day."""
    filed = today - timedelta(days=3)
    earlier = today - timedelta(days=300)
    year = today.year
    return Content(
        house={
            year: [
                HouseFiling(f"20{year % 100}9001", filed, electronic_ptr(f"20{year % 100}9001")),
                HouseFiling(f"91{year % 100}002", filed, scan_pdf()),
                HouseFiling(f"10{year % 100}003", filed, filing_type="C"),
            ],
            year - 1: [
                HouseFiling(
                    f"20{(year - 1) % 100}9004",
                    date(year - 1, 6, 2),
                    electronic_ptr(f"20{(year - 1) % 100}9004"),
                )
            ],
        },
        senate=[
            SenateFiling(PTR_ID, earlier, ptr_page([{}])),
            SenateFiling(PAPER_ID, filed, paper_page(doc_id=PAPER_ID), paper=True),
        ],
        prices={
            "SYN01": [
                (today - timedelta(days=back), f"{100 + back}.50", f"{99 + back}.25", 1000 + back)
                for back in range(5, 0, -1)
            ]
        },
    )


def electronic_ptr(doc_id: str) -> bytes:
    """The PDF of an electronic PTR with one purchase."""
    return ptr_pdf([PtrLine()], doc_id=doc_id)


def house_index(year: int, filings: list[HouseFiling]) -> bytes:
    """A yearly index: a zip archive with the filings as XML and as tab-separated text."""
    members = "".join(
        "<Member><Prefix>Hon.</Prefix>"
        f"<Last>{escape(filing.last)}</Last><First>{escape(filing.first)}</First><Suffix />"
        f"<FilingType>{filing.filing_type}</FilingType>"
        f"<StateDst>{filing.state_district}</StateDst><Year>{year}</Year>"
        f"<FilingDate>{filing.filed.month}/{filing.filed.day}/{filing.filed.year}</FilingDate>"
        f"<DocID>{filing.doc_id}</DocID></Member>"
        for filing in filings
    )
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in (
            (f"{year}FD.txt", "Prefix\tLast\tFirst\tSuffix\tFilingType\tStateDst\tYear\r\n"),
            (
                f"{year}FD.xml",
                '<?xml version="1.0" encoding="utf-8"?>\r\n'
                f"<FinancialDisclosure>{members}</FinancialDisclosure>",
            ),
        ):
            # A fixed time keeps the bytes of an unchanged index the same.
            archive.writestr(zipfile.ZipInfo(name, (2012, 4, 4, 0, 0, 0)), text)
    return content.getvalue()

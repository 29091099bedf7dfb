"""Writes PDFs laid out as the House Clerk's periodic transaction reports: synthetic filings.

Geometry, fonts without character mappings and boxes are as in published reports; every filing
says in its heading that it is synthetic. PDF syntax: ISO 32000-1.
"""

import textwrap
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby, zip_longest

SYNTHETIC = "Synthetic filing, made for tests"

COLUMNS = (25, 74, 104, 261, 325.6, 380.4, 445, 525)
ASSET_WIDTH, AMOUNT_WIDTH, FIELD_WIDTH = 30, 18, 95  # characters
PAGE_TOP, PAGE_BOTTOM = 700, 60
FOOTNOTE = (
    "* For the complete list of asset type abbreviations, please visit "
    "https://fd.house.gov/reference/asset-type-codes.aspx."
)
# A character map (ISO 32000-1, 9.10.3) that gives lower-case letters as U+0000.
NO_CHARACTERS = (
    b"/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapType 2 def "
    b"1 begincodespacerange <00> <FF> endcodespacerange 26 beginbfchar "
    + b" ".join(b"<%02X> <0000>" % code for code in range(97, 123))
    + b" endbfchar endcmap end end"
)
# "FIlINg STATuS": what fonts before 2022 made of small capitals.
LACKING_CAPITALS = str.maketrans("GLU", "glu")


@dataclass(frozen=True)
class PtrLine:
    """A transaction as a filer enters it; ``fields`` are the labelled lines below it."""

    asset: str = "Example Holdings Inc. - Common Stock (EXMP) [ST]"
    operation: str = "P"
    day: str = "01/08/2025"
    notification: str = "01/10/2025"
    amount: str = "$1,001 - $15,000"
    owner: str = ""
    reference: str = ""
    ticked: bool = False
    fields: Mapping[str, str] = field(default_factory=lambda: {"Filing Status": "New"})


@dataclass(frozen=True)
class Style:
    """What differs between the reports' vintages.

    Attributes:
        mapped_labels: Small capitals have characters, some in the wrong case, as before 2022.
        glyph_boxes: Boxes are characters of a symbol font, as before 2022.
        boxes: There are boxes at all.
    """

    mapped_labels: bool = False
    glyph_boxes: bool = False
    boxes: bool = True


MODERN = Style()
BEFORE_2022 = Style(mapped_labels=True, glyph_boxes=True)


def ptr_pdf(
    lines: Sequence[PtrLine],
    *,
    doc_id: str = "20999001",
    name: str = "Hon. Synthetic Member",
    district: str = "ZZ01",
    signed: str = "01/27/2025",
    title: str = "Periodic Transaction Report",
    style: Style = MODERN,
    page_bottom: float = PAGE_BOTTOM,
    packed: bool = True,
) -> bytes:
    """Return a PTR; with a greater ``page_bottom`` the pages are shorter."""
    writer = _Writer(style, page_bottom)
    writer.text(484, 712, f"Filing ID #{doc_id}")
    writer.small_capitals(118, 685, title, 28)
    writer.text(70, 647, SYNTHETIC)
    for y, text in ((594, f"Name: {name}"), (578, "Status: Member")):
        writer.text(22, y, text)
    writer.text(22, 562, f"State/District: {district}")
    writer.small_capitals(22, 526, "Transactions", 14)
    writer.header(503)
    for line in lines:
        writer.transaction(line)
    writer.advance(20, table=False)
    writer.text(26, writer.y, FOOTNOTE)
    for text in ("Initial Public Offerings", "Certification and Signature"):
        writer.advance(25, table=False)
        writer.small_capitals(22, writer.y, text, 14)
    writer.advance(25, table=False)
    writer.text(22, writer.y, f"Digitally Signed: {name} , {signed}")
    return pdf(writer.pages(), height=writer.height, packed=packed)


def scan_pdf(pages: int = 1) -> bytes:
    """Return a PDF of pages that are pictures, as filings on paper are published."""
    image = b"\x80" * 100
    picture = b"<</Type/XObject/Subtype/Image/Width 10/Height 10/BitsPerComponent 8"
    picture += b"/ColorSpace/DeviceGray/Length 100>>stream\n" + image + b"\nendstream"
    return pdf([b"q 612 0 0 792 0 0 cm /Im Do Q"] * pages, picture)


class _Writer:
    def __init__(self, style: Style, page_bottom: float) -> None:
        self._style = style
        self._bottom = page_bottom
        self._pages: list[list[str]] = [[]]
        self.y = 0.0

    @property
    def height(self) -> float:
        return 792 - (self._bottom - PAGE_BOTTOM)

    def pages(self) -> list[bytes]:
        down = f"1 0 0 1 0 {self.height - 792} cm"
        return ["\n".join([down, *page]).encode("latin-1") for page in self._pages]

    def advance(self, points: float, *, table: bool = True) -> None:
        """Go down, to the next page where this one ends."""
        self.y -= points
        if self.y < self._bottom:
            self._pages.append([])
            self.y = float(PAGE_TOP)
            if table:
                self.header(PAGE_TOP)
                self.y -= 15

    def text(self, x: float, y: float, text: str) -> None:
        self._show(x, y, [("F1", 8, text)])

    def small_capitals(self, x: float, y: float, text: str, size: float, tail: str = "") -> None:
        """Show text set in small capitals as its vintage's fonts give it, then ``tail``."""
        if self._style.mapped_labels:
            runs = [("F1", size, text.upper().translate(LACKING_CAPITALS))]
        else:
            runs = [
                ("F2" if small else "F1", size, "".join(run))
                for small, run in groupby(text, str.islower)
            ]
        self._show(x, y, [*runs, ("F1", 8, tail)])

    def _show(self, x: float, y: float, runs: Iterable[tuple[str, float, str]]) -> None:
        shown = []
        for font, size, text in runs:
            escaped = text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
            shown.append(f"/{font} {size} Tf ({escaped}) Tj")
        self._pages[-1].append(f"BT {x:.2f} {y:.2f} Td {' '.join(shown)} ET")

    def header(self, y: float) -> None:
        headings = ("ID", "Owner", "Asset", "Transaction", "Date", "Notification", "Amount", "Cap.")
        for x, heading in zip(COLUMNS, headings, strict=True):
            self.text(x, y, heading)
        for column, heading in ((3, "Type"), (5, "Date"), (7, "Gains >")):
            self.text(COLUMNS[column], y - 11, heading)
        self.text(COLUMNS[7], y - 22, "$200?")
        self.y = y - 22

    def transaction(self, line: PtrLine) -> None:
        self.advance(22)
        assets = textwrap.wrap(line.asset, ASSET_WIDTH) or [""]
        amounts = textwrap.wrap(line.amount, AMOUNT_WIDTH) or [""]
        first = (line.reference, line.owner, assets[0], line.operation, line.day)
        for x, cell in zip(COLUMNS, (*first, line.notification, amounts[0]), strict=False):
            self.text(x, self.y, cell)
        self._box(line.ticked)
        for asset, amount in zip_longest(assets[1:], amounts[1:], fillvalue=""):
            self.advance(10.5)
            self.text(COLUMNS[2], self.y, asset)
            self.text(COLUMNS[6], self.y, amount)
        for label, value in line.fields.items():
            self.advance(13)
            wrapped = [part for text in value.split("\n") for part in _wrap(text)] or [""]
            self.small_capitals(COLUMNS[2], self.y, label, 8, f": {wrapped[0]}")
            for text in wrapped[1:]:
                self.advance(12)
                self.text(COLUMNS[2], self.y, text)

    def _box(self, ticked: bool) -> None:
        if not self._style.boxes:
            return
        if self._style.glyph_boxes:
            self.text(545, self.y, "gfedcb" if ticked else "gfedc")
            return
        left, bottom = 544.6, self.y - 3.6
        rounded = " ".join(
            f"{x:.2f} {y:.2f} l {x:.2f} {y:.2f} {x:.2f} {y:.2f} {x:.2f} {y:.2f} c"
            for x, y in ((left + 9, bottom), (left + 9, bottom + 9), (left, bottom + 9))
        )
        self._pages[-1].append(f"{left} {bottom:.2f} m {rounded} h S")
        if ticked:
            self._pages[-1].append(
                f"{left:.2f} {bottom + 4:.2f} m {left + 4:.2f} {bottom:.2f} l "
                f"{left + 9:.2f} {bottom + 9:.2f} l S"
            )


def _wrap(text: str) -> list[str]:
    return textwrap.wrap(text, FIELD_WIDTH)


def pdf(
    pages: Sequence[bytes],
    picture: bytes = b"<<>>",
    *,
    height: float = 792,
    packed: bool = True,
) -> bytes:
    """Return a PDF of pages with these contents.

    The fonts are F1, and F2 that maps its glyphs to U+0000; ``/Im`` is ``picture``.
    """
    kids = " ".join(f"{number} 0 R" for number in range(7, 7 + 2 * len(pages), 2))
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        f"<</Type/Pages/Count {len(pages)}/Kids[{kids}]>>".encode(),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>",
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding/ToUnicode 6 0 R>>",
        picture,
        b"<</Length %d>>stream\n%s\nendstream" % (len(NO_CHARACTERS), NO_CHARACTERS),
    ]
    for number, content in enumerate(pages):
        objects.append(
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 %d]/Resources<</Font<</F1 3 0 R/F2 4 0 R"
            b">>/XObject<</Im 5 0 R>>>>/Contents %d 0 R>>" % (height, 8 + 2 * number)
        )
        data, coding = (
            (zlib.compress(content), b"/Filter/FlateDecode") if packed else (content, b"")
        )
        objects.append(b"<</Length %d%s>>stream\n%s\nendstream" % (len(data), coding, data))
    document = bytearray(b"%PDF-1.4\n")
    offsets = []
    for number, body in enumerate(objects, start=1):
        offsets.append(len(document))
        document += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    xref = len(document)
    document += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    for offset in offsets:
        document += b"%010d 00000 n \n" % offset
    document += b"trailer\n<</Size %d/Root 1 0 R>>\n" % (len(objects) + 1)
    document += b"startxref\n%d\n%%%%EOF\n" % xref
    return bytes(document)

"""Parse the periodic transaction reports (PTR) that House members file electronically, as PDF.

The Clerk publishes them at
https://disclosures-clerk.house.gov/public_disc/ptr-pdfs/{year}/{doc_id}.pdf; docs/parsers.md
describes the layout. Reports filed on paper are published there as scans.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final, NamedTuple

from quant.ingest.names import Filer, parse_state_district
from quant.ingest.values import (
    FIRST_DATE,
    is_blank,
    parse_amount,
    parse_date,
    parse_operation,
    parse_owner,
)
from quant.ingest.vocabulary import Note, RejectReason
from quant.ingest.watchers import FIRST_FILING, Unusable
from quant.parsers.asset_codes import ASSET_CODES
from quant.parsers.model import (
    DocumentError,
    ParsedFiling,
    RejectedLine,
    TransactionLine,
    Unreadable,
)
from quant.parsers.options import parse_option_terms
from quant.parsers.pdf import UNMAPPED, Char, Line, Page, Shape, apart
from quant.parsers.pdf_process import read_pdf_apart
from quant.parsers.tickers import STATED, split_symbol
from quant.vocabulary import AssetType, Chamber, FilingSource, FilingStatus, Owner

PARSER: Final = "house-ptr/1"

# A scan is a PDF of pictures; the form's one picture, the seal, covers less than 1 % of a page.
_SCAN_IMAGE_SHARE: Final = 0.5

_HEADER: Final = ("id", "owner", "asset", "transaction", "date", "notification", "amount", "cap.")
_ID, _OWNER, _ASSET, _TYPE, _DATE, _NOTIFICATION, _AMOUNT, _GAINS = range(len(_HEADER))
_HEADER_REST: Final = frozenset({"type", "date", "gains", ">", "$200?"})
_FIRST_GLYPH: Final = 2.0  # a glyph may begin this far left of its column's heading
# A page that the table fills ends this close to its edge: lines follow each other within 35 points.
_PAGE_END: Final = 150.0

_LABELS: Final = ("Filing Status", "Subholding Of", "Location", "Description", "Comments")
_FOOTNOTE: Final = "* for the complete list of asset type abbreviations"

_FILING_ID: Final = re.compile(r"Filing ID #(\d{1,20})", re.ASCII | re.IGNORECASE)
_NAME: Final = re.compile(r"Name: (.+)", re.IGNORECASE)
_DISTRICT: Final = re.compile(r"State/District: ([A-Z]{2}\d{2})", re.ASCII | re.IGNORECASE)
_HONORIFIC: Final = re.compile(r"Hon\. ?", re.IGNORECASE)
_SIGNED: Final = re.compile(r"Digitally Signed: .*, ?(\d{2}/\d{2}/\d{4})", re.ASCII | re.IGNORECASE)

# What tells a transaction's first line from a line of text that happens to cross the columns.
_EVIDENCE: Final = {
    _ID: re.compile(r"\d{6,12}", re.ASCII),
    _OWNER: re.compile(r"SP|DC|JT", re.IGNORECASE),
    _TYPE: re.compile(r"[PSE](?: \((?:partial|full)\))?", re.IGNORECASE),
    _DATE: re.compile(r"\d{1,2}/\d{1,2}/\d{2,4}", re.ASCII),
    _NOTIFICATION: re.compile(r"\d{1,2}/\d{1,2}/\d{2,4}", re.ASCII),
    _AMOUNT: re.compile(r"\$.*|(?:Spouse/DC )?Over\b.*", re.IGNORECASE),
}
_REFERENCE: Final = _EVIDENCE[_ID]
_ASSET_CODE: Final = re.compile(r"\s*\[([A-Z0-9]{2})\]$", re.ASCII | re.IGNORECASE)

_STATUSES: Final = {status.value: status for status in FilingStatus}

# The box's glyphs in reports before 2022, whose boxes are characters of a symbol font.
_BOX_GLYPHS: Final = {"gfedc": False, "gfedcb": True}
_BOX_SIZE: Final = (6.0, 16.0)  # its sides, in points, between these
_BOX_LIFT: Final = 1.0  # its centre is this far above the baseline of the transaction's line
_BOX_REACH: Final = 6.0
_TICK_SEGMENTS: Final = 3  # move, line, line; the box's round corners take many more


def parse_house_ptr(content: bytes, *, doc_id: str | None = None) -> ParsedFiling:
    """Parse a PTR.

    Args:
        content: The PDF.
        doc_id: The identifier it was fetched by. The document's own must agree; a scan has none.

    Raises:
        DocumentError: It is no PDF, not the Clerk's form, or another filing's.
    """
    pages = read_pdf_apart(content)
    form = _Form()
    for number, page in enumerate(pages, start=1):
        form.read(page, number)
    stated = _first(_FILING_ID, form.around)
    if not form.rows or stated is None:
        if doc_id is not None and _is_scan(pages):
            return ParsedFiling(FilingSource.HOUSE_CLERK, doc_id, None, PARSER, paper=True)
        raise DocumentError(Unreadable.LAYOUT_UNKNOWN, "no filing ID or no transactions")
    if not any(_TITLE.fullmatch(text) for text in form.around):
        raise DocumentError(Unreadable.LAYOUT_UNKNOWN, "no periodic transaction report")
    signed = parse_date(_first(_SIGNED, form.around))
    if form.open or signed is None:
        raise DocumentError(Unreadable.LAYOUT_UNKNOWN, "no end of the table or no signature")
    if doc_id is not None and stated != doc_id:
        raise DocumentError(Unreadable.OTHER_DOCUMENT, f"filing {stated} instead of {doc_id}")
    lines, rejects = [], []
    for number, row in enumerate(form.rows, start=1):
        try:
            lines.append(_line(number, row, signed))
        except Unusable as unusable:
            reason, detail = unusable.reason, unusable.detail
            rejects.append(RejectedLine(number, reason, detail, row.raw()))
    if all(reject.reason is RejectReason.ROW_MALFORMED for reject in rejects) and not lines:
        raise DocumentError(Unreadable.LAYOUT_UNKNOWN, "no transaction as the form has them")
    return ParsedFiling(
        source=FilingSource.HOUSE_CLERK,
        doc_id=stated,
        filer=_filer(form.around),
        parser=PARSER,
        signed_date=signed,
        lines=tuple(lines),
        rejects=tuple(rejects),
    )


def _small_capitals(words: str, tail: str = "") -> re.Pattern[str]:
    """Return what matches words set in small capitals.

    The form's fonts do not say which characters the small ones are (since 2022), or give some as
    lower-case letters (before).
    """
    patterns = (
        word[0] + "".join(f"[{letter}{UNMAPPED}]" for letter in word[1:]) for word in words.split()
    )
    return re.compile(r"\s*".join(patterns) + tail, re.IGNORECASE)


_TITLE: Final = _small_capitals("Periodic Transaction Report")
_LABEL_PATTERNS: Final = tuple((label, _small_capitals(label, r"\s*:\s*")) for label in _LABELS)
_OTHER_LABEL: Final = re.compile(rf"\w{UNMAPPED}")


def _first(pattern: re.Pattern[str], texts: Iterable[str]) -> str | None:
    matches = (pattern.fullmatch(text) for text in texts)
    return next((match[1].strip() for match in matches if match), None)


def _is_scan(pages: Sequence[Page]) -> bool:
    return any(page.image_share >= _SCAN_IMAGE_SHARE for page in pages)


def _filer(texts: Sequence[str]) -> Filer:
    name = _HONORIFIC.sub("", _first(_NAME, texts) or "")
    state, district = parse_state_district(_first(_DISTRICT, texts) or "")
    filer = Filer.named(Chamber.HOUSE, name, state, district)
    if filer is None or UNMAPPED in name:
        raise DocumentError(Unreadable.LAYOUT_UNKNOWN, "no filer")
    return filer


@dataclass(slots=True)
class _Row:
    """A transaction's texts.

    Attributes:
        page: Number of the page it begins on.
        cells: Of each column, the lines.
        ticked: State of the capital gains box; None where there is none to be seen.
        fields: Of each label below the row, the lines; every transaction has a filing status.
        garbled: Something is where the form has nothing.
    """

    page: int
    cells: tuple[list[str], ...]
    ticked: bool | None
    fields: dict[str, list[str]] = field(default_factory=dict)
    garbled: bool = False

    def cell(self, column: int) -> str:
        return _join(self.cells[column])

    def text(self, label: str) -> str:
        return _join(self.fields.get(label, ()))

    def raw(self) -> dict[str, Any]:
        texts = {
            "id": self.cell(_ID),
            "owner": self.cell(_OWNER),
            "asset": self.cell(_ASSET),
            "type": self.cell(_TYPE),
            "date": self.cell(_DATE),
            "notification_date": self.cell(_NOTIFICATION),
            "amount": self.cell(_AMOUNT),
        }
        below = {label.lower().replace(" ", "_"): self.text(label) for label in self.fields}
        return {"page": self.page, **texts, "capital_gains_box": self.ticked, **below}


def _join(lines: Iterable[str]) -> str:
    """Join a text's lines; behind a hyphen or slash inside a word no space was broken."""
    text = ""
    for line in lines:
        inside_word = re.search(r"\w[-/]$", text) is not None
        text += line if inside_word or not text else f" {line}"
    return text


class _Form:
    """Reads the table of transactions, which runs over pages, and the texts around it.

    Attributes:
        rows: The transactions.
        around: The lines before and behind the table.
        open: Whether the table has begun and not ended.
    """

    def __init__(self) -> None:
        self.rows: list[_Row] = []
        self.around: list[str] = []
        self._columns: tuple[float, ...] = ()
        self._last_y = 0.0
        self.open = False
        self._label: str | None = None

    def read(self, page: Page, number: int) -> None:
        """Read the next page.

        Raises:
            DocumentError: The table is not the form's.
        """
        lines = list(page.lines)
        header = next((i for i, line in enumerate(lines) if _header(line)), None)
        if header is None:
            if self.open and not (lines and self._ends_table(lines[0])):
                raise DocumentError(Unreadable.LAYOUT_UNKNOWN, f"page {number}: no table")
        else:
            self._begin_table(lines[:header], number)
            self._columns = _header(lines[header])
            del lines[: header + 1]
            while lines and _is_header_rest(lines[0]):
                del lines[0]
        self._last_y = lines[-1].y if lines else 0.0
        for line in lines:
            if self.open and self._ends_table(line):
                self.open = False
            if self.open:
                self._read_line(line, page, number)
            else:
                self.around.append(line.text)

    def _begin_table(self, above: Sequence[Line], number: int) -> None:
        texts = [line.text for line in above]
        continued = self.open and all(_FILING_ID.fullmatch(text) for text in texts)
        if self._columns and not continued:
            raise DocumentError(Unreadable.LAYOUT_UNKNOWN, f"page {number}: another table")
        if self._last_y > _PAGE_END and self._columns:
            raise DocumentError(Unreadable.LAYOUT_UNKNOWN, f"page {number - 1}: breaks off")
        self.around += texts
        self.open = True

    def _ends_table(self, line: Line) -> bool:
        heading = line.x0 < self._columns[_ID] - _FIRST_GLYPH
        return heading or line.text.lower().startswith(_FOOTNOTE)

    def _read_line(self, line: Line, page: Page, number: int) -> None:
        cells, straddled = self._split(line)
        if not (cells[_ID] or cells[_OWNER]) and (found := _label(line.text)):
            self._begin_field(*found, number)
        elif not straddled and _evidence(cells) >= 2:
            ticked = self._box(cells[_GAINS], line.y, page.shapes)
            self.rows.append(_Row(number, tuple([cell] if cell else [] for cell in cells), ticked))
            self._label = None
        elif not self.rows:
            raise DocumentError(
                Unreadable.LAYOUT_UNKNOWN, f"page {number}: text before the first transaction"
            )
        elif self._label is not None:
            unknown = cells[_ID] or cells[_OWNER] or _OTHER_LABEL.match(line.text)
            self.rows[-1].garbled |= bool(unknown)
            self.rows[-1].fields[self._label].append(line.text)
        else:
            self._continue_row(cells)

    def _split(self, line: Line) -> tuple[list[str], bool]:
        """Return the texts of a line's columns, and whether a word crosses their borders."""
        texts = [""] * len(_HEADER)
        straddled = False
        word_end: Char | None = None  # the character before, if it is no space
        column = 0
        for char in line.chars:
            before = column
            while column < _GAINS and char.x0 >= self._columns[column + 1] - _FIRST_GLYPH:
                column += 1
            texts[column] += char.text
            if char.text.isspace():
                word_end = None
                continue
            straddled |= column != before and word_end is not None and not apart(word_end, char)
            word_end = char
        return [" ".join(text.split()) for text in texts], straddled

    def _begin_field(self, label: str, text: str, number: int) -> None:
        if not self.rows:
            detail = f"page {number}: a label before the first transaction"
            raise DocumentError(Unreadable.LAYOUT_UNKNOWN, detail)
        row = self.rows[-1]
        # Each label occurs once in a transaction: a second one belongs to a row that was missed.
        row.garbled |= label in row.fields
        row.fields.setdefault(label, []).append(text)
        self._label = label

    def _continue_row(self, cells: Sequence[str]) -> None:
        row = self.rows[-1]
        for column, text in enumerate(cells):
            if text:
                row.garbled |= column not in {_ASSET, _TYPE, _AMOUNT}
                row.cells[column].append(text)

    def _box(self, glyphs: str, y: float, shapes: Sequence[Shape]) -> bool | None:
        """Say whether the box in the line's last column is ticked; None without a box."""
        if glyphs in _BOX_GLYPHS:
            return _BOX_GLYPHS[glyphs]
        left = self._columns[_GAINS] - _FIRST_GLYPH
        smallest, largest = _BOX_SIZE
        drawn = [
            shape.segments
            for shape in shapes
            if shape.x0 >= left
            and smallest <= shape.x1 - shape.x0 <= largest
            and smallest <= shape.y1 - shape.y0 <= largest
            and abs((shape.y0 + shape.y1) / 2 - y - _BOX_LIFT) <= _BOX_REACH
        ]
        if all(segments == _TICK_SEGMENTS for segments in drawn):
            return None
        return _TICK_SEGMENTS in drawn


def _header(line: Line) -> tuple[float, ...]:
    """Return the left edges of the table's columns if the line is its heading, else nothing."""
    words = line.words()
    if tuple(word.text.lower() for word in words) != _HEADER:
        return ()
    return tuple(word.x0 for word in words)


def _is_header_rest(line: Line) -> bool:
    return all(word.text.lower() in _HEADER_REST for word in line.words())


def _label(text: str) -> tuple[str, str] | None:
    """Return the label that a line begins with, and the text behind it."""
    for label, pattern in _LABEL_PATTERNS:
        if match := pattern.match(text):
            return label, text[match.end() :]
    return None


def _evidence(cells: Sequence[str]) -> int:
    return sum(
        pattern.fullmatch(cells[column]) is not None for column, pattern in _EVIDENCE.items()
    )


class _Asset(NamedTuple):
    """The parts of the asset column."""

    name: str
    ticker: str | None
    code: str | None
    asset_type: AssetType | None
    notes: list[Note]


def _asset(text: str) -> _Asset:
    match = _ASSET_CODE.search(text)
    code = match[1].upper() if match else None
    known = ASSET_CODES.get(code) if code else None
    name, ticker = split_symbol(text[: match.start()] if match else text)
    notes = []
    if not name:
        notes.append(Note.ASSET_MISSING)
    if UNMAPPED in text:
        notes.append(Note.TEXT_UNREADABLE)
    if code and known is None:
        notes.append(Note.ASSET_TYPE_UNREADABLE)
    return _Asset(name, ticker, code, known.asset_type if known else None, notes)


def _transaction_date(text: str, signed: date) -> date:
    day = parse_date(text)
    if day is None:
        raise Unusable(RejectReason.TRANSACTION_DATE_UNREADABLE, text)
    if not FIRST_DATE <= day <= signed:
        raise Unusable(RejectReason.TRANSACTION_DATE_IMPLAUSIBLE, day.isoformat())
    return day


def _notification_date(text: str, day: date, signed: date) -> tuple[date | None, Note | None]:
    stated = parse_date(text)
    if stated is None or stated < FIRST_FILING:
        return None, Note.NOTIFICATION_DATE_UNREADABLE
    if stated < day:
        return None, Note.NOTIFICATION_BEFORE_TRANSACTION
    if stated > signed:
        return None, Note.NOTIFICATION_AFTER_SIGNATURE
    return stated, None


def _written(row: _Row) -> str | None:
    """Return what the filer wrote besides: description, comments, location."""
    parts = {label: row.text(label) for label in ("Description", "Comments", "Location")}
    if parts["Location"]:
        parts["Location"] = f"Location: {parts['Location']}"
    return "; ".join(text for text in parts.values() if not is_blank(text)) or None


def _line(number: int, row: _Row, signed: date) -> TransactionLine:
    if row.garbled:
        raise Unusable(RejectReason.ROW_MALFORMED, "texts where the form has none")
    if "Filing Status" not in row.fields:
        raise Unusable(RejectReason.ROW_MALFORMED, "no filing status")
    day = _transaction_date(row.cell(_DATE), signed)
    operation = parse_operation(row.cell(_TYPE))
    if operation is None:
        raise Unusable(RejectReason.OPERATION_UNREADABLE, row.cell(_TYPE))
    amount = parse_amount(row.cell(_AMOUNT))
    if amount is None:
        raise Unusable(RejectReason.AMOUNT_UNREADABLE, row.cell(_AMOUNT))
    asset = _asset(row.cell(_ASSET))
    # The form's instructions: an asset of the filer alone has no owner code.
    owner, owner_note = parse_owner(row.cell(_OWNER) or Owner.SELF.value)
    notification, notification_note = _notification_date(row.cell(_NOTIFICATION), day, signed)
    status_text = row.text("Filing Status")
    status = _STATUSES.get(status_text.lower())
    reference = row.cell(_ID)
    description = _written(row)
    option, option_note = parse_option_terms(description)
    noted = [
        *asset.notes,
        owner_note,
        amount.note,
        notification_note,
        option_note,
        Note.FILING_STATUS_UNREADABLE if status is None else None,
        Note.CAPITAL_GAINS_UNREADABLE if row.ticked is None else None,
        Note.TEXT_UNREADABLE if UNMAPPED in (description or "") else None,
    ]
    return TransactionLine(
        line_number=number,
        status=status,
        reference=reference if _REFERENCE.fullmatch(reference) else None,
        owner=owner,
        asset=asset.name or asset.ticker or "",
        ticker=asset.ticker,
        ticker_confidence=STATED if asset.ticker else None,
        asset_code=asset.code,
        asset_type=asset.asset_type,
        operation=operation,
        transaction_date=day,
        notification_date=notification,
        amount=amount,
        capital_gains_over_200=row.ticked,
        subholding_of=row.text("Subholding Of") or None,
        description=description,
        option=option,
        notes=tuple(sorted({note for note in noted if note})),
        raw=row.raw(),
    )

"""Read what a PDF shows: characters in lines, images and drawn boxes, by PDFium.

Coordinates are PDF points from the page's lower left corner (ISO 32000-1, 8.3); the edges of
characters are rounded to hundredths. A glyph whose font does not say which character it is reads
as U+FFFD.

PDFium is written in C++ and is fed whatever the collectors were given, so it runs in a process
of its own (``quant.parsers.pdf_process``); nothing else should call ``read_pdf``.
"""

import ctypes
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

from quant.parsers.model import DocumentError, Unreadable

UNMAPPED: Final = "\ufffd"

# A page of a PTR has some 1,500 characters and 150 drawn objects; scans are the large files.
MAX_BYTES: Final = 40 * 2**20
MAX_PAGES: Final = 300
MAX_CHARS: Final = 600_000
MAX_OBJECTS: Final = 200_000

_SAME_LINE: Final = 2.0  # baselines this close are one line; lines are some 10 points apart
_WORD_GAP: Final = 1.5  # a gap this wide separates words where no space does
_HYPHEN: Final = 0x02  # PDFium's mark of a hyphen at the end of a line
_FORM_DEPTH: Final = 4


@dataclass(frozen=True, slots=True)
class Char:
    """A character with its left and right edge."""

    text: str
    x0: float
    x1: float


@dataclass(frozen=True, slots=True)
class Word:
    """Characters without a gap, with their left edge."""

    text: str
    x0: float


@dataclass(frozen=True, slots=True)
class Line:
    """Characters of one baseline, from left to right.

    Attributes:
        y: The baseline.
        chars: Spaces included, where the document or PDFium has them.
    """

    y: float
    chars: tuple[Char, ...]

    @property
    def x0(self) -> float:
        """Left edge of the first character that is not a space."""
        return next((char.x0 for char in self.chars if not char.text.isspace()), 0.0)

    @property
    def text(self) -> str:
        """The characters, runs of spaces as one."""
        return " ".join("".join(char.text for char in self.chars).split())

    def words(self) -> list[Word]:
        """The line's words."""
        words: list[Word] = []
        previous: Char | None = None
        for char in self.chars:
            if char.text.isspace():
                previous = None
                continue
            if previous is None or apart(previous, char):
                words.append(Word(char.text, char.x0))
            else:
                words[-1] = Word(words[-1].text + char.text, words[-1].x0)
            previous = char
        return words


@dataclass(frozen=True, slots=True)
class Shape:
    """A drawn path with its bounding box and number of segments."""

    x0: float
    y0: float
    x1: float
    y1: float
    segments: int


@dataclass(frozen=True, slots=True)
class Page:
    """What a page shows.

    Attributes:
        lines: From top to bottom.
        shapes: Drawn paths, in the order they are drawn.
        image_share: Share of the page that images cover, overlaps counted twice.
    """

    lines: tuple[Line, ...]
    shapes: tuple[Shape, ...]
    image_share: float


def apart(left: Char, right: Char) -> bool:
    """Say whether two characters, neither of them a space, are too far apart for one word."""
    return right.x0 - left.x1 > _WORD_GAP


@dataclass(slots=True)
class _Budget:
    """What a document may still hold."""

    chars: int = MAX_CHARS
    objects: int = MAX_OBJECTS

    def take_chars(self, count: int) -> None:
        self.chars -= count
        if self.chars < 0:
            raise DocumentError(Unreadable.TOO_LARGE, f"more than {MAX_CHARS} characters")

    def take_object(self) -> None:
        self.objects -= 1
        if self.objects < 0:
            raise DocumentError(Unreadable.TOO_LARGE, f"more than {MAX_OBJECTS} objects")


def read_pdf(content: bytes) -> list[Page]:
    """Read a PDF.

    Raises:
        DocumentError: It is no PDF, damaged, encrypted, or larger than the limits above.
    """
    if len(content) > MAX_BYTES:
        raise DocumentError(Unreadable.TOO_LARGE, f"{len(content)} bytes")
    if b"%PDF-" not in content[:1024]:  # readers accept it there: ISO 32000-1, annex H.3.4.1
        raise DocumentError(Unreadable.NOT_THIS_FORMAT, "not a PDF")
    try:
        document = pdfium.PdfDocument(content)
    except pdfium.PdfiumError as error:
        raise DocumentError(Unreadable.DAMAGED, str(error)) from error
    try:
        if len(document) > MAX_PAGES:
            raise DocumentError(Unreadable.TOO_LARGE, f"{len(document)} pages")
        budget = _Budget()
        return [_read_page(document, number, budget) for number in range(len(document))]
    finally:
        document.close()


def _read_page(document: pdfium.PdfDocument, number: int, budget: _Budget) -> Page:
    try:
        page = document[number]
        try:
            text = page.get_textpage()
            try:
                lines = _lines(_chars(text, budget))
            finally:
                text.close()
            shapes, image_area = _drawings(page, budget)
            width, height = page.get_size()
        finally:
            page.close()
    except pdfium.PdfiumError as error:
        raise DocumentError(Unreadable.DAMAGED, f"page {number + 1}: {error}") from error
    area = width * height
    return Page(lines, tuple(shapes), image_area / area if area else 0.0)


def _chars(text: pdfium.PdfTextPage, budget: _Budget) -> Iterator[tuple[float, Char]]:
    """Yield baselines and characters."""
    count = text.count_chars()
    budget.take_chars(count)
    x, y = ctypes.c_double(), ctypes.c_double()
    left, right, bottom, top = (ctypes.c_double() for _ in range(4))
    for index in range(count):
        char = _character(pdfium_c.FPDFText_GetUnicode(text, index))
        if char is None:
            continue
        if not pdfium_c.FPDFText_GetCharOrigin(text, index, x, y):
            continue
        if pdfium_c.FPDFText_GetCharBox(text, index, left, right, bottom, top):
            yield y.value, Char(char, round(left.value, 2), round(right.value, 2))


def _character(code: int) -> str | None:
    """Return the character of PDFium's code, None for the line breaks it adds."""
    if code in {0x0A, 0x0D}:
        return None
    if code == _HYPHEN:
        return "-"
    char = chr(code) if code <= 0x10FFFF else UNMAPPED
    # U+0000, unpaired surrogates and U+FFFE are PDFium's ways to say that it does not know.
    if code == 0 or unicodedata.category(char) in {"Cs", "Cn", "Co"}:
        return UNMAPPED
    return char if char.isprintable() else " "


def _lines(placed: Iterator[tuple[float, Char]]) -> tuple[Line, ...]:
    baselines: list[tuple[float, list[Char]]] = []
    for y, char in sorted(placed, key=lambda pair: -pair[0]):
        if not baselines or baselines[-1][0] - y > _SAME_LINE:
            baselines.append((y, []))
        baselines[-1][1].append(char)
    lines = (Line(y, tuple(sorted(chars, key=lambda char: char.x0))) for y, chars in baselines)
    return tuple(line for line in lines if line.text)


def _drawings(page: pdfium.PdfPage, budget: _Budget) -> tuple[list[Shape], float]:
    """Return the paths and the area of the images."""
    shapes: list[Shape] = []
    image_area = 0.0
    for drawn in page.get_objects(max_depth=_FORM_DEPTH):
        budget.take_object()
        if drawn.type == pdfium_c.FPDF_PAGEOBJ_PATH:
            x0, y0, x1, y1 = drawn.get_bounds()
            shapes.append(Shape(x0, y0, x1, y1, pdfium_c.FPDFPath_CountSegments(drawn)))
        elif drawn.type == pdfium_c.FPDF_PAGEOBJ_IMAGE:
            x0, y0, x1, y1 = drawn.get_bounds()
            image_area += (x1 - x0) * (y1 - y0)
    return shapes, image_area

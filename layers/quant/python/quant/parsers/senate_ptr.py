"""Periodic transaction reports of the Senate eFD: electronic forms (HTML) and pages of scans.

An electronic report (``/search/view/ptr/{uuid}/``) has the title "Periodic Transaction Report for
MM/DD/YYYY", with "(Amendment n)" where it is one, the filer's name in a heading of the class
``filedReport``, a line "Filed MM/DD/YYYY @ H:MM AM", a summary "(n transactions total)" and one
table, a row a transaction, numbered from the last to the first. An amendment repeats the whole
report and does not say which one it amends. A scanned report (``/search/view/paper/{uuid}/``) has
images of the class ``filingImage`` and "Page n of m", seldom a name or a date: those are in the
index. Source: https://efdsearch.senate.gov/search/.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final

from quant.ingest.names import Filer
from quant.ingest.values import (
    FIRST_DATE,
    clean_text,
    is_blank,
    parse_amount,
    parse_asset_type,
    parse_comment,
    parse_date,
    parse_operation,
    parse_owner,
    parse_ticker,
)
from quant.ingest.vocabulary import Note, RejectReason
from quant.parsers.html import lines_of, parse_html, text_of
from quant.parsers.model import (
    DocumentError,
    OptionTerms,
    ParsedFiling,
    RejectedLine,
    TransactionLine,
    Unreadable,
)
from quant.parsers.options import parse_option_terms
from quant.parsers.senate_index import amendment_number, is_ptr_title
from quant.vocabulary import AssetType, Chamber, FilingSource, OptionType

PARSER: Final = "senate-ptr/1"
PAPER_PARSER: Final = "senate-paper/1"

MAX_LINES: Final = 5_000

_COLUMNS: Final = (
    "#",
    "Transaction Date",
    "Owner",
    "Ticker",
    "Asset Name",
    "Asset Type",
    "Type",
    "Amount",
    "Comment",
)
_FILED: Final = re.compile(r"\bFiled\s+(\d{1,2}/\d{1,2}/\d{4})\b", re.ASCII)
_TOTAL: Final = re.compile(r"\((\d{1,6})\s+transactions?\s+total\)", re.ASCII | re.IGNORECASE)
_PAGES: Final = re.compile(r"\bPage\s+\d{1,4}\s+of\s+(\d{1,4})\b", re.ASCII)
_HONORABLE: Final = re.compile(r"the\s+honorable\s+", re.IGNORECASE)
# "(Boozman, John)" after the name, which repeats it.
_REVERSED_NAME: Final = re.compile(r"\s*\([^()]*,[^()]*\)$")
_OPTION_FIELDS: Final = ("option type", "strike price", "expires")
_OPTION_TYPES: Final = {"call": OptionType.CALL, "put": OptionType.PUT}
_STRIKE: Final = re.compile(r"\$?\s*(\d[\d,]{0,11}(?:\.\d{1,4})?)", re.ASCII)
# Of the links of a page, the one to print it names the report it shows.
_PRINTED: Final = re.compile(r"/search/print/[a-z]+/([0-9a-f-]{36})/?", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Header:
    title: str | None
    filer: Filer | None
    filed_date: date | None


def parse_senate_ptr(content: bytes, *, doc_id: str) -> ParsedFiling:
    """Read an electronic report.

    Args:
        content: The HTML page.
        doc_id: The report's UUID, which the page need not repeat.

    Raises:
        DocumentError: The page is not such a report, that of another, or lacks lines.
    """
    page = parse_html(content)
    _check_identity(page, doc_id)
    header = _header(page)
    if header.title is None or header.filer is None or header.filed_date is None:
        detail = "no title, filer or day of filing of a report"
        raise DocumentError(Unreadable.LAYOUT_UNKNOWN, detail)
    lines: list[TransactionLine] = []
    rejects: list[RejectedLine] = []
    for number, cells in _rows(page):
        line = _line(number, cells, header.filed_date)
        if isinstance(line, TransactionLine):
            lines.append(line)
        else:
            rejects.append(line)
    return ParsedFiling(
        source=FilingSource.SENATE_EFD,
        doc_id=doc_id.lower(),
        filer=header.filer,
        parser=PARSER,
        filed_date=header.filed_date,
        amendment_number=amendment_number(header.title),
        lines=tuple(lines),
        rejects=tuple(rejects),
    )


def parse_senate_paper(content: bytes, *, doc_id: str) -> ParsedFiling:
    """Recognise the page of a scanned report; nothing of the scan is read.

    Args:
        content: The HTML page.
        doc_id: The report's UUID, which the page need not repeat.

    Raises:
        DocumentError: The page is not one of scans, that of another report, or lacks pages.
    """
    page = parse_html(content)
    _check_identity(page, doc_id)
    scans = _by_class(page, "img", "filingImage")
    if not scans:
        raise DocumentError(Unreadable.LAYOUT_UNKNOWN, "no scan on the page")
    totals = {int(match[1]) for match in _PAGES.finditer(text_of(page))}
    if totals and totals != {len(scans)}:
        raise DocumentError(Unreadable.DAMAGED, f"{len(scans)} scans of {sorted(totals)} pages")
    header = _header(page)
    return ParsedFiling(
        source=FilingSource.SENATE_EFD,
        doc_id=doc_id.lower(),
        filer=header.filer,
        parser=PAPER_PARSER,
        filed_date=header.filed_date,
        amendment_number=amendment_number(header.title) if header.title else None,
        paper=True,
    )


def _check_identity(page: Any, doc_id: str) -> None:
    for link in page.iter("a"):
        match = _PRINTED.search(link.get("href") or "")
        if match and match[1].lower() != doc_id.lower():
            raise DocumentError(Unreadable.OTHER_DOCUMENT, f"the page is that of {match[1]}")


def _by_class(page: Any, tag: str, name: str) -> list[Any]:
    return [element for element in page.iter(tag) if name in (element.get("class") or "").split()]


def _header(page: Any) -> _Header:
    titles = [text_of(heading) for heading in page.iter("h1")]
    names = [text_of(heading) for heading in _by_class(page, "h2", "filedReport")]
    filed = [
        match
        for paragraph in page.iter("p")
        if (match := _FILED.search(text_of(paragraph))) is not None
    ]
    return _Header(
        title=next(filter(is_ptr_title, titles), None),
        filer=_filer(names[0]) if len(names) == 1 else None,
        filed_date=parse_date(filed[0][1]) if filed else None,
    )


def _filer(heading: str) -> Filer | None:
    name = _REVERSED_NAME.sub("", _HONORABLE.sub("", heading, count=1))
    return Filer.named(Chamber.SENATE, name)


def _rows(page: Any) -> list[tuple[int, Mapping[str, Any]]]:
    """Return the table's rows as cells by column, in the order of their numbers."""
    tables = [table for table in page.iter("table") if _headings(table) == _COLUMNS]
    if len(tables) != 1:
        raise DocumentError(Unreadable.LAYOUT_UNKNOWN, f"{len(tables)} tables of transactions")
    rows: dict[int, Mapping[str, Any]] = {}
    for row in tables[0].iter("tr"):
        cells = [cell for cell in row if cell.tag == "td"]
        if not cells and any(cell.tag == "th" for cell in row):
            continue
        number = text_of(cells[0]) if len(cells) == len(_COLUMNS) else ""
        if not re.fullmatch(r"[1-9]\d{0,4}", number, re.ASCII):
            raise DocumentError(Unreadable.LAYOUT_UNKNOWN, f"a row of {len(cells)} cells")
        if int(number) in rows:
            raise DocumentError(Unreadable.LAYOUT_UNKNOWN, f"two rows numbered {number}")
        if len(rows) == MAX_LINES:
            raise DocumentError(Unreadable.TOO_LARGE, f"more than {MAX_LINES} transactions")
        rows[int(number)] = dict(zip(_COLUMNS, cells, strict=True))
    if not rows:
        raise DocumentError(Unreadable.LAYOUT_UNKNOWN, "a report without a transaction")
    stated = _TOTAL.search(text_of(page))
    # Rows are numbered without gaps: a number that is missing is a line that is missing.
    if max(rows) != len(rows) or (stated and int(stated[1]) != len(rows)):
        detail = f"{len(rows)} rows, numbered to {max(rows)}, total {stated and stated[1]}"
        raise DocumentError(Unreadable.DAMAGED, detail)
    return sorted(rows.items())


def _headings(table: Any) -> tuple[str, ...]:
    return tuple(text_of(cell) for cell in table.iter("th"))


def _line(number: int, cells: Mapping[str, Any], filed: date) -> TransactionLine | RejectedLine:
    raw = {name: "; ".join(lines_of(cell)) for name, cell in cells.items()}

    def rejected(reason: RejectReason, column: str) -> RejectedLine:
        return RejectedLine(number, reason, raw[column], raw)

    day = parse_date(raw["Transaction Date"])
    if day is None:
        return rejected(RejectReason.TRANSACTION_DATE_UNREADABLE, "Transaction Date")
    if not FIRST_DATE <= day <= filed:
        return rejected(RejectReason.TRANSACTION_DATE_IMPLAUSIBLE, "Transaction Date")
    operation = parse_operation(raw["Type"])
    if operation is None:
        return rejected(RejectReason.OPERATION_UNREADABLE, "Type")
    amount = parse_amount(raw["Amount"])
    if amount is None:
        return rejected(RejectReason.AMOUNT_UNREADABLE, "Amount")
    owner, owner_note = parse_owner(raw["Owner"])
    ticker, ticker_note = _ticker(text_of(cells["Ticker"]))
    asset_type, type_note = parse_asset_type(raw["Asset Type"])
    asset = clean_text(raw["Asset Name"])  # some texts were escaped twice
    asset_note = None if asset else Note.ASSET_MISSING
    comment = parse_comment(raw["Comment"])
    option, option_note = None, None
    if asset_type is AssetType.STOCK_OPTION:
        option, option_note = _option(lines_of(cells["Asset Name"]), comment)
    noted = (owner_note, ticker_note, type_note, asset_note, amount.note, option_note)
    return TransactionLine(
        line_number=number,
        asset=asset or ticker or "",
        operation=operation,
        transaction_date=day,
        amount=amount,
        raw=raw,
        owner=owner,
        ticker=ticker,
        ticker_confidence=None if ticker is None else Decimal(1),
        asset_type=asset_type,
        description=comment,
        option=option,
        notes=tuple(sorted(note for note in noted if note)),
    )


def _ticker(text: str) -> tuple[str | None, Note | None]:
    """Read the symbol; of an exchange's two, the first is that of what was given away."""
    symbols = [symbol for symbol in text.split() if not is_blank(symbol)]
    return parse_ticker(symbols[0]) if symbols else (None, None)


def _option(lines: Sequence[str], comment: str | None) -> tuple[OptionTerms | None, Note | None]:
    """Read the terms from the form's own fields below the asset, the number from the comment."""
    said, note = parse_option_terms(comment)
    fields = {
        label.lower(): text.strip() for label, _, text in (line.partition(":") for line in lines)
    }
    kind, strike, expires = (fields.get(label, "") for label in _OPTION_FIELDS)
    if not any((kind, strike, expires)):
        return said, note
    option_type = _OPTION_TYPES.get(kind.lower())
    amount = _STRIKE.fullmatch(strike)
    terms = OptionTerms(
        option_type=option_type,
        strike=Decimal(amount[1].replace(",", "")) if amount else None,
        expires=parse_date(expires),
        contracts=said.contracts if said else None,
        shares=said.shares if said else None,
        exercised=said is not None and said.exercised,
    )
    # An employee's option is filed as "Neither": it is no call or put of an exchange.
    unclear = (
        (option_type is None and not is_blank(kind) and kind.lower() != "neither")
        or (terms.strike is None and not is_blank(strike))
        or (terms.expires is None and not is_blank(expires))
    )
    return terms, Note.OPTION_TERMS_UNCLEAR if unclear else note

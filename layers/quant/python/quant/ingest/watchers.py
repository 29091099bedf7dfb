"""Parse the Senate and House Stock Watcher files into transaction lines and rejects.

Formats: https://github.com/timothycarambat/senate-stock-watcher-data (``aggregate/
all_transactions.json``) and https://github.com/TattooedHead/house-stock-watcher-data; the House
Clerk's yearly filing index is the ``<year>FD.xml`` of
https://disclosures-clerk.house.gov/FinancialDisclosure.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from quant.identity import line_hash
from quant.ingest.files import SourceFile, UnreadableFileError
from quant.ingest.names import Filer, parse_state_district
from quant.ingest.values import (
    FIRST_DATE,
    Amount,
    clean_text,
    parse_amount,
    parse_asset_type,
    parse_comment,
    parse_date,
    parse_operation,
    parse_owner,
    parse_ticker,
    text_of,
)
from quant.ingest.vocabulary import Note, RejectReason
from quant.parsers.house_index import parse_house_index
from quant.parsers.model import DocumentError
from quant.vocabulary import AssetType, Chamber, FilingSource, Operation, Owner

# The STOCK Act took effect in 2012: no PTR was filed, and no member notified, before.
FIRST_FILING: Final = date(2012, 1, 1)

# Synthetic data has the sources' format; its links have a host that can never exist (RFC 6761).
SYNTHETIC_HOST: Final = "synthetic.invalid"

SENATE_LINK: Final = re.compile(
    rf"https://(efdsearch\.senate\.gov|{re.escape(SYNTHETIC_HOST)})/search/view/(ptr|paper)/"
    r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/?",
    re.IGNORECASE | re.ASCII,
)
_HOUSE_LINK: Final = re.compile(
    rf"https://(disclosures-clerk\.house\.gov|{re.escape(SYNTHETIC_HOST)})/\S+", re.ASCII
)
_HOUSE_DOC_ID: Final = re.compile(r"[0-9]{1,20}", re.ASCII)


class Unusable(Exception):  # noqa: N818 (control flow of the parsers, not an error of the program)
    """A row cannot become a trade."""

    def __init__(self, reason: RejectReason, detail: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True)
class FilingLink:
    """The filing a row belongs to."""

    source: FilingSource
    doc_id: str
    url: str | None
    paper: bool = False
    filed_date: date | None = None


@dataclass(frozen=True)
class Line:
    """One transaction line, read."""

    filer: Filer
    filing: FilingLink
    owner: Owner | None
    asset: str
    ticker: str | None
    asset_type: AssetType | None
    operation: Operation
    transaction_date: date
    amount: Amount
    comment: str | None
    notification_date: date | None
    disclosure_date: date | None
    notes: tuple[Note, ...]
    raw: Mapping[str, Any]

    def content_hash(self) -> str:
        """Return the hash that identifies the line's content within its filing."""
        upper = self.amount.upper
        return line_hash(
            [
                self.transaction_date,
                self.owner,
                self.asset,
                self.ticker,
                self.asset_type,
                self.operation,
                f"{self.amount.lower:.2f}",
                None if upper is None else f"{upper:.2f}",
                self.comment,
            ]
        )


@dataclass(frozen=True)
class RejectedRow:
    """A row that did not become a trade; a paper filing still says who filed what and when."""

    reason: RejectReason
    detail: str
    raw: Any
    filer: Filer | None = None
    filing: FilingLink | None = None


@dataclass(frozen=True)
class Parsed:
    """A file's rows: each is either a line or a reject."""

    lines: list[Line]
    rejects: list[RejectedRow]

    @property
    def rows(self) -> list[Line | RejectedRow]:
        """All rows."""
        return [*self.lines, *self.rejects]


def _required_parts(row: Mapping[str, Any], as_of: date) -> tuple[date, Operation, Amount]:
    day = parse_date(row.get("transaction_date"))
    if day is None:
        raise Unusable(
            RejectReason.TRANSACTION_DATE_UNREADABLE, text_of(row.get("transaction_date"))
        )
    if not FIRST_DATE <= day <= as_of:
        raise Unusable(RejectReason.TRANSACTION_DATE_IMPLAUSIBLE, day.isoformat())
    operation = parse_operation(row.get("type"))
    if operation is None:
        raise Unusable(RejectReason.OPERATION_UNREADABLE, text_of(row.get("type")))
    amount = parse_amount(row.get("amount"))
    if amount is None:
        raise Unusable(RejectReason.AMOUNT_UNREADABLE, text_of(row.get("amount")))
    return day, operation, amount


def read_line(
    row: Mapping[str, Any],
    filer: Filer,
    filing: FilingLink,
    as_of: date,
    dates: Callable[[date], tuple[date | None, date | None, list[Note]]],
) -> Line:
    """Read a row with the Senate Stock Watcher's column names into a line.

    Args:
        row: The columns to read.
        filer: Who filed it.
        filing: Where.
        as_of: No transaction can be later than this day.
        dates: Gives notification date, disclosure date and notes of a transaction's day.

    Raises:
        Unusable: Its day, operation or amount cannot be read.
    """
    day, operation, amount = _required_parts(row, as_of)
    owner, owner_note = parse_owner(row.get("owner"))
    ticker, ticker_note = parse_ticker(row.get("ticker"))
    asset_type, type_note = parse_asset_type(row.get("asset_type"))
    asset = clean_text(row.get("asset_description"))
    asset_note = None if asset else Note.ASSET_MISSING
    notification, disclosure, date_notes = dates(day)
    noted = [owner_note, ticker_note, type_note, asset_note, amount.note, *date_notes]
    return Line(
        filer=filer,
        filing=filing,
        owner=owner,
        asset=asset or ticker or "",
        ticker=ticker,
        asset_type=asset_type,
        operation=operation,
        transaction_date=day,
        amount=amount,
        comment=parse_comment(row.get("comment")),
        notification_date=notification,
        disclosure_date=disclosure,
        notes=tuple(sorted(note for note in noted if note)),
        raw=row,
    )


def read_filer(
    chamber: Chamber, name: object, state: str | None = None, district: int | None = None
) -> Filer:
    """Read who filed a row.

    Raises:
        Unusable: No name can be read.
    """
    filer = Filer.named(chamber, clean_text(name), state, district)
    if filer is None:
        raise Unusable(RejectReason.MEMBER_UNREADABLE, text_of(name))
    return filer


def _senator(row: Mapping[str, Any]) -> Filer:
    return read_filer(Chamber.SENATE, row.get("senator"))


def senate_dates(
    filed: date | None, transaction: date
) -> tuple[date | None, date | None, list[Note]]:
    """Return notification date (unknown), disclosure date and notes of a Senate transaction."""
    if filed is not None and filed < transaction:
        return None, None, [Note.DISCLOSURE_BEFORE_TRANSACTION]
    return None, filed, []


def _senate_row(
    row: Mapping[str, Any], filer: Filer, as_of: date, filing_dates: Mapping[str, date]
) -> Line | RejectedRow:
    url = text_of(row.get("ptr_link")).strip()
    match = SENATE_LINK.fullmatch(url)
    if match is None:
        raise Unusable(RejectReason.FILING_UNREADABLE, url)
    host, kind, doc_id = match[1].lower(), match[2].lower(), match[3].lower()
    source = FilingSource.SYNTHETIC if host == SYNTHETIC_HOST else FilingSource.SENATE_EFD
    if kind == "paper":
        # Of a paper filing the source knows no transaction: its date is that of the filing.
        filed = parse_date(row.get("transaction_date"))
        plausible = filed if filed and FIRST_FILING <= filed <= as_of else None
        filing = FilingLink(source, doc_id, url, paper=True, filed_date=plausible)
        return RejectedRow(RejectReason.PAPER_FILING, url, row, filer, filing)
    stated = filing_dates.get(doc_id)
    filing = FilingLink(source, doc_id, url, filed_date=stated)
    return read_line(row, filer, filing, as_of, lambda day: senate_dates(stated, day))


def _house_dates(
    stated: date | None, filed: date | None, day: date, as_of: date
) -> tuple[date | None, date | None, list[Note]]:
    """Tell notification and disclosure apart: the source's one date is the notification's.

    Returns:
        Notification date, disclosure date, notes.
    """
    if stated is not None and not FIRST_FILING <= stated <= as_of:
        stated = None
    notes = []
    notification = None
    if stated is None:
        notes.append(Note.NOTIFICATION_DATE_UNREADABLE)
    elif stated < day:
        notes.append(Note.NOTIFICATION_BEFORE_TRANSACTION)
    elif filed is not None and stated > filed:
        notes.append(Note.NOTIFICATION_AFTER_DISCLOSURE)
    else:
        notification = stated
    if filed is None:
        # The notification date is no substitute: the public learns of the trade only later.
        return notification, None, [*notes, Note.DISCLOSURE_DATE_UNKNOWN]
    if filed < day:
        return notification, None, [*notes, Note.DISCLOSURE_BEFORE_TRANSACTION]
    return notification, filed, notes


def _representative(row: Mapping[str, Any]) -> Filer:
    state, district = parse_state_district(text_of(row.get("district")))
    return read_filer(Chamber.HOUSE, row.get("representative"), state, district)


def _house_row(
    row: Mapping[str, Any], filer: Filer, as_of: date, filing_dates: Mapping[str, date]
) -> Line:
    doc_id = text_of(row.get("filing_id")).strip()
    if not _HOUSE_DOC_ID.fullmatch(doc_id):
        raise Unusable(RejectReason.FILING_UNREADABLE, doc_id)
    url = _HOUSE_LINK.fullmatch(text_of(row.get("source_url")).strip())
    synthetic = url is not None and url[1] == SYNTHETIC_HOST
    filed = filing_dates.get(doc_id)
    filing = FilingLink(
        FilingSource.SYNTHETIC if synthetic else FilingSource.HOUSE_CLERK,
        doc_id,
        url[0] if url else None,
        filed_date=filed,
    )
    stated = parse_date(row.get("disclosure_date"))
    return read_line(row, filer, filing, as_of, lambda day: _house_dates(stated, filed, day, as_of))


def parse_rows(
    rows: Iterable[Any],
    filer_of: Callable[[Mapping[str, Any]], Filer],
    parse_row: Callable[[Mapping[str, Any], Filer], Line | RejectedRow],
) -> Parsed:
    """Make a line or a reject of every row.

    Args:
        rows: As read; one that is no object is rejected.
        filer_of: Reads who filed a row; may raise ``Unusable``.
        parse_row: Reads the row of a filer; may raise ``Unusable``.
    """
    lines: list[Line] = []
    rejects: list[RejectedRow] = []
    for row in rows:
        if not isinstance(row, dict):
            rejects.append(RejectedRow(RejectReason.ROW_MALFORMED, type(row).__name__, row))
            continue
        filer = None
        try:
            filer = filer_of(row)
            parsed = parse_row(row, filer)
        except Unusable as unusable:
            rejects.append(RejectedRow(unusable.reason, unusable.detail, row, filer))
            continue
        if isinstance(parsed, Line):
            lines.append(parsed)
        else:
            rejects.append(parsed)
    return Parsed(lines, rejects)


def parse_senate(
    rows: Sequence[Any], *, as_of: date, filing_dates: Mapping[str, date] | None = None
) -> Parsed:
    """Parse the rows of a Senate Stock Watcher file.

    Args:
        rows: The JSON array's members.
        as_of: No transaction can be later than this day.
        filing_dates: Day of filing by document id, as far as another source says it.
    """
    dates = filing_dates or {}
    return parse_rows(rows, _senator, lambda row, filer: _senate_row(row, filer, as_of, dates))


def parse_house(rows: Sequence[Any], *, as_of: date, filing_dates: Mapping[str, date]) -> Parsed:
    """Parse the rows of a House Stock Watcher file.

    Args:
        rows: The JSON array's members.
        as_of: No transaction can be later than this day.
        filing_dates: Day of filing by document id, as far as known.
    """
    return parse_rows(
        rows, _representative, lambda row, filer: _house_row(row, filer, as_of, filing_dates)
    )


def parse_filing_index(source: SourceFile) -> dict[str, date]:
    """Return the day of filing by document id from a yearly filing index of the House Clerk.

    Raises:
        UnreadableFileError: It is not such an index.
    """
    try:
        index = parse_house_index(source.content)
    except DocumentError as error:
        raise UnreadableFileError(source.path, str(error)) from error
    return {entry.doc_id: entry.filed_date for entry in index.entries if entry.filed_date}

"""What the parsers of official documents return, and the one error they raise."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any

from quant.errors import QuantError
from quant.ingest.names import Filer
from quant.ingest.values import Amount
from quant.ingest.vocabulary import Note, RejectReason
from quant.vocabulary import AssetType, FilingSource, FilingStatus, Operation, OptionType, Owner


class Unreadable(StrEnum):
    """Why a document as a whole cannot be read."""

    NOT_THIS_FORMAT = "not_this_format"  # the bytes are no PDF, HTML, XML, YAML or zip
    DAMAGED = "damaged"
    TOO_LARGE = "too_large"  # packed or unpacked, or too many pages, elements or rows
    FORBIDDEN_CONTENT = "forbidden_content"  # XML entities, paths out of an archive ...
    LAYOUT_UNKNOWN = "layout_unknown"  # readable, but not the layout the parser was written for
    OTHER_DOCUMENT = "other_document"  # names another filing than the one asked for


class DocumentError(QuantError):
    """A document cannot be read as a whole; nothing of it may be taken for data."""

    def __init__(self, reason: Unreadable, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class OptionTerms:
    """Terms of an option as a description states them; what it does not state is None.

    Attributes:
        option_type: Call or put.
        strike: Strike price, US dollars.
        expires: Expiration date.
        contracts: Number of contracts.
        shares: Number of shares the description names, if it does.
        exercised: Whether the transaction is the option's exercise.
    """

    option_type: OptionType | None = None
    strike: Decimal | None = None
    expires: date | None = None
    contracts: int | None = None
    shares: int | None = None
    exercised: bool = False


@dataclass(frozen=True, slots=True)
class TransactionLine:
    """One transaction of a PTR, as the form states it.

    Attributes:
        line_number: Position in the document, from 1.
        status: New, amended or deleted; None where the form has no such field.
        reference: The form's own identifier of an amended line, if it gives one.
        owner: Who holds the asset; the House form leaves it empty for the member.
        asset: Description of the asset, its lines joined, without ticker and asset code.
        ticker: Symbol; None where neither stated nor resolved beyond doubt.
        ticker_confidence: 0 to 1; 1 where the form states the symbol; None without a ticker.
        asset_code: The form's code, such as ``ST``; None where it has none.
        asset_type: Kind of asset the code stands for.
        operation: Purchase, sale (full or partial) or exchange.
        transaction_date: Day of the transaction.
        notification_date: Day the filer was told of it.
        amount: Category in US dollars.
        capital_gains_over_200: The form's box; None where unreadable or absent.
        subholding_of: Account or trust that holds the asset.
        description: What the filer wrote besides.
        option: Terms of an option named in the description.
        notes: What was unreadable or mended.
        raw: The texts as they stand in the document.
    """

    line_number: int
    asset: str
    operation: Operation
    transaction_date: date
    amount: Amount
    raw: Mapping[str, Any]
    status: FilingStatus | None = None
    reference: str | None = None
    owner: Owner | None = None
    ticker: str | None = None
    ticker_confidence: Decimal | None = None
    asset_code: str | None = None
    asset_type: AssetType | None = None
    notification_date: date | None = None
    capital_gains_over_200: bool | None = None
    subholding_of: str | None = None
    description: str | None = None
    option: OptionTerms | None = None
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True)
class RejectedLine:
    """A transaction that lacks something a trade cannot be without."""

    line_number: int
    reason: RejectReason
    detail: str
    raw: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ParsedFiling:
    """A PTR, read.

    Attributes:
        source: System it was filed in.
        doc_id: Its identifier there.
        filer: Who files; None for a scan, which only the index names.
        parser: Name and version of the parser, such as ``house-ptr/1``.
        signed_date: Day of the filer's signature, if the document has one.
        filed_date: Day of filing, if the document itself states it.
        amends: The original's ``doc_id``, if the document names it.
        amendment_number: The n of "Amendment n", if the document says so.
        paper: Whether it is a scan: nothing in it is read, and it waits for a review.
        lines: Transactions.
        rejects: Transactions that could not be read.
    """

    source: FilingSource
    doc_id: str
    filer: Filer | None
    parser: str
    signed_date: date | None = None
    filed_date: date | None = None
    amends: str | None = None
    amendment_number: int | None = None
    paper: bool = False
    lines: tuple[TransactionLine, ...] = ()
    rejects: tuple[RejectedLine, ...] = ()

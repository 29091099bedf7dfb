"""Process raw documents: read one, load what it says, keep what became of it.

Processing a document again, at the same time as others, in any order and however often a worker
dies in between, leads to the same tables: they depend on the set of documents alone.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from sqlalchemy import Connection

from quant.db.session import read, write
from quant.ingest.bulk import count_up_data_version, lock_imports
from quant.ingest.files import SourceFile, UnreadableFileError
from quant.ingest.prices import read_prices, write_prices
from quant.parsers.house_index import parse_house_index
from quant.parsers.house_ptr import parse_house_ptr
from quant.parsers.model import DocumentError, ParsedFiling, Unreadable
from quant.parsers.senate_index import parse_senate_index
from quant.parsers.senate_ptr import parse_senate_paper, parse_senate_ptr
from quant.parsers.tickers import normalise_asset
from quant.pipeline import reference
from quant.pipeline.filings import outdated_tickers, settle_politician
from quant.pipeline.load import load_filing
from quant.pipeline.outcome import Outcome, record
from quant.pipeline.raw import DocumentKind, RawDocument
from quant.pipeline.work_items import load_house_index, load_senate_index
from quant.vocabulary import DocumentOutcome, FilingSource

_PRICES_PARSER: Final = "prices/1"
_DEFAULT_PRICE_LABEL: Final = "csv"

_FILING_SOURCES: Final = {
    DocumentKind.HOUSE_PTR: FilingSource.HOUSE_CLERK,
    DocumentKind.SENATE_PTR: FilingSource.SENATE_EFD,
    DocumentKind.SENATE_PAPER: FilingSource.SENATE_EFD,
}

_Load = Callable[[Connection], Outcome]


def process(document: RawDocument) -> Outcome:
    """Read a document and load it, in one transaction.

    Returns:
        What became of it; it is stored, too. A document that cannot be read is rejected.

    Raises:
        StoreUnavailableError: Postgres is away; processing it again later loads it.
    """
    try:
        if document.kind in _FILING_SOURCES:
            return _process_filing(document, _read_filing(document))
        load = _read_other(document)
    except DocumentError as error:
        rejected = _rejected(document, error.reason, error.detail)
        write(lambda connection: record(connection, document, rejected))
        return rejected
    return write(lambda connection: _load(connection, document, load, shared=False))


def _process_filing(document: RawDocument, filing: ParsedFiling) -> Outcome:
    outcome = write(
        lambda connection: _load(
            connection,
            document,
            lambda connection: load_filing(connection, document, filing),
            shared=True,
        )
    )
    assets = {normalise_asset(line.asset) for line in filing.lines}
    for politician in read(lambda connection: outdated_tickers(connection, assets)):
        write(partial(settle_politician, politician=politician))
    return outcome


def _load(connection: Connection, document: RawDocument, load: _Load, *, shared: bool) -> Outcome:
    lock_imports(connection, shared=shared)
    outcome = load(connection)
    record(connection, document, outcome)
    return outcome


def _read_filing(document: RawDocument) -> ParsedFiling:
    doc_id = document.metadata.get("doc-id")
    if document.kind is DocumentKind.HOUSE_PTR:
        return parse_house_ptr(document.content, doc_id=doc_id)
    if doc_id is None:
        raise DocumentError(Unreadable.OTHER_DOCUMENT, "nothing says which filing it is")
    if document.kind is DocumentKind.SENATE_PTR:
        return parse_senate_ptr(document.content, doc_id=doc_id)
    return parse_senate_paper(document.content, doc_id=doc_id)


def _read_other(document: RawDocument) -> _Load:
    if document.kind is DocumentKind.HOUSE_INDEX:
        index = parse_house_index(document.content)
        return lambda connection: load_house_index(connection, document, index)
    if document.kind is DocumentKind.SENATE_INDEX:
        entries = parse_senate_index(document.content)
        return lambda connection: load_senate_index(connection, document, entries)
    if document.kind in reference.KINDS:
        content = reference.read(document)
        return lambda connection: reference.load(connection, document, content)
    return _read_prices(document)


def _read_prices(document: RawDocument) -> _Load:
    try:
        file = read_prices(SourceFile(Path(document.key), document.content, document.sha256))
    except UnreadableFileError as error:
        raise DocumentError(Unreadable.LAYOUT_UNKNOWN, str(error)) from error
    report = file.report()

    def load(connection: Connection) -> Outcome:
        write_prices(
            connection,
            file,
            report,
            label=document.metadata.get("provider", _DEFAULT_PRICE_LABEL),
            collected_on=document.collected_on,
        )
        if report.changed:
            count_up_data_version(connection)
        return Outcome(
            DocumentOutcome.LOADED,
            parser=_PRICES_PARSER,
            rows=report.rows,
            rejected=report.rejected,
            reject_reasons=report.rejects,
            counts={"inserted": report.inserted, "updated": report.updated},
        )

    return load


def _rejected(document: RawDocument, reason: Unreadable, detail: str) -> Outcome:
    return Outcome(
        DocumentOutcome.REJECTED,
        source=_FILING_SOURCES.get(document.kind),
        doc_id=document.metadata.get("doc-id"),
        reason=reason.value,
        detail=detail,
    )

"""Load a parsed filing: its document and its lines as read, then its trades."""

import uuid
from collections import Counter
from collections.abc import Iterable
from typing import Final

from sqlalchemy import Connection, text

from quant.identity import filing_id, line_hash, stable_id, trade_id
from quant.ingest.bulk import changed_rows, copy_rows
from quant.ingest.files import storable
from quant.ingest.names import Filer
from quant.parsers.model import OptionTerms, ParsedFiling, TransactionLine
from quant.parsers.tickers import normalise_asset
from quant.pipeline.filings import lock_filing, place_filings, register
from quant.pipeline.outcome import Outcome
from quant.pipeline.raw import RawDocument
from quant.vocabulary import AssetType, Chamber, DocumentOutcome

# Kinds of assets that have a symbol as a rule.
LISTED: Final = (AssetType.STOCK, AssetType.STOCK_OPTION, AssetType.FUND)

_LINE_COLUMNS: Final = (
    "filing_id, sha256, line_number, trade_id, line_hash, occurrence, status, reference, owner,"
    " asset, asset_key, ticker, ticker_confidence, asset_code, asset_type, operation,"
    " transaction_date, notification_date, amount_min, amount_max, capital_gains_over_200,"
    " subholding_of, description, option_type, option_strike, option_expires, option_contracts,"
    " option_shares, option_exercised, notes, raw"
)


def load_filing(connection: Connection, document: RawDocument, filing: ParsedFiling) -> Outcome:
    """Store a version of a filing and settle its politician's trades.

    Storing it again changes nothing. The caller holds the import lock, in shared mode at least.
    """
    identity = filing_id(filing.source, filing.doc_id)
    lock_filing(connection, identity)
    if _store_document(connection, document, filing, identity):
        _store_lines(connection, document, filing, identity)
    filer = filing.filer or _listed_filer(connection, filing)
    if filer is not None:
        register(connection, filer)
        place_filings(connection, [identity])
    return _report(connection, document, filing, filer)


def _report(
    connection: Connection, document: RawDocument, filing: ParsedFiling, filer: Filer | None
) -> Outcome:
    rows = len(filing.lines) + len(filing.rejects)
    identity = filing_id(filing.source, filing.doc_id)
    matched = connection.scalar(
        text(
            "select p.bioguide_id is not null from filings f"
            " join politicians p on p.id = f.politician_id where f.id = :id"
        ),
        {"id": identity},
    )
    without_ticker = connection.execute(
        text(
            "select asset, count(*) as lines from filing_lines"
            " where filing_id = :id and sha256 = :sha256"
            " and coalesce(ticker, resolved_ticker) is null and asset_type = any(:listed)"
            " group by asset order by asset"
        ),
        {"id": identity, "sha256": document.sha256, "listed": [kind.value for kind in LISTED]},
    )
    return Outcome(
        DocumentOutcome.PAPER if filing.paper else DocumentOutcome.LOADED,
        source=filing.source,
        doc_id=filing.doc_id,
        parser=filing.parser,
        rows=rows,
        rejected=len(filing.rejects),
        reject_reasons=Counter(reject.reason.value for reject in filing.rejects),
        unmatched_names={} if matched or filer is None else {filer.display_name: rows},
        unmatched_tickers={row.asset: row.lines for row in without_ticker},
    )


def _store_document(
    connection: Connection, document: RawDocument, filing: ParsedFiling, identity: uuid.UUID
) -> bool:
    """Store what the document says of the filing; return whether its lines are to be stored."""
    filer = filing.filer
    read_by = connection.scalar(
        text("select parser from filing_documents where filing_id = :id and sha256 = :sha256"),
        {"id": identity, "sha256": document.sha256},
    )
    connection.execute(
        _STORE_DOCUMENT,
        {
            "id": identity,
            "sha256": document.sha256,
            "source": filing.source.value,
            "doc_id": filing.doc_id,
            "collected_on": document.collected_on,
            "url": document.metadata.get("url"),
            "parser": filing.parser,
            "paper": filing.paper,
            "chamber": filer.chamber.value if filer else None,
            "alias": filer.alias if filer else None,
            "filer": filer.display_name if filer else None,
            "state": filer.state if filer else None,
            "district": filer.district if filer else None,
            "signed_date": filing.signed_date,
            "filed_date": filing.filed_date,
            "amends": filing.amends,
            "amendment_number": filing.amendment_number,
        },
    )
    return bool(read_by != filing.parser)


_STORE_DOCUMENT: Final = text(
    """
    insert into filing_documents as d (
        filing_id, sha256, source, doc_id, collected_on, url, parser, paper, chamber, alias, filer,
        state, district, signed_date, filed_date, amends, amendment_number
    ) values (
        :id, :sha256, :source, :doc_id, :collected_on, :url, :parser, :paper, :chamber, :alias,
        :filer, :state, :district, :signed_date, :filed_date, :amends, :amendment_number
    )
    on conflict (filing_id, sha256) do update set
        collected_on = greatest(d.collected_on, excluded.collected_on),
        url = case when excluded.collected_on >= d.collected_on then excluded.url else d.url end,
        parser = excluded.parser, paper = excluded.paper, chamber = excluded.chamber,
        alias = excluded.alias, filer = excluded.filer, state = excluded.state,
        district = excluded.district, signed_date = excluded.signed_date,
        filed_date = excluded.filed_date, amends = excluded.amends,
        amendment_number = excluded.amendment_number
    """
)


def _store_lines(
    connection: Connection, document: RawDocument, filing: ParsedFiling, identity: uuid.UUID
) -> None:
    sha256 = document.sha256
    changed_rows(
        connection,
        "delete from filing_lines where filing_id = :id and sha256 = :sha256",
        id=identity,
        sha256=sha256,
    )
    symbols = sorted({line.ticker for line in filing.lines if line.ticker})
    if symbols:
        changed_rows(
            connection,
            "insert into tickers (symbol) select unnest(cast(:symbols as text[]))"
            " on conflict do nothing",
            symbols=symbols,
        )
    copy_rows(
        connection, f"filing_lines ({_LINE_COLUMNS})", _line_rows(filing.lines, identity, sha256)
    )
    changed_rows(
        connection,
        "delete from rejects where source = :kind and document = :sha256",
        kind=document.kind.value,
        sha256=sha256,
    )
    copy_rows(
        connection,
        "rejects (id, source, document, reason, detail, raw)",
        (
            (
                stable_id("reject", document.kind, filing.doc_id, sha256, reject.line_number),
                document.kind,
                sha256,
                reject.reason,
                storable(reject.detail),
                storable(dict(reject.raw)),
            )
            for reject in filing.rejects
        ),
    )


def _line_rows(
    lines: Iterable[TransactionLine], identity: uuid.UUID, sha256: str
) -> Iterable[tuple[object, ...]]:
    seen: dict[str, int] = {}
    for line in sorted(lines, key=lambda line: line.line_number):
        content = _content_hash(line)
        occurrence = seen.get(content, 0)
        seen[content] = occurrence + 1
        option = line.option or OptionTerms()
        yield (
            identity,
            sha256,
            line.line_number,
            trade_id(identity, content, occurrence),
            content,
            occurrence,
            line.status,
            storable(line.reference),
            line.owner,
            storable(line.asset),
            normalise_asset(line.asset),
            line.ticker,
            line.ticker_confidence,
            line.asset_code,
            line.asset_type,
            line.operation,
            line.transaction_date,
            line.notification_date,
            line.amount.lower,
            line.amount.upper,
            line.capital_gains_over_200,
            storable(line.subholding_of),
            storable(line.description),
            option.option_type,
            option.strike,
            option.expires,
            option.contracts,
            option.shares,
            option.exercised if line.option else None,
            tuple(sorted(set(line.notes))),
            storable(dict(line.raw)),
        )


def _content_hash(line: TransactionLine) -> str:
    """Hash the content as imports from elsewhere do: the same line stays the same trade."""
    upper = line.amount.upper
    return line_hash(
        [
            line.transaction_date,
            line.owner,
            line.asset,
            line.ticker,
            line.asset_type,
            line.operation,
            f"{line.amount.lower:.2f}",
            None if upper is None else f"{upper:.2f}",
            line.description,
        ]
    )


def _listed_filer(connection: Connection, filing: ParsedFiling) -> Filer | None:
    """Return the filer that an index names for a filing whose document names none."""
    row = connection.execute(
        text(
            "select chamber, alias, filer, state, district from work_items"
            " where source = :source and doc_id = :doc_id and alias is not null"
        ),
        {"source": filing.source.value, "doc_id": filing.doc_id},
    ).one_or_none()
    if row is None:
        return None
    return Filer(Chamber(row.chamber), row.alias, row.filer, row.state, row.district)

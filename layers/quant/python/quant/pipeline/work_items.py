"""Work items: the PTRs that official indexes list, each fetched once."""

import json
import uuid
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from sqlalchemy import Connection, text

from quant.identity import filing_id
from quant.ingest.names import Filer
from quant.parsers import house_index, senate_index
from quant.parsers.house_index import HouseIndex
from quant.parsers.senate_index import SenateIndexEntry
from quant.pipeline.filings import place_filings, register
from quant.pipeline.messages import FetchRequest
from quant.pipeline.outbox import request_fetch
from quant.pipeline.outcome import Outcome
from quant.pipeline.raw import RawDocument
from quant.vocabulary import Chamber, DocumentOutcome, FilingSource


@dataclass(frozen=True)
class WorkItem:
    """A PTR, as an index lists it."""

    source: FilingSource
    doc_id: str
    filer: Filer | None
    filed_date: date | None
    year: int | None = None
    paper: bool = False


def load_house_index(connection: Connection, document: RawDocument, index: HouseIndex) -> Outcome:
    """Take over a House index; the caller holds the import lock."""
    items = [
        WorkItem(FilingSource.HOUSE_CLERK, entry.doc_id, entry.filer, entry.filed_date, entry.year)
        for entry in index.ptrs()
    ]
    created = _store(connection, document, items)
    reasons = Counter(reject.reason.value for reject in index.rejects)
    return Outcome(
        DocumentOutcome.LOADED,
        parser=house_index.PARSER,
        rows=len(index.entries) + len(index.rejects),
        rejected=len(index.rejects),
        reject_reasons=reasons,
        counts={**index.counts(), "work_items": created},
    )


def load_senate_index(
    connection: Connection, document: RawDocument, entries: Sequence[SenateIndexEntry]
) -> Outcome:
    """Take over a page of the Senate's search results; the caller holds the import lock."""
    listed = {entry.doc_id: entry for entry in entries if entry.is_ptr}
    items = [
        WorkItem(FilingSource.SENATE_EFD, doc_id, entry.filer, entry.filed_date, paper=entry.paper)
        for doc_id, entry in sorted(listed.items())
    ]
    created = _store(connection, document, items)
    return Outcome(
        DocumentOutcome.LOADED,
        parser=senate_index.PARSER,
        rows=len(entries),
        counts={"periodic_transaction_reports": len(items), "work_items": created},
    )


def _store(connection: Connection, document: RawDocument, items: Collection[WorkItem]) -> int:
    """Store what an index says of PTRs, unless a newer one said it; request new ones.

    Returns:
        The number of work items that are new.
    """
    rows = [_row(document, item) for item in items]
    written = connection.execute(_UPSERT, {"rows": json.dumps(rows, default=str)}).all()
    created = {(row.source, row.doc_id) for row in written if row.created}
    _place(connection, items)
    missing = _not_fetched(connection, [i for i in items if (i.source, i.doc_id) in created])
    request_fetch(
        connection,
        [
            FetchRequest(source=item.source, doc_id=item.doc_id, year=item.year, paper=item.paper)
            for item in missing
        ],
    )
    return len(created)


def _row(document: RawDocument, item: WorkItem) -> dict[str, Any]:
    filer = item.filer
    chamber = Chamber.SENATE if item.source is FilingSource.SENATE_EFD else Chamber.HOUSE
    return {
        "source": item.source.value,
        "doc_id": item.doc_id,
        "year": item.year,
        "filed_date": item.filed_date,
        "paper": item.paper,
        "chamber": chamber.value,
        "alias": filer and filer.alias,
        "filer": filer and filer.display_name,
        "state": filer and filer.state,
        "district": filer and filer.district,
        "index_collected_on": document.collected_on,
        "index_sha256": document.sha256,
    }


_UPSERT: Final = text(
    """
    insert into work_items as w (
        source, doc_id, year, filed_date, paper, chamber, alias, filer, state, district,
        index_collected_on, index_sha256
    )
    select source, doc_id, year, filed_date, paper, chamber, alias, filer, state, district,
        index_collected_on, index_sha256
    from jsonb_to_recordset(cast(:rows as jsonb)) as s (
        source text, doc_id text, year smallint, filed_date date, paper boolean, chamber text,
        alias text, filer text, state text, district smallint, index_collected_on date,
        index_sha256 text
    )
    on conflict (source, doc_id) do update set year = excluded.year,
        filed_date = excluded.filed_date, paper = excluded.paper, alias = excluded.alias,
        filer = excluded.filer, state = excluded.state, district = excluded.district,
        index_collected_on = excluded.index_collected_on, index_sha256 = excluded.index_sha256
    where (w.index_collected_on, w.index_sha256 collate "C")
        < (excluded.index_collected_on, excluded.index_sha256 collate "C")
    returning source, doc_id, xmax = 0 as created
    """
)


def _place(connection: Connection, items: Iterable[WorkItem]) -> None:
    """Tell the filings that were read before what their index says of them."""
    by_filing = {filing_id(item.source, item.doc_id): item for item in items}
    affected: list[uuid.UUID] = []
    for row in connection.execute(_CHANGED, {"ids": list(by_filing)}):
        affected.append(row.filing_id)
        filer = by_filing[row.filing_id].filer
        if row.nameless and filer is not None:
            register(connection, filer)
    if affected:
        place_filings(connection, affected)


_CHANGED: Final = text(
    """
    select d.filing_id, bool_or(d.alias is null) as nameless
    from filing_documents d
    join work_items w on w.source = d.source and w.doc_id = d.doc_id
    left join filings f on f.id = d.filing_id
    where d.filing_id = any(:ids)
        and (
            f.id is null or d.alias is null
            or f.filed_date is distinct from coalesce(d.filed_date, w.filed_date)
        )
    group by d.filing_id order by d.filing_id
    """
)


def _not_fetched(connection: Connection, items: Sequence[WorkItem]) -> list[WorkItem]:
    fetched = {
        (row.source, row.doc_id)
        for row in connection.execute(
            text("select source, doc_id from raw_documents where doc_id = any(:doc_ids)"),
            {"doc_ids": [item.doc_id for item in items]},
        )
    }
    return [item for item in items if (item.source.value, item.doc_id) not in fetched]

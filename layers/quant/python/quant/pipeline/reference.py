"""Who serves in Congress and on which committees, from documents that arrive in any order.

The newest document of each kind counts. They refer to one another, so each that is newer than the
one before is stored, and all there are are applied together.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Connection, text

from quant.ingest.bulk import ImportReport, changed_rows, count_up_data_version
from quant.ingest.files import storable
from quant.ingest.legislators import apply_congress
from quant.ingest.vocabulary import RejectReason
from quant.ingest.watchers import FIRST_FILING
from quant.parsers.model import DocumentError, Unreadable
from quant.parsers.yaml import load_yaml
from quant.pipeline.outcome import Outcome
from quant.pipeline.raw import DocumentKind, RawDocument
from quant.vocabulary import DocumentOutcome

PARSER: Final = "reference/1"
SOURCE: Final = "reference"

_REASONS: Final = {
    DocumentKind.LEGISLATORS: RejectReason.LEGISLATOR_UNREADABLE,
    DocumentKind.LEGISLATORS_HISTORICAL: RejectReason.LEGISLATOR_UNREADABLE,
    DocumentKind.COMMITTEES: RejectReason.COMMITTEE_UNREADABLE,
    DocumentKind.COMMITTEE_MEMBERSHIP: RejectReason.MEMBERSHIP_UNKNOWN,
}
KINDS: Final = frozenset(_REASONS)


def read(document: RawDocument) -> Any:
    """Return the entries of a document; of former members those who may have filed a PTR.

    Raises:
        DocumentError: It is not YAML of the kind's form.
    """
    content = storable(load_yaml(document.content))
    expected = dict if document.kind is DocumentKind.COMMITTEE_MEMBERSHIP else list
    entries = content.values() if isinstance(content, dict) else content
    if not isinstance(content, expected) or not all(
        isinstance(entry, list if expected is dict else dict) for entry in entries
    ):
        raise DocumentError(Unreadable.LAYOUT_UNKNOWN, f"not a list of {document.kind}")
    if document.kind is DocumentKind.LEGISLATORS_HISTORICAL:
        return [entry for entry in content if _served_lately(entry)]
    return content


def load(connection: Connection, document: RawDocument, content: Any) -> Outcome:
    """Store a document if it is the newest of its kind, and apply all there are.

    The caller holds the import lock.
    """
    groups = content.values() if isinstance(content, dict) else [content]
    rows = sum(map(len, groups))
    newer = changed_rows(
        connection,
        "insert into reference_documents as r (kind, collected_on, sha256, content)"
        " values (:kind, :collected_on, :sha256, cast(:content as jsonb))"
        " on conflict (kind) do update set collected_on = excluded.collected_on,"
        " sha256 = excluded.sha256, content = excluded.content"
        ' where (r.collected_on, r.sha256 collate "C")'
        ' < (excluded.collected_on, excluded.sha256 collate "C")',
        kind=document.kind.value,
        collected_on=document.collected_on,
        sha256=document.sha256,
        content=json.dumps(content, default=str),
    )
    rejects: dict[str, int] = {}
    if newer:
        reason = _REASONS[document.kind].value
        rejected = min(_apply(connection, document.sha256).get(reason, 0), rows)
        rejects = {reason: rejected} if rejected else {}
    return Outcome(
        DocumentOutcome.LOADED,
        parser=PARSER,
        rows=rows,
        rejected=sum(rejects.values()),
        reject_reasons=rejects,
        counts={"newest": newer},
    )


def _apply(connection: Connection, sha256: str) -> Mapping[str, int]:
    stored: dict[DocumentKind, Any] = {
        DocumentKind(kind): content
        for kind, content in connection.execute(
            text("select kind, content from reference_documents")
        )
    }
    report = ImportReport(SOURCE, sha256)
    apply_congress(
        connection,
        report,
        members=stored.get(DocumentKind.LEGISLATORS, []),
        former=stored.get(DocumentKind.LEGISLATORS_HISTORICAL, []),
        committees=stored.get(DocumentKind.COMMITTEES, []),
        seats=stored.get(DocumentKind.COMMITTEE_MEMBERSHIP),
    )
    if report.changed:
        count_up_data_version(connection)
    return report.rejects


def _served_lately(entry: Mapping[str, Any]) -> bool:
    try:
        return str(entry["terms"][-1]["end"]) >= FIRST_FILING.isoformat()
    except (KeyError, IndexError, TypeError):
        return True  # to be rejected with a reason

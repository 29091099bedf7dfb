"""What became of a raw document: its quality report, and the row that keeps it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection, text

from quant.pipeline.raw import RawDocument
from quant.vocabulary import DocumentOutcome, FilingSource


@dataclass(frozen=True)
class Outcome:
    """The quality report of one document.

    Attributes:
        outcome: What became of it.
        source: Official system of a filing.
        doc_id: A filing's identifier there.
        parser: Name and version of the parser that read it.
        reason: Why it was rejected: a code of ``quant.parsers.model.Unreadable``.
        detail: What that is about.
        rows: Lines or entries in it.
        rejected: Those among them that could not be read.
        reject_reasons: Rejected rows by reason.
        unmatched_names: Rows by name of filers who are no known member.
        unmatched_tickers: Rows by name of listed assets without a symbol.
        counts: What else was counted, such as filings by type.
    """

    outcome: DocumentOutcome
    source: FilingSource | None = None
    doc_id: str | None = None
    parser: str | None = None
    reason: str | None = None
    detail: str | None = None
    rows: int = 0
    rejected: int = 0
    reject_reasons: Mapping[str, int] = field(default_factory=dict)
    unmatched_names: Mapping[str, int] = field(default_factory=dict)
    unmatched_tickers: Mapping[str, int] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)


def record(connection: Connection, document: RawDocument, outcome: Outcome) -> None:
    """Keep a document's outcome in place of any earlier one."""
    connection.execute(
        _RECORD,
        {
            "key": document.key,
            "kind": document.kind.value,
            "sha256": document.sha256,
            "collected_on": document.collected_on,
            "url": document.metadata.get("url"),
            "source": outcome.source and outcome.source.value,
            "doc_id": outcome.doc_id,
            "outcome": outcome.outcome.value,
            "parser": outcome.parser,
            "reason": outcome.reason,
            "detail": outcome.detail,
            "rows": outcome.rows,
            "accepted": outcome.rows - outcome.rejected,
            "rejected": outcome.rejected,
            "reject_reasons": json.dumps(dict(outcome.reject_reasons)),
            "unmatched_names": json.dumps(dict(outcome.unmatched_names)),
            "unmatched_tickers": json.dumps(dict(outcome.unmatched_tickers)),
            "counts": json.dumps(dict(outcome.counts)),
        },
    )


_RECORD = text(
    """
    insert into raw_documents (
        key, kind, sha256, collected_on, url, source, doc_id, outcome, parser, reason, detail,
        rows, accepted, rejected, reject_reasons, unmatched_names, unmatched_tickers, counts
    ) values (
        :key, :kind, :sha256, :collected_on, :url, :source, :doc_id, :outcome, :parser, :reason,
        :detail, :rows, :accepted, :rejected, cast(:reject_reasons as jsonb),
        cast(:unmatched_names as jsonb), cast(:unmatched_tickers as jsonb), cast(:counts as jsonb)
    )
    on conflict (key) do update set url = excluded.url, source = excluded.source,
        doc_id = excluded.doc_id, outcome = excluded.outcome, parser = excluded.parser,
        reason = excluded.reason, detail = excluded.detail, rows = excluded.rows,
        accepted = excluded.accepted, rejected = excluded.rejected,
        reject_reasons = excluded.reject_reasons, unmatched_names = excluded.unmatched_names,
        unmatched_tickers = excluded.unmatched_tickers, counts = excluded.counts,
        processed_at = now()
    """
)

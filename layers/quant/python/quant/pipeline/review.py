"""What a person has to decide, and what they decided.

Items are what the tables hold at present: nothing has to be queued, and what a decision or a
later document settles is gone. A decision is kept for good, and every settlement follows it.
"""

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, text

from quant.errors import InvalidInputError, NotFoundError
from quant.ingest.bulk import changed_rows, lock_imports
from quant.ingest.values import parse_ticker
from quant.parsers.tickers import resolve
from quant.pipeline.filings import settle_and_announce
from quant.pipeline.load import LISTED
from quant.vocabulary import AssetType


class ReviewKind(StrEnum):
    """What an item is about, and so what its subject is."""

    TICKER = "ticker"  # a listed asset without a symbol: its normalised name
    AMENDMENT = "amendment"  # a line (trade id) or a report (source/doc_id): what does it amend?
    SCAN = "scan"  # a filing on paper: source/doc_id
    DOCUMENT = "document"  # a document that cannot be read: its key


@dataclass(frozen=True)
class Item:
    """Something to decide.

    Attributes:
        kind: What it is about.
        subject: What identifies it.
        summary: What a reviewer has to know first.
        rows: How many lines it concerns.
    """

    kind: ReviewKind
    subject: str
    summary: str
    rows: int


def pending(connection: Connection, kind: ReviewKind, limit: int) -> list[Item]:
    """Return items of a kind that nobody decided yet, those that concern most lines first."""
    found = connection.execute(
        text(
            f"select subject, summary, rows from ({_ITEMS[kind]}) i"  # noqa: S608 (constants)
            " where not exists (select from review_decisions d"
            " where d.kind = :kind and d.subject = i.subject)"
            " order by rows desc, subject limit :limit"
        ),
        {"kind": kind.value, "limit": limit, "listed": [listed.value for listed in LISTED]},
    )
    return [Item(kind, row.subject, row.summary, row.rows) for row in found]


def details(connection: Connection, kind: ReviewKind, subject: str) -> list[dict[str, Any]]:
    """Return what is known of a subject, in rows; for a ticker, the candidates besides.

    Raises:
        NotFoundError: There is nothing of this kind and subject.
    """
    rows = [
        dict(row)
        for row in connection.execute(text(_DETAILS[kind]), {"subject": subject}).mappings()
    ]
    if not rows:
        msg = f"there is no {kind} {subject!r}"
        raise NotFoundError(msg)
    if kind is ReviewKind.TICKER:
        kinds = {AssetType(row["asset_type"]) for row in rows if row["asset_type"]}
        asset_type = AssetType.STOCK if AssetType.STOCK in kinds else None
        candidates = resolve(subject, asset_type, _stated_symbols(connection)).candidates
        rows += [{"candidate": symbol} for symbol in candidates]
    return rows


def decide(
    connection: Connection,
    kind: ReviewKind,
    subject: str,
    *,
    value: Mapping[str, str] | None,
    by: str,
    reason: str | None = None,
) -> None:
    """Keep a decision, in place of an earlier one, and settle what it concerns.

    Args:
        connection: In a transaction.
        kind: What it is about.
        subject: What identifies it.
        value: What is accepted: ``symbol`` of an asset, the trade a line ``replaces``, the
            document a report ``amends``; nothing for the other kinds. None rejects: the asset has
            no symbol, the line or report amends nothing that is there.
        by: Who decided.
        reason: Why.

    Raises:
        NotFoundError: There is nothing of this kind and subject.
        InvalidInputError: The value is not of the kind, or names nothing that is there.
    """
    lock_imports(connection)
    politicians = _concerned(connection, kind, subject)
    accepted = value is not None
    if value is not None:
        _check(connection, kind, subject, value)
    connection.execute(
        _DECIDE,
        {
            "kind": kind.value,
            "subject": subject,
            "accepted": accepted,
            "value": json.dumps(dict(value or {})),
            "reason": reason,
            "by": by,
        },
    )
    settle_and_announce(connection, politicians)


def _check(
    connection: Connection, kind: ReviewKind, subject: str, value: Mapping[str, str]
) -> None:
    expected = {
        ReviewKind.TICKER: {"symbol"},
        ReviewKind.AMENDMENT: {"amends"} if "/" in subject else {"replaces"},
    }.get(kind, set())
    if value.keys() != expected:
        wanted = ", ".join(expected) or "no value"
        raise InvalidInputError("value", "other_value", f"{kind} {subject} takes {wanted}")
    if kind is ReviewKind.TICKER:
        symbol, _ = parse_ticker(value["symbol"])
        if symbol != value["symbol"]:
            raise InvalidInputError("symbol", "no_symbol", f"{value['symbol']!r} is no symbol")
        changed_rows(
            connection,
            "insert into tickers (symbol) values (:symbol) on conflict do nothing",
            symbol=symbol,
        )
    elif kind is ReviewKind.AMENDMENT:
        known = text(_SAME_FILER[next(iter(expected))])
        if not connection.scalar(known, {"subject": subject, "value": next(iter(value.values()))}):
            message = "there is nothing of this identifier that the same filer filed"
            raise InvalidInputError(next(iter(expected)), "unknown", message)


def _concerned(connection: Connection, kind: ReviewKind, subject: str) -> list[uuid.UUID]:
    details(connection, kind, subject)
    if kind is ReviewKind.TICKER:
        query = (
            "select distinct f.politician_id from filing_lines l"
            " join filings f on f.id = l.filing_id and f.sha256 = l.sha256"
            " where l.asset_key = :subject and l.ticker is null"
        )
    elif kind is ReviewKind.AMENDMENT:
        query = (
            "select f.politician_id from filings f where f.source || '/' || f.doc_id = :subject"
            " or f.id in (select filing_id from filing_lines where trade_id::text = :subject)"
        )
    else:
        return []
    return list(connection.scalars(text(query), {"subject": subject}))


def _stated_symbols(connection: Connection) -> dict[str, str]:
    rows = connection.execute(
        text(
            "select asset_key, min(ticker) as symbol from filing_lines"
            " where ticker is not null and ticker_confidence = 1 and asset_key <> ''"
            " group by asset_key having count(distinct ticker) = 1"
        )
    )
    return {row.asset_key: row.symbol for row in rows}


_DECIDE: Final = text(
    """
    insert into review_decisions (kind, subject, accepted, value, reason, decided_by)
    values (:kind, :subject, :accepted, cast(:value as jsonb), :reason, :by)
    on conflict (kind, subject) do update set accepted = excluded.accepted,
        value = excluded.value, reason = excluded.reason, decided_by = excluded.decided_by,
        decided_at = now()
    """
)

_AMENDING_LINES: Final = """
    select l.*, f.politician_id, f.source, f.doc_id
    from filing_lines l join filings f on f.id = l.filing_id and f.sha256 = l.sha256
    where l.outcome = 'unmatched_deletion' or (l.status = 'amended' and not exists (
        select from filing_lines o where o.counterpart_id = l.trade_id and o.outcome = 'superseded'
    ))
"""

# subject, summary and number of lines of the items of each kind
_ITEMS: Final = {
    ReviewKind.TICKER: """
        select l.asset_key as subject, min(l.asset) as summary, count(*) as rows
        from filing_lines l join filings f on f.id = l.filing_id and f.sha256 = l.sha256
        where l.ticker is null and l.resolved_ticker is null and l.asset_key <> ''
            and l.asset_type = any(:listed)
        group by l.asset_key
    """,
    ReviewKind.AMENDMENT: f"""
        select l.trade_id::text as subject, 1 as rows,
            concat_ws(' ', p.full_name, l.status, l.asset, l.operation, l.transaction_date)
                as summary
        from ({_AMENDING_LINES}) l join politicians p on p.id = l.politician_id
        union all
        select f.source || '/' || f.doc_id, count(*),
            concat_ws(' ', p.full_name, 'amendment', d.amendment_number, 'of an unknown report')
        from filings f
        join filing_documents d on d.filing_id = f.id and d.sha256 = f.sha256
        join filing_lines l on l.filing_id = f.id and l.sha256 = f.sha256 and l.status is null
        join politicians p on p.id = f.politician_id
        where d.amendment_number is not null and f.amends_id is null
        group by f.source, f.doc_id, p.full_name, d.amendment_number
    """,  # noqa: S608 (constants)
    ReviewKind.SCAN: """
        select d.source || '/' || d.doc_id as subject, 0 as rows,
            concat_ws(' ', coalesce(p.full_name, 'nobody known'), f.filed_date, d.url) as summary
        from filing_documents d
        left join filings f on f.id = d.filing_id
        left join politicians p on p.id = f.politician_id
        where d.paper and (f.sha256 is null or f.sha256 = d.sha256)
    """,
    ReviewKind.DOCUMENT: """
        select key as subject, 0 as rows, concat_ws(' ', reason, detail) as summary
        from raw_documents where outcome = 'rejected'
    """,
}

_LINE: Final = (
    "f.source, f.doc_id, f.filed_date, l.line_number, l.trade_id, l.status, l.reference, l.owner,"
    " l.asset, coalesce(l.ticker, l.resolved_ticker) as ticker, l.asset_type, l.operation,"
    " l.transaction_date, l.amount_min, l.amount_max, l.outcome"
)

# An amending line comes with the filer's lines of the same asset or day, which it may mean.
_DETAILS: Final = {
    ReviewKind.TICKER: f"""
        select p.full_name, {_LINE}
        from filing_lines l
        join filings f on f.id = l.filing_id and f.sha256 = l.sha256
        join politicians p on p.id = f.politician_id
        where l.asset_key = :subject and l.ticker is null
        order by f.doc_id, l.line_number limit 20
    """,  # noqa: S608 (constants)
    ReviewKind.AMENDMENT: f"""
        select {_LINE}
        from filings f
        join filing_lines l on l.filing_id = f.id and l.sha256 = f.sha256
        join (
            select n.trade_id, n.filing_id, n.asset_key, n.transaction_date, g.politician_id
            from filings g join filing_lines n on n.filing_id = g.id and n.sha256 = g.sha256
            where n.trade_id::text = :subject or g.source || '/' || g.doc_id = :subject
        ) m on m.politician_id = f.politician_id
        where l.trade_id = m.trade_id or (l.outcome = 'trade' and l.filing_id <> m.filing_id
            and (l.asset_key = m.asset_key or l.transaction_date = m.transaction_date))
        group by f.id, l.filing_id, l.sha256, l.line_number
        order by f.doc_id, l.line_number
    """,  # noqa: S608 (constants)
    ReviewKind.SCAN: """
        select d.source, d.doc_id, d.url, d.collected_on, p.full_name, f.filed_date
        from filing_documents d
        left join filings f on f.id = d.filing_id
        left join politicians p on p.id = f.politician_id
        where d.paper and d.source || '/' || d.doc_id = :subject
    """,
    ReviewKind.DOCUMENT: """
        select key, url, doc_id, reason, detail, processed_at
        from raw_documents where outcome = 'rejected' and key = :subject
    """,
}

_SAME_FILER: Final = {
    "replaces": """
        select exists (
            select from filing_lines l join filings f on f.id = l.filing_id
            join filing_lines o on o.trade_id::text = :value
            join filings g on g.id = o.filing_id and g.politician_id = f.politician_id
            where l.trade_id::text = :subject
        )
    """,
    "amends": """
        select exists (
            select from filings f
            join filings g on g.politician_id = f.politician_id and g.doc_id = :value
            where f.source || '/' || f.doc_id = :subject and g.id <> f.id
        )
    """,
}

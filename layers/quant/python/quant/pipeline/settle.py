"""Settlement: the trades of politicians, made from their official lines (docs/data.md).

What ``trades`` and ``trade_duplicates`` hold of official filings depends on the lines, filing
dates and review decisions stored, and on nothing else: settling again changes nothing. Lines
imported from elsewhere stay as they are, but those of a filing that has been read officially go,
and those that repeat an official trade become duplicates of it.
"""

import json
import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import Connection, Row, text

from quant.ingest.bulk import changed_rows
from quant.ingest.filers import settle_repeats
from quant.ingest.vocabulary import Note
from quant.parsers.tickers import resolve
from quant.pipeline.lines import (
    Facts,
    OfficialFiling,
    OfficialLine,
    Settled,
    settle_lines,
)
from quant.vocabulary import AssetType, FilingStatus, Operation, OptionType, Owner

_BY_REVIEW: Final = Decimal(1)


@dataclass(frozen=True)
class Changes:
    """What a settlement changed.

    Attributes:
        disclosed: Trades that were not there before.
        changed: Whether it changed any disclosed data.
    """

    disclosed: list[uuid.UUID]
    changed: bool


def settle(connection: Connection, politician_ids: Collection[uuid.UUID]) -> Changes:
    """Bring the trades of politicians up to date with what is stored of their filings.

    The caller holds the import lock, or else that of each politician.
    """
    ids = sorted(set(politician_ids))
    outcomes = 0
    for politician in ids:
        outcomes += _settle_lines(connection, politician)
    disclosed, changed = _project(connection, ids)
    changed += settle_repeats(connection, _with_other_trades(connection, ids))
    return Changes(disclosed, bool(outcomes or changed))


def _with_other_trades(connection: Connection, ids: list[uuid.UUID]) -> list[uuid.UUID]:
    """Return those politicians who have trades of filings that were not read officially."""
    return list(
        connection.scalars(
            text(
                "select distinct t.politician_id from trades t join filings f on f.id = t.filing_id"
                " where t.politician_id = any(:ids) and (f.sha256 is null or f.paper)"
            ),
            {"ids": ids},
        )
    )


_LINES: Final = text(
    """
    select f.doc_id, f.source, f.amends_id, d.amends, d.amendment_number,
        coalesce(
            f.filed_date, d.signed_date, max(l.transaction_date) over (partition by f.id)
        ) as day,
        l.filing_id, l.sha256, l.line_number, l.trade_id, l.status, l.reference, l.owner, l.asset,
        l.asset_key, l.ticker, l.asset_type, l.operation, l.transaction_date, l.amount_min,
        l.amount_max, l.subholding_of, l.option_type, l.option_strike, l.option_expires,
        l.resolved_ticker, l.resolved_confidence, l.outcome, l.counterpart_id
    from filings f
    join filing_documents d on d.filing_id = f.id and d.sha256 = f.sha256
    join filing_lines l on l.filing_id = d.filing_id and l.sha256 = d.sha256
    where f.politician_id = :politician
    """
)

_Resolved = tuple[str | None, Decimal | None]


def _settle_lines(connection: Connection, politician: uuid.UUID) -> int:
    """Write down what each of a politician's lines is; return how much of that changed."""
    rows = connection.execute(_LINES, {"politician": politician}).all()
    if not rows:
        return 0
    symbols = resolve_tickers(connection, rows)
    replaced, stated = _decisions(connection, rows)
    filings: dict[tuple[str, str], list[Row[Any]]] = defaultdict(list)
    for row in rows:
        filings[row.source, row.doc_id].append(row)
    settlement = settle_lines(
        [
            OfficialFiling(
                doc_id,
                lines[0].day,
                [_official_line(line, symbols.get(line.trade_id)) for line in lines],
                stated.get(f"{source}/{doc_id}", lines[0].amends),
                lines[0].amendment_number,
            )
            for (source, doc_id), lines in filings.items()
        ],
        replaced,
    )
    changes = [
        change
        for row in rows
        if (change := _change(row, settlement.lines[row.trade_id], symbols.get(row.trade_id)))
    ]
    if changes:
        connection.execute(_STORE_OUTCOMES, {"rows": json.dumps(changes, default=str)})
    return len(changes) + _store_amends(connection, politician, settlement.amends)


def _official_line(row: Row[Any], resolved: _Resolved | None) -> OfficialLine:
    return OfficialLine(
        row.trade_id,
        row.line_number,
        Facts(
            row.transaction_date,
            Owner(row.owner) if row.owner else None,
            row.asset_key or row.asset,
            row.ticker or (resolved[0] if resolved else None),
            AssetType(row.asset_type) if row.asset_type else None,
            Operation(row.operation),
            row.amount_min,
            row.amount_max,
            row.subholding_of,
            OptionType(row.option_type) if row.option_type else None,
            row.option_strike,
            row.option_expires,
        ),
        FilingStatus(row.status) if row.status else None,
        row.reference,
    )


def _change(row: Row[Any], settled: Settled, resolved: _Resolved | None) -> dict[str, Any] | None:
    ticker, confidence = resolved or (None, None)
    is_now = (settled.outcome.value, settled.counterpart_id, ticker, confidence)
    if is_now == (row.outcome, row.counterpart_id, row.resolved_ticker, row.resolved_confidence):
        return None
    return {
        "filing_id": row.filing_id,
        "sha256": row.sha256,
        "line_number": row.line_number,
        "outcome": settled.outcome.value,
        "counterpart_id": settled.counterpart_id,
        "resolved_ticker": ticker,
        "resolved_confidence": confidence,
    }


_STORE_OUTCOMES: Final = text(
    """
    update filing_lines l set outcome = s.outcome, counterpart_id = s.counterpart_id,
        resolved_ticker = s.resolved_ticker, resolved_confidence = s.resolved_confidence
    from jsonb_to_recordset(cast(:rows as jsonb)) as s (
        filing_id uuid, sha256 text, line_number smallint, outcome text, counterpart_id uuid,
        resolved_ticker text, resolved_confidence numeric
    )
    where l.filing_id = s.filing_id and l.sha256 = s.sha256 and l.line_number = s.line_number
    """
)


def _decisions(
    connection: Connection, rows: Iterable[Row[Any]]
) -> tuple[dict[uuid.UUID, uuid.UUID | None], dict[str, str | None]]:
    """Return what reviews decided: the line a line replaces, the report a report amends."""
    subjects = {str(row.trade_id) for row in rows if row.status} | {
        f"{row.source}/{row.doc_id}" for row in rows if row.amendment_number is not None
    }
    if not subjects:
        return {}, {}
    lines: dict[uuid.UUID, uuid.UUID | None] = {}
    reports: dict[str, str | None] = {}
    for subject, accepted, value in connection.execute(
        text(
            "select subject, accepted, value from review_decisions"
            " where kind = 'amendment' and subject = any(:subjects)"
        ),
        {"subjects": sorted(subjects)},
    ):
        if "/" in subject:
            # Without a decision a report is held against the others; amending none, it names
            # one that does not exist.
            reports[subject] = str(value["amends"]) if accepted else ""
        else:
            lines[uuid.UUID(subject)] = uuid.UUID(value["replaces"]) if accepted else None
    return lines, reports


def resolve_tickers(
    connection: Connection, rows: Iterable[Row[Any]]
) -> dict[uuid.UUID, tuple[str | None, Decimal | None]]:
    """Return symbol and confidence, by ``trade_id``, of lines whose form states no symbol.

    A review's decision comes first; else what filers stated, always the same, for an asset of
    exactly this name.
    """
    wanted = [row for row in rows if row.ticker is None]
    keys = sorted({row.asset_key for row in wanted if row.asset_key})
    if not keys:
        return {}
    decided: dict[str, _Resolved] = {
        subject: (value["symbol"], _BY_REVIEW) if accepted else (None, None)
        for subject, accepted, value in connection.execute(
            text(
                "select subject, accepted, value from review_decisions"
                " where kind = 'ticker' and subject = any(:keys)"
            ),
            {"keys": keys},
        )
    }
    stated: dict[str, str] = {
        row.asset_key: row.symbol
        for row in connection.execute(
            text(
                "select asset_key, min(ticker) as symbol from filing_lines"
                " where asset_key = any(:keys) and ticker is not null and ticker_confidence = 1"
                " group by asset_key having count(distinct ticker) = 1"
            ),
            {"keys": keys},
        )
    }
    resolved: dict[uuid.UUID, _Resolved] = {}
    for row in wanted:
        key = row.asset_key
        if key in decided:
            resolved[row.trade_id] = decided[key]
            continue
        kind = AssetType(row.asset_type) if row.asset_type else None
        known = {key: stated[key]} if key in stated else {}
        found = resolve(row.asset, kind, known)
        if found.symbol is not None:
            resolved[row.trade_id] = found.symbol, found.confidence
    return resolved


def _store_amends(connection: Connection, politician: uuid.UUID, amends: Mapping[str, str]) -> int:
    return changed_rows(
        connection,
        """
        update filings f set amends_id = o.id
        from filings g
        left join jsonb_each_text(cast(:amends as jsonb)) as a (doc_id, original)
            on a.doc_id = g.doc_id
        left join filings o on o.source = g.source and o.doc_id = a.original
        where f.id = g.id and g.politician_id = :politician and g.sha256 is not null
            and f.amends_id is distinct from o.id
        """,
        politician=politician,
        amends=json.dumps(dict(amends)),
    )


_NOTES: Final = f"""array(
        select distinct note collate "C" from unnest(l.notes || array[
            case when l.notification_date < l.transaction_date
                then '{Note.NOTIFICATION_BEFORE_TRANSACTION}' end,
            case when l.notification_date > f.filed_date
                then '{Note.NOTIFICATION_AFTER_DISCLOSURE}' end,
            case when f.filed_date is null then '{Note.DISCLOSURE_DATE_UNKNOWN}' end,
            case when f.filed_date < l.transaction_date
                then '{Note.DISCLOSURE_BEFORE_TRANSACTION}' end,
            case when l.status = 'amended' and not exists (
                select from filing_lines o
                where o.counterpart_id = l.trade_id and o.outcome = 'superseded'
            ) then '{Note.AMENDED_LINE_UNKNOWN}' end,
            case when d.amendment_number is not null and l.status is null and f.amends_id is null
                then '{Note.AMENDED_REPORT_UNKNOWN}' end
        ]) as note where note is not null order by 1
    )"""  # noqa: S608 (constants)

# Each column of a trade that official lines fill, with its expression over a line (l), its filing
# (f) and its document (d).
_COLUMNS: Final = {
    "politician_id": "f.politician_id",
    "filing_id": "l.filing_id",
    "line_hash": "l.line_hash",
    "occurrence": "l.occurrence",
    "line_number": "l.line_number",
    "owner": "l.owner",
    "asset": "l.asset",
    "ticker": "coalesce(l.ticker, l.resolved_ticker)",
    "asset_type": "l.asset_type",
    "operation": "l.operation",
    "transaction_date": "l.transaction_date",
    "notification_date": (
        "case when l.notification_date"
        " between l.transaction_date and coalesce(f.filed_date, 'infinity')"
        " then l.notification_date end"
    ),
    "disclosure_date": "case when f.filed_date >= l.transaction_date then f.filed_date end",
    "amount_min": "l.amount_min",
    "amount_max": "l.amount_max",
    "capital_gains_over_200": "l.capital_gains_over_200",
    "comment": "l.description",
    "status": "l.status",
    "asset_code": "l.asset_code",
    "ticker_confidence": (
        "case when l.ticker is null then l.resolved_confidence else l.ticker_confidence end"
    ),
    "subholding_of": "l.subholding_of",
    "option_type": "l.option_type",
    "option_strike": "l.option_strike",
    "option_expires": "l.option_expires",
    "option_contracts": "l.option_contracts",
    "option_shares": "l.option_shares",
    "option_exercised": "l.option_exercised",
    "notes": _NOTES,
    "raw": "l.raw",
}
_NAMES: Final = ", ".join(_COLUMNS)

# The trades that the lines of politicians are.
_PROJECTION: Final = f"""
select l.trade_id as id, {", ".join(f"{value} as {name}" for name, value in _COLUMNS.items())}
from filings f
join filing_documents d on d.filing_id = f.id and d.sha256 = f.sha256
join filing_lines l on l.filing_id = d.filing_id and l.sha256 = d.sha256
where f.politician_id = any(:ids) and l.outcome = 'trade'
"""  # noqa: S608 (constants)

_UPSERT_TRADES: Final = f"""
insert into trades as t (id, {_NAMES})
select p.id, {", ".join(f"p.{name}" for name in _COLUMNS)} from ({_PROJECTION}) p
left join trades t on t.id = p.id
where t.id is null
    or ({", ".join(f"t.{name}" for name in _COLUMNS)})
    is distinct from ({", ".join(f"p.{name}" for name in _COLUMNS)})
order by p.id
on conflict (id) do update set {", ".join(f"{name} = excluded.{name}" for name in _COLUMNS)}
returning t.id, t.xmax = 0
"""  # noqa: S608 (constants)

_UPSERT_REPEATED: Final = """
insert into trade_duplicates as t (id, trade_id, filing_id, line_hash, occurrence, raw)
select l.trade_id, l.counterpart_id, l.filing_id, l.line_hash, l.occurrence, l.raw
from filings f join filing_lines l on l.filing_id = f.id and l.sha256 = f.sha256
where f.politician_id = any(:ids) and l.outcome = 'repeated'
on conflict (id) do update set trade_id = excluded.trade_id, raw = excluded.raw
where (t.trade_id, t.raw) is distinct from (excluded.trade_id, excluded.raw)
"""

# Of a row in ``t``: it is of an official filing, or was made from an official line.
_OFFICIAL: Final = """(
    exists (
        select from filings f where f.id = t.filing_id and f.sha256 is not null and not f.paper
    )
    or exists (select from filing_lines l where l.trade_id = t.id)
)"""

# ... and no line that counts has this outcome.
_STALE: Final = f"""{_OFFICIAL} and not exists (
    select from filings f join filing_lines l on l.filing_id = f.id and l.sha256 = f.sha256
    where l.trade_id = t.id and l.outcome = '{{outcome}}'
)"""

# Duplicates imported from elsewhere follow their trade to the official line of the same facts.
_FOLLOW: Final = """
update trade_duplicates d set trade_id = n.id
from trades o
cross join lateral (
    select t.id from trades t
    where t.politician_id = o.politician_id and t.transaction_date = o.transaction_date
        and (t.owner, t.asset, t.ticker, t.operation, t.amount_min, t.amount_max)
            is not distinct from
            (o.owner, o.asset, o.ticker, o.operation, o.amount_min, o.amount_max)
        and t.id <> all(:stale)
    order by t.id limit 1
) n
where o.id = any(:stale) and d.trade_id = o.id
"""


def _project(connection: Connection, ids: list[uuid.UUID]) -> tuple[list[uuid.UUID], int]:
    """Make the trades and duplicates of politicians what their lines are.

    Returns:
        The trades that are new, and the number of changed rows.
    """
    written = connection.execute(text(_UPSERT_TRADES), {"ids": ids}).all()
    disclosed = [trade for trade, new in written if new]
    changed = len(written) + changed_rows(connection, _UPSERT_REPEATED, ids=ids)
    stale = list(
        connection.scalars(
            text(
                "select t.id from trades t where t.politician_id = any(:ids)"  # noqa: S608
                f" and {_STALE.format(outcome='trade')}"
            ),
            {"ids": ids},
        )
    )
    if stale:
        changed_rows(connection, _FOLLOW, stale=stale)
    changed += changed_rows(
        connection,
        "delete from trade_duplicates t using filings g"  # noqa: S608 (constants)
        " where g.id = t.filing_id and g.politician_id = any(:ids)"
        f" and {_STALE.format(outcome='repeated')}",
        ids=ids,
    )
    if stale:
        changed_rows(
            connection, "delete from trade_duplicates where trade_id = any(:stale)", stale=stale
        )
        changed += changed_rows(
            connection, "delete from trades where id = any(:stale)", stale=stale
        )
    return disclosed, changed

"""Filings: whose they are, when they were filed, and the trades that follow."""

import uuid
from collections.abc import Collection, Iterable
from typing import Any, Final

from sqlalchemy import Connection, text

from quant.ingest.bulk import changed_rows, count_up_data_version, lock_imports
from quant.ingest.filers import resolve
from quant.ingest.names import Filer, first_and_last
from quant.pipeline.outbox import announce
from quant.pipeline.settle import resolve_tickers, settle

# Namespaces of advisory locks, taken in this order and after the import lock.
_FILING_LOCK: Final = 0x7101
_POLITICIAN_LOCK: Final = 0x7102


def lock_filing(connection: Connection, filing: uuid.UUID) -> None:
    """Wait for whoever loads another version of the filing, until the transaction ends."""
    _lock(connection, _FILING_LOCK, [filing])


def place_filings(connection: Connection, filings: Collection[uuid.UUID]) -> None:
    """Bring filings up to date with their documents and work items, and settle their trades.

    A filing's filer must be registered; one that nobody names is left out.
    """
    before = _politicians(connection, _STORED, filings)
    after = _politicians(connection, _NAMED, filings)
    _lock(connection, _POLITICIAN_LOCK, before | after)
    changed = changed_rows(connection, _PLACE, ids=list(filings))
    changed += changed_rows(connection, _FORGET_OLD_OUTCOMES, ids=list(filings))
    settle_and_announce(connection, before | after, changed=bool(changed))


def settle_and_announce(
    connection: Connection, politicians: Collection[uuid.UUID], *, changed: bool = False
) -> None:
    """Settle politicians' trades, announce new ones, and count up the data version.

    Args:
        connection: In a transaction that holds the import lock, or the politicians' locks.
        politicians: Whose trades.
        changed: Whether other disclosed data changed before.
    """
    changes = settle(connection, politicians)
    announce(connection, changes.disclosed)
    renamed = _name_unknown_filers(connection, politicians)
    if changed or changes.changed or renamed:
        # Last, since whoever comes after waits here for the end of the transaction.
        count_up_data_version(connection)


def settle_politician(connection: Connection, politician: uuid.UUID) -> None:
    """Settle one politician's trades, under the locks that this takes."""
    lock_imports(connection, shared=True)
    _lock(connection, _POLITICIAN_LOCK, [politician])
    settle_and_announce(connection, [politician])


def outdated_tickers(connection: Connection, asset_keys: Collection[str]) -> list[uuid.UUID]:
    """Return politicians with lines of these assets that now have another symbol, or one at all.

    A symbol found by name depends on what other filings state, which may be committed while the
    line is loaded: looking after either commit finds what each could not see of the other.
    """
    rows = connection.execute(_NAMESAKES, {"keys": sorted(asset_keys)}).all()
    symbols = resolve_tickers(connection, rows)
    return sorted(
        {
            row.politician_id
            for row in rows
            if symbols.get(row.trade_id, (None, None))
            != (row.resolved_ticker, row.resolved_confidence)
        }
    )


_NAMESAKES: Final = text(
    """
    select f.politician_id, l.trade_id, l.ticker, l.asset, l.asset_key, l.asset_type,
        l.resolved_ticker, l.resolved_confidence
    from filing_lines l join filings f on f.id = l.filing_id and f.sha256 = l.sha256
    where l.asset_key = any(:keys) and l.ticker is null
    """
)


def register(connection: Connection, filer: Filer) -> uuid.UUID:
    """Return the politician behind a filer; one that was unknown becomes known by this name."""
    found = resolve(connection, [(filer.chamber, filer.alias)])[filer.chamber, filer.alias]
    first, last = first_and_last(filer.display_name)
    if found.bioguide_id is None:
        changed_rows(
            connection,
            "insert into politicians (id, full_name, first_name, last_name, sort_name, chamber,"
            " state, district) values (:id, :name, :first, :last, :sort, :chamber, :state,"
            " :district) on conflict (id) do nothing",
            id=found.politician_id,
            name=filer.display_name,
            first=first,
            last=last,
            sort=f"{last}, {first}".lower(),
            chamber=filer.chamber.value,
            state=filer.state,
            district=filer.district,
        )
    changed_rows(
        connection,
        "insert into politician_aliases (chamber, alias, politician_id)"
        " values (:chamber, :alias, :politician) on conflict do nothing",
        chamber=filer.chamber.value,
        alias=filer.alias,
        politician=found.politician_id,
    )
    return found.politician_id


def _lock(connection: Connection, namespace: int, subjects: Iterable[uuid.UUID]) -> None:
    for subject in sorted(subjects):
        connection.execute(
            text("select pg_advisory_xact_lock(:namespace, hashtext(:subject))"),
            {"namespace": namespace, "subject": str(subject)},
        )


# The version of each filing that counts, with its politician.
_CURRENT: Final = """
    select c.*, coalesce(c.filed_date, w.filed_date) as filed_on, a.politician_id
    from (
        select distinct on (filing_id) * from filing_documents where filing_id = any(:ids)
        order by filing_id, collected_on desc, sha256 collate "C" desc
    ) c
    left join work_items w on w.source = c.source and w.doc_id = c.doc_id
    join politician_aliases a
        on a.chamber = coalesce(c.chamber, w.chamber) and a.alias = coalesce(c.alias, w.alias)
"""
_STORED: Final = "select politician_id from filings where id = any(:ids)"
_NAMED: Final = f"select politician_id from ({_CURRENT}) c"  # noqa: S608 (a constant)

_PLACE: Final = f"""
    insert into filings as f (id, source, doc_id, politician_id, filed_date, url, sha256, paper)
    select filing_id, source, doc_id, politician_id, filed_on, url, sha256, paper
    from ({_CURRENT}) c order by filing_id
    on conflict (id) do update set politician_id = excluded.politician_id,
        filed_date = excluded.filed_date, url = coalesce(excluded.url, f.url),
        sha256 = excluded.sha256, paper = excluded.paper
    where (f.politician_id, f.filed_date, f.url, f.sha256, f.paper) is distinct from
        (excluded.politician_id, excluded.filed_date, coalesce(excluded.url, f.url),
        excluded.sha256, excluded.paper)
"""  # noqa: S608 (a constant)

_FORGET_OLD_OUTCOMES: Final = """
    update filing_lines l set outcome = null, counterpart_id = null, resolved_ticker = null,
        resolved_confidence = null
    from filings f
    where f.id = any(:ids) and l.filing_id = f.id and l.sha256 <> f.sha256
        and l.outcome is not null
"""


def _politicians(
    connection: Connection, query: str, filings: Collection[uuid.UUID]
) -> set[uuid.UUID]:
    return set(connection.scalars(text(query), {"ids": list(filings)}))


def _name_unknown_filers(connection: Connection, politicians: Collection[uuid.UUID]) -> int:
    """Call filers without a Bioguide identifier as the document filed last calls them."""
    named: dict[uuid.UUID, dict[str, Any]] = {}
    for row in connection.execute(_NAMES_OF_UNKNOWN, {"ids": list(politicians)}):
        first, last = first_and_last(row.filer)
        named[row.id] = {
            "id": row.id,
            "name": row.filer,
            "first": first,
            "last": last,
            "sort": f"{last}, {first}".lower(),
            "state": row.state,
            "district": row.district,
        }
    return sum(changed_rows(connection, _NAME, **names) for names in named.values())


_NAMES_OF_UNKNOWN: Final = text(
    """
    select distinct on (p.id) p.id, n.filer, n.state, n.district
    from politicians p
    join politician_aliases a on a.politician_id = p.id
    join (
        select chamber, alias, filer, state, district, coalesce(filed_date, signed_date) as day,
            doc_id, sha256 from filing_documents
        union all
        select w.chamber, w.alias, w.filer, w.state, w.district, w.filed_date, w.doc_id, d.sha256
        from work_items w
        join filing_documents d on d.source = w.source and d.doc_id = w.doc_id and d.alias is null
    ) n on n.chamber = a.chamber and n.alias = a.alias
    where p.id = any(:ids) and p.bioguide_id is null
    order by p.id, n.day desc nulls last, n.doc_id collate "C" desc, n.sha256 collate "C" desc
    """
)

_NAME: Final = """
    update politicians set full_name = :name, first_name = :first, last_name = :last,
        sort_name = :sort, state = :state, district = :district
    where id = :id and (full_name, state, district) is distinct from
        (:name, :state, cast(:district as smallint))
"""

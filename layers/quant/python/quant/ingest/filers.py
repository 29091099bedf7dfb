"""Filers in the database: which politician a name belongs to, and mending that later."""

import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select, text

from quant.db.models import LegislatorRecord, Politician, PoliticianAlias
from quant.identity import politician_id, unmatched_politician_id
from quant.ingest.bulk import stage
from quant.ingest.names import Member, Roster
from quant.vocabulary import Chamber


@dataclass(frozen=True)
class Resolved:
    """The politician behind a name; ``bioguide_id`` is None for a filer known only by name."""

    politician_id: uuid.UUID
    bioguide_id: str | None


def load_roster(connection: Connection) -> Roster:
    """Return the roster of all members of Congress in the database."""
    records = connection.execute(
        select(Politician.bioguide_id, LegislatorRecord.names, LegislatorRecord.terms).join(
            LegislatorRecord, LegislatorRecord.politician_id == Politician.id
        )
    )
    return Roster(
        Member.from_record(bioguide_id, names, terms)
        for bioguide_id, names, terms in records
        if bioguide_id
    )


def resolve(
    connection: Connection, names: Iterable[tuple[Chamber, str]]
) -> dict[tuple[Chamber, str], Resolved]:
    """Return the politician behind each (chamber, alias).

    A stored alias of a member goes before the matching rules, so a name settled once stays
    settled; the names of no known member get the identifier that depends on the name alone.
    """
    wanted = set(names)
    resolved = {
        (Chamber(chamber), alias): Resolved(found_id, bioguide_id)
        for chamber, alias, found_id, bioguide_id in connection.execute(
            select(
                PoliticianAlias.chamber,
                PoliticianAlias.alias,
                PoliticianAlias.politician_id,
                Politician.bioguide_id,
            )
            .join(Politician, Politician.id == PoliticianAlias.politician_id)
            .where(PoliticianAlias.alias.in_({alias for _, alias in wanted}))
        )
    }
    unknown = wanted - resolved.keys()
    # Reading all members takes longer than all else that loading one filing does.
    roster = load_roster(connection) if unknown else None
    for chamber, alias in unknown:
        bioguide_id = roster.match(chamber, alias) if roster else None
        resolved[chamber, alias] = (
            Resolved(politician_id(bioguide_id), bioguide_id)
            if bioguide_id
            else Resolved(unmatched_politician_id(chamber, alias), None)
        )
    return resolved


def relink(connection: Connection) -> list[uuid.UUID]:
    """Move the filings of unknown filers whose names now match a member to that member.

    Returns:
        The member for each filer moved, whose lines are to be settled again.
    """
    roster = load_roster(connection)
    orphans = connection.execute(
        select(PoliticianAlias.chamber, PoliticianAlias.alias, Politician.id)
        .join(Politician, Politician.id == PoliticianAlias.politician_id)
        .where(Politician.bioguide_id.is_(None))
    ).all()
    moves = [
        (orphan_id, politician_id(bioguide_id))
        for chamber, alias, orphan_id in orphans
        if (bioguide_id := roster.match(Chamber(chamber), alias))
    ]
    return _move(connection, moves)


def adopt(
    connection: Connection, members: Mapping[tuple[Chamber, str], uuid.UUID]
) -> list[uuid.UUID]:
    """Store the names of members that a source identifies; known members keep their names.

    Args:
        connection: In a transaction.
        members: Stored politicians with a Bioguide identifier, by chamber and alias.

    Returns:
        The members who take over the filings of an unknown filer, to be settled again.
    """
    stored = resolve(connection, members)
    # An unknown filer's identifier depends on the one name it is known by.
    unknown = set(connection.scalars(select(Politician.id).where(Politician.bioguide_id.is_(None))))
    moves = [
        (stored[name].politician_id, member)
        for name, member in members.items()
        if stored[name].politician_id in unknown
    ]
    moved = _move(connection, moves)
    stage(
        connection,
        "adopted_aliases",
        ["chamber text", "alias text", "politician_id uuid"],
        ((*name, member) for name, member in members.items()),
    )
    connection.execute(
        text(
            "insert into politician_aliases (chamber, alias, politician_id)"
            " select * from adopted_aliases on conflict do nothing"
        )
    )
    return moved


def _move(connection: Connection, moves: Sequence[tuple[uuid.UUID, uuid.UUID]]) -> list[uuid.UUID]:
    """Give what each unknown filer filed to a member; return the members."""
    if not moves:
        return []
    connection.execute(text("drop table if exists moved_filers"))
    stage(connection, "moved_filers", ["old_id uuid", "new_id uuid"], moves)
    for table in ("trades", "filings", "politician_aliases"):
        connection.execute(
            text(
                f"update {table} t set politician_id = m.new_id"  # noqa: S608 (a constant)
                " from moved_filers m where t.politician_id = m.old_id"
            )
        )
    connection.execute(
        text("delete from politicians where id in (select old_id from moved_filers)")
    )
    return [new_id for _, new_id in moves]


# The nth of a filing's lines with the same facts repeats the nth of another filing's. Kept is the
# line of the filing that was filed first; where the day of filing is unknown, its latest
# transaction stands for it. A line once found to repeat another stays so. Lines of official
# documents go before others, and are not judged here (quant.pipeline.settle).
_REPEATS = """
with lines as (
    select t.id, true as kept, t.filing_id, t.line_hash, t.occurrence, t.politician_id,
        t.transaction_date, t.owner, t.asset, t.ticker, t.operation, t.amount_min, t.amount_max
    from trades t where t.politician_id = any(:ids)
    union all
    select d.id, false, d.filing_id, d.line_hash, d.occurrence, t.politician_id,
        t.transaction_date, t.owner, t.asset, t.ticker, t.operation, t.amount_min, t.amount_max
    from trade_duplicates d join trades t on t.id = d.trade_id where t.politician_id = any(:ids)
),
filed as (
    select f.id, f.doc_id, coalesce(f.filed_date, max(l.transaction_date)) as day,
        f.sha256 is not null and not f.paper as official
    from filings f join lines l on l.filing_id = f.id group by f.id
),
numbered as (
    select *, row_number() over (
        partition by filing_id, transaction_date, owner, asset, ticker, operation,
            amount_min, amount_max
        order by line_hash, occurrence
    ) as nth
    from lines
),
ranked as (
    select n.id, n.kept, f.official, first_value(n.id) over (
        partition by n.politician_id, n.transaction_date, n.owner, n.asset, n.ticker,
            n.operation, n.amount_min, n.amount_max, n.nth
        order by n.kept and f.official desc, n.kept desc, f.day, f.doc_id, n.filing_id
    ) as kept_id
    from numbered n join filed f on f.id = n.filing_id
)
select id, kept_id from ranked where kept and not official and id <> kept_id
"""


def settle_repeats(connection: Connection, politician_ids: Collection[uuid.UUID]) -> int:
    """Turn trades that repeat a trade of another filing of the same politician into duplicates.

    Returns:
        The number of trades that became duplicates.
    """
    if not politician_ids:
        return 0
    repeats = connection.execute(text(_REPEATS), {"ids": list(politician_ids)}).all()
    if not repeats:
        return 0
    connection.execute(text("drop table if exists repeats"))
    stage(connection, "repeats", ["id uuid", "kept_id uuid"], repeats)
    connection.execute(
        text(
            "insert into trade_duplicates (id, trade_id, filing_id, line_hash, occurrence, raw)"
            " select t.id, r.kept_id, t.filing_id, t.line_hash, t.occurrence, t.raw"
            " from trades t join repeats r on r.id = t.id"
        )
    )
    connection.execute(
        text(
            "update trade_duplicates d set trade_id = r.kept_id"
            " from repeats r where d.trade_id = r.id"
        )
    )
    connection.execute(text("delete from trades where id in (select id from repeats)"))
    return len(repeats)

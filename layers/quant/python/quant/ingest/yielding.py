"""Lines that two imported sources have of one filing: those of the Senate tables yield.

The tables' columns are a selection of the Stock Watcher's (no comment, symbols added), so the same
line has another content hash in each. It is the *n*-th line of the filing with the same day,
owner, operation, amount and letters and digits of the asset. What is stored in the end is
independent of which source came first.
"""

from typing import Final

from sqlalchemy import Connection, text

from quant.ingest.bulk import changed_rows, stage

# A column that the tables have and no other source.
TABLE_COLUMN: Final = "natural_key_hash"


def _facts(line: str) -> str:
    return (
        f"{line}.filing_id, {line}.transaction_date, cast({line}.owner as text),"
        f" cast({line}.operation as text), {line}.amount_min, {line}.amount_max,"
        f" regexp_replace(upper({line}.asset), '[^A-Z0-9]', '', 'g')"
    )


# Stored lines of the filings that have staged ones; a duplicate has the facts of its trade.
_STORED: Final = f"""
    select t.id, row({_facts("t")}) as facts, t.raw ? '{TABLE_COLUMN}' as of_tables
    from trades t where t.filing_id in (select filing_id from staged_trades)
    union all
    select d.id, row({_facts("t").replace("t.filing_id", "d.filing_id")}),
        d.raw ? '{TABLE_COLUMN}'
    from trade_duplicates d join trades t on t.id = d.trade_id
    where d.filing_id in (select filing_id from staged_trades)
"""  # noqa: S608 (constants)

_STAGED: Final = f"select t.id, row({_facts('t')}) as facts from staged_trades t"  # noqa: S608


def _pairs(tables: str, others: str) -> str:
    """Return the query of the table lines that have another source's line of the same filing."""
    numbered = (
        "select id, facts, row_number() over (partition by facts order by id) as nth from ({}) l"
    )
    return (
        f"select a.id, b.id as kept_id from ({numbered.format(tables)}) a"  # noqa: S608
        f" join ({numbered.format(others)}) b on a.facts = b.facts and a.nth = b.nth"
    )


def yield_staged(connection: Connection) -> int:
    """Take those of the tables' staged lines away that another source has stored.

    Returns:
        The number of lines.
    """
    others = f"select id, facts from ({_STORED}) s where not of_tables"  # noqa: S608 (constants)
    return changed_rows(
        connection,
        "delete from staged_trades s using"  # noqa: S608 (constants)
        f" ({_pairs(_STAGED, others)}) p where p.id = s.id",
    )


def yield_stored(connection: Connection) -> int:
    """Remove those of the tables' stored lines that another source has just stored as well.

    Returns:
        The number of lines.
    """
    # Without comment or markup the content is the same, and so is the identifier.
    taken = sum(
        changed_rows(
            connection,
            f"update {table} t set raw = s.raw from staged_trades s"  # noqa: S608 (constants)
            f" where t.id = s.id and t.raw ? '{TABLE_COLUMN}'",
        )
        for table in ("trades", "trade_duplicates")
    )
    stored = f"select id, facts from ({_STORED}) s where"  # noqa: S608 (constants)
    pairs = connection.execute(text(_pairs(f"{stored} of_tables", f"{stored} not of_tables"))).all()
    if not pairs:
        return taken
    stage(connection, "yielding", ["id uuid", "kept_id uuid"], pairs)
    connection.execute(
        text(
            "update trade_duplicates d set trade_id = coalesce("
            "(select k.trade_id from trade_duplicates k where k.id = y.kept_id), y.kept_id)"
            " from yielding y where d.trade_id = y.id"
        )
    )
    for table in ("trade_duplicates", "trades"):
        connection.execute(
            text(f"delete from {table} where id in (select id from yielding)")  # noqa: S608
        )
    return taken + len(pairs)

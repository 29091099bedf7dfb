"""What a database holds, in digests that two databases share only if they hold the same.

Physical order, object identifiers and statistics do not count: a restored database has others.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from pg8000.native import identifier, literal

from quant.backup.manifest import Kind, Table

# So that the text of a value depends on the value alone.
# https://www.postgresql.org/docs/18/runtime-config-client.html
_SESSION: Final = {
    "datestyle": "ISO, MDY",
    "timezone": "UTC",
    "intervalstyle": "postgres",
    "extra_float_digits": "1",
    "bytea_output": "hex",
    "client_encoding": "UTF8",
    # Names are printed with their schema.
    "search_path": "",
    "statement_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "transaction_timeout": "0",
}

# Whose parts belong to their parent, and whose definition belongs to an extension, is left out.
_TABLES: Final = """
select n.nspname, c.relname,
    (select json_agg(a.attname order by a.attnum) from pg_attribute a
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped),
    (select json_agg(json_build_array(a.attname, a.attcollation <> 0) order by k.place)
        from pg_index i
        cross join lateral unnest(i.indkey::int2[]) with ordinality as k (attnum, place)
        join pg_attribute a on a.attrelid = c.oid and a.attnum = k.attnum
        where i.indrelid = c.oid and i.indisprimary)
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p') and not c.relispartition and c.relpersistence <> 't'
    and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass
        and d.objid = c.oid and d.deptype = 'e')
order by n.nspname collate "C", c.relname collate "C"
"""

_SEQUENCES: Final = """
select format('%I.%I', schemaname, sequencename), coalesce(last_value, start_value - increment_by)
from pg_sequences order by 1
"""


def prepare(session: Any) -> None:
    """Set a session so that ``tables`` and ``schema`` give comparable answers."""
    for name, value in _SESSION.items():
        session.run(f"set {name} = {literal(value)}")


def tables(session: Any) -> dict[str, Table]:
    """Return rows and digest of every table, in constant memory.

    The digest is SHA-256 of the rows as ``COPY`` prints them, in the order of the primary key,
    texts by their bytes. Parts of a partitioned table count as one.
    """
    return {
        f"{schema}.{name}": _read(session, schema, name, columns, key)
        for schema, name, columns, key in session.run(_TABLES)
    }


def _read(
    session: Any, schema: str, name: str, columns: list[str] | None, key: list[Any] | None
) -> Table:
    listed = ", ".join(map(identifier, columns or ()))
    order = ", ".join(
        f'{identifier(column)} collate "C"' if collatable else identifier(column)
        for column, collatable in key or ()
    )
    # Without a key the order is that of the rows' own text.
    order = order or 't::text collate "C"'
    reader = _Reader()
    session.run(
        f"copy (select {listed} from {identifier(schema)}.{identifier(name)} as t"  # noqa: S608
        f" order by {order}) to stdout",
        stream=reader,
    )
    return Table(rows=reader.rows, sha256=reader.digest.hexdigest())


class _Reader:
    """Takes what ``COPY`` sends; within a value a line's end is escaped."""

    def __init__(self) -> None:
        self.digest = hashlib.sha256()
        self.rows = 0

    def write(self, data: bytes) -> None:
        self.digest.update(data)
        self.rows += data.count(b"\n")


def total(found: dict[str, Table]) -> str:
    """Return one digest of all tables."""
    lines = (f"{name} {table.rows} {table.sha256}\n" for name, table in sorted(found.items()))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def sequences(session: Any) -> dict[str, int]:
    """Return the last value of each sequence that was given out."""
    return dict(session.run(_SEQUENCES))


def schema(session: Any, definitions: dict[str, str]) -> dict[str, Kind]:
    """Return count and digest of the definitions of each kind of object.

    Args:
        session: A prepared session.
        definitions: Statements by kind, each with one column of text.
    """
    return {
        kind: _kind(line for (line,) in session.run(statement))
        for kind, statement in definitions.items()
    }


def _kind(lines: Iterable[str]) -> Kind:
    ordered = sorted(lines)
    digest = hashlib.sha256("\n".join(ordered).encode()).hexdigest()
    return Kind(count=len(ordered), sha256=digest)


@dataclass(frozen=True, slots=True)
class Landmarks:
    """Where the data is in its own history.

    Attributes:
        revision: Of the schema; ``None`` where nothing was migrated.
        data_version: Counted up by every change of the disclosed data.
        audit_head: End of the audit log's chain, ``<sequence>:<hash>``.
    """

    revision: str | None
    data_version: int | None
    audit_head: str | None


def landmarks(session: Any) -> Landmarks:
    """Read the landmarks, each absent where its table is."""
    return Landmarks(
        revision=_one(session, "alembic_version", "version_num"),
        data_version=_one(session, "data_version", "version"),
        audit_head=_one(session, "audit_chain_head", "sequence || ':' || encode(hash, 'hex')"),
    )


def _one(session: Any, table: str, expression: str) -> Any:
    [[there]] = session.run("select to_regclass(:name)::text", name=f"public.{table}")
    rows = session.run(f"select {expression} from public.{table}") if there else []  # noqa: S608
    return rows[0][0] if rows else None

"""Import members of Congress, committees and seats from congress-legislators YAML files.

Format: https://github.com/unitedstates/congress-legislators (public domain).
"""

import hashlib
import re
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, text

from quant.identity import politician_id, stable_id
from quant.ingest.bulk import (
    ImportReport,
    Progress,
    changed_rows,
    import_run,
    no_progress,
    stage,
)
from quant.ingest.filers import relink
from quant.ingest.files import (
    SourceFile,
    UnreadableFileError,
    canonical_json,
    read_source,
    read_yaml,
)
from quant.ingest.vocabulary import RejectReason
from quant.pipeline.settle import settle
from quant.vocabulary import Chamber, Party

LEGISLATORS: Final = "legislators"

_FILES: Final = ("legislators-current", "committees-current", "committee-membership-current")

# Bioguide identifiers number the members of a letter from 000001; none comes near these.
SYNTHETIC_PREFIX: Final = "Z9"

_BIOGUIDE: Final = re.compile(r"[A-Z][0-9]{6}", re.ASCII)
_STATE: Final = re.compile(r"[A-Z]{2}", re.ASCII)
_CHAMBERS: Final = {"rep": Chamber.HOUSE, "sen": Chamber.SENATE}
_PARTIES: Final = {
    "Democrat": Party.DEMOCRAT,
    "Republican": Party.REPUBLICAN,
    "Independent": Party.INDEPENDENT,
    "Libertarian": Party.LIBERTARIAN,
}


@dataclass
class _Staged:
    """Rows by table, keyed by identity, and what could not be read."""

    members: dict[str, tuple[object, ...]] = field(default_factory=dict)
    records: dict[str, tuple[object, ...]] = field(default_factory=dict)
    committees: dict[str, tuple[object, ...]] = field(default_factory=dict)
    seats: dict[tuple[str, str], tuple[object, ...]] = field(default_factory=dict)
    serving: dict[str, tuple[object, ...]] = field(default_factory=dict)
    rejects: list[tuple[RejectReason, str, Any]] = field(default_factory=list)
    rows: int = 0
    duplicates: int = 0

    def add(self, table: dict[Any, tuple[object, ...]], key: Any, row: tuple[object, ...]) -> None:
        """Add a row; of rows with one identity the first in sort order stays."""
        if key in table:
            self.duplicates += 1
            row = min(row, table[key], key=canonical_json)
        table[key] = row


def find_files(path: Path) -> list[SourceFile | None]:
    """Read the three files of a directory, or the legislators file alone.

    Args:
        path: A directory with ``legislators-current.yaml`` and, if present,
            ``committees-current.yaml`` and ``committee-membership-current.yaml``, each with or
            without ``.gz``; or a legislators file.

    Raises:
        UnreadableFileError: There is no legislators file, or a file cannot be read.
    """
    if not path.is_dir():
        return [read_source(path), None, None]
    found: list[SourceFile | None] = []
    for stem in _FILES:
        names = (path / f"{stem}.yaml", path / f"{stem}.yaml.gz")
        existing = [name for name in names if name.exists()]
        found.append(read_source(existing[0]) if existing else None)
    if found[0] is None:
        raise UnreadableFileError(path, "holds no legislators-current.yaml or .yaml.gz")
    return found


def import_legislators(
    engine: Engine, path: Path, *, progress: Progress = no_progress
) -> ImportReport:
    """Import members, committees and seats; then give unknown filers their now known members.

    A member who left the file is no longer in office; seats that left it are removed.

    Args:
        engine: With the rights to write.
        path: See ``find_files``.
        progress: Receives how far the import is.

    Raises:
        UnreadableFileError: A file cannot be read or has another format.
    """
    files = find_files(path)
    progress("read", 0, len(files))
    staged = _stage_rows(*_documents(files))
    digest = hashlib.sha256("".join(file.sha256 for file in files if file).encode()).hexdigest()
    report = ImportReport(LEGISLATORS, digest, rows=staged.rows, duplicates=staged.duplicates)
    progress("read", len(files), len(files))
    with import_run(engine, report) as connection:
        progress("write", 0, staged.rows)
        _write(connection, staged, report, with_seats=files[2] is not None)
        _relink(connection, report)
        progress("write", staged.rows, staged.rows)
    return report


def apply_congress(
    connection: Connection,
    report: ImportReport,
    *,
    members: list[Any],
    former: list[Any],
    committees: list[Any],
    seats: dict[str, list[Any]] | None,
) -> None:
    """Bring members, committees and seats up to date with the documents there are.

    What cannot be read replaces the rejects of ``report.source``. The caller holds the import
    lock.

    Args:
        connection: In a transaction.
        report: Completed.
        members: Entries of ``legislators-current``: they serve.
        former: Entries of ``legislators-historical``.
        committees: Entries of ``committees-current``.
        seats: ``committee-membership-current``, None where there is none.
    """
    staged = _stage_rows(members, committees, seats or {}, former)
    report.rows, report.duplicates = staged.rows, staged.duplicates
    changed_rows(connection, "delete from rejects where source = :source", source=report.source)
    _write(connection, staged, report, with_seats=seats is not None)
    _relink(connection, report)


def _relink(connection: Connection, report: ImportReport) -> None:
    moved = relink(connection)
    report.relinked = len(moved)
    settle(connection, moved)


def _documents(
    files: Sequence[SourceFile | None],
) -> tuple[list[Any], list[Any], dict[str, list[Any]]]:
    legislators, committees, seats = files
    documents: list[list[Any]] = []
    for file in (legislators, committees):
        document = read_yaml(file) if file else []
        if file and not isinstance(document, list):
            raise UnreadableFileError(file.path, "not a YAML list")
        documents.append(document)
    memberships = read_yaml(seats) if seats else {}
    if seats and not (
        isinstance(memberships, dict) and all(isinstance(v, list) for v in memberships.values())
    ):
        raise UnreadableFileError(seats.path, "not a YAML mapping of lists")
    return documents[0], documents[1], memberships


def _stage_rows(
    members: list[Any],
    committees: list[Any],
    seats: dict[str, list[Any]],
    former: Sequence[Any] = (),
) -> _Staged:
    staged = _Staged()
    for entry, serves in [(e, True) for e in members] + [(e, False) for e in former]:
        staged.rows += 1
        try:
            _stage_member(staged, entry, serves=serves)
        except (KeyError, IndexError, TypeError, ValueError) as error:
            staged.rejects.append((RejectReason.LEGISLATOR_UNREADABLE, repr(error), entry))
    for entry in committees:
        _stage_committee(staged, entry)
    for committee, entries in seats.items():
        for entry in entries:
            staged.rows += 1
            _stage_seat(staged, committee, entry)
    return staged


def _stage_member(staged: _Staged, entry: Any, *, serves: bool) -> None:
    bioguide, names, terms = str(entry["id"]["bioguide"]), entry["name"], entry["terms"]
    if not serves and bioguide in staged.serving:
        staged.duplicates += 1  # on the way from one file to the other
        return
    last_term = terms[-1]
    first, last, state = str(names["first"]), str(names["last"]), str(last_term["state"])
    if not (_BIOGUIDE.fullmatch(bioguide) and _STATE.fullmatch(state)):
        raise ValueError(bioguide, state)
    chamber = _CHAMBERS[last_term["type"]]
    identity = politician_id(bioguide)
    row = (
        identity,
        bioguide,
        str(names.get("official_full") or f"{first} {last}"),
        first,
        last,
        f"{last}, {first}".lower(),
        chamber,
        _PARTIES.get(last_term.get("party")),
        state,
        int(last_term["district"]) if chamber is Chamber.HOUSE else None,
        bioguide.startswith(SYNTHETIC_PREFIX),
    )
    names_kept = names | {"other_names": entry.get("other_names") or []}
    kept = ("type", "start", "end", "state", "district", "party")
    terms_kept = [{key: term[key] for key in kept if key in term} for term in terms]
    staged.add(staged.members, bioguide, row)
    staged.records[bioguide] = (identity, names_kept, terms_kept)
    if serves:
        staged.serving[bioguide] = (identity,)


def _stage_committee(staged: _Staged, entry: Any) -> None:
    staged.rows += 1
    try:
        parent, chamber = str(entry["thomas_id"]), str(entry["type"])
        if chamber not in ("house", "senate", "joint"):
            raise ValueError(chamber)
        row: tuple[object, ...] = (
            parent,
            None,
            str(entry["name"]),
            chamber,
            entry.get("jurisdiction"),
        )
    except (KeyError, TypeError, ValueError) as error:
        staged.rejects.append((RejectReason.COMMITTEE_UNREADABLE, repr(error), entry))
        return
    staged.add(staged.committees, parent, row)
    for child in entry.get("subcommittees") or []:
        staged.rows += 1
        try:
            identity = parent + str(child["thomas_id"])
            row = (identity, parent, str(child["name"]), chamber, child.get("jurisdiction"))
        except (KeyError, TypeError) as error:
            staged.rejects.append((RejectReason.COMMITTEE_UNREADABLE, repr(error), child))
            continue
        staged.add(staged.committees, identity, row)


def _stage_seat(staged: _Staged, committee: str, entry: Any) -> None:
    bioguide = str(entry.get("bioguide")) if isinstance(entry, dict) else ""
    if committee not in staged.committees or bioguide not in staged.members:
        detail = f"{committee} {bioguide}"
        staged.rejects.append((RejectReason.MEMBERSHIP_UNKNOWN, detail, entry))
        return
    rank = entry.get("rank")
    row = (
        committee,
        politician_id(bioguide),
        rank if isinstance(rank, int) else None,
        entry.get("title"),
        entry.get("party"),
    )
    staged.add(staged.seats, (committee, bioguide), row)


def _write(
    connection: Connection, staged: _Staged, report: ImportReport, *, with_seats: bool
) -> None:
    counts = []
    counts.append(
        _upsert(
            connection,
            "politicians",
            [
                "id uuid",
                "bioguide_id text",
                "full_name text",
                "first_name text",
                "last_name text",
                "sort_name text",
                "chamber text",
                "party text",
                "state text",
                "district smallint",
                "synthetic boolean",
            ],
            ["id"],
            list(staged.members.values()),
        )
    )
    # The file lists who serves now; synthetic members are no statement about real ones.
    stage(connection, "staged_serving", ["id uuid"], list(staged.serving.values()))
    report.other_changes += changed_rows(
        connection,
        "update politicians p set in_office = s.id is not null"
        " from politicians q left join staged_serving s on s.id = q.id"
        " where p.id = q.id and p.bioguide_id is not null"
        " and p.synthetic in (select synthetic from politicians join staged_serving using (id))"
        " and p.in_office <> (s.id is not null)",
    )
    _, changed = _upsert(
        connection,
        "legislator_records",
        ["politician_id uuid", "names jsonb", "terms jsonb"],
        ["politician_id"],
        list(staged.records.values()),
    )
    report.other_changes += changed
    # Parents come first: subcommittees refer to them.
    committees = sorted(staged.committees.values(), key=lambda row: (row[1] is not None, row[0]))
    counts.append(
        _upsert(
            connection,
            "committees",
            ["id text", "parent_id text", "name text", "chamber text", "jurisdiction text"],
            ["id"],
            committees,
        )
    )
    counts.append(
        _upsert(
            connection,
            "committee_memberships",
            ["committee_id text", "politician_id uuid", "rank smallint", "title text", "side text"],
            ["committee_id", "politician_id"],
            list(staged.seats.values()),
        )
    )
    if with_seats:
        report.other_changes += changed_rows(
            connection,
            "delete from committee_memberships m using politicians p"
            " where p.id = m.politician_id"
            " and p.synthetic in (select synthetic from staged_politicians)"
            " and not exists (select from staged_committee_memberships s"
            " where s.committee_id = m.committee_id and s.politician_id = m.politician_id)",
        )
    report.inserted = sum(inserted for inserted, _ in counts)
    report.updated = sum(updated for _, updated in counts)
    stored = len(staged.members) + len(staged.committees) + len(staged.seats)
    report.existing = stored - report.inserted
    _write_rejects(connection, staged, report)


def _upsert(
    connection: Connection,
    table: str,
    columns: Sequence[str],
    key: Sequence[str],
    rows: Sequence[Sequence[object]],
) -> tuple[int, int]:
    """Insert rows and bring existing ones up to date.

    Returns:
        How many rows were inserted and how many updated.
    """
    stage(connection, f"staged_{table}", columns, rows)
    names = [column.split()[0] for column in columns]
    facts = [name for name in names if name not in key]
    new, old = (", ".join(f"{t}.{name}" for name in facts) for t in ("excluded", "t"))
    changes = connection.execute(
        text(
            f"insert into {table} as t ({', '.join(names)})"  # noqa: S608 (constants)
            f" select {', '.join(names)} from staged_{table}"
            f" on conflict ({', '.join(key)}) do update set"
            f" {', '.join(f'{name} = excluded.{name}' for name in facts)}"
            f" where ({new}) is distinct from ({old})"
            # A new row version that replaces no older one has no deleting transaction.
            " returning t.xmax = 0"
        )
    )
    inserted = Counter(changes.scalars())
    return inserted[True], inserted[False]


def _write_rejects(connection: Connection, staged: _Staged, report: ImportReport) -> None:
    rows: dict[uuid.UUID, tuple[object, ...]] = {}
    for reason, detail, entry in staged.rejects:
        identity = stable_id("reject", report.source, reason, detail, canonical_json(entry))
        raw = entry if isinstance(entry, dict) else {"value": entry}
        rows[identity] = (identity, report.source, reason, detail, raw)
    columns = ["id uuid", "source text", "reason text", "detail text", "raw jsonb"]
    stage(connection, "staged_rejects", columns, list(rows.values()))
    changed_rows(
        connection,
        "insert into rejects (id, source, reason, detail, raw)"
        " select * from staged_rejects on conflict do nothing",
    )
    report.rejected = len(staged.rejects)
    report.rejects = dict(Counter(reason.value for reason, _, _ in staged.rejects))

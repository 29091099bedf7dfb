"""Import transaction lines: filers, filings, trades, repeated lines and rejects."""

import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final

from sqlalchemy import Connection, Engine, select, text

from quant.db.models import Filing
from quant.identity import filing_id, stable_id, trade_id
from quant.ingest.bulk import (
    ImportReport,
    Progress,
    changed_rows,
    import_run,
    no_progress,
    stage,
)
from quant.ingest.filers import Resolved, relink, resolve
from quant.ingest.files import SourceFile, canonical_json, read_json_rows
from quant.ingest.names import Filer, first_and_last
from quant.ingest.vocabulary import RejectReason
from quant.ingest.watchers import (
    FilingLink,
    Line,
    Parsed,
    RejectedRow,
    parse_house,
    parse_senate,
)
from quant.ingest.yielding import yield_staged, yield_stored
from quant.pipeline.settle import settle
from quant.vocabulary import Chamber, FilingSource

SENATE: Final = "senate-stock-watcher"
HOUSE: Final = "house-stock-watcher"

_TRADE_COLUMNS: Final = (
    "id uuid",
    "politician_id uuid",
    "filing_id uuid",
    "line_hash text",
    "occurrence smallint",
    "owner text",
    "asset text",
    "ticker text",
    "asset_type text",
    "operation text",
    "transaction_date date",
    "notification_date date",
    "disclosure_date date",
    "amount_min numeric",
    "amount_max numeric",
    "comment text",
    "notes text[]",
    "raw jsonb",
)
_TRADE_NAMES: Final = ", ".join(column.split()[0] for column in _TRADE_COLUMNS)

FilingKey = tuple[FilingSource, str]


def import_senate(
    engine: Engine,
    source: SourceFile,
    *,
    as_of: date | None = None,
    progress: Progress = no_progress,
) -> ImportReport:
    """Import a Senate Stock Watcher file.

    Args:
        engine: With the rights to write.
        source: The file.
        as_of: No transaction can be later than this day; today by default.
        progress: Receives how far the import is.

    Raises:
        UnreadableFileError: The file is not a JSON array.
    """
    rows = read_json_rows(source)
    until = as_of or datetime.now(UTC).date()

    def parse(connection: Connection) -> Parsed:
        dates = _filing_dates(connection, FilingSource.SENATE_EFD)
        return parse_senate(rows, as_of=until, filing_dates=dates)

    report = ImportReport(SENATE, source.sha256, rows=len(rows))
    return _import(engine, report, parse, progress)


def import_house(
    engine: Engine,
    source: SourceFile,
    *,
    filing_dates: Mapping[str, date] | None = None,
    as_of: date | None = None,
    progress: Progress = no_progress,
) -> ImportReport:
    """Import a House Stock Watcher file.

    Args:
        engine: With the rights to write.
        source: The file.
        filing_dates: Day of filing by document id, from the House Clerk's index; those of earlier
            imports are remembered.
        as_of: No transaction can be later than this day; today by default.
        progress: Receives how far the import is.

    Raises:
        UnreadableFileError: The file is not a JSON array.
    """
    rows = read_json_rows(source)
    until = as_of or datetime.now(UTC).date()

    def parse(connection: Connection) -> Parsed:
        known = _filing_dates(connection, FilingSource.HOUSE_CLERK)
        dates = known | dict(filing_dates or {})
        return parse_house(rows, as_of=until, filing_dates=dates)

    report = ImportReport(HOUSE, source.sha256, rows=len(rows))
    return _import(engine, report, parse, progress)


def _filing_dates(connection: Connection, source: FilingSource) -> dict[str, date]:
    known = connection.execute(
        select(Filing.doc_id, Filing.filed_date).where(
            Filing.source == source, Filing.filed_date.is_not(None)
        )
    )
    return {doc_id: filed for doc_id, filed in known if filed}


def _import(
    engine: Engine,
    report: ImportReport,
    parse: Callable[[Connection], Parsed],
    progress: Progress,
) -> ImportReport:
    with import_run(engine, report) as connection:
        progress("read", 0, report.rows)
        moved = relink(connection)
        report.relinked = len(moved)
        settle(connection, moved)
        parsed = parse(connection)
        progress("read", report.rows, report.rows)
        store(connection, report, parsed, progress)
    return report


def store(
    connection: Connection,
    report: ImportReport,
    parsed: Parsed,
    progress: Progress,
    *,
    tables: bool = False,
) -> None:
    """Write parsed rows and complete the report. The caller holds the import lock.

    Args:
        connection: In a transaction.
        report: Of the file.
        parsed: What it holds.
        progress: Receives how far the import is.
        tables: Whether the rows are of the Senate tables, which yield to the Stock Watcher's of
            the same filing.
    """
    _Store(connection, report, progress, tables=tables).store(parsed)


@dataclass(frozen=True)
class _Placed:
    """A line with its place: the filing's politician and the line's identity in the filing."""

    id: uuid.UUID
    politician_id: uuid.UUID
    filing_id: uuid.UUID
    line_hash: str
    occurrence: int
    line: Line

    def values(self) -> tuple[object, ...]:
        line = self.line
        return (
            self.id,
            self.politician_id,
            self.filing_id,
            self.line_hash,
            self.occurrence,
            line.owner,
            line.asset,
            line.ticker,
            line.asset_type,
            line.operation,
            line.transaction_date,
            line.notification_date,
            line.disclosure_date,
            line.amount.lower,
            line.amount.upper,
            line.comment,
            line.notes,
            line.raw,
        )


def _key(link: FilingLink) -> FilingKey:
    return link.source, link.doc_id


class _Store:
    """Writes parsed rows; every step is independent of the rows' order."""

    def __init__(
        self, connection: Connection, report: ImportReport, progress: Progress, *, tables: bool
    ) -> None:
        self._connection = connection
        self._tables = tables
        self._report = report
        self._progress = progress
        self._resolved: dict[tuple[Chamber, str], Resolved] = {}

    def store(self, parsed: Parsed) -> None:
        """Write everything and complete the report."""
        filers = [row.filer for row in parsed.rows if row.filer]
        self._resolved = resolve(self._connection, ((f.chamber, f.alias) for f in filers))
        self._count_matches(filers)

        owners = self._filing_owners(parsed)
        lines, rejects = [], list(parsed.rejects)
        official = self._read_officially()
        for line in parsed.lines:
            if _key(line.filing) in official:
                self._report.duplicates += 1
            elif self._politician(line.filer) == owners[_key(line.filing)]:
                lines.append(line)
            else:
                reason = RejectReason.FILING_OF_ANOTHER_MEMBER
                rejects.append(RejectedRow(reason, line.filing.doc_id, line.raw, line.filer))

        self._write_filers(parsed)
        self._write_filings(parsed, owners)
        self._write_lines(self._place(lines))
        self._write_rejects(rejects)

    def _politician(self, filer: Filer) -> uuid.UUID:
        return self._resolved[filer.chamber, filer.alias].politician_id

    def _count_matches(self, filers: Iterable[Filer]) -> None:
        rows: Counter[tuple[Chamber, str]] = Counter()
        names: dict[tuple[Chamber, str], str] = {}
        for filer in filers:
            key = filer.chamber, filer.alias
            if self._resolved[key].bioguide_id:
                self._report.matched += 1
                continue
            rows[key] += 1
            name = filer.display_name + (f" ({filer.state})" if filer.state else "")
            names[key] = min(names.get(key, name), name)
        by_name: Counter[str] = Counter()
        for key, count in rows.items():
            by_name[names[key]] += count
        ordered = sorted(by_name.items(), key=lambda item: (-item[1], item[0]))
        self._report.unmatched = dict(ordered)

    def _filing_owners(self, parsed: Parsed) -> dict[FilingKey, uuid.UUID]:
        """Return each filing's politician: the stored one, else the one most rows name."""
        votes: dict[FilingKey, Counter[uuid.UUID]] = defaultdict(Counter)
        for row in parsed.rows:
            if row.filing and row.filer:
                votes[_key(row.filing)][self._politician(row.filer)] += 1
        owners = {
            key: min(counts, key=lambda politician: (-counts[politician], politician))
            for key, counts in votes.items()
        }
        stored = self._connection.execute(
            select(Filing.source, Filing.doc_id, Filing.politician_id)
        )
        for source, doc_id, politician in stored:
            key = FilingSource(source), doc_id
            if key in owners:
                owners[key] = politician
        return owners

    def _read_officially(self) -> set[FilingKey]:
        """Return the filings whose own document says what is in them."""
        read = select(Filing.source, Filing.doc_id).where(
            Filing.sha256.is_not(None), Filing.paper.is_(False)
        )
        return {(FilingSource(source), doc_id) for source, doc_id in self._connection.execute(read)}

    def _write_filers(self, parsed: Parsed) -> None:
        rows: dict[uuid.UUID, list[tuple[Filer, date, bool]]] = defaultdict(list)
        for row in parsed.rows:
            if row.filer and row.filing:
                day = row.transaction_date if isinstance(row, Line) else date.min
                synthetic = row.filing.source is FilingSource.SYNTHETIC
                rows[self._politician(row.filer)].append((row.filer, day, synthetic))
        matched = {found.politician_id for found in self._resolved.values() if found.bioguide_id}
        orphans = []
        for politician, seen in rows.items():
            if politician in matched:
                continue
            # The name as filed last, and the seat it was filed for.
            latest = max(seen, key=lambda s: (s[1], s[0].district or 0, s[0].display_name))[0]
            name = latest.display_name
            first, last = first_and_last(name)
            orphans.append(
                (
                    politician,
                    name,
                    first,
                    last,
                    f"{last}, {first}".lower(),
                    latest.chamber,
                    latest.state,
                    latest.district,
                    all(synthetic for _, _, synthetic in seen),
                )
            )
        stage(
            self._connection,
            "staged_filers",
            [
                "id uuid",
                "full_name text",
                "first_name text",
                "last_name text",
                "sort_name text",
                "chamber text",
                "state text",
                "district smallint",
                "synthetic boolean",
            ],
            sorted(orphans),
        )
        self._change(
            "insert into politicians (id, full_name, first_name, last_name, sort_name, chamber,"
            " state, district, synthetic) select * from staged_filers on conflict (id) do nothing"
        )
        aliases = {
            (row.filer.chamber, row.filer.alias, self._politician(row.filer))
            for row in parsed.rows
            if row.filer and row.filing
        }
        stage(
            self._connection,
            "staged_aliases",
            ["chamber text", "alias text", "politician_id uuid"],
            sorted(aliases),
        )
        self._change(
            "insert into politician_aliases (chamber, alias, politician_id)"
            " select * from staged_aliases on conflict do nothing"
        )

    def _write_filings(self, parsed: Parsed, owners: Mapping[FilingKey, uuid.UUID]) -> None:
        links: dict[FilingKey, list[FilingLink]] = defaultdict(list)
        for row in parsed.rows:
            if row.filing:
                links[_key(row.filing)].append(row.filing)
        filings = []
        for (source, doc_id), seen in links.items():
            filed = [link.filed_date for link in seen if link.filed_date]
            urls = [link.url for link in seen if link.url]
            filings.append(
                (
                    filing_id(source, doc_id),
                    source,
                    doc_id,
                    owners[source, doc_id],
                    min(filed, default=None),
                    min(urls, default=None),
                    any(link.paper for link in seen),
                )
            )
        stage(
            self._connection,
            "staged_filings",
            [
                "id uuid",
                "source text",
                "doc_id text",
                "politician_id uuid",
                "filed_date date",
                "url text",
                "paper boolean",
            ],
            sorted(filings),
        )
        self._change(
            "insert into filings as f (id, source, doc_id, politician_id, filed_date, url, paper)"
            " select * from staged_filings on conflict (id) do update"
            " set filed_date = excluded.filed_date where excluded.filed_date is not null"
            " and f.filed_date is distinct from excluded.filed_date and f.sha256 is null"
        )

    def _place(self, lines: Iterable[Line]) -> list[_Placed]:
        """Give each line its identity; identical lines of a filing are told apart by number."""
        groups: dict[tuple[uuid.UUID, str], list[Line]] = defaultdict(list)
        for line in lines:
            filing = filing_id(line.filing.source, line.filing.doc_id)
            groups[filing, line.content_hash()].append(line)
        return [
            _Placed(
                trade_id(filing, content, occurrence),
                self._politician(line.filer),
                filing,
                content,
                occurrence,
                line,
            )
            for (filing, content), same in sorted(groups.items(), key=lambda item: item[0])
            for occurrence, line in enumerate(
                sorted(same, key=lambda line: canonical_json(line.raw))
            )
        ]

    def _write_lines(self, placed: Sequence[_Placed]) -> None:
        connection, report = self._connection, self._report
        self._progress("write", 0, len(placed))
        symbols = sorted({p.line.ticker for p in placed if p.line.ticker})
        stage(connection, "staged_tickers", ["symbol text"], ((s,) for s in symbols))
        self._change(
            "insert into tickers (symbol) select symbol from staged_tickers on conflict do nothing"
        )
        stage(connection, "staged_trades", _TRADE_COLUMNS, (p.values() for p in placed))
        yielded = yield_staged(connection) if self._tables else 0
        total = len(placed) - yielded
        before = set(
            connection.scalars(text("select id from trades join staged_trades using (id)"))
        )
        added = changed_rows(
            connection,
            f"insert into trades ({_TRADE_NAMES})"  # noqa: S608 (constants)
            f" select {_TRADE_NAMES} from staged_trades s"
            " where not exists (select from trade_duplicates d where d.id = s.id)"
            " order by id on conflict do nothing",
        )
        if not self._tables:
            report.other_changes += yield_stored(connection)
        # The day of filing may have become known since the trade was stored.
        report.updated = changed_rows(
            connection,
            "update trades t set notification_date = s.notification_date,"
            " disclosure_date = s.disclosure_date, notes = s.notes"
            " from staged_trades s where t.id = s.id"
            " and (t.notification_date, t.disclosure_date, t.notes)"
            " is distinct from (s.notification_date, s.disclosure_date, s.notes)",
        )
        report.other_changes += added
        if added:
            settle(connection, {p.politician_id for p in placed})
        kept = set(connection.scalars(text("select id from trades join staged_trades using (id)")))
        report.inserted = len(kept - before)
        report.existing = len(kept & before) + yielded
        report.duplicates += total - len(kept)
        self._progress("write", len(placed), len(placed))

    def _write_rejects(self, rejects: Sequence[RejectedRow]) -> None:
        groups: dict[str, list[RejectedRow]] = defaultdict(list)
        for reject in rejects:
            groups[canonical_json(reject.raw)].append(reject)
        source = self._report.source
        staged = [
            (
                stable_id("reject", source, raw, occurrence),
                source,
                reject.reason,
                reject.detail or None,
                reject.raw if isinstance(reject.raw, dict) else {"value": reject.raw},
            )
            for raw, same in sorted(groups.items())
            for occurrence, reject in enumerate(same)
        ]
        stage(
            self._connection,
            "staged_rejects",
            ["id uuid", "source text", "reason text", "detail text", "raw jsonb"],
            staged,
        )
        changed_rows(
            self._connection,
            "insert into rejects (id, source, reason, detail, raw)"
            " select * from staged_rejects on conflict do nothing",
        )
        self._report.rejected = len(rejects)
        reasons = Counter(reject.reason.value for reject in rejects)
        self._report.rejects = dict(sorted(reasons.items(), key=lambda item: (-item[1], item[0])))

    def _change(self, statement: str) -> None:
        self._report.other_changes += changed_rows(self._connection, statement)

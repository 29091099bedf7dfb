"""Import the yearly tables of Senate transactions: CSV, one row a transaction.

Format: ``data/senate/tables`` of https://github.com/alicelmre2705/Congress-Trading-Signal, made
from the Senate's eFD system. They say what the Senate Stock Watcher's file does not: who filed
(Bioguide identifier), on which day, and the sector of a symbol.
"""

import csv
import io
import re
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any, Final

from sqlalchemy import Connection, Engine

from quant.identity import politician_id
from quant.ingest.bulk import (
    ImportReport,
    Progress,
    changed_rows,
    import_run,
    no_progress,
    stage,
)
from quant.ingest.disclosures import store
from quant.ingest.filers import adopt, relink
from quant.ingest.files import SourceFile, UnreadableFileError, storable
from quant.ingest.names import Filer, first_and_last
from quant.ingest.values import is_blank, parse_date, parse_ticker, text_of
from quant.ingest.vocabulary import Note, RejectReason
from quant.ingest.watchers import (
    FIRST_FILING,
    SENATE_LINK,
    FilingLink,
    Line,
    Parsed,
    RejectedRow,
    Unusable,
    parse_rows,
    read_filer,
    read_line,
    senate_dates,
)
from quant.pipeline.settle import settle
from quant.vocabulary import Chamber, FilingSource, Party, Sector

SENATE_TABLES: Final = "senate-tables"

COLUMNS: Final = frozenset(
    {
        "bioguide_id",
        "declarant_name",
        "party",
        "state_district",
        "transaction_date",
        "disclosure_date",
        "date_confidence",
        "ticker",
        "ticker_source",
        "asset_description",
        "asset_type",
        "sector_gics",
        "sector_source",
        "operation_type",
        "amount_range",
        "owner",
        "doc_id",
        "source_url",
        "natural_key_hash",
    }
)

# The source has spaces where the form breaks the line of an asset's description.
_FORM_LINE: Final = re.compile(
    r"\s+(?=(?:Option Type|Strike price|Expires|Rate/Coupon|Matures|Company|Description):\s)"
    r"|(?<=\(Exchanged\))\s+"
)

# Others are guesses of a language model; they give funds a sector, which GICS does not.
_SECTOR_SOURCES: Final = frozenset({"yfinance", "manual"})


def import_senate_tables(
    engine: Engine,
    source: SourceFile,
    *,
    as_of: date | None = None,
    progress: Progress = no_progress,
) -> ImportReport:
    """Import a Senate table.

    A row whose transaction the Stock Watcher's file has under the same filing counts as existing:
    that trade gains the day of disclosure.

    Args:
        engine: With the rights to write.
        source: The CSV file.
        as_of: No transaction can be later than this day; today by default.
        progress: Receives how far the import is.

    Raises:
        UnreadableFileError: It lacks columns or is not CSV.
    """
    rows = read_rows(source)
    parsed = parse_senate_tables(rows, as_of=as_of or datetime.now(UTC).date())
    report = ImportReport(SENATE_TABLES, source.sha256, rows=len(rows))
    with import_run(engine, report) as connection:
        moved = relink(connection) + _write_members(connection, parsed, report)
        report.relinked = len(moved)
        settle(connection, moved)
        store(connection, report, parsed, progress, tables=True)
        report.updated += _date_trades(connection)
        report.other_changes += _write_sectors(connection, rows)
    return report


def read_rows(source: SourceFile) -> list[dict[str, str]]:
    """Return the rows of a Senate table by column name.

    Raises:
        UnreadableFileError: It lacks columns or is not CSV.
    """
    reader = csv.DictReader(io.StringIO(source.text(), newline=""), restval="", strict=True)
    try:
        missing = COLUMNS - set(reader.fieldnames or ())
        if missing:
            raise UnreadableFileError(
                source.path, f"lacks the columns {', '.join(sorted(missing))}"
            )
        return [
            {name: value for name, value in storable(row).items() if isinstance(value, str)}
            for row in reader
        ]
    except csv.Error as error:
        raise UnreadableFileError(source.path, f"line {reader.line_num}: {error}") from error


def parse_senate_tables(rows: Sequence[Mapping[str, str]], *, as_of: date) -> Parsed:
    """Parse the rows of a Senate table.

    Args:
        rows: By column name.
        as_of: No transaction can be later than this day.
    """
    return parse_rows(rows, _senator, lambda row, filer: _row(row, filer, as_of))


def _senator(row: Mapping[str, Any]) -> Filer:
    return read_filer(Chamber.SENATE, row.get("declarant_name"))


def _row(row: Mapping[str, Any], filer: Filer, as_of: date) -> Line | RejectedRow:
    url = text_of(row.get("source_url")).strip()
    match = SENATE_LINK.fullmatch(url)
    if match is None or match[3].lower() != text_of(row.get("doc_id")).strip().lower():
        raise Unusable(RejectReason.FILING_UNREADABLE, url)
    filed = parse_date(row.get("disclosure_date"))
    if filed is not None and not FIRST_FILING <= filed <= as_of:
        filed = None
    paper = match[2].lower() == "paper"
    filing = FilingLink(FilingSource.SENATE_EFD, match[3].lower(), url, paper, filed)
    if paper:
        # What the source read in a scan was confirmed by nobody; scans are for review.
        return RejectedRow(RejectReason.PAPER_FILING, url, row, filer, filing)
    inferred = row.get("ticker_source") != "explicit" and not is_blank(text_of(row.get("ticker")))
    line = read_line(
        {
            **row,
            "type": row.get("operation_type"),
            "amount": row.get("amount_range"),
            "asset_description": _FORM_LINE.sub("<br>", text_of(row.get("asset_description"))),
            "ticker": "" if inferred else _symbol(row.get("ticker")),
        },
        filer,
        filing,
        as_of,
        lambda day: senate_dates(filed, day),
    )
    notes = {*line.notes, Note.EARLIER_FILING_UNKNOWN}
    if filed is None:
        notes.add(Note.DISCLOSURE_DATE_UNKNOWN)
    if row.get("date_confidence") != "plausible":
        notes.add(Note.SOURCE_DOUBTS_DATES)
    if inferred:
        notes.add(Note.TICKER_INFERRED)
    return replace(line, notes=tuple(sorted(notes)), raw=row)


def _symbol(column: object) -> str:
    """Return the first symbol of 'RTN  RTX' or '--  TFC', what an exchange gave and received."""
    symbols = text_of(column).split("  ")
    return next((symbol for symbol in symbols if not is_blank(symbol)), "")


def _write_members(connection: Connection, parsed: Parsed, report: ImportReport) -> list[uuid.UUID]:
    """Store the members that the rows identify, as far as no legislators file has done so.

    Returns:
        The members who take over the filings of an unknown filer.
    """
    members: dict[str, tuple[date, str, Mapping[str, Any]]] = {}
    names: dict[tuple[Chamber, str], uuid.UUID] = {}
    for row in parsed.rows:
        bioguide_id = str(row.raw.get("bioguide_id", ""))
        if row.filer is None or row.filing is None or not _is_bioguide_id(bioguide_id):
            continue
        names[row.filer.chamber, row.filer.alias] = politician_id(bioguide_id)
        # The name as filed last.
        latest = (row.filing.filed_date or date.min, row.filer.display_name, row.raw)
        if bioguide_id not in members or latest[:2] > members[bioguide_id][:2]:
            members[bioguide_id] = latest
    stage(
        connection,
        "staged_members",
        [
            "id uuid",
            "bioguide_id text",
            "full_name text",
            "first_name text",
            "last_name text",
            "sort_name text",
            "party text",
            "state text",
        ],
        (_member(bioguide_id, name, raw) for bioguide_id, (_, name, raw) in members.items()),
    )
    report.other_changes += changed_rows(
        connection,
        "insert into politicians (id, bioguide_id, full_name, first_name, last_name, sort_name,"
        " chamber, party, state)"
        " select id, bioguide_id, full_name, first_name, last_name, sort_name, 'senate', party,"
        " state from staged_members on conflict do nothing",
    )
    return adopt(connection, names)


def _is_bioguide_id(text: str) -> bool:
    return len(text) == 7 and text[0].isalpha() and text[0].isupper() and text[1:].isdecimal()


def _member(bioguide_id: str, name: str, raw: Mapping[str, Any]) -> tuple[object, ...]:
    first, last = first_and_last(name)
    party = text_of(raw.get("party")).lower()
    state = text_of(raw.get("state_district"))
    return (
        politician_id(bioguide_id),
        bioguide_id,
        name,
        first,
        last,
        f"{last}, {first}".lower(),
        party if party in {known.value for known in Party} else None,
        state if len(state) == 2 and state.isalpha() and state.isupper() else None,
    )


def _date_trades(connection: Connection) -> int:
    """Give other sources' trades of the filings just written the day of disclosure."""
    undated = (
        " from filings f join staged_filings s on s.id = f.id"
        " where t.filing_id = f.id and t.disclosure_date is null"
        " and (f.sha256 is null or f.paper)"
    )
    dated = changed_rows(
        connection,
        f"update trades t set disclosure_date = f.filed_date{undated}"  # noqa: S608 (constants)
        " and f.filed_date >= t.transaction_date",
    )
    return dated + changed_rows(
        connection,
        "update trades t set notes = array("  # noqa: S608 (constants)
        'select note from unnest(array_append(t.notes, :note)) note order by note collate "C")'
        f"{undated} and f.filed_date < t.transaction_date and not :note = any(t.notes)",
        note=Note.DISCLOSURE_BEFORE_TRANSACTION.value,
    )


def _write_sectors(connection: Connection, rows: Iterable[Mapping[str, str]]) -> int:
    """Store the sectors of symbols that forms state."""
    known = {sector.value for sector in Sector}
    sectors: dict[str, str] = {}
    for row in rows:
        symbol, _ = parse_ticker(_symbol(row["ticker"]))
        sector = row["sector_gics"]
        if row["ticker_source"] != "explicit" or row["sector_source"] not in _SECTOR_SOURCES:
            continue
        if symbol and sector in known:
            sectors[symbol] = max(sector, sectors.get(symbol, ""))
    stage(connection, "staged_sectors", ["symbol text", "sector text"], sorted(sectors.items()))
    return changed_rows(
        connection,
        "insert into tickers as t (symbol, sector) select * from staged_sectors"
        " on conflict (symbol) do update set sector = excluded.sector"
        " where t.sector is distinct from excluded.sector",
    )

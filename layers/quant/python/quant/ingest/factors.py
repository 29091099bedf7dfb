"""Import the Fama-French three factors from Kenneth R. French's CSV files.

Format: https://mba.tuck.dartmouth.edu/pages/faculty/ken.french/data_library.html, "Fama/French 3
Factors" and "Fama/French 3 Factors [Daily]": lines of text, the header ``,Mkt-RF,SMB,HML,RF``, one
row a day (YYYYMMDD) or month (YYYYMM) in per cent, then a blank line; the monthly file repeats all
that for years, and both end with a notice. -99.99 and -999 say that a value is missing.

Source: Fama and French (1993), https://doi.org/10.1016/0304-405X(93)90023-5.
"""

import csv
import io
import math
from calendar import monthrange
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final, Literal

from sqlalchemy import Connection, Engine, text

from quant.identity import stable_id
from quant.ingest.bulk import (
    ImportReport,
    Progress,
    changed_rows,
    import_run,
    no_progress,
    stage,
)
from quant.ingest.files import SourceFile, UnreadableFileError, canonical_json, storable
from quant.ingest.vocabulary import RejectReason

FACTORS: Final = "factors"
HEADER: Final = ("", "mkt-rf", "smb", "hml", "rf")

Frequency = Literal["daily", "monthly"]
_DIGITS: Final[Mapping[int, Frequency]] = {8: "daily", 6: "monthly"}
_FIRST_DAY: Final = date(1926, 7, 1)
_MISSING: Final = (-99.99, -999.0)


@dataclass(frozen=True)
class Factors:
    """The factors of a day or month, as fractions; ``market`` is in excess of ``risk_free``."""

    frequency: Frequency
    day: date
    market: float
    smb: float
    hml: float
    risk_free: float


@dataclass(frozen=True)
class FactorFile:
    """A factor file, read: the first table's rows, each day once, and the rest."""

    sha256: str
    factors: Sequence[Factors]
    rejects: Sequence[tuple[RejectReason, Mapping[str, str]]]


def import_factors(
    engine: Engine, source: SourceFile, *, progress: Progress = no_progress
) -> ImportReport:
    """Import a factor file; a day or month that is already there is brought up to date.

    The library revises past returns, so the newest file is right.

    Args:
        engine: With the rights to write.
        source: The CSV file.
        progress: Receives how far the import is.

    Raises:
        UnreadableFileError: The file holds no such table or is not CSV.
    """
    file = read_factors(source)
    report = ImportReport(
        FACTORS,
        file.sha256,
        rows=len(file.factors) + len(file.rejects),
        rejected=len(file.rejects),
        rejects=dict(Counter(reason.value for reason, _ in file.rejects)),
    )
    with import_run(engine, report) as connection:
        progress("write", 0, len(file.factors))
        _write(connection, file.factors, report)
        _write_rejects(connection, file.rejects)
        progress("write", len(file.factors), len(file.factors))
    return report


def read_factors(source: SourceFile) -> FactorFile:
    """Read the first table of a factor file.

    Raises:
        UnreadableFileError: The file holds no such table, mixes days and months, or is not CSV.
    """
    reader = csv.reader(io.StringIO(source.text(), newline=""))
    factors: dict[date, Factors] = {}
    rejects: list[tuple[RejectReason, dict[str, str]]] = []
    today = datetime.now(UTC).date()
    try:
        if not any(_names(cells) == HEADER for cells in reader):
            raise UnreadableFileError(source.path, "has no line ,Mkt-RF,SMB,HML,RF")
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                break
            parsed = _factors(cells, today)
            if isinstance(parsed, Factors) and parsed.day in factors:
                parsed = RejectReason.DAY_REPEATED
            if isinstance(parsed, RejectReason):
                names = ("period", *HEADER[1:], *(f"column_{i}" for i in range(6, len(cells) + 1)))
                rejects.append((parsed, dict(zip(names, cells, strict=False))))
            else:
                factors[parsed.day] = parsed
    except csv.Error as error:
        raise UnreadableFileError(source.path, f"line {reader.line_num}: {error}") from error
    if len({row.frequency for row in factors.values()}) > 1:
        raise UnreadableFileError(source.path, "mixes days and months")
    return FactorFile(source.sha256, [factors[day] for day in sorted(factors)], rejects)


def _names(cells: Sequence[str]) -> tuple[str, ...]:
    return tuple(cell.strip().lower() for cell in cells)


def _factors(cells: Sequence[str], today: date) -> Factors | RejectReason:
    if len(cells) != len(HEADER):
        return RejectReason.ROW_MALFORMED
    period = cells[0].strip()
    frequency = _DIGITS.get(len(period))
    day = _day(period)
    if frequency is None or day is None or day < _FIRST_DAY or day.replace(day=1) > today:
        return RejectReason.DAY_UNREADABLE
    try:
        market, smb, hml, risk_free = (float(cell) for cell in cells[1:])
    except ValueError:
        return RejectReason.FACTORS_UNREADABLE
    values = (market, smb, hml, risk_free)
    if any(value in _MISSING for value in values):
        return RejectReason.FACTORS_MISSING
    if not all(math.isfinite(value) and value > -100 for value in values):
        return RejectReason.FACTORS_UNREADABLE
    return Factors(frequency, day, market / 100, smb / 100, hml / 100, risk_free / 100)


def _day(period: str) -> date | None:
    """Return the day 'YYYYMMDD' or the last day of the month 'YYYYMM'."""
    if not (period.isascii() and period.isdecimal()):
        return None
    try:
        year, month = int(period[:4]), int(period[4:6])
        return date(year, month, int(period[6:]) if period[6:] else monthrange(year, month)[1])
    except ValueError:
        return None


def _write(connection: Connection, factors: Sequence[Factors], report: ImportReport) -> None:
    stage(
        connection,
        "staged_factors",
        [
            "frequency text",
            "day date",
            "market double precision",
            "smb double precision",
            "hml double precision",
            "risk_free double precision",
        ],
        ((f.frequency, f.day, f.market, f.smb, f.hml, f.risk_free) for f in factors),
    )
    report.existing = (
        connection.scalar(
            text("select count(*) from factor_returns join staged_factors using (frequency, day)")
        )
        or 0
    )
    report.inserted = len(factors) - report.existing
    changed = changed_rows(
        connection,
        "insert into factor_returns as f (frequency, day, market, smb, hml, risk_free)"
        " select * from staged_factors on conflict (frequency, day) do update set"
        " market = excluded.market, smb = excluded.smb, hml = excluded.hml,"
        " risk_free = excluded.risk_free"
        " where (f.market, f.smb, f.hml, f.risk_free) is distinct from"
        " (excluded.market, excluded.smb, excluded.hml, excluded.risk_free)",
    )
    report.updated = changed - report.inserted


def _write_rejects(
    connection: Connection, rejects: Sequence[tuple[RejectReason, Mapping[str, str]]]
) -> None:
    rows = {}
    for reason, cells in rejects:
        raw = storable(dict(cells))
        identity = stable_id("reject", FACTORS, reason, canonical_json(raw))
        rows[identity] = (identity, FACTORS, reason, None, raw)
    columns = ["id uuid", "source text", "reason text", "detail text", "raw jsonb"]
    stage(connection, "staged_rejects", columns, list(rows.values()))
    changed_rows(
        connection,
        "insert into rejects (id, source, reason, detail, raw)"
        " select * from staged_rejects on conflict do nothing",
    )

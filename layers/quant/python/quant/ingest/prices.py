"""Import daily prices from a CSV file with the columns of ``HEADER``, in any row order."""

import csv
import io
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final

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
from quant.ingest.values import FIRST_DATE, parse_date, parse_ticker
from quant.ingest.vocabulary import RejectReason

PRICES: Final = "prices"
HEADER: Final = ("date", "ticker", "close", "adjusted_close", "volume")

Price = tuple[str, date, float, float, int | None]


def import_prices(
    engine: Engine, source: SourceFile, *, label: str = "csv", progress: Progress = no_progress
) -> ImportReport:
    """Import a price file; a price that is already there is brought up to date.

    Adjusted closes change with every dividend and split, so the newest file is right.

    Args:
        engine: With the rights to write. Partitions for further years are created if the role
            owns the table; otherwise such prices go to the default partition.
        source: The CSV file.
        label: Stored with each price as its source.
        progress: Receives how far the import is.

    Raises:
        UnreadableFileError: The file has other columns or is not CSV.
    """
    prices = read_prices(source)
    report = prices.report()
    with import_run(engine, report) as connection:
        progress("write", 0, len(prices.prices))
        write_prices(connection, prices, report, label=label)
        progress("write", len(prices.prices), len(prices.prices))
    return report


@dataclass(frozen=True)
class PriceFile:
    """A price file, read: prices in order of ticker and day, each once, and the rest."""

    sha256: str
    prices: Sequence[Price]
    rejects: Sequence[tuple[RejectReason, Mapping[str, str]]]
    repeated: int

    def report(self) -> ImportReport:
        """Return the report of an import that has yet to write."""
        return ImportReport(
            PRICES,
            self.sha256,
            rows=len(self.prices) + len(self.rejects) + self.repeated,
            duplicates=self.repeated,
            rejected=len(self.rejects),
            rejects=dict(Counter(reason.value for reason, _ in self.rejects)),
        )


def write_prices(
    connection: Connection,
    file: PriceFile,
    report: ImportReport,
    *,
    label: str,
    collected_on: date | None = None,
) -> None:
    """Write prices and rejects, and complete the report. The caller holds the import lock.

    Args:
        connection: In a transaction.
        file: What to write.
        report: Of the file.
        label: Stored with each price as its source.
        collected_on: Day the file was collected; it decides which of two files is right, and of
            two of one day the greater price stays. None makes this file right.
    """
    _write(connection, file.prices, label, report, collected_on)
    _write_rejects(connection, file.rejects)


def read_prices(source: SourceFile) -> PriceFile:
    """Read a price file.

    Raises:
        UnreadableFileError: It has other columns or is not CSV.
    """
    reader = csv.reader(io.StringIO(source.text(), newline=""), strict=True)
    prices: dict[tuple[str, date], Price] = {}
    rejects: list[tuple[RejectReason, dict[str, str]]] = []
    repeated = 0
    today = datetime.now(UTC).date()
    try:
        header = tuple(name.strip().lower() for name in next(reader, []))
        if header != HEADER:
            raise UnreadableFileError(source.path, f"its columns are not {','.join(HEADER)}")
        for cells in reader:
            if not cells:
                continue
            parsed = _price(cells, today)
            if isinstance(parsed, RejectReason):
                names = (*HEADER, *(f"column_{i}" for i in range(len(HEADER) + 1, len(cells) + 1)))
                rejects.append((parsed, dict(zip(names, cells, strict=False))))
                continue
            key = parsed[:2]
            if key in prices:
                repeated += 1
                parsed = min(parsed, prices[key], key=lambda p: (p[2], p[3], p[4] or 0))
            prices[key] = parsed
    except csv.Error as error:
        raise UnreadableFileError(source.path, f"line {reader.line_num}: {error}") from error
    return PriceFile(source.sha256, [prices[key] for key in sorted(prices)], rejects, repeated)


def _price(cells: Sequence[str], today: date) -> Price | RejectReason:
    if len(cells) != len(HEADER):
        return RejectReason.ROW_MALFORMED
    day = parse_date(cells[0])
    if day is None or not FIRST_DATE <= day <= today:
        return RejectReason.DAY_UNREADABLE
    symbol, _ = parse_ticker(cells[1])
    if symbol is None:
        return RejectReason.TICKER_UNREADABLE
    try:
        close, adjusted = float(cells[2]), float(cells[3])
        volume = int(float(cells[4])) if cells[4].strip() else None
    except (ValueError, OverflowError):
        return RejectReason.PRICE_UNREADABLE
    plausible = (
        math.isfinite(close)
        and math.isfinite(adjusted)
        and close > 0
        and adjusted > 0
        and (volume is None or 0 <= volume < 2**63)
    )
    return (symbol, day, close, adjusted, volume) if plausible else RejectReason.PRICE_UNREADABLE


def _write(
    connection: Connection,
    prices: Sequence[Price],
    label: str,
    report: ImportReport,
    collected_on: date | None,
) -> None:
    _create_partitions(connection, {price[1].year for price in prices})
    columns = [
        "ticker text",
        "day date",
        "close double precision",
        "adjusted_close double precision",
        "volume bigint",
        "source text",
        "collected_on date",
    ]
    rows = ((*price, label, collected_on) for price in prices)
    stage(connection, "staged_prices", columns, rows)
    report.other_changes += changed_rows(
        connection,
        "insert into tickers (symbol) select distinct ticker from staged_prices order by 1"
        " on conflict do nothing",
    )
    known = connection.scalar(
        text("select count(*) from prices p join staged_prices s using (ticker, day)")
    )
    report.existing = known or 0
    report.inserted = len(prices) - report.existing
    changed = changed_rows(
        connection,
        "insert into prices as p"
        " (ticker, day, close, adjusted_close, volume, source, collected_on)"
        " select ticker, day, close, adjusted_close, volume, source, collected_on"
        " from staged_prices"
        " on conflict (ticker, day) do update set close = excluded.close,"
        " adjusted_close = excluded.adjusted_close, volume = excluded.volume,"
        " source = excluded.source, collected_on = excluded.collected_on"
        " where (p.close, p.adjusted_close, p.volume, p.source, p.collected_on) is distinct from"
        " (excluded.close, excluded.adjusted_close, excluded.volume, excluded.source,"
        " excluded.collected_on)"
        " and (excluded.collected_on is null or p.collected_on is null"
        " or (p.collected_on, p.adjusted_close, p.close, coalesce(p.volume, -1), p.source)"
        " < (excluded.collected_on, excluded.adjusted_close, excluded.close,"
        " coalesce(excluded.volume, -1), excluded.source))",
    )
    report.updated = changed - report.inserted


def _create_partitions(connection: Connection, years: Iterable[int]) -> None:
    """Create the yearly partitions that are missing, as far as the role may and needs to."""
    if not connection.scalar(
        text("select pg_has_role(relowner, 'USAGE') from pg_class where oid = 'prices'::regclass")
    ):
        return
    for year in sorted(years):
        if connection.scalar(text("select to_regclass(:name)"), {"name": f"prices_{year}"}):
            continue
        # Rows of the year in the default partition would make the new one fail; they can stay.
        taken = connection.scalar(
            text(
                "select exists (select from prices_default"
                " where day >= make_date(cast(:year as int), 1, 1)"
                " and day < make_date(cast(:year as int) + 1, 1, 1))"
            ),
            {"year": year},
        )
        if not taken:
            connection.execute(
                text(
                    f"create table prices_{year:d} partition of prices"
                    f" for values from ('{year:d}-01-01') to ('{year + 1:d}-01-01')"
                )
            )


def _write_rejects(
    connection: Connection, rejects: Sequence[tuple[RejectReason, Mapping[str, str]]]
) -> None:
    rows = {}
    for reason, cells in rejects:
        raw = storable(dict(cells))
        identity = stable_id("reject", PRICES, reason, canonical_json(raw))
        rows[identity] = (identity, PRICES, reason, None, raw)
    columns = ["id uuid", "source text", "reason text", "detail text", "raw jsonb"]
    stage(connection, "staged_rejects", columns, list(rows.values()))
    changed_rows(
        connection,
        "insert into rejects (id, source, reason, detail, raw)"
        " select * from staged_rejects on conflict do nothing",
    )

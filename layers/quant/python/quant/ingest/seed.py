"""Fill a database for development: from a folder of real data, or with a synthetic sample."""

import tempfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Final

from sqlalchemy import Engine

from quant.ingest.bulk import ImportReport, Progress, no_progress
from quant.ingest.disclosures import import_house, import_senate
from quant.ingest.factors import import_factors
from quant.ingest.files import UnreadableFileError, read_source
from quant.ingest.legislators import import_legislators
from quant.ingest.prices import import_prices
from quant.ingest.senate_tables import import_senate_tables
from quant.ingest.synthetic import PRICE_LABEL, write_sample
from quant.ingest.watchers import parse_filing_index

SENATE_FILES: Final = "senate_stock_watcher*.json*"
SENATE_TABLE_FILES: Final = "senate_[0-9]*.csv*"
HOUSE_FILES: Final = "house_stock_watcher*.json*"
INDEX_FILES: Final = "*FD.xml*"
PRICE_FILES: Final = "*.csv*"
FACTOR_FILES: Final = "*.[cC][sS][vV]*"


def load_filing_dates(paths: Iterator[Path] | list[Path]) -> dict[str, date]:
    """Return the day of filing by document id from filing indexes of the House Clerk.

    Raises:
        UnreadableFileError: One of the files is not such an index.
    """
    dates: dict[str, date] = {}
    for path in sorted(paths):
        dates |= parse_filing_index(read_source(path))
    return dates


def seed(
    engine: Engine, data: Path | None = None, *, progress: Progress = no_progress
) -> list[ImportReport]:
    """Import everything there is: members first, so that filers are matched at once.

    Args:
        engine: With the rights to write.
        data: Folder with ``legislators/``, ``senate/``, ``house/``, ``prices/`` and ``factors/``,
            each of which may be missing; None generates the synthetic sample and imports that.
        progress: Receives how far each import is.

    Raises:
        UnreadableFileError: The folder holds none of these, or a file cannot be read.
    """
    if data is not None:
        return _import_folder(engine, data, "csv", progress)
    with tempfile.TemporaryDirectory(prefix="quant-sample-") as folder:
        sample = Path(folder)
        write_sample(sample)
        return _import_folder(engine, sample, PRICE_LABEL, progress)


def _import_folder(
    engine: Engine, data: Path, price_label: str, progress: Progress
) -> list[ImportReport]:
    reports = []
    if (data / "legislators").is_dir():
        reports.append(import_legislators(engine, data / "legislators", progress=progress))
    reports += [
        import_senate(engine, read_source(path), progress=progress)
        for path in sorted(data.glob(f"senate/{SENATE_FILES}"))
    ]
    reports += [
        import_senate_tables(engine, read_source(path), progress=progress)
        for path in sorted(data.glob(f"senate/{SENATE_TABLE_FILES}"))
    ]
    filing_dates = load_filing_dates(data.glob(f"house/{INDEX_FILES}"))
    reports += [
        import_house(engine, read_source(path), filing_dates=filing_dates, progress=progress)
        for path in sorted(data.glob(f"house/{HOUSE_FILES}"))
    ]
    reports += [
        import_prices(engine, read_source(path), label=price_label, progress=progress)
        for path in sorted(data.glob(f"prices/{PRICE_FILES}"))
    ]
    reports += [
        import_factors(engine, read_source(path), progress=progress)
        for path in sorted(data.glob(f"factors/{FACTOR_FILES}"))
    ]
    if not reports:
        raise UnreadableFileError(
            data, "holds no legislators/, senate/, house/, prices/ or factors/ data"
        )
    return reports

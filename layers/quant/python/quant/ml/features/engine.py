"""A DuckDB database with the tables of a snapshot."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from quant.jurisdictions import JURISDICTIONS
from quant.ml.features.tables import STATEMENTS, TABLES
from quant.ml.objects import Objects, get_checked
from quant.ml.snapshot import manifest_of
from quant.settings import FeatureSettings

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@contextmanager
def connected(directory: Path) -> Iterator["DuckDBPyConnection"]:
    """Open a new database in a directory, in bounded memory.

    With extensions neither installed nor loaded, nothing is fetched from anywhere.
    """
    # Most of a second to import, and only what computes or reads features has it.
    import duckdb  # noqa: PLC0415

    with duckdb.connect(
        directory / "features.duckdb",
        config={
            "memory_limit": FeatureSettings().memory_limit,
            "temp_directory": str(directory),
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        },
    ) as database:
        # It would be printed over whatever else the process prints.
        database.execute("set enable_progress_bar = false")
        yield database


@contextmanager
def opened(objects: Objects, dataset: str) -> Iterator["DuckDBPyConnection"]:
    """Open a database with the tables of ``quant.ml.features.tables`` for a dataset.

    Raises:
        NotFoundError: There is no such snapshot.
        DamagedObjectError: Its bytes are others.
    """
    manifest = manifest_of(objects, dataset)
    with TemporaryDirectory(prefix="quant-features-") as folder:
        directory = Path(folder)
        for name, table in manifest["tables"].items():
            content = get_checked(objects, table["key"], table["sha256"])
            (directory / f"{name}.parquet").write_bytes(content)
        with connected(directory) as database:
            _load(database, directory, manifest)
            derive(database)
            yield database


def derive(database: "DuckDBPyConnection") -> None:
    """Make the tables that follow from those of the snapshot, over older ones."""
    for table in TABLES:
        database.execute(f"drop table if exists {table}")
    for statement in STATEMENTS:
        database.execute(statement)


def _load(database: "DuckDBPyConnection", directory: Path, manifest: dict[str, Any]) -> None:
    for name in manifest["tables"]:
        path = str(directory / f"{name}.parquet").replace("'", "''")
        database.execute(f"create table {name} as from read_parquet('{path}')")
        columns = [row[0] for row in database.execute(f"describe {name}").fetchall()]
        if "politician_id" in columns:
            database.execute(f"alter table {name} alter politician_id type uuid")
    sectors = [
        (committee, sector.value)
        for committee, jurisdiction in JURISDICTIONS.items()
        for sector in jurisdiction.sectors
    ]
    database.execute("create table jurisdictions (committee varchar, sector varchar)")
    database.executemany("insert into jurisdictions values (?, ?)", sectors)
    # A subcommittee's identifier is its committee's and two digits.
    database.execute(
        "create table seat_sectors as select distinct politician_id, sector from seats"
        " join jurisdictions on committee = left(committee_id, 4)"
    )
    database.execute(
        "create table facts as select ?::varchar as benchmark, ?::date as seats_since,"
        " max(disclosure_date) as through from trades",
        [manifest["benchmark"], manifest["seats_since"]],
    )

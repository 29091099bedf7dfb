"""The real disclosures with the prices and factors that test dependencies carry, in a database."""

import csv
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from arch.data import frenchdata
from skfolio.datasets import load_sp500_dataset, load_sp500_index
from sqlalchemy import Engine, create_engine
from supervisor.database import ensure_database, ensure_roles
from supervisor.servers import PostgresServer
from support import server_directory

from quant.db.migrate import upgrade
from quant.ingest.bulk import ImportReport
from quant.ingest.factors import import_factors
from quant.ingest.files import read_source
from quant.ingest.prices import HEADER as PRICE_HEADER
from quant.ingest.prices import import_prices
from quant.ingest.seed import seed

# A year and more before the first disclosure of the STOCK Act, for the market model.
FIRST_PRICE = "2010-01-01"


def write_prices(path: Path) -> None:
    """Write a price file of the twenty stocks and the index (SP500) of ``skfolio``, to 2022."""
    closes = load_sp500_dataset()[FIRST_PRICE:].join(load_sp500_index()[FIRST_PRICE:])
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(PRICE_HEADER)
        for day, values in closes.iterrows():
            # As read: the adjusted close alone is known.
            rows.writerows(
                [day.date(), symbol, close, close, ""] for symbol, close in values.items()
            )


def write_factors(path: Path) -> None:
    """Write the monthly Fama-French factors of ``arch`` in the format of French's library."""
    factors = frenchdata.load()
    # The months are stored as numbers such as 201811, which pandas took for nanoseconds.
    months = factors.index.as_unit("ns").astype("int64")
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("", "Mkt-RF", "SMB", "HML", "RF"))
        for month, values in zip(months, factors.to_numpy(), strict=True):
            rows.writerow([month, *values])


def import_everything(engine: Engine, data: Path) -> list[ImportReport]:
    """Import the disclosures of a folder, then prices and factors."""
    reports = seed(engine, data)
    with TemporaryDirectory(prefix="quant-prices-") as folder:
        prices, factors = Path(folder, "prices.csv"), Path(folder, "factors.csv")
        write_prices(prices)
        write_factors(factors)
        reports.append(import_prices(engine, read_source(prices)))
        reports.append(import_factors(engine, read_source(factors)))
    return reports


@contextmanager
def scratch_engine() -> Iterator[Engine]:
    """An engine on a migrated, empty database of a server that goes when done."""
    with server_directory("realdata") as directory:
        server = PostgresServer(directory / "data", secrets.token_urlsafe(16), durable=False)
        server.start()
        try:
            server.wait_ready()
            ensure_roles(server, secrets.token_urlsafe(16), secrets.token_urlsafe(16))
            ensure_database(server, "realdata")
            upgrade(server.url("realdata"))
            engine = create_engine(server.url("realdata"))
            try:
                yield engine
            finally:
                engine.dispose()
        finally:
            server.stop()

"""Loading filings beside a bare COPY of the same rows."""

import secrets
import time
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal

from pipeline_support import empty, working_on
from report import Report, package_versions, sample
from sqlalchemy import Engine, create_engine, text
from supervisor.database import ensure_database, ensure_roles
from supervisor.servers import PostgresServer
from support import server_directory

from quant.db.migrate import upgrade
from quant.db.session import write
from quant.ingest.bulk import copy_rows, lock_imports
from quant.ingest.names import Filer
from quant.ingest.values import Amount
from quant.parsers.model import ParsedFiling, TransactionLine
from quant.pipeline.load import load_filing
from quant.pipeline.raw import DocumentKind, RawDocument
from quant.vocabulary import AssetType, Chamber, FilingSource, FilingStatus, Operation

ROUNDS = 5
FILERS = 20
FILINGS = 5  # of each filer
LINES = 50  # of each filing
ROWS = FILERS * FILINGS * LINES


def run() -> Report:
    password = secrets.token_urlsafe(16)
    with server_directory("bench") as directory:
        # Durable, as in production: a commit waits for the disk.
        server = PostgresServer(directory / "data", secrets.token_urlsafe(16))
        server.start()
        try:
            server.wait_ready()
            ensure_roles(server, secrets.token_urlsafe(16), password)
            ensure_database(server, "bench")
            upgrade(server.url("bench"))
            engine = create_engine(server.url("bench"))
            with working_on(engine, password):
                return _measure(engine)
        finally:
            server.stop()


def _measure(engine: Engine) -> Report:
    filings = [_filing(filer, number) for filer in range(FILERS) for number in range(FILINGS)]

    def load() -> None:
        for document, filing in filings:
            write(lambda connection, d=document, f=filing: _load(connection, d, f))

    def copy(at_once: int) -> Callable[[], None]:
        def copy_all() -> None:
            for start in range(0, ROWS, at_once):
                with engine.begin() as connection:
                    copy_rows(connection, "bare_trades", rows[start : start + at_once])

        return copy_all

    load()
    with engine.begin() as connection:
        rows = [
            tuple(tuple(value) if isinstance(value, list) else value for value in row)
            for row in connection.execute(text("select * from trades"))
        ]
        connection.execute(text("create table bare_trades (like trades)"))
    assert len(rows) == ROWS
    subjects: dict[str, Callable[[], None]] = {
        "bare `COPY`, all rows at once": copy(ROWS),
        "bare `COPY`, a transaction a filing": copy(LINES),
        "this load, a transaction a filing": load,
        "this load again, nothing to change": load,
    }
    rates: dict[str, list[float]] = {name: [] for name in subjects}
    for number in range(ROUNDS + 1):
        empty(engine)
        for name, subject in subjects.items():
            with engine.begin() as connection:
                connection.execute(text("truncate bare_trades"))
            started = time.perf_counter()
            subject()
            if number:  # the first one warms up
                rates[name].append(ROWS / (time.perf_counter() - started))
    with engine.connect() as connection:
        version = connection.scalar(text("show server_version"))
    engine.dispose()
    base = sample(rates["bare `COPY`, a transaction a filing"])
    return Report(
        title="Loading filings",
        method=(
            f"{FILINGS} filings of {LINES} lines of each of {FILERS} filers, {ROWS:,} lines in "
            f"all, by one worker into empty tables; {ROUNDS} rounds. Parsed beforehand: how fast "
            "documents are parsed is measured apart. The bare `COPY` puts the finished rows of "
            "`trades` into a table without indexes, keys or triggers; the load stores each line "
            "as filed, settles the filer's trades, keeps counts and writes the outbox."
        ),
        columns=("", "lines/s", "of `COPY`, a transaction a filing"),
        rows=tuple(
            (name, str(sample(values)), sample(values).ratio(base))
            for name, values in rates.items()
        ),
        versions={"PostgreSQL": str(version), **package_versions("pg8000", "SQLAlchemy")},
        measurements={f"{name}, lines/s": tuple(values) for name, values in rates.items()},
    )


def _load(connection, document: RawDocument, filing: ParsedFiling) -> None:
    lock_imports(connection, shared=True)
    load_filing(connection, document, filing)


def _filing(filer: int, number: int) -> tuple[RawDocument, ParsedFiling]:
    doc_id = f"{filer:03}{number:03}"
    named = Filer.named(Chamber.HOUSE, f"Synthetic Filer{filer}", "ZZ", 1)
    lines = tuple(
        TransactionLine(
            line_number=position + 1,
            asset=f"Synthetic {position} Inc.",
            operation=Operation.PURCHASE,
            transaction_date=date(2025, 1, 1) + timedelta(days=number),
            amount=Amount(Decimal(1001), Decimal(15_000)),
            raw={"asset": f"Synthetic {position} Inc. (SYN{position}) [ST]", "type": "P"},
            status=FilingStatus.NEW,
            ticker=f"SYN{position}",
            ticker_confidence=Decimal(1),
            asset_code="ST",
            asset_type=AssetType.STOCK,
        )
        for position in range(LINES)
    )
    document = RawDocument(DocumentKind.HOUSE_PTR, date(2025, 2, 1), doc_id.encode())
    return document, ParsedFiling(
        FilingSource.HOUSE_CLERK, doc_id, named, "bench/1", date(2025, 1, 20), lines=lines
    )

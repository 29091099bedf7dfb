"""Reads of daily prices with each choice of indexes (docs/adr/0001)."""

import secrets
import time
from collections.abc import Mapping

import pg8000.native
from report import Report, Sample, package_versions, sample
from supervisor.servers import PostgresServer
from support import server_directory

ROUNDS = 7
TICKERS = 1000
YEARS = range(2015, 2025)

PAIR = "create index pair on prices (ticker, day)"
BRIN = "create index day on prices using brin (day)"
BTREE = "create index day on prices (day)"
INDEXES: Mapping[str, tuple[str, ...]] = {
    "none": (),
    "BRIN (day)": (BRIN,),
    "B-tree (ticker, day)": (PAIR,),
    "B-tree (ticker, day) and BRIN (day)": (PAIR, BRIN),
    "B-tree (ticker, day) and B-tree (day)": (PAIR, BTREE),
}

SELECT = "select count(*), sum(adjusted_close) from prices where"
TICKER = f"{SELECT} ticker = 'T0500' and"
READS: Mapping[str, str] = {
    "one ticker, one year": f"{TICKER} day between '2020-01-01' and '2020-12-31'",
    "one ticker, ten years": f"{TICKER} day >= '2015-01-01'",
    "all tickers, one day": f"{SELECT} day = '2020-06-15'",
    "all tickers, one month": f"{SELECT} day between '2020-06-01' and '2020-06-30'",
}


def run() -> Report:
    with server_directory("bench") as directory:
        server = PostgresServer(directory / "data", secrets.token_urlsafe(16), durable=False)
        server.start()
        try:
            server.wait_ready()
            connection = server.connect(timeout=300)
            try:
                return _measure(connection)
            finally:
                connection.close()
        finally:
            server.stop()


def _measure(connection: pg8000.native.Connection) -> Report:
    rows = _load(connection)
    [[version]] = connection.run("show server_version")
    table = []
    measurements = {}
    for name, statements in INDEXES.items():
        for statement in statements:
            connection.run(statement)
        connection.run("vacuum analyze prices")
        size = _index_size(connection)
        taken = {read: _time(connection, query) for read, query in READS.items()}
        table.append((name, f"{size / 1e6:.1f}", *(str(taken[read]) for read in READS)))
        measurements |= {f"{name}, {read}, ms": taken[read].values for read in READS}
        measurements[f"{name}, size, bytes"] = (size,)
        for statement in statements:
            connection.run(f"drop index {statement.split()[2]}")
    return Report(
        title="Indexes of prices",
        method=(
            f"{rows / 1e6:.1f} million rows: {TICKERS:,} tickers, weekdays of {len(YEARS)} years, "
            f"partitioned by year and loaded in date order as the collectors do; {ROUNDS} reads "
            "each, of counts and sums, with everything in memory. Times in ms."
        ),
        columns=("indexes", "size, MB", *READS),
        rows=tuple(table),
        versions={"PostgreSQL": version, **package_versions("pg8000")},
        measurements=measurements,
    )


def _load(connection: pg8000.native.Connection) -> int:
    connection.run("set jit = off")
    connection.run(
        "create table prices (ticker text not null, day date not null, close float8 not null,"
        " adjusted_close float8 not null, volume bigint, source text not null)"
        " partition by range (day)"
    )
    for year in YEARS:
        connection.run(
            f"create table prices_{year} partition of prices"
            f" for values from ('{year}-01-01') to ('{year + 1}-01-01')"
        )
        connection.run(
            "insert into prices select 'T' || lpad(ticker::text, 4, '0'), day, 100 + random(),"
            " 100 + random(), (random() * 1e6)::bigint, 'bench'"
            f" from generate_series('{year}-01-01'::timestamp, '{year}-12-31', '1 day') as day,"
            f" generate_series(1, {TICKERS}) as ticker"
            " where extract(isodow from day) < 6 order by day, ticker"
        )
    [[rows]] = connection.run("select count(*) from prices")
    return int(rows)


def _index_size(connection: pg8000.native.Connection) -> int:
    [[size]] = connection.run(
        "select sum(pg_indexes_size(inhrelid))::bigint from pg_inherits"
        " where inhparent = 'prices'::regclass"
    )
    return int(size)


def _time(connection: pg8000.native.Connection, query: str) -> Sample:
    connection.run(query)
    taken = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        connection.run(query)
        taken.append((time.perf_counter() - started) * 1000)
    return sample(taken)

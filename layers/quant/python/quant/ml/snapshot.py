"""The rows that features are computed of, copied out of Postgres as of one moment.

Below ``snapshots/<dataset>/`` there is a file for each table, and ``manifest.json``, written last:
with it the snapshot is whole.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from sqlalchemy import Connection, text

from quant.db.keyset import data_version
from quant.errors import NotFoundError
from quant.exports.dictionary import Column, ColumnType, Table
from quant.exports.formats import write_file
from quant.exports.rows import Selection, in_snapshot
from quant.ml.features.feature import FEATURE_VERSION
from quant.ml.layout import SNAPSHOTS, canonical, dataset_id
from quant.ml.objects import Objects
from quant.reports.load import BENCHMARKS
from quant.vocabulary import ExportFormat


def _column(name: str, kind: ColumnType, sql: str, meaning: str) -> Column:
    return Column(name, kind, sql, meaning, "this platform")


_POLITICIAN_ID: Final = "politician_id"

TABLES: Final = (
    Table(
        "trades",
        "A transaction line of a PTR whose day of disclosure is known.",
        (
            _column(_POLITICIAN_ID, "VARCHAR", "t.politician_id::text", "Who disclosed it."),
            _column("ticker", "VARCHAR", "t.ticker", "Symbol."),
            _column(
                "stock",
                "BOOLEAN",
                "coalesce(t.asset_type = 'stock', t.ticker is not null)",
                "Whether it is of stock; an unknown kind with a ticker is.",
            ),
            _column(
                "side",
                "BIGINT",
                "case t.operation when 'purchase' then 1 when 'exchange' then 0 else -1 end",
                "1 a purchase, -1 a sale, 0 an exchange.",
            ),
            _column("transaction_date", "DATE", "t.transaction_date", "Day of the transaction."),
            _column("disclosure_date", "DATE", "t.disclosure_date", "Day it was public."),
            _column(
                "amount",
                "BIGINT",
                "round((t.amount_min + coalesce(t.amount_max, t.amount_min)) / 2)::bigint",
                "Midpoint of the range, or its lower bound without an upper one, whole dollars.",
            ),
        ),
        "trades t join politicians p on p.id = t.politician_id and t.disclosure_date is not null",
        "t.disclosure_date, t.politician_id, t.id",
    ),
    Table(
        "politicians",
        "A member of Congress, or a filer not matched to one.",
        (
            _column(_POLITICIAN_ID, "VARCHAR", "p.id::text", "Identifier."),
            _column("chamber", "VARCHAR", "p.chamber", "Present chamber."),
            _column("party", "VARCHAR", "p.party", "Present party."),
            _column(
                "synthetic",
                "BOOLEAN",
                "(p.synthetic or exists (select from filings f where f.politician_id = p.id"
                " and f.source = 'synthetic'))",
                "Whether made up.",
            ),
        ),
        "politicians p",
        "p.id",
    ),
    Table(
        "terms",
        "A term that a member was elected or appointed for.",
        (
            _column(_POLITICIAN_ID, "VARCHAR", "r.politician_id::text", "The member."),
            _column(
                "chamber",
                "VARCHAR",
                "case term ->> 'type' when 'sen' then 'senate' when 'rep' then 'house' end",
                "Chamber.",
            ),
            _column("party", "VARCHAR", "lower(term ->> 'party')", "Party."),
            _column("start", "DATE", "(term ->> 'start')::date", "First day."),
        ),
        "legislator_records r cross join lateral jsonb_array_elements(r.terms) term",
        "r.politician_id, (term ->> 'start')::date, term ->> 'type'",
    ),
    Table(
        "tickers",
        "A symbol with its present sector.",
        (
            _column("ticker", "VARCHAR", "k.symbol", "Symbol."),
            _column("sector", "VARCHAR", "k.sector", "GICS sector."),
        ),
        "tickers k",
        'k.symbol collate "C"',
    ),
    Table(
        "seats",
        "A member's present seat on a committee.",
        (
            _column("committee_id", "VARCHAR", "m.committee_id", "The committee."),
            _column(_POLITICIAN_ID, "VARCHAR", "m.politician_id::text", "The member."),
        ),
        "committee_memberships m",
        'm.committee_id collate "C", m.politician_id',
    ),
    Table(
        "prices",
        "A day's adjusted close of a benchmark or of what somebody disclosed a trade of.",
        (
            _column("ticker", "VARCHAR", "x.ticker", "Symbol."),
            _column("day", "DATE", "x.day", "The day."),
            _column("close", "DOUBLE", "x.adjusted_close", "Adjusted close, US dollars."),
        ),
        "prices x join (select distinct ticker from trades where disclosure_date is not null"  # noqa: S608
        f" union select unnest(array[{', '.join(map(repr, BENCHMARKS))}])) w"
        " on w.ticker = x.ticker",
        'x.ticker collate "C", x.day',
    ),
)


def take(connection: Connection, objects: Objects) -> str:
    """Store the present data as Parquet; what is there already is not written again.

    Args:
        connection: In autocommit mode, or in a snapshot (``quant.exports.rows.snapshot``, which
            also waits longer); Postgres refuses one that is in another transaction.
        objects: Where to.

    Returns:
        The identifier of the dataset.
    """
    with _one_view(connection):
        version = data_version(connection)
        dataset = dataset_id(version, FEATURE_VERSION)
        if _manifest_key(dataset) in objects.keys(f"{SNAPSHOTS}/{dataset}/"):
            return dataset
        manifest = {
            "dataset": dataset,
            "data_version": version,
            "feature_version": FEATURE_VERSION,
            "benchmark": _benchmark(connection),
            "seats_since": _seats_since(connection),
            "tables": {table.name: _store(connection, objects, dataset, table) for table in TABLES},
        }
    objects.publish(_manifest_key(dataset), canonical(manifest))
    return dataset


def manifest_of(objects: Objects, dataset: str) -> dict[str, Any]:
    """Return what a snapshot holds: tables with their keys, rows and SHA-256, and a few facts.

    Raises:
        NotFoundError: There is no such snapshot.
    """
    try:
        content = objects.get(_manifest_key(dataset))
    except NotFoundError:
        msg = f"there is no snapshot {dataset}"
        raise NotFoundError(msg) from None
    manifest: dict[str, Any] = json.loads(content)
    return manifest


def _manifest_key(dataset: str) -> str:
    return f"{SNAPSHOTS}/{dataset}/manifest.json"


@contextmanager
def _one_view(connection: Connection) -> Iterator[None]:
    """Let every read see the same data."""
    if connection.scalar(text("show transaction_isolation")) == "repeatable read":
        yield
        return
    with in_snapshot(connection):
        yield


def _store(connection: Connection, objects: Objects, dataset: str, table: Table) -> dict[str, Any]:
    key = f"{SNAPSHOTS}/{dataset}/{table.name}.parquet"
    with TemporaryDirectory(prefix="quant-snapshot-") as folder:
        written = write_file(connection, Selection(table), ExportFormat.PARQUET, Path(folder))
        objects.publish(key, written.path.read_bytes())
    return {"key": key, "rows": written.rows, "sha256": written.sha256}


def _benchmark(connection: Connection) -> str | None:
    """Return the first of the benchmarks that has prices, as the reports choose it."""
    for symbol in BENCHMARKS:
        if connection.scalar(
            text("select exists (select from prices where ticker = :symbol)"), {"symbol": symbol}
        ):
            return symbol
    return None


def _seats_since(connection: Connection) -> str | None:
    """Return the day since which the present list of seats has been known.

    Either the pipeline collected the list on that day, or an import read it: then the first one of
    the same files.
    """
    day = connection.scalar(
        text(
            "select max(day) from ("
            "select collected_on as day from reference_documents"
            " where kind = 'committee_membership'"
            " union all select min(started_at)::date from import_runs"
            " where source = 'legislators' and finished_at is not null and sha256 = ("
            "select sha256 from import_runs where source = 'legislators'"
            " and finished_at is not null order by id desc limit 1)) known"
        )
    )
    return day.isoformat() if day else None

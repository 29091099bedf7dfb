"""Many synthetic trades, and prices for them, made in Postgres."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

PRICE_LABEL: Final = "synthetic"
INDEX: Final = "SYNIX"
_SEED: Final = 0.20120404
_FIRST_DAY: Final = "2015-01-01"
_SPAN_DAYS: Final = 3_650


def fill_trades(engine: Any, rows: int, *, politicians: int, tickers: int) -> None:
    """Fill an empty database with synthetic politicians, tickers, filings and trades.

    Days, tickers and amounts are spread by a hash of the trade's number: the same every time.
    """
    with bulk(engine) as connection, indexed_afterwards(connection):
        for statement in _trades(rows, politicians, tickers):
            connection.exec_driver_sql(statement)


def _trades(rows: int, politicians: int, tickers: int) -> tuple[str, ...]:
    return (
        f"insert into tickers (symbol, sector) select 'SYN' || n,"
        " (array['Energy', 'Financials', 'Health Care', 'Information Technology'])[1 + n % 4]"
        f" from generate_series(1, {tickers}) n",
        "insert into politicians (id, bioguide_id, full_name, sort_name, chamber, party, state,"
        " in_office, synthetic)"
        " select md5('p' || n)::uuid, 'Z' || lpad((900000 + n)::text, 6, '0'),"
        " 'Synthetic Member ' || n, 'member ' || n,"
        " case n % 2 when 0 then 'house' else 'senate' end,"
        " case n / 2 % 2 when 0 then 'democrat' else 'republican' end, 'ZZ', true, true"
        f" from generate_series(1, {politicians}) n",
        "insert into filings (id, source, doc_id, politician_id, filed_date, url)"
        " select md5('f' || n)::uuid, 'synthetic', n::text,"
        f" md5('p' || 1 + n % {politicians})::uuid,"
        f" date '{_FIRST_DAY}' + (hashint4(n) & 2147483647) % {_SPAN_DAYS},"
        f" 'https://synthetic.invalid/' || n from generate_series(1, {1 + rows // 50}) n",
        "insert into trades (id, politician_id, chamber, party, filing_id, line_hash, line_number,"
        " owner, asset, ticker, ticker_confidence, asset_type, operation, transaction_date,"
        " disclosure_date, amount_min, amount_max, capital_gains_over_200, comment, notes, raw)"
        " select md5('t' || n)::uuid, p.id, p.chamber, p.party, f.id, substr(md5(n::text), 1, 16),"
        " 1 + n % 50, (array['self', 'spouse', 'joint', null])[1 + n % 4],"
        f" 'Synthetic ' || h % {tickers} || ', Inc. Common Stock', 'SYN' || 1 + h % {tickers},"
        " 1, 'stock', (array['purchase', 'sale_full', 'sale_partial', 'purchase'])[1 + n % 4],"
        " f.filed_date - 1 - h % 44, f.filed_date,"
        " (array[1001, 15001, 50001])[1 + h % 3], (array[15000, 50000, 100000])[1 + h % 3],"
        " n % 2 = 0, case n % 10 when 0 then 'A comment, \"quoted\"' end,"
        " case n % 20 when 0 then array['second_code'] else '{}' end, '{}'"
        f" from generate_series(0, {rows - 1}) n"
        " cross join lateral (select (hashint4(-n - 1) & 2147483647) as h) hashed"
        " join filings f on f.doc_id = (1 + n / 50)::text"
        " join politicians p on p.id = f.politician_id",
        # What triggers would have kept.
        "insert into politician_activity (politician_id, trade_count)"
        " select politician_id, count(*) from trades group by 1",
    )


def fill_prices(engine: Any) -> None:
    """Give every ticker, and an index that all of them follow, closes on all weekdays."""
    with bulk(engine) as connection:
        for statement in (
            f"select setseed({_SEED})",
            f"insert into tickers (symbol) values ('{INDEX}') on conflict do nothing",
            # A geometric random walk: that of the index and one of its own.
            "insert into prices (ticker, day, close, adjusted_close, volume, source)"
            " with days as (select day::date, 0.02 * (random() - 0.49) as common"
            f" from generate_series(date '{_FIRST_DAY}' - 400, date '{_FIRST_DAY}' + {_SPAN_DAYS},"
            " '1 day') day where extract(isodow from day) < 6),"
            " closes as (select symbol, day, 50 * exp(sum("
            f"common + case symbol when '{INDEX}' then 0 else 0.04 * (random() - 0.5) end"
            ") over (partition by symbol order by day)) as close from tickers, days)"
            f" select symbol, day, close, close, 100000, '{PRICE_LABEL}' from closes",
        ):
            connection.exec_driver_sql(statement)


@contextmanager
def indexed_afterwards(connection: Any, *, keys: bool = False) -> Iterator[None]:
    """Do without the indexes of trades meanwhile, which is quicker.

    Args:
        connection: Of the superuser, without a transaction.
        keys: Whether without primary and unique keys of trades and filings, too; foreign keys that
            lead to these are not made again.
    """
    again = [
        *connection.exec_driver_sql(
            "select format('drop index %s', indexrelid::regclass), pg_get_indexdef(indexrelid)"
            " from pg_index where indrelid = 'trades'::regclass and not indisunique"
        )
    ]
    if keys:
        again += connection.exec_driver_sql(
            "select format('alter table %s drop constraint %I cascade', conrelid::regclass,"
            " conname), format('alter table %s add constraint %I %s', conrelid::regclass,"
            " conname, pg_get_constraintdef(oid)) from pg_constraint where contype in ('p', 'u')"
            " and conrelid in ('trades'::regclass, 'filings'::regclass)"
        )
    for drop, _ in again:
        connection.exec_driver_sql(drop)
    yield
    connection.exec_driver_sql("set maintenance_work_mem = '1GB'")
    for _, create in again:
        connection.exec_driver_sql(create)


@contextmanager
def bulk(engine: Any) -> Iterator[Any]:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        # Neither foreign keys nor triggers are what is measured.
        connection.exec_driver_sql("set session_replication_role = replica")
        yield connection
        connection.exec_driver_sql("reset session_replication_role")
        connection.exec_driver_sql("vacuum analyze")

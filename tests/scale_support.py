"""Trades in any number whose values are as skewed as the real ones, made in Postgres.

Shares are those of the real disclosures of 2012 to 2026: what politicians, tickers, owners, asset
types, operations and amounts have of them, how late they were disclosed, that no day is known of
two in five of the Senate's, that the Senate's end before the House's have begun for long. Besides,
the rarest values have so many rows, however many there are.
"""

from datetime import date
from typing import Any, Final

from bulk_support import bulk, indexed_afterwards
from sqlalchemy import Engine

POLITICIANS: Final = 400
TICKERS: Final = 2_000
TRADES_OF_A_FILING: Final = 6
# Rows of each of the rarest values.
RAREST_ROWS: Final = 20
RAREST: Final[dict[str, Any]] = {
    "politician": "Z999999",
    "ticker": "RAREST",
    "party": "libertarian",
    "operation": "exchange",
    "owner": "dependent_child",
    "asset_type": "cryptocurrency",
    "amount_min": 50_000_001,
    "days_late": 5_000,
}
_FIRST_DAY: Final = "2012-07-03"
_DAYS: Final = 5_000
# As wide as rows of the sources are.
_RAW: Final = f'{{"row": "{"synthetic " * 40}"}}'


def fill_skewed(engine: Engine, rows: int) -> None:
    """Fill an empty database with synthetic politicians, tickers, filings and ``rows`` trades.

    Indexes and keys of trades and filings are made when the rows are there, and foreign keys that
    lead to these are not made again. The same number of rows gives the same rows.
    """
    with bulk(engine) as connection, indexed_afterwards(connection, keys=True):
        for statement in _rows(rows):
            connection.exec_driver_sql(statement)


def _rows(rows: int) -> tuple[str, ...]:
    filings = -(-rows // TRADES_OF_A_FILING)
    seldom = max(rows // RAREST_ROWS, 1)
    return (
        # A number from 0 to 1 for each row and purpose.
        "create function pg_temp.u(n bigint, purpose bigint) returns float8 language sql immutable"
        " as 'select (hashint8extended(n, purpose) & 281474976710655) / 281474976710656.0::float8'",
        "insert into tickers (symbol, name) select 'SYN' || n, 'Synthetic ' || n || ', Inc.'"
        f" from generate_series(1, {TICKERS}) n union all select '{RAREST['ticker']}', 'Rarest'",
        "insert into politicians (id, bioguide_id, full_name, sort_name, chamber, party, state,"
        " in_office, synthetic)"
        " select md5('p' || n)::uuid, 'Z' || lpad(n::text, 6, '0'), 'Synthetic Member ' || n,"
        " 'member ' || n, case n % 2 when 0 then 'house' else 'senate' end,"
        " case when pg_temp.u(n, 2) < 0.57 then 'republican' when pg_temp.u(n, 2) < 0.94"
        " then 'democrat' when pg_temp.u(n, 2) < 0.95 then 'independent' end, 'ZZ', true, true"
        f" from generate_series(1, {POLITICIANS}) n union all select md5('p0')::uuid,"
        f" '{RAREST['politician']}', 'Rarest Member', 'member', 'house', '{RAREST['party']}',"
        " 'ZZ', true, true",
        # The most active of a chamber files a sixth. The House's begin at 0.68 of the time,
        # the Senate's end at 0.8.
        "insert into filings (id, source, doc_id, politician_id, filed_date, url)"
        " select md5('f' || n)::uuid, 'synthetic', n::text, md5('p' || 1 + is_house::int"
        f" + 2 * floor({POLITICIANS // 2} * power(pg_temp.u(n, 3), 3)))::uuid,"
        f" date '{_FIRST_DAY}' + floor({_DAYS} * past)::int, 'https://synthetic.invalid/' || n"
        f" from generate_series(0, {filings - 1}) n"
        f" cross join lateral (select sqrt(n / {filings}.0) as past) at"
        " cross join lateral (select past > 0.68 + 0.12 * pg_temp.u(n, 1) as is_house) of",
        "analyze politicians, filings",
        "insert into trades (id, politician_id, filing_id, chamber, party, line_hash, line_number,"
        " owner, asset, ticker, ticker_confidence, asset_type, operation, transaction_date,"
        " disclosure_date, amount_min, amount_max, notes, raw)"
        " select md5('t' || n)::uuid, p.id, f.id, p.chamber, p.party, substr(md5(n::text), 1, 16),"
        f" 1 + n % {TRADES_OF_A_FILING},"
        f" case when r = 1 then '{RAREST['owner']}' when pg_temp.u(n, 4) < 0.35 then 'joint'"
        " when pg_temp.u(n, 4) < 0.7 then 'spouse' when pg_temp.u(n, 4) < 0.99 then 'self' end,"
        " 'Synthetic, Inc. Common Stock',"
        f" case when r = 2 then '{RAREST['ticker']}' when pg_temp.u(n, 5) > 0.13"
        f" then 'SYN' || 1 + floor({TICKERS} * power(pg_temp.u(n, 6), 2)) end,"
        " case when pg_temp.u(n, 5) > 0.13 then 1 end,"
        f" case when r = 3 then '{RAREST['asset_type']}' when pg_temp.u(n, 7) < 0.83 then 'stock'"
        " when pg_temp.u(n, 7) < 0.88 then 'other' when pg_temp.u(n, 7) < 0.91"
        " then 'municipal_security' when pg_temp.u(n, 7) < 0.94 then 'stock_option'"
        " when pg_temp.u(n, 7) < 0.955 then 'corporate_bond' when pg_temp.u(n, 7) < 0.96"
        " then 'non_public_stock' when pg_temp.u(n, 7) < 0.961 then 'fund' end,"
        f" case when r = 4 then '{RAREST['operation']}' when pg_temp.u(n, 8) < 0.53 then 'purchase'"
        " when pg_temp.u(n, 8) < 0.66 then 'sale_partial' when p.chamber = 'house' then 'sale'"
        " else 'sale_full' end,"
        f" greatest(f.filed_date - case when r = 5 then 45 + {RAREST['days_late']} else late end,"
        " date '2000-01-03'),"
        " case when p.chamber = 'house' or pg_temp.u(f.doc_id::bigint, 9) > 0.4"
        " then f.filed_date end,"
        f" case when r = 6 then {RAREST['amount_min']} when a = 9 then exact else"
        " (array[1001, 15001, 50001, 100001, 250001, 500001, 1000001, 5000001, 25000001])[a + 1]"
        " end, case when r = 6 then null when a = 9 then exact else (array[15000, 50000, 100000,"
        " 250000, 500000, 1000000, 5000000, 25000000, 50000000])[a + 1] end,"
        f" '{{}}', '{_RAW}'"
        f" from generate_series(0, {rows - 1}) n"
        f" join filings f on f.doc_id = (n / {TRADES_OF_A_FILING})::text"
        f" cross join lateral (select n % {seldom} as r, pg_temp.u(n, 10) as d) drawn"
        " join politicians p on p.id = case when r = 0 then md5('p0')::uuid"
        " else f.politician_id end"
        # Days from the transaction to its disclosure at the real ones' percentiles.
        " cross join lateral (select floor(case when d < 0.1 then 2 + 80 * d"
        " when d < 0.25 then 10 + 53 * (d - 0.1) when d < 0.5 then 18 + 40 * (d - 0.25)"
        " when d < 0.75 then 28 + 32 * (d - 0.5) when d < 0.9 then 36 + 180 * (d - 0.75)"
        " when d < 0.95 then 63 + 4680 * (d - 0.9) when d < 0.99 then 297 + 15500 * (d - 0.95)"
        " else 917 + 100000 * (d - 0.99) end)::int as late) delayed"
        " cross join lateral (select width_bucket(pg_temp.u(n, 11), array[0.72, 0.89, 0.942, 0.975,"
        " 0.987, 0.9955, 0.9982, 0.9989, 0.999]::float8[]) as a) category"
        " cross join lateral (select"
        # The rest are exact amounts, one in a thousand.
        " floor(1 + 100000 * pg_temp.u(n, 12)) / 100 as exact) cents",
        "insert into politician_activity (politician_id, trade_count)"
        " select p.id, count(t.id) from politicians p left join trades t on t.politician_id = p.id"
        " group by 1",
    )


def cases() -> dict[str, dict[str, Any]]:
    """Filters of a list of trades that ``fill_skewed`` made, common and rare values of each."""
    rarest = {name: {name: RAREST[name]} for name in RAREST if name != "days_late"}
    return {
        "none": {},
        "politician, common": {"politician": "Z000001"},
        "politician, rarest": rarest["politician"],
        "ticker, common": {"ticker": "SYN1"},
        "ticker, rarest": rarest["ticker"],
        "chamber, early": {"chamber": "senate"},
        "chamber, late": {"chamber": "house"},
        "party, common": {"party": "republican"},
        "party, rare": {"party": "independent"},
        "party, rarest": rarest["party"],
        "operation, common": {"operation": "purchase"},
        "operation, late": {"operation": "sale"},
        "operation, rarest": rarest["operation"],
        "owner, common": {"owner": "spouse"},
        "owner, rarest": rarest["owner"],
        "asset_type, common": {"asset_type": "stock"},
        "asset_type, rare": {"asset_type": "fund"},
        "asset_type, rarest": rarest["asset_type"],
        "amount_min, all": {"amount_min": 0},
        "amount_min, common": {"amount_min": 15_001},
        # Between categories, where an index of lower ends alone would have to be read on.
        "amount_min, between": {"amount_min": 15_000},
        "amount_min, rarest": rarest["amount_min"],
        "amount_max, common": {"amount_max": 100_000},
        "amount_max, between": {"amount_max": 49_999},
        "amount_max, rare": {"amount_max": 900},
        "amounts, between": {"amount_min": 60_000, "amount_max": 700_000},
        "transaction, from": {"transaction_from": date(2014, 2, 10)},
        "transaction, to": {"transaction_to": date(2016, 5, 20)},
        "transaction, rarest": {"transaction_to": date(2006, 1, 1)},
        "transaction, year": {
            "transaction_from": date(2019, 1, 1),
            "transaction_to": date(2019, 12, 31),
        },
        "transaction, day": {
            "transaction_from": date(2021, 3, 3),
            "transaction_to": date(2021, 3, 3),
        },
        "disclosure, from": {"disclosure_from": date(2014, 2, 10)},
        "disclosure, to": {"disclosure_to": date(2016, 5, 20)},
        "disclosure, rarest": {"disclosure_from": date(2026, 3, 11)},
        "disclosure, year": {
            "disclosure_from": date(2019, 1, 1),
            "disclosure_to": date(2019, 12, 31),
        },
        "disclosure, day": {
            "disclosure_from": date(2021, 3, 3),
            "disclosure_to": date(2021, 3, 3),
        },
    }

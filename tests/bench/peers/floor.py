"""The least that answers lists of trades and politicians: SQL written by hand, pg8000, orjson.

The answers are ours, value for value. Left out is everything else: limits, cache, entity tags,
validation, filters and other sorts, pages but the first, logs, traces, secrets, compression, and
what happens when Postgres is away.
"""

import base64
import hashlib
import json
import os
from typing import Any

import orjson
import pg8000.native

_connection = pg8000.native.Connection(
    os.environ["BENCH_USER"],
    host=os.environ["QUANT_DATABASE_HOST"],
    port=int(os.environ["QUANT_DATABASE_PORT"]),
    database=os.environ["QUANT_DATABASE_NAME"],
    password=os.environ["BENCH_PASSWORD"],
)

# Identifiers and days as text, and numbers as floats, are what pg8000 makes values of soonest.
_TRADES = _connection.prepare("""
select t.id::text, p.id::text, p.bioguide_id, p.full_name, p.chamber, p.party, p.state, p.synthetic,
  t.owner, t.asset, t.ticker, t.ticker_confidence::float8, t.asset_type, t.operation,
  t.transaction_date::text, t.notification_date::text, t.disclosure_date::text,
  t.amount_min::float8, t.amount_max::float8, t.capital_gains_over_200, t.comment, t.status,
  t.subholding_of, t.option_type, t.option_strike::float8, t.option_expires::text,
  t.option_contracts, t.option_shares, t.option_exercised, t.notes,
  f.source, f.doc_id, f.url, f.filed_date::text,
  coalesce(t.disclosure_date, '0001-01-01')::text, (select version from data_version)
from trades t join politicians p on p.id = t.politician_id join filings f on f.id = t.filing_id
order by coalesce(t.disclosure_date, '0001-01-01') desc, t.id desc limit :limit
""")
_POLITICIANS = _connection.prepare("""
select p.id::text, p.bioguide_id, p.full_name, p.chamber, p.party, p.state, p.district,
  p.in_office, p.synthetic, a.trade_count, p.sort_name, (select version from data_version)
from politicians p join politician_activity a on a.politician_id = p.id
order by p.sort_name, p.id limit :limit
""")
# The same lists, each row a JSON document that Postgres makes.
_TRADES_JSON = _connection.prepare("""
select json_build_object('id', t.id,
    'politician', json_build_object('id', p.id, 'bioguide_id', p.bioguide_id,
      'full_name', p.full_name, 'chamber', p.chamber, 'party', p.party, 'state', p.state,
      'synthetic', p.synthetic),
    'owner', t.owner, 'asset', t.asset, 'ticker', t.ticker,
    'ticker_confidence', t.ticker_confidence, 'asset_type', t.asset_type,
    'operation', t.operation, 'transaction_date', t.transaction_date,
    'notification_date', t.notification_date, 'disclosure_date', t.disclosure_date,
    'amount_min', t.amount_min, 'amount_max', t.amount_max,
    'capital_gains_over_200', t.capital_gains_over_200, 'comment', t.comment,
    'filing_status', t.status, 'subholding_of', t.subholding_of,
    'option', case when t.option_exercised is not null then json_build_object(
      'type', t.option_type, 'strike', t.option_strike, 'expires', t.option_expires,
      'contracts', t.option_contracts, 'shares', t.option_shares,
      'exercised', t.option_exercised) end,
    'notes', t.notes,
    'filing', json_build_object('source', f.source, 'doc_id', f.doc_id, 'url', f.url,
      'filed_date', f.filed_date))::text,
  coalesce(t.disclosure_date, '0001-01-01')::text, t.id::text, (select version from data_version)
from trades t join politicians p on p.id = t.politician_id join filings f on f.id = t.filing_id
order by coalesce(t.disclosure_date, '0001-01-01') desc, t.id desc limit :limit
""")
_POLITICIANS_JSON = _connection.prepare("""
select json_build_object('id', p.id, 'bioguide_id', p.bioguide_id, 'full_name', p.full_name,
    'chamber', p.chamber, 'party', p.party, 'state', p.state, 'district', p.district,
    'in_office', p.in_office, 'synthetic', p.synthetic, 'trade_count', a.trade_count)::text,
  p.sort_name, p.id::text, (select version from data_version)
from politicians p join politician_activity a on a.politician_id = p.id
order by p.sort_name, p.id limit :limit
""")


def _digest(sort: str) -> str:
    return hashlib.sha256(json.dumps({"sort": sort}).encode()).hexdigest()[:12]


_BY_DISCLOSURE, _BY_NAME = _digest("-disclosure_date"), _digest("name")


def _limit(event: dict[str, Any]) -> int:
    return int(event["queryStringParameters"]["limit"])


def _cursor(digest: str, key: str, row_id: str) -> str:
    content = orjson.dumps([digest, key, row_id])
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _answer(body: str) -> dict[str, Any]:
    return {
        "statusCode": 200,
        "headers": {"Content-Type": "application/json"},
        "body": body,
        "isBase64Encoded": False,
    }


def _page(data: list[dict[str, Any]], cursor: str | None, version: int) -> dict[str, Any]:
    page = {"count": len(data), "next_cursor": cursor}
    document = {"data": data, "page": page, "data_version": version}
    return _answer(orjson.dumps(document).decode())


def _joined(rows: list[list[Any]], limit: int, digest: str) -> dict[str, Any]:
    kept = rows[:limit]
    cursor = _cursor(digest, kept[-1][1], kept[-1][2]) if len(rows) > limit else None
    return _answer(
        f'{{"data":[{",".join([row[0] for row in kept])}],'
        f'"page":{{"count":{len(kept)},"next_cursor":{json.dumps(cursor)}}},'
        f'"data_version":{kept[0][3]}}}'
    )


def _trade(row: list[Any]) -> dict[str, Any]:
    option = None
    if row[28] is not None:
        option = {
            "type": row[23],
            "strike": row[24],
            "expires": row[25],
            "contracts": row[26],
            "shares": row[27],
            "exercised": row[28],
        }
    return {
        "id": row[0],
        "politician": {
            "id": row[1],
            "bioguide_id": row[2],
            "full_name": row[3],
            "chamber": row[4],
            "party": row[5],
            "state": row[6],
            "synthetic": row[7],
        },
        "owner": row[8],
        "asset": row[9],
        "ticker": row[10],
        "ticker_confidence": row[11],
        "asset_type": row[12],
        "operation": row[13],
        "transaction_date": row[14],
        "notification_date": row[15],
        "disclosure_date": row[16],
        "amount_min": row[17],
        "amount_max": row[18],
        "capital_gains_over_200": row[19],
        "comment": row[20],
        "filing_status": row[21],
        "subholding_of": row[22],
        "option": option,
        "notes": row[29],
        "filing": {"source": row[30], "doc_id": row[31], "url": row[32], "filed_date": row[33]},
    }


def _politician(row: list[Any]) -> dict[str, Any]:
    return {
        "id": row[0],
        "bioguide_id": row[1],
        "full_name": row[2],
        "chamber": row[3],
        "party": row[4],
        "state": row[5],
        "district": row[6],
        "in_office": row[7],
        "synthetic": row[8],
        "trade_count": row[9],
    }


def trades(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Answer GET /trades from rows."""
    limit = _limit(event)
    rows = _TRADES.run(limit=limit + 1)
    last = rows[limit - 1]
    cursor = _cursor(_BY_DISCLOSURE, last[34], last[0]) if len(rows) > limit else None
    return _page([_trade(row) for row in rows[:limit]], cursor, last[35])


def politicians(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Answer GET /politicians from rows."""
    limit = _limit(event)
    rows = _POLITICIANS.run(limit=limit + 1)
    last = rows[limit - 1]
    cursor = _cursor(_BY_NAME, last[10], last[0]) if len(rows) > limit else None
    return _page([_politician(row) for row in rows[:limit]], cursor, last[11])


def trades_json(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Answer GET /trades from documents that Postgres makes."""
    limit = _limit(event)
    return _joined(_TRADES_JSON.run(limit=limit + 1), limit, _BY_DISCLOSURE)


def politicians_json(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Answer GET /politicians from documents that Postgres makes."""
    limit = _limit(event)
    return _joined(_POLITICIANS_JSON.run(limit=limit + 1), limit, _BY_NAME)

"""What pages of lists have on them, said once more without SQL."""

import json
from dataclasses import fields
from datetime import date

from quant.trade_details import COLUMNS, joined, shape
from quant_http.json import dump_json


def read_trades(session):
    """All trades as ORM reads them, each with its form in an answer."""
    return [(row, json.loads(dump_json(shape(row)))) for row in session.execute(joined(*COLUMNS))]


def pages_of(read, filters, limit):
    """Rows of all pages that follow each other."""
    rows, cursor = [], None
    while True:
        page = read(filters, limit=limit, cursor=cursor)
        document = json.loads(dump_json(page.rows))
        assert len(document) == limit or page.next_cursor is None
        rows += document
        cursor = page.next_cursor
        if cursor is None:
            return rows


def ordered(rows, sort, key):
    return sorted(rows, key=key, reverse=sort.startswith("-"))


def is_wanted(row, filters):
    """What the filters mean, said once more."""
    disclosed = row.disclosure_date
    bounds = {
        "amount_min": lambda least: row.amount_min >= least,
        "amount_max": lambda most: row.amount_max is not None and row.amount_max <= most,
        "transaction_from": lambda day: row.transaction_date >= day,
        "transaction_to": lambda day: row.transaction_date <= day,
        "disclosure_from": lambda day: disclosed is not None and disclosed >= day,
        "disclosure_to": lambda day: disclosed is not None and disclosed <= day,
        "politician": lambda name: (
            name.upper() in {str(row.politician_id).upper(), row.bioguide_id}
        ),
    }
    return all(
        bounds[name](value) if name in bounds else getattr(row, name) == value
        for name, value in values_of(filters)
    )


def values_of(filters):
    values = [(field.name, getattr(filters, field.name)) for field in fields(filters)]
    return [(name, value) for name, value in values if name != "sort" and value is not None]


TRADE_KEYS = {
    "disclosure_date": lambda row: (row.disclosure_date or date.min, row.id),
    "transaction_date": lambda row: (row.transaction_date, row.id),
    "amount": lambda row: (row.amount_min, row.id),
}


def expected_trades(rows, filters):
    key = TRADE_KEYS[filters.sort.removeprefix("-")]
    wanted = [pair for pair in rows if is_wanted(pair[0], filters)]
    return [item for _, item in ordered(wanted, filters.sort, lambda pair: key(pair[0]))]

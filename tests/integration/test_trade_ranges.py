"""Ranges in the order of something else, about where the classes that they are cut into end."""

import json
import random
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from tests.integration.conftest import SENATOR, make_trade

from quant.db.models import Trade
from quant.identity import filing_id
from quant.trades import TradeFilters, TradeSort, list_trades
from quant_http.json import dump_json

# Each class of 24 weeks is six of four weeks, counted from here.
FIRST_DAY = date(2000, 1, 1)
WEEKS = timedelta(weeks=4)
# Before 2000, in the first class, in those next to it, and years later.
ENDS = [FIRST_DAY + number * WEEKS for number in (-90, -7, -6, -1, 0, 1, 5, 6, 7, 11, 12, 13, 60)]
DAYS = [end + timedelta(days=days) for end in ENDS for days in (-1, 0, 1)]
AMOUNTS = (Decimal(1001), Decimal(15001), Decimal("15001.50"))


@pytest.fixture(scope="module")
def rows(disclosures, api):
    """Trades as ``(id, transaction date, disclosure date, amount)``."""
    drawn = random.Random(8)
    filing = filing_id("senate_efd", "s-1")
    added = []
    for number in range(1_000, 1_400):
        first, last = sorted(drawn.choices(DAYS, k=2))
        trade = make_trade(
            number,
            SENATOR,
            filing,
            transaction_date=first,
            disclosure_date=drawn.choice([last, last, None]),
            amount_min=drawn.choice(AMOUNTS),
            amount_max=None,
        )
        added.append(trade)
    disclosures.add_all(added)
    disclosures.commit()
    columns = (Trade.id, Trade.transaction_date, Trade.disclosure_date, Trade.amount_min)
    return [tuple(row) for row in disclosures.execute(select(*columns))]


KEYS = {
    "transaction_date": lambda row: row[1],
    "disclosure_date": lambda row: row[2] or date.min,
    "amount": lambda row: row[3],
}


def expected(rows, filters: TradeFilters) -> list[str]:
    def is_wanted(row):
        for day, first, last in (
            (row[1], filters.transaction_from, filters.transaction_to),
            (row[2], filters.disclosure_from, filters.disclosure_to),
        ):
            if (first or last) and day is None:
                return False
            if (first and day < first) or (last and day > last):
                return False
        return True

    key = KEYS[filters.sort.removeprefix("-")]
    found = sorted(
        filter(is_wanted, rows),
        key=lambda row: (key(row), row[0]),
        reverse=filters.sort.startswith("-"),
    )
    return [str(row[0]) for row in found]


def listed(filters: TradeFilters, limit: int) -> list[str]:
    found, cursor = [], None
    while True:
        page = list_trades(filters, limit=limit, cursor=cursor)
        found += [row["id"] for row in json.loads(dump_json(page.rows))]
        cursor = page.next_cursor
        if cursor is None:
            return found


END = st.one_of(st.none(), st.sampled_from([*DAYS, *(end + WEEKS / 2 for end in ENDS)]))


@given(
    column=st.sampled_from(["transaction", "disclosure"]),
    first=END,
    last=END,
    sort=st.sampled_from(TradeSort),
    limit=st.sampled_from([7, 40, 100]),
)
@settings(
    max_examples=250,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_a_range_has_all_its_trades_in_order(rows, column, first, last, sort, limit):
    filters = TradeFilters(**{f"{column}_from": first, f"{column}_to": last}, sort=sort)
    assert listed(filters, limit) == expected(rows, filters)

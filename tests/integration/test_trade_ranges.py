"""Ranges in the order of something else, about where the classes that they are cut into end."""

import random
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from page_support import expected_trades, pages_of, read_trades
from tests.integration.conftest import SENATOR, make_trade

from quant.identity import filing_id
from quant.trades import TradeFilters, TradeSort, list_trades

# Each class of 24 weeks is six of four weeks, counted from here.
FIRST_DAY = date(2000, 1, 1)
WEEKS = timedelta(weeks=4)
# Before 2000, in the first class, in those next to it, and years later.
ENDS = [FIRST_DAY + number * WEEKS for number in (-90, -7, -6, -1, 0, 1, 5, 6, 7, 11, 12, 13, 60)]
DAYS = [end + timedelta(days=days) for end in ENDS for days in (-1, 0, 1)]
AMOUNTS = (Decimal(1001), Decimal(15001), Decimal("15001.50"))


@pytest.fixture(scope="module")
def rows(disclosures, api):
    """Trades about the ends of classes, beside those of every fixture."""
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
    return read_trades(disclosures)


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
    assert pages_of(list_trades, filters, limit) == expected_trades(rows, filters)

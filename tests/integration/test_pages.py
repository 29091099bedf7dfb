"""Pages whose rows Postgres writes as JSON: the same as ORM reads them."""

import base64
import json
import uuid
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from page_support import (
    expected_trades,
    ordered,
    pages_of,
    read_trades,
    values_of,
)
from sqlalchemy import select, text
from tests.integration.conftest import (
    FILER,
    REPRESENTATIVE,
    SENATOR,
    make_trade,
)

from quant import politicians, trades
from quant.db.models import Politician, PoliticianActivity
from quant.errors import InvalidCursorError
from quant.identity import filing_id
from quant.politicians import PoliticianFilters, PoliticianSort
from quant.trades import TradeFilters, TradeSort
from quant.vocabulary import AssetType, Chamber, Operation, Owner, Party
from quant_http.json import dump_json

# What JSON escapes, what SQL or a list of rows could take for its own, and no ASCII.
TEXTS = (
    'say "no"; it\'s \\ {} $1 %s :id --',
    "two\nlines\r\n\tand \x01\x7f\u2028",
    "Überraschung 日本 \U0001f4c8 \u202e",
    "",
    "[]',null\\n",
)
DAYS = (date(2020, 1, 1), date(2020, 1, 2), date(2020, 2, 1), date(2021, 3, 4))
AMOUNTS = (Decimal("1001.00"), Decimal("15001.50"), Decimal("50000001.00"))


@pytest.fixture(scope="module", autouse=True)
def process(disclosures, api):
    """Trades of every sort, beside those of the API's tests."""
    filings = {
        SENATOR: filing_id("senate_efd", "s-1"),
        REPRESENTATIVE: filing_id("house_clerk", "h-1"),
        FILER: filing_id("senate_efd", "u-1"),
    }
    owners, operations, assets = (
        [*Owner, None],
        list(Operation),
        [*AssetType, None],
    )
    for number in range(200, 290):
        politician = list(filings)[number % 3]
        has_option = number % 4 == 0
        disclosures.add(
            make_trade(
                number,
                politician,
                filings[politician],
                owner=owners[number % len(owners)],
                operation=operations[number % len(operations)],
                asset_type=assets[number % len(assets)],
                asset=TEXTS[number % 5] or "Asset",
                comment=(*TEXTS, None)[number % 6],
                ticker=("AAA", "BBB", None)[number // 2 % 3],
                transaction_date=DAYS[number % 2],
                notification_date=(None, DAYS[1])[number % 2],
                disclosure_date=(None, DAYS[2], DAYS[3])[number // 3 % 3],
                amount_min=AMOUNTS[number % 3],
                amount_max=(None, Decimal("60000000.25"))[number % 2],
                capital_gains_over_200=(None, True, False)[number % 3],
                status=(None, "new", "amended")[number % 3],
                ticker_confidence=(None, Decimal("0.85"), Decimal(1))[number % 3],
                subholding_of=(None, TEXTS[0])[number % 2],
                option_type="call" if has_option else None,
                option_strike=Decimal("150.1250") if number % 8 == 0 else None,
                option_expires=DAYS[3] if has_option else None,
                option_contracts=50 if has_option else None,
                option_shares=5_000_000_000 if has_option else None,
                option_exercised=number % 8 == 0 if has_option else None,
                notes=([], ["a_code", TEXTS[0]])[number % 2],
            )
        )
    disclosures.commit()
    return api


@pytest.fixture(scope="module")
def trade_rows(disclosures):
    """All trades as ORM reads them, each with its form in an answer."""
    return read_trades(disclosures)


@pytest.fixture(scope="module")
def politician_rows(disclosures):
    found = disclosures.execute(
        select(Politician, PoliticianActivity.trade_count).join(
            PoliticianActivity, PoliticianActivity.politician_id == Politician.id
        )
    )
    names = (
        *("id", "bioguide_id", "full_name", "chamber", "party", "state", "district"),
        *("in_office", "synthetic"),
    )
    return [
        (
            person,
            {
                **json.loads(dump_json({name: getattr(person, name) for name in names})),
                "trade_count": count,
            },
        )
        for person, count in found
    ]


def maybe(*values):
    return st.one_of(st.none(), st.sampled_from(values))


TRADE_FILTERS = st.builds(
    TradeFilters,
    politician=maybe("W000001", "h000001", str(FILER), str(SENATOR).upper(), "Z999999"),
    ticker=maybe("AAA", "BBB", "NONE"),
    chamber=maybe(*Chamber),
    party=maybe(*Party),
    operation=maybe(*Operation),
    owner=maybe(*Owner),
    asset_type=maybe(*AssetType),
    amount_min=maybe(0, 1001, 15001, 15002, 10**13),
    amount_max=maybe(15000, 60_000_000, 60_000_001),
    transaction_from=maybe(date.min, *DAYS),
    transaction_to=maybe(date.max, *DAYS),
    disclosure_from=maybe(date.min, *DAYS),
    disclosure_to=maybe(date.max, *DAYS),
    sort=st.sampled_from(TradeSort),
)
examples = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@given(filters=TRADE_FILTERS, limit=st.integers(1, 100))
@examples
def test_trades_are_those_of_the_orm(trade_rows, filters, limit):
    assert pages_of(trades.list_trades, filters, limit) == expected_trades(trade_rows, filters)


@pytest.mark.parametrize("sort", TradeSort)
@pytest.mark.parametrize("limit", [1, 9, 50])
def test_all_trades_are_those_of_the_orm(trade_rows, sort, limit):
    filters = TradeFilters(sort=sort)
    assert pages_of(trades.list_trades, filters, limit) == expected_trades(trade_rows, filters)


@pytest.mark.parametrize(
    "filters",
    [
        TradeFilters(politician="W000001"),
        TradeFilters(politician=str(FILER)),
        TradeFilters(ticker="AAA"),
        TradeFilters(chamber=Chamber.HOUSE),
        TradeFilters(party=Party.REPUBLICAN),
        TradeFilters(operation=Operation.EXCHANGE),
        TradeFilters(owner=Owner.JOINT),
        TradeFilters(asset_type=AssetType.FUND),
        TradeFilters(amount_min=15001),
        TradeFilters(amount_max=15000),
        TradeFilters(transaction_from=date(2020, 1, 2)),
        TradeFilters(transaction_to=date(2020, 1, 2)),
        TradeFilters(disclosure_from=date(2020, 3, 1)),
        TradeFilters(disclosure_to=date(2020, 3, 1)),
    ],
    ids=str,
)
def test_each_filter_of_trades_is_applied(trade_rows, filters):
    expected = expected_trades(trade_rows, filters)
    assert 0 < len(expected) < len(trade_rows)
    assert pages_of(trades.list_trades, filters, 40) == expected


def test_recent_trades_are_the_first_of_known_date(trade_rows):
    filters = TradeFilters(disclosure_from=date.min)
    for chamber in (None, Chamber.HOUSE):
        page = trades.recent_trades(chamber=chamber, limit=30)
        expected = expected_trades(trade_rows, replace(filters, chamber=chamber))
        assert json.loads(dump_json(page.rows)) == expected[:30]
        assert page.next_cursor is None


@given(
    filters=st.builds(
        PoliticianFilters,
        chamber=maybe(*Chamber),
        party=maybe(*Party),
        state=maybe("OR", "TX", "ZZ"),
        in_office=maybe(True, False),
        search=maybe("an", "100%_r", "HAL", "una un", "_", "\\", "';--", "Überr"),
        sort=st.sampled_from(PoliticianSort),
    ),
    limit=st.integers(1, 3),
)
@examples
def test_politicians_are_those_of_the_orm(politician_rows, filters, limit):
    wanted = [
        pair
        for pair in politician_rows
        if all(
            value.lower() in pair[0].full_name.lower()
            if name == "search"
            else getattr(pair[0], name) == value
            for name, value in values_of(filters)
        )
    ]
    by_name = filters.sort.endswith("name")
    expected = ordered(
        wanted,
        filters.sort,
        lambda pair: (pair[0].sort_name if by_name else pair[1]["trade_count"], pair[0].id),
    )
    found = pages_of(politicians.list_politicians, filters, limit)
    assert found == [item for _, item in expected]


def test_an_empty_page_has_its_data_version(disclosures):
    page = trades.list_trades(TradeFilters(ticker="NONE"))
    version = disclosures.scalar(text("select version from data_version"))
    assert (page.rows, page.next_cursor, page.data_version) == ([], None, version)


def test_an_answer_is_the_bytes_of_its_rows(process):
    body = process.get("/api/v1/trades", {"limit": 100}).body
    assert json.loads(body)["page"]["count"] == 100
    assert "Überraschung 日本 \U0001f4c8".encode() in body


def cursor_of(filters, key, row_id):
    """A cursor that somebody made up after one of ours."""
    issued = trades.list_trades(filters, limit=1).next_cursor
    digest = json.loads(base64.urlsafe_b64decode(issued + "=" * (-len(issued) % 4)))[0]
    content = json.dumps([digest, key, row_id]).encode()
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


@pytest.mark.parametrize(
    ("sort", "key"),
    [
        (TradeSort.AMOUNT, "NaN"),
        (TradeSort.AMOUNT, "1e999999"),
        (TradeSort.AMOUNT, "1'"),
        (TradeSort.TRANSACTION_DATE, "2020-01-01\x00"),
        (TradeSort.DISCLOSURE_DATE, "infinity"),
    ],
)
def test_a_cursor_that_was_made_up_is_refused(sort, key):
    filters = TradeFilters(sort=sort)
    with pytest.raises(InvalidCursorError):
        trades.list_trades(filters, cursor=cursor_of(filters, key, str(uuid.uuid4())))
    with pytest.raises(InvalidCursorError):
        trades.list_trades(filters, cursor=cursor_of(filters, "1", "no identifier"))

"""Tickers that members trade: the same counts and sums as of the trades themselves."""

from collections import Counter
from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import select, text
from tests.integration.conftest import REPRESENTATIVE, SENATOR, make_trade

from quant.db.models import Filing, Ticker, Trade

TICKERS = "/api/v1/tickers"


@pytest.fixture(scope="module", autouse=True)
def more_tickers(disclosures):
    """Forty tickers with as many trades as their number modulo 5, one with an open range."""
    filing = disclosures.scalars(select(Filing.id).where(Filing.politician_id == SENATOR)).one()
    disclosures.add_all(Ticker(symbol=f"T{number:02}", sector="Energy") for number in range(40))
    disclosures.add(Ticker(symbol="UNTRADED"))
    disclosures.flush()
    line = 1000
    for number in range(40):
        for _ in range(number % 5):
            line += 1
            disclosures.add(
                make_trade(
                    line,
                    SENATOR,
                    filing,
                    ticker=f"T{number:02}",
                    operation="exchange" if number == 4 else "purchase",
                    amount_max=None if number == 9 else Decimal(15000),
                    transaction_date=date(2021, 1 + line % 12, 3),
                    disclosure_date=date(2022, 2, 1),
                )
            )
    disclosures.execute(
        text(
            "insert into prices (ticker, day, close, adjusted_close, source) values"
            " ('T09', '2022-01-03', 10, 9.5, 'test'), ('T09', '2022-01-04', 11, 10.5, 'test')"
        )
    )
    disclosures.execute(text("update data_version set version = version + 1"))
    disclosures.commit()


@pytest.mark.parametrize("sort", ["symbol", "-symbol", "trade_count", "-trade_count"])
@pytest.mark.parametrize("limit", [3, 100])
def test_pages_hold_every_traded_ticker_once_in_order(api, disclosures, sort, limit):
    rows = [
        row
        for answer in api.pages(TICKERS, {"sort": sort, "limit": limit})
        for row in answer.json["data"]
    ]
    symbols = disclosures.scalars(select(Trade.ticker).where(Trade.ticker.is_not(None))).all()
    assert {row["symbol"]: row["trade_count"] for row in rows} == Counter(symbols)
    assert len(rows) == len(set(symbols))
    keys = [row[sort.removeprefix("-")] for row in rows]
    assert keys == sorted(keys, reverse=sort.startswith("-"))


def test_counts_and_ranges_are_those_of_the_trades(api, disclosures):
    [row] = api.get(TICKERS, {"search": "aaa"}).json["data"]
    trades = disclosures.scalars(select(Trade).where(Trade.ticker == "AAA")).all()
    assert row["trade_count"] == len(trades)
    assert row["purchases"] == sum(trade.operation == "purchase" for trade in trades)
    assert row["purchases"] + row["sales"] == row["trade_count"]
    assert row["politicians"] == len({trade.politician_id for trade in trades})
    assert row["volume"] == {
        "amount_min": float(sum(trade.amount_min for trade in trades)),
        "amount_max": float(sum(trade.amount_max for trade in trades)),
        "unbounded": 0,
    }
    assert row["last_transaction"] == str(max(trade.transaction_date for trade in trades))


def test_open_ranges_and_exchanges_are_told(api):
    rows = {row["symbol"]: row for row in api.get(TICKERS, {"sector": "Energy"}).json["data"]}
    assert len(rows) == 32
    assert rows["T09"]["volume"] == {"amount_min": 4004, "amount_max": 4004, "unbounded": 4}
    assert rows["T04"]["trade_count"] == 4
    assert rows["T04"]["purchases"] == rows["T04"]["sales"] == 0


def test_one_ticker_by_quarter_and_by_politician(api, disclosures):
    answer = api.get(f"{TICKERS}/aaa").json
    data = answer["data"]
    assert sum(quarter["trade_count"] for quarter in data["quarters"]) == data["trade_count"]
    assert [quarter["quarter"] for quarter in data["quarters"]] == ["2020-01-01"]
    assert {trader["politician"]["id"] for trader in data["traded_by"]} == {
        str(SENATOR),
        str(REPRESENTATIVE),
    }
    counts = [trader["trade_count"] for trader in data["traded_by"]]
    assert counts == sorted(counts, reverse=True)
    assert sum(counts) == data["trade_count"]
    assert data["prices"] is None
    assert answer["data_version"] == disclosures.scalar(text("select version from data_version"))


def test_the_latest_price(api):
    assert api.get(f"{TICKERS}/T09").json["data"]["prices"] == {
        "first_day": "2022-01-03",
        "last_day": "2022-01-04",
        "last_close": 11,
        "source": "test",
    }


@pytest.mark.parametrize("symbol", ["UNTRADED", "NOSUCH"])
def test_a_ticker_without_trades_is_not_found(api, symbol):
    answer = api.get(f"{TICKERS}/{symbol}")
    assert answer.status == 404
    assert symbol in answer.json["detail"]


@pytest.mark.parametrize(
    ("path", "query"),
    [
        (TICKERS, {"sort": "volume"}),
        (TICKERS, {"search": ""}),
        (TICKERS, {"sector": "%"}),
        (TICKERS, {"limit": 101}),
        (TICKERS, {"page": 2}),
        (f"{TICKERS}/A$B", {}),
        (f"{TICKERS}/AAA", {"limit": 1}),
    ],
)
def test_bad_input_is_refused(api, path, query):
    answer = api.get(path, query)
    assert answer.status == 422
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_search_takes_text_as_it_is(api):
    assert api.get(TICKERS, {"search": "%"}).json["data"] == []


def test_answers_carry_an_entity_tag(api):
    for path in (TICKERS, f"{TICKERS}/AAA"):
        tag = api.get(path).headers["etag"]
        assert api.get(path, headers={"If-None-Match": tag}).status == 304

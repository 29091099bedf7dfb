import uuid
from datetime import date
from itertools import count

import pytest
from sqlalchemy import select, text
from tests.integration.conftest import REPRESENTATIVE, SENATOR, make_trade

from quant.db.models import Filing, Trade
from quant.identity import filing_id

TRADES = "/api/v1/trades"
POLITICIANS = "/api/v1/politicians"
NOBODY = uuid.UUID(int=7)

pytestmark = pytest.mark.usefixtures("disclosures")


def ids(answers):
    return [row["id"] for answer in answers for row in answer.json["data"]]


def test_trade_shows_its_politician_and_source_filing(api):
    trade = api.get(TRADES, {"limit": 1, "politician": "W000001"}).json["data"][0]
    assert trade["politician"] == {
        "id": str(SENATOR),
        "bioguide_id": "W000001",
        "full_name": "Wanda Senator",
        "chamber": "senate",
        "party": "democrat",
        "state": "OR",
        "synthetic": False,
    }
    assert trade["filing"]["url"] == "https://example.org/s-1"
    assert (trade["amount_min"], trade["amount_max"]) == (1001, 15000)


@pytest.mark.parametrize("sort", ["disclosure_date", "transaction_date", "amount"])
@pytest.mark.parametrize("sign", ["", "-"])
@pytest.mark.parametrize("limit", [1, 7, 60])
def test_pages_hold_every_trade_once_in_order(api, sort, sign, limit):
    answers = list(api.pages(TRADES, {"sort": sign + sort, "limit": limit}))
    seen = ids(answers)
    assert len(seen) == len(set(seen)) == 60
    key = {"amount": "amount_min"}.get(sort, sort)
    values = [row[key] or "" for answer in answers for row in answer.json["data"]]
    assert values == sorted(values, reverse=bool(sign))


def test_rows_inserted_between_pages_neither_repeat_nor_hide_others(api, disclosures):
    before = {str(id_) for id_ in disclosures.scalars(select(Trade.id))}
    filing = filing_id("senate_efd", "s-1")
    numbers = count(1000)
    seen = []
    for answer in api.pages(TRADES, {"limit": 5, "sort": "-transaction_date"}):
        seen += ids([answer])
        for day in (date(2019, 1, 1), date(2020, 1, 8), date(2021, 1, 1)):
            disclosures.add(
                make_trade(
                    next(numbers), SENATOR, filing, transaction_date=day, disclosure_date=None
                )
            )
        disclosures.commit()
    assert len(seen) == len(set(seen))
    assert before <= set(seen)
    disclosures.execute(text("delete from trades where asset ~ '^Asset [0-9]{4}'"))
    disclosures.commit()


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ({"ticker": "aaa"}, 29),
        ({"chamber": "house"}, 20),
        ({"party": "republican"}, 20),
        ({"politician": str(REPRESENTATIVE)}, 20),
        ({"politician": "h000001"}, 20),
        ({"operation": "sale_full"}, 20),
        ({"owner": "self"}, 58),
        ({"asset_type": "stock"}, 60),
        ({"amount_min": 50_000_001}, 2),
        ({"amount_max": 15000}, 58),
        ({"transaction_from": "2020-01-02", "transaction_to": "2020-01-02"}, 4),
        ({"disclosure_from": "2020-02-01"}, 58),
        ({"disclosure_to": "2020-02-01"}, 4),
        ({"politician": "Z000000"}, 0),
        ({"chamber": "senate", "party": "democrat", "ticker": "BBB"}, 19),
    ],
    ids=str,
)
def test_filters(api, query, rows):
    assert len(ids(api.pages(TRADES, {**query, "limit": 25}))) == rows


def test_recent_trades_are_the_last_disclosed(api):
    rows = api.get(f"{TRADES}/recent", {"limit": 3}).json["data"]
    assert [row["disclosure_date"] for row in rows] == ["2020-02-15"] * 2 + ["2020-02-14"]
    assert all(
        row["politician"]["chamber"] == "house"
        for row in api.get(f"{TRADES}/recent", {"chamber": "house"}).json["data"]
    )


def test_trade_detail_has_its_raw_row(api):
    listed = api.get(TRADES, {"limit": 1}).json["data"][0]
    detail = api.get(f"{TRADES}/{listed['id']}").json
    assert f"Asset {detail['raw']['row']}" == listed["asset"]
    assert detail["also_reported_in"] == []
    assert {name: detail[name] for name in listed} == listed


def test_politicians_have_trade_counts(api):
    rows = api.get(POLITICIANS, {"sort": "-trade_count"}).json["data"]
    assert [(row["full_name"], row["trade_count"]) for row in rows] == [
        ("Wanda Senator", 38),
        ("Hal 100%_Representative", 20),
        ("Una Unmatched", 2),
    ]


@pytest.mark.parametrize("sort", ["name", "-name", "trade_count", "-trade_count"])
def test_politician_pages_hold_every_politician_once(api, sort):
    seen = ids(api.pages(POLITICIANS, {"sort": sort, "limit": 1}))
    assert len(seen) == len(set(seen)) == 3


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ({"chamber": "senate"}, 2),
        ({"party": "republican"}, 1),
        ({"state": "or"}, 1),
        ({"in_office": "false"}, 1),
        ({"search": "SENATOR"}, 1),
        ({"search": "100%_"}, 1),
        ({"search": "%%"}, 0),
        ({"search": "a_e"}, 0),
    ],
    ids=str,
)
def test_politician_filters(api, query, rows):
    assert len(api.get(POLITICIANS, query).json["data"]) == rows


@pytest.mark.parametrize("identifier", ["W000001", "w000001", str(SENATOR)])
def test_politician_is_found_by_either_identifier(api, identifier):
    assert api.get(f"{POLITICIANS}/{identifier}").json["full_name"] == "Wanda Senator"


@pytest.mark.parametrize(
    "path", [f"{POLITICIANS}/Z999999", f"{POLITICIANS}/{NOBODY}", f"{TRADES}/{NOBODY}"]
)
def test_unknown_thing_is_a_404_problem(api, path):
    answer = api.get(path)
    assert answer.status == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json["status"] == 404
    assert answer.json["request_id"] == answer.headers["x-request-id"]


@pytest.mark.parametrize(
    ("path", "query", "location"),
    [
        (TRADES, {"limit": 0}, "query.limit"),
        (TRADES, {"limit": 101}, "query.limit"),
        (TRADES, {"tickr": "AAA"}, "query.tickr"),
        (TRADES, {"sort": "asset"}, "query.sort"),
        (TRADES, {"cursor": "bm90IG91cnM"}, "query.cursor"),
        (TRADES, {"cursor": "ü"}, "query.cursor"),
        (TRADES, {"transaction_from": "2020-13-01"}, "query.transaction_from"),
        (TRADES, {"transaction_from": "0.0"}, "query.transaction_from"),
        (TRADES, {"disclosure_to": "1577836800"}, "query.disclosure_to"),
        (POLITICIANS, {"in_office": "yes"}, "query.in_office"),
        (TRADES, {"ticker": ["AAA", "BBB"]}, "query.ticker"),
        (TRADES, {"amount_min": "-1"}, "query.amount_min"),
        (TRADES, {"amount_min": "NaN"}, "query.amount_min"),
        (TRADES, {"amount_max": "1e400"}, "query.amount_max"),
        (TRADES, {"politician": "'; drop table trades; --"}, "query.politician"),
        (f"{TRADES}/recent", {"cursor": "x"}, "query.cursor"),
        (f"{TRADES}/not-a-uuid", {}, "path.trade_id"),
        (f"{TRADES}/{NOBODY}", {"limit": 1}, "query.limit"),
        (POLITICIANS, {"state": "ORE"}, "query.state"),
        (POLITICIANS, {"search": "x"}, "query.search"),
        (POLITICIANS, {"search": "nul\x00"}, "query.search"),
        (f"{POLITICIANS}/nobody", {}, "path.politician_id"),
    ],
    ids=str,
)
def test_invalid_request_is_a_422_problem_that_names_the_field(api, path, query, location):
    answer = api.get(path, query)
    assert answer.status == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert [error["location"] for error in answer.json["errors"]] == [location]


def test_cursor_of_other_filters_is_refused(api):
    cursor = api.get(TRADES, {"limit": 1}).json["page"]["next_cursor"]
    answer = api.get(TRADES, {"limit": 1, "ticker": "AAA", "cursor": cursor})
    assert answer.status == 422
    assert "other filters" in answer.json["errors"][0]["message"]


@pytest.mark.parametrize("path", ["/", TRADES, POLITICIANS, f"{POLITICIANS}/W000001"])
def test_entity_tag_saves_sending_the_body_again(api, path):
    first = api.get(path)
    for candidates in (first.headers["etag"], f'"other", {first.headers["etag"]}', "*"):
        again = api.get(path, headers={"If-None-Match": candidates})
        assert (again.status, again.body) == (304, b"")
        assert again.headers["etag"] == first.headers["etag"]
    assert api.get(path, headers={"If-None-Match": '"other"'}).status == 200


def test_large_answers_are_compressed_where_accepted(api):
    plain = api.get(TRADES)
    packed = api.get(TRADES, headers={"Accept-Encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert int(packed.headers["content-length"]) < len(plain.body) / 2
    assert packed.body == plain.body
    assert packed.headers["etag"] == plain.headers["etag"]


def test_filing_of_an_amendment_is_listed(api, disclosures):
    trade = disclosures.scalars(select(Trade).where(Trade.politician_id == SENATOR)).first()
    amendment = filing_id("senate_efd", "s-2")
    disclosures.add(Filing(id=amendment, source="senate_efd", doc_id="s-2", politician_id=SENATOR))
    disclosures.flush()
    disclosures.execute(
        text(
            "insert into trade_duplicates (id, trade_id, filing_id, line_hash, occurrence, raw)"
            " values (gen_random_uuid(), :trade, :filing, 'x', 0, '{}')"
        ),
        {"trade": trade.id, "filing": amendment},
    )
    disclosures.commit()
    answer = api.get(f"{TRADES}/{trade.id}")
    assert [filing["doc_id"] for filing in answer.json["also_reported_in"]] == ["s-2"]

"""The routes of patterns, on planted and on patternless series of trades."""

import uuid
from datetime import date, timedelta

import numpy as np
import pytest
from sqlalchemy import text
from tests.integration.conftest import FILER, REPRESENTATIVE, SENATOR, make_trade

from quant.cache import AnswerCache
from quant.identity import filing_id

PATTERNS = "/api/v1/patterns"
ROUTES = ("fourier", "regime", "patterns", "comprehensive")
FIRST = date(2016, 1, 4)
CUT = "2018-06-30"


def analyze(politician, route):
    return f"{PATTERNS}/analyze/{politician}/{route}"


def monthly(day):
    return 0.5 * (1 + 0.95 * np.cos(2 * np.pi * day / 30))


def even(day):
    return 0.4


def planted(number, politician, filing, rate, seed):
    """Trades on the weekdays of 150 weeks, disclosed 30 days later."""
    rng = np.random.Generator(np.random.PCG64(seed))
    for offset in range(150 * 7):
        day = FIRST + timedelta(days=offset)
        if day.weekday() < 5:
            for _ in range(rng.poisson(rate(offset))):
                yield make_trade(
                    number,
                    politician,
                    filing_id("house_clerk" if filing == "h-1" else "senate_efd", filing),
                    transaction_date=day,
                    disclosure_date=day + timedelta(days=30),
                )
                number += 1


def publish(connection):
    """Commit, and make cached answers stale as an import does."""
    version = connection.scalar(
        text("update data_version set version = version + 1 returning version")
    )
    connection.commit()
    AnswerCache().announce(version)


@pytest.fixture(scope="module")
def trades(api, disclosures):
    """The senator trades in a cycle of 30 days, the representative evenly; both too from 2016."""
    disclosures.execute(
        text("delete from trades where politician_id = any(:ids)"),
        {"ids": [SENATOR, REPRESENTATIVE]},
    )
    disclosures.add_all(planted(1000, SENATOR, "s-1", monthly, 1))
    disclosures.add_all(planted(5000, REPRESENTATIVE, "h-1", even, 2))
    publish(disclosures)
    return disclosures


pytestmark = pytest.mark.usefixtures("trades")


def test_planted_cycle_is_found(api):
    answer = api.get(analyze("W000001", "fourier")).json
    data = answer["data"]
    assert data["status"] == "found"
    cycle = data["cycles"][0]
    assert cycle["found"]
    assert cycle["period"]["low"] < 30 < cycle["period"]["high"]
    assert data["p_value"] == cycle["p_serial"] == cycle["p_independent"] == 1 / 500
    assert "30" in data["finding"]
    assert answer["method"]["id"] == "patterns.cycles"
    assert answer["sample"]["trades"] == data["series"]["trades"] == sum_of_trades(api, "W000001")
    assert data["series"]["grid"] == "weekday"


def sum_of_trades(api, politician):
    return api.get(f"/api/v1/politicians/{politician}").json["trade_count"]


def test_even_trades_beat_no_null_and_the_answer_says_so(api):
    data = api.get(analyze("H000001", "comprehensive")).json["data"]
    assert [test["status"] for test in data["tests"]] == ["not_found"] * 4
    assert data["summary"].startswith("Nothing beats its null")
    assert data["cycles"]["finding"].startswith("No cycle")
    assert data["regimes"]["finding"].startswith("There are no regimes")
    assert data["changes"]["finding"].startswith("The rate of trades is not shown to change")
    for test in data["tests"]:
        assert test["q_value"] >= test["p_value"] == data[test["analysis"]]["p_value"]


def test_comprehensive_answer_is_that_of_the_routes_corrected(api):
    answer = api.get(analyze("W000001", "comprehensive")).json
    data = answer["data"]
    for route, name in (("fourier", "cycles"), ("regime", "regimes"), ("patterns", "repetitions")):
        alone = api.get(analyze("W000001", route)).json["data"]
        assert data[name] == {key: alone[key] for key in data[name]}
    assert data["tests"][0]["status"] == "found"
    assert data["tests"][0]["q_value"] == pytest.approx(4 / 500)
    assert "cycle of" in data["summary"]
    assert [method["id"] for method in answer["methods"]] == [
        "patterns.cycles",
        "patterns.regimes",
        "patterns.repetitions",
        "patterns.changes",
    ]


def test_regimes_add_up(api):
    data = api.get(analyze("W000001", "regime")).json["data"]
    states = data["selection"]["states"]
    assert states == int(np.argmin(data["selection"]["bic"])) + 1 == len(data["regimes"])
    for regime in data["regimes"]:
        assert sum(regime["transition"]) == pytest.approx(1)
        assert regime["rate"]["low"] <= regime["rate"]["high"]
    assert sum(regime["long_run_share"] for regime in data["regimes"]) == pytest.approx(1)
    assert sum(data["latest"]["probabilities"]) == pytest.approx(1)
    assert sum(spell["trades"] for spell in data["spells"]) == data["series"]["trades"]


def test_repetitions_do_not_overlap_the_latest_quarter(api):
    data = api.get(analyze("W000001", "patterns")).json["data"]
    assert data["search"]["windows"] == data["series"]["observations"] - 25
    assert len(data["latest"]["counts"]) == 13
    assert all(match["to"] < data["latest"]["from"] for match in data["matches"])


@pytest.mark.parametrize(
    ("path", "query"),
    [
        *((analyze("W000001", route), {}) for route in ROUTES),
        (f"{PATTERNS}/compare", {"politicians": "W000001,H000001"}),
    ],
    ids=[*ROUTES, "compare"],
)
def test_nothing_disclosed_later_changes_an_answer_as_of_a_day(api, trades, path, query):
    before = api.get(path, {**query, "as_of": CUT}).json
    current = api.get(path, query).json
    assert before["sample"]["last_transaction"] <= "2018-05-31"
    assert before["data"]["as_of"] == CUT
    changed = trades.execute(
        text(
            "update trades set transaction_date = date '2016-06-01' + place * 3,"
            " disclosure_date = case when mod(place, 5) = 0 then null"
            " else date '2018-07-01' + place end"
            " from (select id as trade, row_number() over (order by id)::int as place"
            " from trades where politician_id = :senator and disclosure_date > :cut) as later"
            " where trades.id = later.trade"
        ),
        {"senator": SENATOR, "cut": CUT},
    )
    assert changed.rowcount > 50
    try:
        publish(trades)
        after = api.get(path, {**query, "as_of": CUT}).json
        assert after["data_version"] > before["data_version"]
        assert after["data"] == before["data"]
        assert after["sample"] == before["sample"]
        assert api.get(path, query).json["data"] != current["data"]
    finally:
        trades.execute(text("delete from trades where politician_id = :id"), {"id": SENATOR})
        trades.add_all(planted(1000, SENATOR, "s-1", monthly, 1))
        publish(trades)


@pytest.mark.parametrize("route", ROUTES)
def test_few_trades_are_not_enough(api, route):
    answer = api.get(analyze(FILER, route)).json
    data = answer["data"]
    if route == "comprehensive":
        assert {test["status"] for test in data["tests"]} == {"insufficient_data"}
        assert data["summary"] == "There are not enough trades for any of the analyses."
        assert {test["q_value"] for test in data["tests"]} == {None}
    else:
        assert data["status"] == "insufficient_data"
        assert data["p_value"] is None
        assert "30 trades" in data["finding"]


def test_without_any_trade_as_of_a_day(api):
    answer = api.get(analyze("W000001", "comprehensive"), {"as_of": "2000-01-01"})
    assert answer.status == 200
    assert answer.json["data"]["cycles"]["series"]["from"] is None


@pytest.mark.parametrize("route", ROUTES)
def test_answers_are_cached_with_a_tag(api, route):
    first = api.get(analyze("H000001", route))
    assert first.status == 200
    again = api.get(analyze("h000001", route))
    assert again.body == first.body
    tag = {"If-None-Match": first.headers["etag"]}
    assert api.get(analyze("H000001", route), headers=tag).status == 304
    # By its other identifier it is computed again, to the same.
    assert api.get(analyze(REPRESENTATIVE, route)).body == first.body


@pytest.mark.parametrize("route", ROUTES)
def test_unknown_politicians_and_parameters(api, route):
    assert api.get(analyze(uuid.uuid4(), route)).status == 404
    assert api.get(analyze("nobody", route)).status == 422
    assert api.get(analyze("W000001", route), {"asof": "2020-01-01"}).status == 422
    assert api.get(analyze("W000001", route), {"as_of": "yesterday"}).status == 422


def test_politicians_by_what_their_trades_suffice_for(api):
    rows = api.get(f"{PATTERNS}/politicians").json["data"]
    assert [row["politician"]["full_name"] for row in rows] == [
        "Wanda Senator",
        "Hal 100%_Representative",
        "Una Unmatched",
    ]
    assert rows[0]["analyses"] == ["cycles", "regimes", "repetitions", "changes"]
    assert rows[0]["weeks"] == 150
    assert rows[2]["analyses"] == []
    for row in rows[:2]:
        series = api.get(analyze(row["politician"]["id"], "regime")).json["data"]["series"]
        assert (series["trades"], series["observations"]) == (row["trades"], row["weeks"])


@pytest.mark.parametrize("sort", ["name", "-name", "trade_count", "-trade_count"])
def test_pages_of_politicians_hold_each_once(api, sort):
    pages = list(api.pages(f"{PATTERNS}/politicians", {"sort": sort, "limit": 1}))
    assert len({page.json["data"][0]["politician"]["id"] for page in pages}) == len(pages) == 3


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ({"analysis": "cycles"}, 2),
        ({"chamber": "senate"}, 2),
        ({"chamber": "senate", "analysis": "changes"}, 1),
        ({"party": "republican"}, 1),
    ],
    ids=str,
)
def test_filters_of_politicians(api, query, rows):
    assert len(api.get(f"{PATTERNS}/politicians", query).json["data"]) == rows


def test_comparison(api):
    answer = api.get(f"{PATTERNS}/compare", {"politicians": f"W000001,H000001,{FILER}"}).json
    data = answer["data"]
    assert [profile["trades"] > 30 for profile in data["profiles"]] == [True, True, False]
    assert data["profiles"][0]["cycle"]["status"] == "found"
    assert data["profiles"][2]["regimes"]["status"] == "insufficient_data"
    assert [pair["status"] for pair in data["pairs"]] == [
        "not_found",
        "insufficient_data",
        "insufficient_data",
    ]
    tested = [
        test
        for test in (
            *data["pairs"],
            *(profile["cycle"] for profile in data["profiles"]),
            *(profile["regimes"] for profile in data["profiles"]),
        )
        if test["p_value"] is not None
    ]
    assert len(tested) == 5
    assert "of 5 tests" in data["summary"]
    assert all(test["q_value"] >= test["p_value"] for test in tested)


def test_comparison_does_not_depend_on_the_order(api):
    forth = api.get(f"{PATTERNS}/compare", {"politicians": "W000001,H000001"}).json["data"]
    back = api.get(f"{PATTERNS}/compare", {"politicians": "H000001,W000001"}).json["data"]
    assert forth["profiles"] == back["profiles"][::-1]
    assert forth["pairs"][0]["p_value"] == back["pairs"][0]["p_value"]


def test_alike_politicians_are_found(api, trades):
    trades.execute(text("delete from trades where politician_id = :id"), {"id": FILER})
    trades.execute(
        text(
            "insert into trades (id, politician_id, filing_id, line_hash, occurrence, asset,"
            " operation, transaction_date, disclosure_date, amount_min, raw)"
            " select gen_random_uuid(), :filer, :filing, line_hash, occurrence, asset, operation,"
            " transaction_date + 1, disclosure_date + 1, amount_min, raw"
            " from trades where politician_id = :senator"
        ),
        {"filer": FILER, "filing": filing_id("senate_efd", "u-1"), "senator": SENATOR},
    )
    publish(trades)
    data = api.get(f"{PATTERNS}/compare", {"politicians": f"{FILER},W000001"}).json["data"]
    assert data["pairs"][0]["status"] == "found"
    assert "Una Unmatched and Wanda Senator" in data["summary"]


@pytest.mark.parametrize(
    ("politicians", "status"),
    [
        ("W000001,Z999999", 404),
        ("W000001", 422),
        ("W000001,w000001", 422),
        ("W000001,,H000001", 422),
        (",".join(f"A{number:06}" for number in range(11)), 422),
        ("W000001;H000001", 422),
    ],
)
def test_comparisons_of_others(api, politicians, status):
    assert api.get(f"{PATTERNS}/compare", {"politicians": politicians}).status == status
    assert api.get(f"{PATTERNS}/compare").status == 422

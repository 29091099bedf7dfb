from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import pytest
from backtest_support import trading_days
from sqlalchemy import text
from tests.integration.conftest import REPRESENTATIVE, SENATOR, make_trade

from quant.cache import AnswerCache
from quant.db.analysis_models import FactorReturn
from quant.db.models import Committee, CommitteeMembership, Price, Ticker
from quant.identity import filing_id

PATH = "/api/v1/analytics/backtest"
DAYS = 420
FILINGS = {SENATOR: filing_id("senate_efd", "s-1"), REPRESENTATIVE: filing_id("house_clerk", "h-1")}


@pytest.fixture(scope="module")
def market_data(disclosures):
    """Two years' prices of AAA and an index; the senator's purchases of it, each well timed."""
    rng = np.random.default_rng(31)
    days = trading_days(DAYS, "2020-01-01")
    index = 100 * np.exp(np.cumsum(rng.normal(2e-4, 0.008, DAYS)))
    # AAA rises for the ten days after a disclosure.
    drift = np.zeros(DAYS)
    disclosed = np.arange(20, 380, 15)
    for row in disclosed:
        drift[row + 2 : row + 12] = 0.006
    own = index * np.exp(np.cumsum(rng.normal(0, 0.006, DAYS) + drift))
    disclosures.add_all([Ticker(symbol="SP500"), Ticker(symbol="CCC")])
    disclosures.flush()
    for year in (2020, 2021):
        disclosures.execute(
            text(
                f"create table if not exists prices_{year} partition of prices for values from"
                f" ('{year}-01-01') to ('{year + 1}-01-01')"
            )
        )
    for row, day in enumerate(days.tolist()):
        for symbol, closes in (("SP500", index), ("AAA", own)):
            disclosures.add(
                Price(
                    ticker=symbol,
                    day=day,
                    close=float(closes[row]),
                    adjusted_close=float(closes[row]),
                    volume=1_000_000 if symbol == "AAA" else None,
                    source="test",
                )
            )
        disclosures.add(
            FactorReturn(frequency="daily", day=day, market=0.0, smb=0.0, hml=0.0, risk_free=1e-5)
        )
    disclosures.execute(text("delete from trades where ticker is not null"))
    disclosures.add_all(
        [
            Committee(id="SSFI", name="Finance", chamber="senate"),
            Committee(id="HSBA", name="Financial Services", chamber="house"),
        ]
    )
    disclosures.flush()
    disclosures.add_all(
        [
            CommitteeMembership(committee_id="SSFI", politician_id=SENATOR),
            CommitteeMembership(committee_id="HSBA", politician_id=REPRESENTATIVE),
        ]
    )
    for number, row in enumerate(disclosed.tolist()):
        disclosures.add(
            make_trade(
                2000 + number,
                SENATOR,
                FILINGS[SENATOR],
                ticker="AAA",
                operation="purchase",
                transaction_date=days[row].item() - timedelta(days=30),
                disclosure_date=days[row].item(),
            )
        )
    on = {"transaction_date": date(2020, 3, 2), "disclosure_date": date(2020, 3, 20)}
    sold = {"operation": "sale_full", **on}
    disclosures.add_all(
        [
            make_trade(3000, REPRESENTATIVE, FILINGS[REPRESENTATIVE], ticker="AAA", **sold),
            make_trade(3001, REPRESENTATIVE, FILINGS[REPRESENTATIVE], ticker="CCC", **sold),
            make_trade(
                3002,
                REPRESENTATIVE,
                FILINGS[REPRESENTATIVE],
                ticker="AAA",
                operation="purchase",
                asset_type="stock_option",
                **on,
            ),
            make_trade(
                3003,
                REPRESENTATIVE,
                FILINGS[REPRESENTATIVE],
                ticker="AAA",
                operation="purchase",
                **{**on, "disclosure_date": None},
            ),
        ]
    )
    disclosures.commit()
    return days, own, index


def get(api, **query):
    answer = api.get(PATH, query)
    assert answer.status == 200, answer.body
    return answer.json


def test_a_senators_well_timed_purchases(api, market_data):
    days, own, index = market_data
    document = get(api, politician="W000001", holding=10, cost_bps=0, resolution="day")
    result = document["data"]["result"]
    assert document["data"]["group"]["politician"]["full_name"] == "Wanda Senator"
    assert (result["first_day"], result["last_day"]) == (str(days[21]), str(days[-1]))
    assert result["trading"]["positions"] == document["sample"]["used"] == 24
    # One position at a time: in AAA for ten days from the close after each disclosure, else cash.
    daily = np.full(DAYS, 1e-5)
    for row in range(20, 380, 15):
        held = slice(row + 2, row + 12)
        daily[held] = own[held] / own[row + 1 : row + 11] - 1
    equity = np.cumprod(1 + daily[22:])
    np.testing.assert_allclose(
        [point["equity"] for point in result["curve"]], [1, *equity], rtol=1e-9
    )
    assert result["total_return"] == pytest.approx(equity[-1] - 1, rel=1e-9)
    assert result["benchmark"]["total_return"] == pytest.approx(index[-1] / index[21] - 1)
    assert result["risk_free_known"] == 1
    sharpe = result["sharpe"]
    excess = daily[22:] - 1e-5
    assert sharpe["annual"]["value"] == pytest.approx(
        excess.mean() / excess.std(ddof=1) * np.sqrt(252), rel=1e-6
    )
    assert sharpe["annual"]["low"] > 0
    assert sharpe["deflated"] < sharpe["probabilistic"]
    # Ten days is among the holding periods of the sweep, so no configuration was added.
    assert sharpe["trials"] == sharpe["trials_in_sweep"] == 90
    assert sharpe["familywise_p_value"] < 0.05
    assert result["benchmark"]["alpha"]["p_value"] < 0.01
    assert result["trading"]["hit_rate"]["value"] > 0.9
    assert result["capacity"]["exposure_with_known_volume"] == 1
    invested = [row for row in range(21, DAYS) if 21 <= row < 381 and (row - 21) % 15 < 10]
    room = [0.01 * 1e6 * own[max(row - 20, 0) : row + 1].mean() for row in invested]
    assert result["capacity"]["capital"] == pytest.approx(np.quantile(room, 0.05), rel=1e-9)
    assert {method["id"].partition(".")[0] for method in document["methods"]} == {"backtest"}


def test_everybody_with_sales_sold_short(api, market_data):
    everybody = get(api, side="both", holding=7)
    assert everybody["data"]["group"] == dict.fromkeys(
        ("politician", "committee", "party", "chamber")
    )
    # 7 days are not of the sweep's grid: the configuration asked for is one more trial.
    assert everybody["data"]["result"]["sharpe"]["trials_in_sweep"] == 91
    assert everybody["data"]["result"]["trading"]["positions"] == 25
    excluded = everybody["sample"]["excluded"]
    assert excluded == {"no_ticker": 2, "not_stock": 1, "no_price": 1, "no_disclosure_date": 1}
    assert sum(excluded.values()) + everybody["sample"]["used"] == everybody["sample"]["trades"]


@pytest.mark.parametrize(
    "query",
    [
        {"committee": "SSFI"},
        {"party": "democrat"},
        {"chamber": "senate", "party": "democrat"},
        {"politician": str(SENATOR), "committee": "SSFI"},
    ],
    ids=str,
)
def test_groups_the_senator_is_the_only_active_member_of(api, market_data, query):
    alone = get(api, politician="W000001")["data"]["result"]
    assert get(api, **query)["data"]["result"]["curve"] == alone["curve"]


def test_costs_limits_and_dates_take_effect(api, market_data):
    base = {"politician": "W000001", "holding": 10, "cost_bps": 0}
    free = get(api, **base)["data"]["result"]
    dear = get(api, **base, slippage_bps=50)["data"]["result"]
    assert dear["total_return"] < free["total_return"]
    # 24 positions bought and sold, each time the whole equity.
    years = free["trading_days"] / 252
    assert free["trading"]["annual_turnover"] == pytest.approx(24 / years, rel=0.01)
    assert dear["trading"]["annual_cost"] == pytest.approx(48 * 0.005 / years, rel=0.01)
    capped = get(api, **base, position_cap=0.25)["data"]["result"]
    assert max(point["exposure"] for point in capped["curve"]) == 0.25
    limited = get(api, **base, capacity_share=0.01, capital=1e8)["data"]["result"]
    assert max(point["exposure"] for point in limited["curve"]) < 0.1
    assert limited["capacity"]["capital"] == pytest.approx(free["capacity"]["capital"])
    window = get(api, **base, start="2020-06-01", end="2021-01-29")["data"]["result"]
    assert window["first_day"] >= "2020-06-01"
    assert window["last_day"] == "2021-01-29"
    monthly = get(api, **base, resolution="month")["data"]["result"]["curve"]
    assert len(monthly) == 1 + 20
    weekly = get(api, **base)["data"]["result"]["curve"]
    assert all(date.fromisoformat(point["day"]).weekday() == 4 for point in weekly[1:-1])


def test_trials_deflate(api, market_data):
    base = {"politician": "W000001", "holding": 10}
    few, many = (get(api, **base, trials=trials)["data"]["result"] for trials in (1, 5000))
    assert few["sharpe"]["deflated"] == pytest.approx(few["sharpe"]["probabilistic"])
    assert few["sharpe"]["expected_maximum"] == 0
    assert many["sharpe"]["deflated"] < few["sharpe"]["deflated"]


def test_nothing_to_copy_has_no_result(api, market_data):
    for query in (
        {"politician": "H000001"},
        {"committee": "HSBA"},
        {"chamber": "house", "party": "democrat"},
        {"start": "2021-01-01", "end": "2020-01-01"},
        {"end": "2019-01-01"},
    ):
        document = get(api, **query)
        assert document["data"]["result"] is None
        assert document["sample"]["used"] == 0
        assert sum(document["sample"]["excluded"].values()) == document["sample"]["trades"]


@pytest.mark.parametrize(
    "query",
    [
        {"lag": 0},
        {"holding": 0},
        {"holding": 2000},
        {"side": "sales"},
        {"weighting": "value"},
        {"position_cap": 0},
        {"position_cap": "nan"},
        {"cost_bps": -1},
        {"capital": "inf"},
        {"trials": 0},
        {"committee": "x"},
        {"politician": "nobody"},
        {"start": "yesterday"},
        {"exit_on_reversal": "1"},
        {"resolution": "year"},
        {"leverage": 2},
    ],
    ids=str,
)
def test_bad_parameters_are_refused(api, market_data, query):
    answer = api.get(PATH, query)
    assert answer.status == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert next(iter(query)) in answer.json["errors"][0]["location"]


@pytest.mark.parametrize("query", [{"politician": "Z000000"}, {"committee": "xxxx"}], ids=str)
def test_an_unknown_politician_or_committee_is_not_found(api, market_data, query):
    assert api.get(PATH, query).status == 404


def test_answers_repeat_and_follow_the_data(api, market_data, disclosures):
    query = {"politician": "W000001", "holding": 21}
    first = api.get(PATH, query)
    again = api.get(PATH, query)
    assert again.body == first.body
    unchanged = api.get(PATH, query, {"If-None-Match": first.headers["etag"]})
    assert (unchanged.status, unchanged.body) == (304, b"")
    disclosures.add(
        make_trade(
            4000,
            SENATOR,
            FILINGS[SENATOR],
            ticker="AAA",
            operation="purchase",
            transaction_date=date(2021, 1, 4),
            disclosure_date=date(2021, 2, 3),
            amount_min=Decimal(50001),
            amount_max=Decimal(100000),
        )
    )
    disclosures.commit()
    assert api.get(PATH, query).body == first.body
    version = disclosures.scalar(
        text("update data_version set version = version + 1 returning version")
    )
    disclosures.commit()
    AnswerCache().announce(version)
    changed = api.get(PATH, query)
    assert changed.json["data_version"] > first.json["data_version"]
    assert changed.json["data"]["result"]["trading"]["positions"] == 25
    assert changed.headers["etag"] != first.headers["etag"]

"""Unusual trades, forecasts and insights over the API, of members with and without planted ones."""

import uuid
from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import pytest
from backtest_support import trading_days
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool
from tests.integration.conftest import make_trade

from quant.cache import AnswerCache
from quant.db.models import Filing, Politician, Price, Ticker
from quant.identity import filing_id, politician_id
from quant.reports.anomalies import anomaly_report
from quant.reports.ensemble import ensemble_report
from quant.reports.insights import insight_report

ROUTES = {
    "anomalies": "/api/v1/analytics/anomaly-detection/",
    "ensemble": "/api/v1/analytics/ensemble/",
    "insights": "/api/v1/analytics/insights/",
}
MEMBERS = 26
PLANTED = "P000001"
USUAL = "P000002"
SILENT = "P000099"
DAYS = 900
CATEGORIES = ((1001, 15000), (15001, 50000), (50001, 100000))
LARGEST = (5_000_001, 25_000_000)
DETECTORS = ["size", "timing", "clustering", "lateness", "committees"]


def insert_prices(session, rng):
    days = trading_days(DAYS, "2018-01-01")
    market = np.cumsum(rng.normal(2e-4, 0.008, DAYS))
    own = np.cumsum(rng.normal(0, 0.01, (DAYS, 2)), axis=0)
    # Before these rows somebody buys AAA.
    jumps = np.arange(400, 860, 20)
    own[:, 0] += 0.12 * np.searchsorted(jumps, np.arange(DAYS), side="right")
    closes = {
        "SP500": 100 * np.exp(market),
        "AAA": 50 * np.exp(market + own[:, 0]),
        "BBB": 50 * np.exp(market + own[:, 1]),
    }
    for year in range(2018, 2023):
        session.execute(
            text(
                f"create table if not exists prices_{year} partition of prices for values from"
                f" ('{year}-01-01') to ('{year + 1}-01-01')"
            )
        )
    session.add_all(
        Price(
            ticker=symbol,
            day=day,
            close=float(close),
            adjusted_close=float(close),
            source="test",
        )
        for symbol, series in closes.items()
        for day, close in zip(days.tolist(), series, strict=True)
    )
    return days, jumps


class Writer:
    """Adds trades, each day's of a member in one filing."""

    def __init__(self, session):
        self.session = session
        self.filings = set()
        self.count = 10_000

    def trade(self, member, transaction, disclosure, category, **changes):
        doc_id = f"{member}-{disclosure}"
        filing = filing_id("house_clerk", doc_id)
        if filing not in self.filings:
            self.filings.add(filing)
            self.session.add(
                Filing(
                    id=filing,
                    source="house_clerk",
                    doc_id=doc_id,
                    politician_id=politician_id(member),
                    filed_date=disclosure,
                    url=f"https://example.org/{doc_id}",
                )
            )
            self.session.flush()
        self.count += 1
        self.session.add(
            make_trade(
                self.count,
                politician_id(member),
                filing,
                transaction_date=transaction,
                disclosure_date=disclosure,
                amount_min=Decimal(category[0]),
                amount_max=Decimal(category[1]),
                **{"ticker": "BBB", "operation": "purchase", **changes},
            )
        )


@pytest.fixture(scope="module")
def members(disclosures):
    """26 representatives; the trades of one are large, early, late and in a burst."""
    rng = np.random.default_rng(53)
    disclosures.add(Ticker(symbol="SP500", sector=None))
    disclosures.execute(text("update tickers set sector = 'Financials' where symbol = 'AAA'"))
    disclosures.execute(text("update tickers set sector = 'Energy' where symbol = 'BBB'"))
    names = [f"P{number:06d}" for number in range(1, MEMBERS + 1)]
    disclosures.add_all(
        Politician(
            id=politician_id(name),
            bioguide_id=name,
            full_name=f"Peer {name}",
            sort_name=f"peer, {name}",
            chamber="house",
            party="democrat",
            state="TX",
        )
        for name in [*names, SILENT]
    )
    disclosures.flush()
    disclosures.execute(
        text("insert into committees (id, name, chamber) values ('HSBA', 'F', 'house')")
    )
    disclosures.execute(
        text(
            "insert into committee_memberships (committee_id, politician_id) values ('HSBA', :id)"
        ),
        {"id": politician_id(PLANTED)},
    )
    disclosures.flush()
    days, jumps = insert_prices(disclosures, rng)
    writer = Writer(disclosures)
    for name in names:
        for row in np.sort(rng.choice(np.arange(20, 860), 45, replace=False)):
            on = days[row].item()
            writer.trade(
                name,
                on,
                on + timedelta(days=int(rng.integers(15, 44))),
                CATEGORIES[rng.choice(3, p=(0.6, 0.3, 0.1))],
                operation=rng.choice(["purchase", "sale_full"]),
            )
    for jump in jumps:
        on = days[jump - 2].item()
        writer.trade(PLANTED, on, on + timedelta(days=80), CATEGORIES[0], ticker="AAA")
    for row in range(610, 622):
        on = days[row].item()
        writer.trade(PLANTED, on, on + timedelta(days=30), LARGEST)
    disclosures.commit()
    return days


def get(api, route, member, **query):
    answer = api.get(ROUTES[route] + member, query)
    assert answer.status == 200, answer.body
    return answer.json


def refuse(_):
    msg = "the answer is not in the cache"
    raise AssertionError(msg)


def detectors(document):
    return {each["name"]: each for each in document["data"]["detectors"]}


def test_planted_trades_are_found_with_their_filings(api, members):
    document = get(api, "anomalies", PLANTED)
    assert document["data"]["combined"]["beats_null"]
    found = detectors(document)
    assert list(found) == DETECTORS
    for name in ("size", "timing", "clustering", "lateness", "committees"):
        assert found[name]["beats_null"], name
        assert found[name]["p_value"] <= found[name]["q_value"] <= 0.05
        for row in found[name]["evidence"]:
            assert row["trade"]["filing"]["url"].startswith(f"https://example.org/{PLANTED}-")
    large = [row for row in found["size"]["evidence"] if row["supported"]]
    assert len(large) == found["size"]["significant"] > 0
    assert {row["trade"]["amount_max"] for row in large} == {LARGEST[1]}
    late = found["lateness"]
    assert late["details"]["late_filings"] == 23
    assert late["estimate"]["low"] < late["estimate"]["value"] < late["estimate"]["high"]
    assert {row["values"]["days_beyond_deadline"] for row in late["evidence"]} == {35}
    early = found["timing"]["evidence"][0]
    assert early["trade"]["ticker"] == "AAA"
    assert early["values"]["known_on"] > early["trade"]["transaction_date"]
    burst = found["clustering"]["details"]["bursts"][0]
    # The nearest length of a window to the twelve days is ten.
    assert str(members[605]) <= burst["first"] < burst["last"] <= str(members[626])
    assert burst["active_days"] == 10
    assert found["committees"]["details"]["sectors"] == ["Financials", "Real Estate"]
    assert {method["id"] for method in document["methods"]} >= {
        each["method"] for each in found.values()
    }


def test_chance_is_not_found(api, members):
    document = get(api, "anomalies", USUAL)
    assert not document["data"]["combined"]["beats_null"]
    for each in detectors(document).values():
        assert not each["beats_null"]
        assert "not beat" in each["statement"] or "too little" in each["statement"]
        assert not any(row["supported"] for row in each["evidence"])


def test_forecasts_have_a_record_and_a_baseline(api, members):
    document = get(api, "ensemble", USUAL)
    data = document["data"]
    assert [each["weeks"] for each in data["forecasts"]] == [4, 12]
    for each in data["forecasts"]:
        assert each["forecast"] == each[each["forecast_of"]]
        assert (each["forecast_of"] == "ensemble") == each["beats_baseline"]
        assert each["record"]["forecasts"] == data["series"]["weeks"] - 104 - each["weeks"] + 1
        assert len(each["past"]) == -(-each["record"]["forecasts"] // each["weeks"])
        assert each["record"]["coverage"] > 0.8
    assert sum(part["weight"] for part in data["components"]) == pytest.approx(1)
    assert "historical mean" in data["statement"]
    assert [each["analysis"] for each in data["patterns"]] == [
        "cycles",
        "regimes",
        "repetitions",
        "changes",
    ]


def test_weeks_after_all_disclosures_are_no_weeks_without_trades(api, members):
    data = get(api, "ensemble", USUAL, as_of="2035-01-01")["data"]
    known = get(api, "ensemble", USUAL, as_of=data["last_disclosure"])["data"]
    assert data["series"] == known["series"]
    assert data["forecasts"] == known["forecasts"]
    end = date.fromisoformat(data["series"]["first_week"]) + timedelta(
        weeks=data["series"]["weeks"]
    )
    assert end <= date.fromisoformat(data["last_disclosure"]) + timedelta(days=1)


def test_insights_are_sorted_by_what_supports_them(api, members):
    data = get(api, "insights", PLANTED)["data"]
    # Corrected for more tests than those of the detectors alone.
    assert {"size", "clustering"} <= {each["topic"] for each in data["supported"]}
    stated = [*data["supported"], *data["not_supported"], *data["not_tested"]]
    assert {*DETECTORS, "cycles", "changes", "forecast_4_weeks"} <= {
        each["topic"] for each in stated
    }
    assert all(each["q_value"] <= 0.05 for each in data["supported"])
    assert all(each["q_value"] > 0.05 for each in data["not_supported"])
    assert all(each["p_value"] is None for each in data["not_tested"])
    size = next(each for each in data["supported"] if each["topic"] == "size")
    assert size["evidence"][0]["filing"]["url"]
    usual = get(api, "insights", USUAL)["data"]
    assert {"size", "lateness", "clustering"} <= {each["topic"] for each in usual["not_supported"]}


def test_every_insight_names_trades_of_the_member_and_their_filings(api, members, disclosures):
    data = get(api, "insights", PLANTED)["data"]
    stated = [*data["supported"], *data["not_supported"], *data["not_tested"]]
    own = {
        str(trade): (doc_id, url)
        for trade, doc_id, url in disclosures.execute(
            text(
                "select t.id, f.doc_id, f.url from trades t join filings f on f.id = t.filing_id"
                " where t.politician_id = :member"
            ),
            {"member": politician_id(PLANTED)},
        )
    }
    for each in stated:
        named = [trade["id"] for trade in each["evidence"]]
        assert 0 < len(named) <= 5, each["topic"]
        assert len(set(named)) == len(named)
        for trade in each["evidence"]:
            assert own[trade["id"]] == (trade["filing"]["doc_id"], trade["filing"]["url"])
    latest = next(each for each in stated if each["topic"] == "cycles")["evidence"]
    days = [trade["transaction_date"] for trade in latest]
    assert days == sorted(days, reverse=True)
    assert days[0] == disclosures.scalar(
        text("select max(transaction_date)::text from trades where politician_id = :member"),
        {"member": politician_id(PLANTED)},
    )


@pytest.mark.parametrize("route", ROUTES)
def test_a_member_without_trades_has_an_answer(api, members, route):
    document = get(api, route, SILENT)
    assert document["sample"]["trades"] == 0
    data = document["data"]
    if route == "anomalies":
        assert data["combined"]["p_value"] is None
        assert all(each["p_value"] is None for each in data["detectors"])
        assert not any(each["evidence"] for each in data["detectors"])
    elif route == "ensemble":
        assert (data["series"]["trades"], data["forecasts"], data["components"]) == (0, [], [])
        assert "no forecast" in data["statement"]
    else:
        assert data["supported"] == data["not_supported"] == []
        assert {each["topic"] for each in data["not_tested"]} >= {*DETECTORS, "cycles"}
        assert not any(each["evidence"] for each in data["not_tested"])


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("as_of", ["2015-01-01", "2018-06-01"])
def test_before_there_is_enough_nothing_is_claimed(api, members, route, as_of):
    data = get(api, route, PLANTED, as_of=as_of)["data"]
    assert data["as_of"] == as_of
    if route == "anomalies":
        assert not data["combined"]["beats_null"]
    elif route == "ensemble":
        assert data["forecasts"] == []
    else:
        assert data["supported"] == []


@pytest.mark.parametrize("route", ROUTES)
def test_bad_parameters_are_refused(api, members, route):
    for query in ({"as_of": "yesterday"}, {"as_of": "2020-13-01"}, {"until": "2020-01-01"}):
        answer = api.get(ROUTES[route] + PLANTED, query)
        assert answer.status == 422
        assert answer.headers["content-type"] == "application/problem+json"
    assert api.get(ROUTES[route] + "Z000000").status == 404
    assert api.get(ROUTES[route] + str(uuid.uuid4())).status == 404


@pytest.mark.parametrize("route", ROUTES)
def test_answers_repeat_with_their_entity_tag(api, members, route, monkeypatch):
    first = api.get(ROUTES[route] + USUAL, {"as_of": "2020-06-30"})
    # From the cache: nothing is read any more.
    monkeypatch.setattr("quant.db.session.read", refuse)
    again = api.get(ROUTES[route] + USUAL, {"as_of": "2020-06-30"})
    assert (again.status, again.body) == (200, first.body)
    assert api.get(ROUTES[route] + USUAL, {"as_of": "2020-06-29"}).status == 500
    unchanged = api.get(
        ROUTES[route] + USUAL, {"as_of": "2020-06-30"}, {"If-None-Match": first.headers["etag"]}
    )
    assert (unchanged.status, unchanged.body) == (304, b"")


def test_nothing_after_a_day_changes_what_is_said_as_of_it(database, members, disclosures):
    """Last of all: it rewrites what was disclosed later, and the prices."""
    then = date(2020, 3, 2)
    engine = create_engine(database.url, poolclass=NullPool, isolation_level="AUTOCOMMIT")

    def answers():
        with engine.connect() as connection:
            return [
                report(connection, PLANTED, as_of)["data"]
                for report in (anomaly_report, ensemble_report, insight_report)
                for as_of in (then, None)
            ]

    before = answers()
    statements = (
        "update trades set amount_min = 1000001, amount_max = 5000000,"
        " transaction_date = transaction_date - 20, disclosure_date = disclosure_date + 11,"
        " operation = 'sale_full' where disclosure_date > :then",
        "delete from trades where disclosure_date > :then and mod(hashtext(id::text), 4) = 0",
        "update prices set adjusted_close = adjusted_close * (1 + extract(day from day) / 20)"
        " where day > :then",
    )
    for statement in statements:
        disclosures.execute(text(statement), {"then": then})
    version = disclosures.scalar(
        text("update data_version set version = version + 1 returning version")
    )
    disclosures.commit()
    AnswerCache().announce(version)
    after = answers()
    assert before[::2] == after[::2]
    assert all(was != now for was, now in zip(before[1::2], after[1::2], strict=True))

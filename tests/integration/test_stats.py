"""Statistics over the API, beside a plain loop over the same rows."""

import json
import uuid
from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import pytest
from sqlalchemy import select, text
from statsmodels.stats.proportion import proportion_confint
from tests.integration.conftest import FILER, REPRESENTATIVE, SENATOR, make_trade

from quant.cache import AnswerCache
from quant.db.models import Filing, Politician, Ticker, Trade
from quant.identity import filing_id
from quant.stats.leaderboard import NOT_COMPUTED

STATS = "/api/v1/stats"
LEADERBOARD = f"{STATS}/leaderboard"
SECTORS = f"{STATS}/sectors"
OVERVIEW = f"{STATS}/overview"
LATE = f"{STATS}/late-filings"
NEWEST = date(2022, 6, 30)
SALES = {"sale", "sale_full", "sale_partial"}


@pytest.fixture(scope="module")
def rows(disclosures):
    """The 60 trades and 300 more: in time, late, undated, exempt, without ticker or upper end."""
    rng = np.random.Generator(np.random.PCG64(7))
    disclosures.add_all(
        [Ticker(symbol="CCC", sector="Energy"), Ticker(symbol="UNTRADED", sector="Utilities")]
    )
    disclosures.execute(
        text(
            "update tickers set sector = 'Financials' where symbol = 'AAA';"
            "insert into prices (ticker, day, close, adjusted_close, source)"
            " values ('AAA', '2020-01-02', 1, 1, 'test'), ('UNTRADED', '2020-01-02', 1, 1, 'test')"
        )
    )
    for number in range(300):
        politician = [SENATOR, REPRESENTATIVE][int(rng.random() < 0.4)]
        source = "house_clerk" if politician == REPRESENTATIVE else "senate_efd"
        doc_id = f"more-{rng.integers(12)}-{politician}"
        filing = filing_id(source, doc_id)
        if disclosures.get(Filing, filing) is None:
            disclosures.add(
                Filing(id=filing, source=source, doc_id=doc_id, politician_id=politician)
            )
            disclosures.flush()
        bought = date(2019, 1, 1) + timedelta(days=int(rng.integers(1_150)))
        if number < 5:
            bought = date(2012, 3, 1 + number)
        disclosed = min(bought + timedelta(days=int(rng.choice([20, 45, 46, 90, 400]))), NEWEST)
        disclosures.add(
            make_trade(
                1_000 + number,
                politician,
                filing,
                ticker=[None, "AAA", "BBB", "CCC"][rng.integers(4)],
                operation=["purchase", "sale", "sale_partial", "exchange"][rng.integers(4)],
                transaction_date=bought,
                disclosure_date=disclosed if rng.random() < 0.9 else None,
                amount_min=Decimal(15_001),
                amount_max=Decimal(50_000) if rng.random() < 0.9 else None,
            )
        )
    disclosures.flush()
    last = disclosures.scalars(select(Trade).where(Trade.asset == "Asset 1299")).one()
    last.transaction_date, last.disclosure_date = NEWEST - timedelta(days=10), NEWEST
    disclosures.commit()
    people = {row.id: row for row in disclosures.scalars(select(Politician))}
    found = []
    for trade in disclosures.scalars(select(Trade)):
        person = people[trade.politician_id]
        sector = {"AAA": "Financials", "CCC": "Energy"}.get(trade.ticker)
        found.append((trade, person, sector))
    return found


@pytest.fixture(autouse=True)
def _announced(api, disclosures):
    """Each test sees the data of the moment, and finds no answer of another in the cache."""
    disclosures.execute(text("update data_version set version = version + 1"))
    disclosures.commit()
    AnswerCache().announce(
        disclosures.execute(text("select version from data_version")).scalar_one()
    )


def within(rows, first=None, last=None, chamber=None):
    return [
        (trade, person, sector)
        for trade, person, sector in rows
        if (chamber is None or person.chamber == chamber)
        and (first is None or (trade.disclosure_date or date.min) >= first)
        and (last is None or (trade.disclosure_date or date.max) <= last)
    ]


def volume(trades):
    low = float(sum(trade.amount_min for trade in trades))
    high = float(sum(trade.amount_max or trade.amount_min for trade in trades))
    return {
        "amount_min": low,
        "amount_max": high,
        "midpoint": (low + high) / 2,
        "unbounded": sum(trade.amount_max is None for trade in trades),
    }


def timeliness(trades):
    due = [trade for trade in trades if trade.transaction_date >= date(2012, 7, 3)]
    known = [trade for trade in due if trade.disclosure_date is not None]
    late = [trade for trade in known if (trade.disclosure_date - trade.transaction_date).days > 45]
    sizes = defaultdict(int)
    for trade in known:
        sizes[trade.filing_id] += 1
    trials = len(known) ** 2 / sum(size**2 for size in sizes.values()) if known else 0
    share = len(late) / len(known) if known else None
    low, high = (
        proportion_confint(share * trials, trials, method="wilson") if known else (None, None)
    )
    return {
        "late": len(late),
        "in_time": len(known) - len(late),
        "unknown": len(due) - len(known),
        "exempt": len(trades) - len(due),
        "effective_trials": pytest.approx(trials),
        "late_share": {
            "value": share,
            "standard_error": None,
            "low": low if low is None else pytest.approx(low, abs=1e-12),
            "high": high if high is None else pytest.approx(high, abs=1e-12),
            "p_value": None,
            "q_value": None,
            "n": len(known),
        },
    }


PERIODS = [
    ({}, None, None),
    ({"period": "all"}, None, None),
    ({"period": "30d"}, NEWEST - timedelta(days=29), NEWEST),
    ({"period": "90d"}, NEWEST - timedelta(days=89), NEWEST),
    ({"period": "1y"}, NEWEST - timedelta(days=364), NEWEST),
    ({"period": "3y"}, NEWEST - timedelta(days=1094), NEWEST),
    ({"disclosed_from": "2020-02-03"}, date(2020, 2, 3), None),
    ({"disclosed_to": "2020-02-03"}, None, date(2020, 2, 3)),
    (
        {"disclosed_from": "2020-02-03", "disclosed_to": "2021-02-03"},
        date(2020, 2, 3),
        date(2021, 2, 3),
    ),
]


@pytest.mark.parametrize(("query", "first", "last"), PERIODS, ids=str)
@pytest.mark.parametrize("by", ["volume", "trade_count", "timeliness"])
def test_leaderboard_is_that_of_a_loop(api, rows, query, first, last, by):
    answer = api.get(LEADERBOARD, {"by": by, **query})
    assert answer.status == 200, answer.body
    grouped = defaultdict(list)
    for trade, person, _ in within(rows, first, last):
        grouped[person.id].append(trade)
    expected = {
        str(person): {
            "trade_count": len(trades),
            "volume": volume(trades),
            "timeliness": timeliness(trades),
        }
        for person, trades in grouped.items()
    }
    if by == "timeliness":
        expected = {
            person: row
            for person, row in expected.items()
            if row["timeliness"]["late_share"]["value"] is not None
        }
    found = answer.json["data"]
    assert {
        row["politician"]["id"]: {
            name: row[name] for name in ("trade_count", "volume", "timeliness")
        }
        for row in found
    } == expected
    scores = {
        "volume": lambda row: -row["volume"]["midpoint"],
        "trade_count": lambda row: -row["trade_count"],
        "timeliness": lambda row: row["timeliness"]["late_share"]["high"],
    }
    order = [scores[by](row) for row in found]
    assert order == sorted(order)
    assert [row["rank"] for row in found] == [1 + order.index(score) for score in order]
    assert answer.json["ranked"] == len(expected)
    assert answer.json["not_ranked"] == len(grouped) - len(expected)
    assert answer.json["period"] == {
        "name": query.get("period", None if query else "all"),
        "disclosed_from": first and first.isoformat(),
        "disclosed_to": last and last.isoformat(),
    }
    assert (
        answer.json["methods"][0]["id"]
        == {
            "volume": "stats.volume",
            "trade_count": "stats.counts",
            "timeliness": "stats.timeliness",
        }[by]
    )


def test_sample_says_what_a_period_leaves_out(api, rows):
    sample = api.get(SECTORS, {"period": "1y"}).json["sample"]
    used = within(rows, NEWEST - timedelta(days=364), NEWEST)
    undated = sum(trade.disclosure_date is None for trade, _, _ in rows)
    assert sample == {
        "trades": len(rows),
        "used": len(used),
        "excluded": {
            "no_disclosure_date": undated,
            "outside_period": len(rows) - len(used) - undated,
        },
        "politicians": 2,
        "first_transaction": min(trade.transaction_date for trade, _, _ in used).isoformat(),
        "last_transaction": max(trade.transaction_date for trade, _, _ in used).isoformat(),
        "synthetic": False,
    }
    assert api.get(SECTORS).json["sample"]["excluded"] == {}


def test_leaderboard_is_cut_and_filtered(api, rows):
    answer = api.get(LEADERBOARD, {"by": "volume", "limit": 1}).json
    assert (len(answer["data"]), answer["ranked"]) == (1, 3)
    house = api.get(LEADERBOARD, {"by": "volume", "chamber": "house"}).json
    assert [row["politician"]["full_name"] for row in house["data"]] == ["Hal 100%_Representative"]
    assert house["sample"]["used"] == len(within(rows, chamber="house"))
    assert api.get(LEADERBOARD, {"by": "volume", "party": "independent"}).json["data"] == []


def test_who_is_never_known_to_be_in_time_is_not_ranked(api, rows):
    answer = api.get(LEADERBOARD, {"by": "timeliness"}).json
    assert str(FILER) not in {row["politician"]["id"] for row in answer["data"]}
    assert answer["not_ranked"] == 1


def estimate(value, low, n):
    return {
        "value": value,
        "standard_error": 0.01,
        "low": low,
        "high": value + 0.02,
        "p_value": 0.2,
        "q_value": 0.4,
        "n": n,
    }


def test_returns_rank_by_what_the_batch_stored(api, rows, disclosures):
    empty = api.get(LEADERBOARD, {"by": "return"}).json
    assert empty["data"] == []
    assert (empty["reason"], empty["is_current"]) == (NOT_COMPUTED, False)
    assert (empty["ranked"], empty["not_ranked"]) == (0, 3)

    # The highest estimate is that of few trades.
    stored = {SENATOR: estimate(0.09, -0.2, 3), REPRESENTATIVE: estimate(0.02, 0.001, 90)}
    document = {
        "data": {
            "politicians": [
                {"politician": {"id": str(person)}, "horizon": 63, "car": car, "n": car["n"]}
                for person, car in stored.items()
            ]
        }
    }
    disclosures.execute(
        text(
            "insert into analyses (kind, key, data_version, method_version, document)"
            " select 'performance.politicians', '', version, '1', cast(:document as jsonb)"
            " from data_version"
        ),
        {"document": json.dumps(document)},
    )
    disclosures.commit()
    # The empty answer was not kept: the batch changes no data version.
    answer = api.get(LEADERBOARD, {"by": "return"}).json
    assert [(row["rank"], row["politician"]["id"]) for row in answer["data"]] == [
        (1, str(REPRESENTATIVE)),
        (2, str(SENATOR)),
    ]
    assert answer["data"][0]["return"] == {"horizon": 63, "car": stored[REPRESENTATIVE]}
    assert (answer["reason"], answer["is_current"], answer["not_ranked"]) == (None, True, 1)
    assert answer["methods"][0]["id"] == "stats.returns"
    senate = api.get(LEADERBOARD, {"by": "return", "chamber": "senate"}).json["data"]
    assert [(row["rank"], row["politician"]["id"]) for row in senate] == [(1, str(SENATOR))]

    disclosures.execute(text("update data_version set version = version + 1"))
    disclosures.commit()
    AnswerCache().announce(answer["data_version"] + 1)
    later = api.get(LEADERBOARD, {"by": "return"}).json
    assert later["data_version"] == answer["data_version"]
    assert later["is_current"] is False
    disclosures.execute(text("delete from analyses"))
    disclosures.commit()


@pytest.mark.parametrize(("query", "first", "last"), PERIODS, ids=str)
def test_sectors_are_those_of_a_loop(api, rows, query, first, last):
    answer = api.get(SECTORS, query).json
    grouped = defaultdict(list)
    for trade, _, sector in within(rows, first, last):
        grouped[sector].append(trade)
    total = sum(len(trades) for trades in grouped.values())
    assert {row.pop("sector"): row for row in answer["data"]} == {
        sector: {
            "trade_count": len(trades),
            "purchases": sum(trade.operation == "purchase" for trade in trades),
            "sales": sum(trade.operation in SALES for trade in trades),
            "politicians": len({trade.politician_id for trade in trades}),
            "share": len(trades) / total,
            "volume": volume(trades),
        }
        for sector, trades in grouped.items()
    }
    counts = [row["trade_count"] for row in answer["data"]]
    assert counts == sorted(counts, reverse=True)


def test_overview_is_that_of_a_loop(api, rows):
    data = api.get(OVERVIEW).json["data"]
    trades = [trade for trade, _, _ in rows]
    count = len(trades)
    assert data["totals"] == {
        "trades": count,
        "synthetic_trades": 0,
        "filings": len({trade.filing_id for trade in trades}),
        "politicians": 3,
        "tickers": 3,
        "volume": volume(trades),
    }
    covered = {
        "ticker": sum(trade.ticker is not None for trade in trades),
        "sector": sum(sector is not None for _, _, sector in rows),
        "price": sum(trade.ticker == "AAA" for trade in trades),
        "disclosure_date": sum(trade.disclosure_date is not None for trade in trades),
    }
    assert data["coverage"] == {
        name: {"trades": number, "share": number / count} for name, number in covered.items()
    }
    assert data["first_transaction"] == "2012-03-01"
    assert data["last_disclosure"] == NEWEST.isoformat()
    groups = {
        "by_year": [trade.transaction_date.year for trade in trades],
        "by_chamber": [person.chamber for _, person, _ in rows],
        "by_party": [person.party for _, person, _ in rows],
        "by_operation": [trade.operation for trade in trades],
    }
    for name, values in groups.items():
        grouped = defaultdict(list)
        for value, trade in zip(values, trades, strict=True):
            grouped[value].append(trade)
        assert {row.pop("value"): row for row in data[name]} == {
            value: {
                "trade_count": len(members),
                "politicians": len({trade.politician_id for trade in members}),
                "volume": volume(members),
            }
            for value, members in grouped.items()
        }


def is_late(trade, days=1):
    return (
        trade.disclosure_date is not None
        and trade.transaction_date >= date(2012, 7, 3)
        and (trade.disclosure_date - trade.transaction_date).days - 45 >= days
    )


@pytest.mark.parametrize(
    ("query", "chosen"),
    [
        ({}, lambda _: True),
        ({"chamber": "house"}, lambda person: person.chamber == "house"),
        ({"party": "democrat"}, lambda person: person.party == "democrat"),
        ({"politician": "h000001"}, lambda person: person.id == REPRESENTATIVE),
        ({"politician": str(SENATOR)}, lambda person: person.id == SENATOR),
        ({"politician": str(FILER)}, lambda person: person.id == FILER),
        ({"politician": str(uuid.UUID(int=7))}, lambda _: False),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
@pytest.mark.parametrize("min_days", [1, 2, 45, 1_000])
def test_late_trades_are_those_of_a_loop(api, rows, query, chosen, min_days):
    pages = [
        answer.json for answer in api.pages(LATE, {**query, "min_days": min_days, "limit": 23})
    ]
    found = [row for page in pages for row in page["data"]]
    trades = [trade for trade, person, _ in rows if chosen(person)]
    expected = {
        str(trade.id): (trade.disclosure_date - trade.transaction_date).days - 45
        for trade in trades
        if is_late(trade, min_days)
    }
    assert {row["id"]: row["days_late"] for row in found} == expected
    assert len(found) == len(expected)
    keys = [(row["disclosure_date"], row["id"]) for row in found]
    assert keys == sorted(keys, reverse=True)
    for page in pages:
        assert page["summary"] == timeliness(trades)


def test_a_late_trade_shows_its_filing(api, rows, disclosures):
    row = api.get(LATE, {"limit": 1}).json["data"][0]
    filing = disclosures.scalars(
        select(Filing).join(Trade, Trade.filing_id == Filing.id).where(Trade.id == row["id"])
    ).one()
    assert (row["filing"]["source"], row["filing"]["doc_id"]) == (filing.source, filing.doc_id)


@pytest.mark.parametrize(
    ("path", "query", "location"),
    [
        (LEADERBOARD, {}, "query.by"),
        (LEADERBOARD, {"by": "luck"}, "query.by"),
        (LEADERBOARD, {"by": "volume", "limit": 201}, "query.limit"),
        (LEADERBOARD, {"by": "volume", "cursor": "x"}, "query.cursor"),
        (LEADERBOARD, {"by": "return", "period": "1y"}, "query.by"),
        (LEADERBOARD, {"by": "return", "disclosed_to": "2020-01-01"}, "query.by"),
        (SECTORS, {"period": "2y"}, "query.period"),
        (SECTORS, {"period": "1y", "disclosed_to": "2020-01-01"}, "query.disclosed_to"),
        (SECTORS, {"period": "all", "disclosed_from": "2020-01-01"}, "query.disclosed_from"),
        (SECTORS, {"by": "volume"}, "query.by"),
        (OVERVIEW, {"chamber": "house"}, "query.chamber"),
        (LATE, {"min_days": 0}, "query.min_days"),
        (LATE, {"politician": "nobody"}, "query.politician"),
        (LATE, {"cursor": "bm90IG91cnM"}, "query.cursor"),
    ],
    ids=str,
)
def test_invalid_request_is_a_422_problem_that_names_the_field(api, path, query, location):
    answer = api.get(path, query)
    assert answer.status == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert [error["location"] for error in answer.json["errors"]] == [location]


def test_cursor_of_other_filters_is_refused(api, rows):
    cursor = api.get(LATE, {"limit": 1}).json["page"]["next_cursor"]
    assert api.get(LATE, {"limit": 1, "min_days": 2, "cursor": cursor}).status == 422


@pytest.mark.parametrize(
    ("path", "query"), [(OVERVIEW, {}), (SECTORS, {}), (LATE, {}), (LEADERBOARD, {"by": "volume"})]
)
def test_answers_are_cached_until_the_data_change(api, rows, disclosures, path, query):
    first = api.get(path, query)
    disclosures.execute(text("update trades set amount_min = amount_min + 1"))
    disclosures.commit()
    # Nothing announced a change, as nothing may change data without counting the version up.
    assert api.get(path, query).body == first.body
    tag = first.headers["etag"]
    assert api.get(path, query, {"If-None-Match": tag}).status == 304
    disclosures.execute(text("update data_version set version = version + 1"))
    disclosures.commit()
    AnswerCache().announce(first.json["data_version"] + 1)
    again = api.get(path, query, {"If-None-Match": tag})
    assert (again.status, again.json["data_version"]) == (200, first.json["data_version"] + 1)
    disclosures.execute(text("update trades set amount_min = amount_min - 1"))
    disclosures.commit()


def test_without_data_there_is_nothing_to_rank(api, rows, disclosures):
    disclosures.execute(
        text(
            "delete from trades; delete from filings; update data_version set version = version + 1"
        )
    )
    disclosures.commit()
    AnswerCache().announce(
        disclosures.execute(text("select version from data_version")).scalar_one()
    )
    for period in ("all", "1y"):
        assert api.get(LEADERBOARD, {"by": "volume", "period": period}).json["data"] == []
        assert api.get(SECTORS, {"period": period}).json["data"] == []
    assert api.get(LEADERBOARD, {"by": "timeliness"}).json["ranked"] == 0
    late = api.get(LATE).json
    assert (late["data"], late["summary"]) == ([], timeliness([]))
    data = api.get(OVERVIEW).json["data"]
    assert data["totals"]["trades"] == 0
    assert data["coverage"]["price"] == {"trades": 0, "share": None}
    assert data["by_year"] == []

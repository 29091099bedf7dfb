"""The network and the pairs over the API, of members with and without planted relations."""

import importlib
import uuid
from datetime import date, timedelta

import numpy as np
import pytest
from scipy import stats
from sqlalchemy import text
from tests.integration.conftest import make_trade

from quant.cache import AnswerCache
from quant.db.models import Filing, Politician, Ticker
from quant.identity import filing_id, politician_id
from quant.reports import precompute
from quant.reports.relations import PRECOMPUTATIONS
from quant.reports.relations_query import Window

NETWORK = "/api/v1/analytics/network/analysis"
PAIRWISE = "/api/v1/analytics/correlation/pairwise"

FIRST = date(2018, 1, 1)
WEEKS = 150
MEMBERS = 26
STOCKS = 40
TRADES = 60
# The second repeats some of the first's trades in the same week, the fourth some of the third's two
# weeks later, the sixth is busy when the fifth is; the seventh trades under a committee's matter,
# and the eighth has a seat there, too.
ONE, SAME, LEADER, FOLLOWER, BUSY, AS_BUSY, UNDER, SEATED = (
    f"P{number:06d}" for number in range(1, 9)
)
SILENT = "P000099"
CUT = date(2020, 3, 31)
SECTORS = ("Financials", "Energy", "Materials", "Utilities", None)


class Writer:
    """Adds trades, those of a member's disclosure day in one filing."""

    def __init__(self, session):
        self.session = session
        self.filings = set()
        self.count = 10_000

    def trade(self, member, day, stock, side, delay=30):
        disclosed = day + timedelta(days=delay)
        doc_id = f"{member}-{disclosed}"
        filing = filing_id("house_clerk", doc_id)
        if filing not in self.filings:
            self.filings.add(filing)
            self.session.add(
                Filing(
                    id=filing,
                    source="house_clerk",
                    doc_id=doc_id,
                    politician_id=politician_id(member),
                    filed_date=disclosed,
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
                ticker=f"T{stock:02d}",
                operation="purchase" if side > 0 else "sale_full",
                transaction_date=day,
                disclosure_date=disclosed,
            )
        )


def drawn(rng, weeks=None, stocks=None):
    """Days, stocks and sides of one member's trades."""
    weeks = rng.integers(0, WEEKS, TRADES) if weeks is None else weeks
    stocks = rng.integers(0, STOCKS, len(weeks)) if stocks is None else stocks
    days = [FIRST + timedelta(days=int(7 * week + rng.integers(0, 5))) for week in weeks]
    return list(zip(days, stocks.tolist(), rng.choice([-1, 1], len(weeks)).tolist(), strict=True))


def made(rng):
    """Every member's trades."""
    trades = {f"P{number:06d}": drawn(rng) for number in range(1, MEMBERS + 1)}
    bursts = rng.choice(np.arange(WEEKS), 12, replace=False)
    busy = np.concatenate([np.repeat(bursts, 5), [0, WEEKS - 1]])
    half = STOCKS // 2
    for member, lowest in ((BUSY, 0), (AS_BUSY, half)):
        trades[member] = drawn(rng, busy, lowest + rng.integers(0, half, len(busy)))
    under = np.where(rng.random(TRADES) < 0.9, 5 * rng.integers(0, 8, TRADES), 1)
    trades[UNDER] = drawn(rng, stocks=under)
    for model, copy, later in ((ONE, SAME, 0), (LEADER, FOLLOWER, 14)):
        chosen = rng.choice(TRADES, 20, replace=False)
        trades[copy] += [
            (day + timedelta(days=later), stock, side)
            for day, stock, side in (trades[model][at] for at in chosen)
        ]
    return trades


def publish(session):
    """Commit, and make cached answers stale as an import does."""
    version = session.scalar(
        text("update data_version set version = version + 1 returning version")
    )
    session.commit()
    AnswerCache().announce(version)


@pytest.fixture(scope="module")
def members(api, disclosures):
    """26 representatives with some 60 trades in 40 stocks over 150 weeks, and one without."""
    disclosures.execute(text("delete from trades"))
    disclosures.add_all(
        Ticker(symbol=f"T{stock:02d}", sector=SECTORS[stock % len(SECTORS)])
        for stock in range(STOCKS)
    )
    rng = np.random.default_rng(54)
    trades = made(rng)
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
        for name in [*trades, SILENT]
    )
    disclosures.execute(
        text("insert into committees (id, name, chamber) values ('HSBA', 'F', 'house')")
    )
    disclosures.flush()
    disclosures.execute(
        text(
            "insert into committee_memberships (committee_id, politician_id)"
            " select 'HSBA', unnest(cast(:ids as uuid[]))"
        ),
        {"ids": [str(politician_id(name)) for name in (UNDER, SEATED)]},
    )
    writer = Writer(disclosures)
    for member, own in trades.items():
        for day, stock, side in own:
            writer.trade(member, day, stock, side)
    publish(disclosures)
    return disclosures


pytestmark = pytest.mark.usefixtures("members")


def get(api, path, **query):
    answer = api.get(path, query)
    assert answer.status == 200, answer.body
    models = importlib.import_module("analytics._relations_answers")
    model = models.NetworkAnswer if path == NETWORK else models.PairwiseAnswer
    model.model_validate(answer.json)
    return answer.json


def names(pair):
    return pair["first"]["bioguide_id"], pair["second"]["bioguide_id"]


def rows(session, query, **parameters):
    return session.execute(text(query), parameters).all()


def test_network_is_computed_where_the_batch_never_ran(api, members):
    computed = get(api, NETWORK)
    assert computed["is_current"]
    assert computed["data"]["window_days"] == 7
    assert precompute.run(PRECOMPUTATIONS) == {"relations.network": "computed"}
    assert precompute.run(PRECOMPUTATIONS) == {"relations.network": "current"}
    stored = rows(members, "select key, document from analyses where kind = 'relations.network'")
    assert {row.key for row in stored} == {str(window.value) for window in Window}
    document = next(row.document for row in stored if row.key == "7")
    assert document["data"] == computed["data"]
    publish(members)
    late = get(api, NETWORK)
    assert not late["is_current"]
    assert late["data_version"] == computed["data_version"]
    assert late["data"] == computed["data"]
    # An answer of older data is not kept: as soon as the batch has run, the new one is given.
    assert precompute.run(PRECOMPUTATIONS) == {"relations.network": "computed"}
    current = get(api, NETWORK)
    assert current["is_current"]
    assert current["data_version"] > computed["data_version"]


def test_planted_pair_is_the_only_link(api):
    answer = get(api, NETWORK)
    data = answer["data"]
    assert [set(names(link)) for link in data["links"]] == [{ONE, SAME}]
    link = data["links"][0]
    assert link["status"] == "found"
    assert link["p_value"] <= link["q_value"] <= link["p_bonferroni"] < 0.001
    # No turned network has a pair as unlikely.
    assert link["q_turned"] == pytest.approx(1 / (data["pairs"]["turned_networks"] + 1))
    assert link["stocks"] > link["expected"] + 5 * link["standard_deviation"]
    assert data["pairs"]["linked"] == data["pairs"]["benjamini_hochberg"] == 1
    assert data["pairs"]["bonferroni"] == 1
    assert data["pairs"]["tested"] > 300
    assert f"of {data['pairs']['tested']} tested" in data["summary"]
    assert len(data["other_pairs"]) == 20
    for pair in data["other_pairs"]:
        assert pair["status"] == "not_found"
        assert max(pair["q_value"], pair["q_turned"]) > 0.05
    assert [method["id"] for method in answer["methods"]] == [
        "relations.network",
        "relations.centrality",
        "relations.communities",
        "relations.conflicts",
    ]


def test_trades_together_are_those_a_query_finds(api, members):
    for window in Window:
        data = get(api, NETWORK, window=window.value)["data"]
        found = {
            (row.first, row.second): (row.stocks, row.events)
            for row in rows(
                members,
                "with cells as (select distinct p.bioguide_id as member, ticker, operation,"
                " (transaction_date - date '1969-12-29') / :length as number"
                " from trades t join politicians p on p.id = t.politician_id)"
                " select a.member as first, b.member as second,"
                " count(distinct (a.ticker, a.operation)) as stocks, count(*) as events"
                " from cells a join cells b using (ticker, operation, number)"
                " where a.member < b.member group by 1, 2",
                length=window.value,
            )
        }
        for pair in (*data["links"], *data["other_pairs"]):
            first, second = sorted(names(pair))
            assert (pair["stocks"], pair["hypergeometric"]["events"]) == found[first, second]
            assert len(pair["evidence"]) == min(pair["hypergeometric"]["events"], 10)


def test_evidence_of_a_link_is_of_both_members_in_the_same_week(api, members):
    data = get(api, NETWORK)["data"]
    stored = {
        str(row.id): row
        for row in rows(
            members,
            "select t.*, p.bioguide_id, f.doc_id, f.url from trades t"
            " join filings f on f.id = t.filing_id join politicians p on p.id = t.politician_id",
        )
    }
    shown = [
        (pair, each) for pair in (*data["links"], *data["other_pairs"]) for each in pair["evidence"]
    ]
    assert len(shown) > 20
    for pair, each in shown:
        both = [stored[each[side]["id"]] for side in ("first", "second")]
        assert tuple(row.bioguide_id for row in both) == names(pair)
        assert both[0].ticker == both[1].ticker == each["first"]["ticker"]
        assert both[0].operation == both[1].operation
        assert (
            both[0].transaction_date.isocalendar()[:2] == both[1].transaction_date.isocalendar()[:2]
        )
        for side, row in zip(("first", "second"), both, strict=True):
            filing = each[side]["filing"]
            assert (filing["doc_id"], filing["url"]) == (row.doc_id, row.url)
            assert row.doc_id.startswith(f"{row.bioguide_id}-")


def test_nodes_are_all_members_with_their_links(api):
    data = get(api, NETWORK)["data"]
    nodes = {node["politician"]["bioguide_id"]: node for node in data["nodes"]}
    assert len(nodes) == MEMBERS
    assert SILENT not in nodes
    assert {name for name, node in nodes.items() if node["links"]} == {ONE, SAME}
    for name, node in nodes.items():
        linked = name in {ONE, SAME}
        assert node["centrality"]["degree"] == pytest.approx(linked / (MEMBERS - 1))
        assert node["centrality"]["eigenvector"] == pytest.approx(linked / np.sqrt(2))
        assert node["centrality"]["betweenness"] == 0
        assert node["community"] == (0 if linked else None)
    assert data["communities"]["sizes"] == [2]
    assert data["communities"]["status"] == "not_found"
    assert "mean nothing" in data["communities"]["statement"]


def test_trades_under_a_committee_are_found_and_seats_are_said_to_be_of_today(api):
    data = get(api, NETWORK)["data"]
    conflicts = {
        node["politician"]["bioguide_id"]: node["conflict"]
        for node in data["nodes"]
        if node["conflict"] is not None
    }
    assert set(conflicts) == {UNDER, SEATED}
    found, usual = conflicts[UNDER], conflicts[SEATED]
    assert (found["status"], usual["status"]) == ("found", "not_found")
    assert found["share"]["low"] < found["share"]["value"] < found["share"]["high"]
    assert found["share"]["value"] == pytest.approx(
        found["trades_under_committees"] / found["trades_with_sector"]
    )
    assert found["share"]["value"] > found["expected_share_high"] > found["expected_share"]
    assert found["peers"] == MEMBERS - 2
    assert found["jurisdictions"][0]["committee_id"] == "HSBA"
    assert "Financials" in found["statement"]
    # Stocks of the sector are every fifth.
    assert [int(trade["ticker"][1:]) % 5 for trade in found["evidence"]] == [0] * 5
    assert data["conflicts"]["tested"] == 2
    assert data["conflicts"]["found"] == 1
    assert "today" in data["conflicts"]["seats"]


def pair(api, first, second, **query):
    data = get(api, PAIRWISE, politicians=f"{first},{second}", **query)["data"]
    assert len(data["pairs"]) == 1
    assert names(data["pairs"][0]) == (first, second)
    return data["pairs"][0]


def test_planted_lead_is_found_with_its_trades(api):
    found = pair(api, LEADER, FOLLOWER)["lead_lag"]
    assert found["status"] == "found"
    assert found["lag_weeks"] == 2
    # Of the 20 some are the same, or after the last trade that is not a repetition.
    assert 20 >= found["matches"] > 15 > 5 * found["expected"]
    assert found["p_value"] == found["q_value"] < 0.001
    assert f"{LEADER} come 2 weeks before" in found["statement"]
    assert len(found["evidence"]) == 5
    for each in found["evidence"]:
        assert each["first"]["ticker"] == each["second"]["ticker"]
        assert each["first"]["filing"]["doc_id"].startswith(LEADER)
        assert each["second"]["filing"]["doc_id"].startswith(FOLLOWER)
        weeks = [
            date.fromisoformat(each[side]["transaction_date"]).toordinal() // 7
            for side in ("first", "second")
        ]
        assert abs(weeks[1] - weeks[0] - 2) <= 1


def test_lead_is_a_lag_the_other_way_round(api):
    forth, back = pair(api, LEADER, FOLLOWER), pair(api, FOLLOWER, LEADER)
    assert back["correlation"] == forth["correlation"]
    assert back["lead_lag"]["lag_weeks"] == -2
    assert back["lead_lag"]["statement"] == forth["lead_lag"]["statement"]
    assert [(each["second"], each["first"]) for each in back["lead_lag"]["evidence"]] == [
        (each["first"], each["second"]) for each in forth["lead_lag"]["evidence"]
    ]


def test_weeks_that_are_alike_are_found(api):
    found = pair(api, BUSY, AS_BUSY)
    assert found["correlation"]["status"] == "found"
    assert found["correlation"]["coefficient"]["low"] > 0.5
    # They trade no stock in common.
    assert found["lead_lag"]["status"] == "insufficient_data"


def test_unrelated_members_have_no_relation(api):
    data = get(api, PAIRWISE, politicians="P000009,P000010,P000011,P000012")["data"]
    assert len(data["pairs"]) == 6
    for each in data["pairs"]:
        assert each["correlation"]["status"] == each["lead_lag"]["status"] == "not_found"
        coefficient = each["correlation"]["coefficient"]
        assert coefficient["low"] < coefficient["value"] < coefficient["high"]
        assert coefficient["q_value"] >= coefficient["p_value"]
    assert data["summary"].startswith("0 of 6 pairs tested are correlated; 0 of 6 trade")


@pytest.mark.parametrize(
    ("coefficient", "reference"), [("pearson", stats.pearsonr), ("spearman", stats.spearmanr)]
)
@pytest.mark.parametrize("measure", ["trades", "net_purchases"])
def test_coefficients_are_those_of_a_query_and_scipy(api, members, coefficient, reference, measure):
    found = pair(api, BUSY, AS_BUSY, coefficient=coefficient, measure=measure)
    value = "1" if measure == "trades" else "case operation when 'purchase' then 1 else -1 end"
    weeks = rows(
        members,
        "with mine as (select p.bioguide_id as member, transaction_date as day,"
        f" {value} as value from trades t join politicians p on p.id = t.politician_id"
        " where p.bioguide_id in (:one, :other)),"
        " bounds as (select min(day) as first, max(day) as last from mine group by member)"
        " select week, coalesce(sum(value) filter (where member = :one), 0) as one,"
        " coalesce(sum(value) filter (where member = :other), 0) as other"
        " from generate_series((select date_trunc('week', max(first)) from bounds),"
        " (select min(last) from bounds), interval '7 days') as week"
        " left join mine on date_trunc('week', day) = week group by 1 order by 1",
        one=BUSY,
        other=AS_BUSY,
    )
    assert found["weeks"] == len(weeks) == found["correlation"]["coefficient"]["n"]
    expected = reference([int(row.one) for row in weeks], [int(row.other) for row in weeks])
    assert found["correlation"]["coefficient"]["value"] == pytest.approx(
        expected.statistic, abs=1e-8
    )


def test_most_active_members_are_compared_where_none_is_named(api, members):
    data = get(api, PAIRWISE, most_active=3)["data"]
    assert len(data["pairs"]) == 3
    most = rows(
        members,
        "select count(*) as trades from trades group by politician_id order by 1 desc limit 3",
    )
    assert [each["trades"] for each in data["politicians"]] == [row.trades for row in most]
    assert len(get(api, PAIRWISE)["data"]["politicians"]) == 10
    early = get(api, PAIRWISE, most_active=2, as_of="2018-02-20")
    assert early["sample"]["trades"] == sum(each["trades"] for each in early["data"]["politicians"])
    assert early["data"]["pairs"][0]["correlation"]["status"] == "insufficient_data"


def test_members_without_trades_are_not_tested(api):
    found = get(api, PAIRWISE, politicians=f"{ONE},{SILENT}")["data"]
    only = found["pairs"][0]
    assert only["weeks"] == 0
    assert only["correlation"]["coefficient"]["value"] is None
    assert only["correlation"]["status"] == only["lead_lag"]["status"] == "insufficient_data"
    assert only["lead_lag"]["lag_weeks"] is None
    assert only["lead_lag"]["evidence"] == []
    assert found["summary"] == "No two of them share enough weeks to be compared."


def test_before_any_disclosure_there_is_no_network(api):
    answer = get(api, NETWORK, as_of="2000-01-01")
    data = answer["data"]
    assert data["nodes"] == data["links"] == data["other_pairs"] == []
    assert data["pairs"]["tested"] == data["conflicts"]["tested"] == 0
    assert data["communities"]["status"] == "insufficient_data"
    assert data["summary"].startswith("No two members can have traded together")
    assert answer["sample"]["trades"] == 0
    nobody = get(api, PAIRWISE, as_of="2000-01-01")
    assert nobody["data"]["politicians"] == nobody["data"]["pairs"] == []


@pytest.mark.parametrize(
    ("path", "query"),
    [
        (NETWORK, {"window": "3"}),
        (NETWORK, {"window": "week"}),
        (NETWORK, {"as_of": "yesterday"}),
        (NETWORK, {"politicians": ONE}),
        (PAIRWISE, {"politicians": ONE}),
        (PAIRWISE, {"politicians": f"{ONE},{ONE.lower()}"}),
        (PAIRWISE, {"politicians": ",".join(f"A{number:06}" for number in range(21))}),
        (PAIRWISE, {"politicians": f"{ONE};{SAME}"}),
        (PAIRWISE, {"politicians": f"{ONE},{SAME}", "most_active": "2"}),
        (PAIRWISE, {"most_active": "1"}),
        (PAIRWISE, {"most_active": "21"}),
        (PAIRWISE, {"measure": "volume"}),
        (PAIRWISE, {"coefficient": "kendall"}),
        (PAIRWISE, {"asof": "2020-01-01"}),
    ],
    ids=str,
)
def test_bad_parameters_are_refused(api, path, query):
    answer = api.get(path, query)
    assert answer.status == 422, answer.body
    assert answer.headers["content-type"] == "application/problem+json"


def test_unknown_politicians_are_not_found(api):
    for unknown in ("Z999999", str(uuid.uuid4())):
        assert api.get(PAIRWISE, {"politicians": f"{ONE},{unknown}"}).status == 404


def refuse(_):
    msg = "the answer is not in the cache"
    raise AssertionError(msg)


@pytest.mark.parametrize("path", [NETWORK, PAIRWISE])
def test_answers_are_cached_with_a_tag(api, path, monkeypatch):
    query = {"as_of": "2020-06-30"}
    first = api.get(path, query)
    monkeypatch.setattr("quant.db.session.read", refuse)
    again = api.get(path, query)
    assert (again.status, again.body) == (200, first.body)
    assert api.get(path, {"as_of": "2020-06-29"}).status == 500
    unchanged = api.get(path, query, {"If-None-Match": first.headers["etag"]})
    assert (unchanged.status, unchanged.body) == (304, b"")


def test_nothing_disclosed_later_changes_an_answer_as_of_a_day(api, members):
    """Last of all: it rewrites what was disclosed later."""
    asked = [
        *((NETWORK, {"window": str(window.value)}) for window in Window),
        (PAIRWISE, {}),
        (PAIRWISE, {"politicians": f"{LEADER},{FOLLOWER},{BUSY},{AS_BUSY}"}),
        (PAIRWISE, {"measure": "net_purchases", "coefficient": "spearman"}),
    ]

    def answers(**extra):
        return [get(api, path, **query, **extra) for path, query in asked]

    before, current = answers(as_of=str(CUT)), answers()
    changed = members.execute(
        text(
            "update trades set ticker = 'T' || lpad(mod(place * 7, 40)::text, 2, '0'),"
            " transaction_date = date '2018-03-01' + mod(place * 11, 700),"
            " operation = case mod(place, 2) when 0 then 'purchase' else 'sale_full' end,"
            " disclosure_date = case when mod(place, 5) = 0 then null"
            " else date '2020-04-01' + mod(place, 200) end"
            " from (select id as trade, row_number() over (order by id)::int as place"
            " from trades where disclosure_date > :cut) as later where trades.id = later.trade"
        ),
        {"cut": CUT},
    )
    assert changed.rowcount > 200
    members.execute(
        text(
            "delete from trades where (disclosure_date is null or disclosure_date > :cut)"
            " and mod(hashtext(id::text), 4) = 0"
        ),
        {"cut": CUT},
    )
    publish(members)
    assert precompute.run(PRECOMPUTATIONS) == {"relations.network": "computed"}
    for was, now in zip(before, answers(as_of=str(CUT)), strict=True):
        assert now["data_version"] > was["data_version"]
        assert now["data"] == was["data"]
        assert now["sample"] == was["sample"]
    for was, now in zip(current, answers(), strict=True):
        assert now["data"] != was["data"]

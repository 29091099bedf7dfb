"""Abnormal returns from the database to the answer, beside a loop over rows and statsmodels."""

from datetime import date, timedelta
from functools import cache
from itertools import pairwise

import numpy as np
import performance_disclosures as made_up
import pytest
import statsmodels.api as sm
from scipy import stats
from sqlalchemy import select, text
from statsmodels.stats.multitest import multipletests

from quant.analytics.performance.trade_days import FEW_CLUSTERS
from quant.cache import AnswerCache
from quant.db.models import Politician, Price, Trade
from quant.identity import politician_id
from quant.reports import precompute
from quant.reports.performance import PRECOMPUTATIONS
from quant.reports.performance_politicians import NOT_AS_OF, NOT_COMPUTED

PATH = "/api/v1/analytics/performance"
MEMBER = made_up.MEMBERS[0]
HORIZONS = (1, 5, 21, 63, 126, 252)


@pytest.fixture(scope="module")
def rows(api, disclosures):
    """Every trade with its politician, and closes by ticker and day."""
    rng = np.random.default_rng(71)
    disclosures.execute(text("delete from trades"))
    made_up.add_members(disclosures)
    made_up.add_prices(disclosures, rng)
    made_up.add_trades(disclosures, rng)
    disclosures.commit()
    trades = disclosures.execute(
        select(Trade, Politician).join(Politician, Politician.id == Trade.politician_id)
    ).all()
    closes = {}
    for price in disclosures.scalars(select(Price)):
        closes.setdefault(price.ticker, {})[price.day] = price.adjusted_close
    return trades, closes


def get(api, member=None, **query):
    answer = api.get(PATH if member is None else f"{PATH}/{member}", query)
    assert answer.status == 200, answer.body
    return answer.json


@pytest.fixture(scope="module")
def measured(rows):
    """Returns each trade's abnormal returns at a horizon, market-adjusted, by a plain loop."""
    trades, closes = rows
    days = sorted(closes["SP500"])

    @cache
    def measure(event, horizon):
        found = []
        for trade, politician in trades:
            if trade.asset_type != "stock" or trade.operation == "exchange":
                continue
            if trade.ticker not in closes:
                continue
            if event == "disclosure":
                later = [day for day in days if day > trade.disclosure_date]
            else:
                later = [day for day in days if day >= trade.transaction_date]
            window = later[: horizon + 1]
            own = [closes[trade.ticker].get(day) for day in window]
            if len(window) <= horizon or None in own:
                continue
            own, index = np.array(own), np.array([closes["SP500"][day] for day in window])
            daily = own[1:] / own[:-1] - index[1:] / index[:-1]
            gains = np.diff(own) / own[0] - np.diff(index) / index[0]
            found.append(
                {
                    "trade": trade,
                    "politician": politician,
                    "side": 1 if trade.operation == "purchase" else -1,
                    "entry": window[0],
                    "days": [day.toordinal() for day in window[1:]],
                    "daily": {"car": daily, "bhar": gains},
                    "car": sum(own[1:] / own[:-1] - 1) - sum(index[1:] / index[:-1] - 1),
                    "bhar": own[-1] / own[0] - index[-1] / index[0],
                }
            )
        return found

    return measure


def weight(trade, weighting):
    low = float(trade.amount_min)
    high = low if trade.amount_max is None else float(trade.amount_max)
    if weighting == "equal" or high == low:
        return 1.0 if weighting == "equal" else low
    return (low + high) / 2 if weighting == "midpoint" else (high - low) / np.log(high / low)


def fitted(found, measure, groups, weights, label, signs=None):
    """A mean, or the difference of two, from one row for each day of each trade, by statsmodels.

    Args:
        found: Measured trades.
        measure: ``car`` or ``bhar``.
        groups: Which mean each trade is of: the first less the second.
        weights: Of each trade.
        label: Name of a trade's cluster; the other clusters are the days.
        signs: What each trade's return counts with.
    """
    horizon, kinds = len(found[0]["days"]), sorted(set(groups))
    signs = np.ones(len(found)) if signs is None else np.array(signs)
    response = np.concatenate([one["daily"][measure] for one in found]) * signs.repeat(horizon)
    regressors = np.column_stack([np.array(groups) == kind for kind in kinds]).repeat(horizon, 0)
    model = sm.WLS(response, regressors * 1.0, weights=np.repeat(weights, horizon))
    contrast = np.array([1.0, -1.0])[: len(kinds)] * horizon
    names = sorted({label(one) for one in found})
    first = np.repeat([names.index(label(one)) for one in found], horizon)
    second = np.unique(np.concatenate([one["days"] for one in found]), return_inverse=True)[1]
    clusters = [first.max() + 1, second.max() + 1]
    value = contrast @ model.fit().params
    if min(clusters) < 5:
        return {"value": value, "n": len(found), "clusters": clusters}

    def variance(cluster):
        fit = model.fit(cov_type="cluster", cov_kwds={"groups": cluster})
        return contrast @ fit.cov_params() @ contrast

    both = np.unique(first * clusters[1] + second, return_inverse=True)[1]
    one_way = [variance(first), variance(second)]
    two_way = sum(one_way) - variance(both)
    # Weights of each mean add up to one; a cluster counts by its share of them.
    share = model.weights / (regressors.T @ model.weights)[np.argmax(regressors, axis=1)]
    effective = [
        share.sum() ** 2 / np.square(np.bincount(cluster, share)).sum()
        for cluster in (first, second)
    ]
    few = min(effective) < FEW_CLUSTERS
    error = np.sqrt(max(two_way, *one_way) if few or two_way <= 0 else two_way)
    t = stats.t(max(round(min(effective)) - 1, 1))
    return {
        "value": value,
        "standard_error": error,
        "low": value - t.ppf(0.975) * error,
        "high": value + t.ppf(0.975) * error,
        "p_value": 2 * t.sf(abs(value) / error),
        "n": len(found),
        "clusters": clusters,
    }


def expected(found, leg, measure, weighting, label):
    """What a leg's estimate should be, of measured trades."""
    if leg in {"purchases", "sales"}:
        found = [one for one in found if one["side"] == (1 if leg == "purchases" else -1)]
    groups = [-one["side"] if leg == "purchases_minus_sales" else 0 for one in found]
    if not found or (leg == "purchases_minus_sales" and len(set(groups)) < 2):
        return None
    return fitted(
        found,
        measure,
        groups,
        [weight(one["trade"], weighting) for one in found],
        label,
        [one["side"] if leg == "signed" else 1 for one in found],
    )


def assert_estimate(found, wanted):
    assert found["n"] == wanted["n"]
    assert found["value"] == pytest.approx(wanted["value"], abs=1e-8)
    if min(wanted["clusters"]) < 5:
        assert found["standard_error"] is found["low"] is found["p_value"] is None
        return
    for name in ("standard_error", "low", "high", "p_value"):
        assert found[name] == pytest.approx(wanted[name], abs=1e-8), name


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"event": "transaction", "weighting": "midpoint"},
        {"weighting": "log_uniform"},
    ],
    ids=str,
)
def test_a_politicians_means_are_those_of_a_loop(api, measured, query):
    document = get(api, MEMBER, **query)
    data = document["data"]
    event, weighting = query.get("event", "disclosure"), query.get("weighting", "equal")
    assert (data["event"], data["weighting"], data["benchmark"]) == (event, weighting, "SP500")
    assert data["reason"] is None
    checked = 0
    for leg in data["legs"]:
        assert [row["horizon"] for row in leg["horizons"]] == list(HORIZONS)
        for row in leg["horizons"]:
            own = [
                one
                for one in measured(event, row["horizon"])
                if one["politician"].bioguide_id == MEMBER
            ]
            for measure in ("car", "bhar"):
                wanted = expected(
                    own, leg["name"], measure, weighting, lambda one: one["trade"].ticker
                )
                if wanted is None:
                    assert row[measure]["value"] is None
                    continue
                assert_estimate(row[measure], wanted)
                assert list(row["clusters"].values()) == wanted["clusters"]
                bounds = row["amount_bounds"][measure]
                if weighting != "equal":
                    assert bounds["low"] - 1e-12 <= row[measure]["value"] <= bounds["high"] + 1e-12
                checked += row[measure]["p_value"] is not None
    assert checked > 25
    shortest = data["windows"][0]
    assert document["sample"]["used"] == shortest["used"] == len(own_at(measured, event, 1))
    assert document["sample"]["excluded"] == shortest["excluded"]
    assert sum(shortest["excluded"].values()) + shortest["used"] == document["sample"]["trades"]
    assert {"not_stock", "exchange"} <= set(shortest["excluded"])
    assert document["sample"]["trades"] == 30


def own_at(measured, event, horizon):
    return [one for one in measured(event, horizon) if one["politician"].bioguide_id == MEMBER]


def test_bounds_are_those_of_a_search(api, measured):
    """The greatest mean is the root of what it exceeds the best weighted sum by (Dinkelbach)."""
    row = next(leg for leg in get(api, MEMBER)["data"]["legs"] if leg["name"] == "sales")
    at = next(one for one in row["horizons"] if one["horizon"] == 21)
    sold = [one for one in own_at(measured, "disclosure", 21) if one["side"] < 0]
    values = np.array([one["car"] for one in sold])
    low = np.array([float(one["trade"].amount_min) for one in sold])
    high = np.array([float(one["trade"].amount_max or one["trade"].amount_min) for one in sold])
    for sign, end in ((1, "high"), (-1, "low")):
        mean = 0.0
        for _ in range(100):
            amount = np.where(sign * values > sign * mean, high, low)
            mean = amount @ values / amount.sum()
        assert at["amount_bounds"]["car"][end] == pytest.approx(mean, abs=1e-12)


def test_bootstrap_intervals_repeat_and_hold_the_mean(api, rows):
    first, again = (
        get(api, MEMBER, weighting=weighting)["data"]["legs"] for weighting in ("equal", "equal")
    )
    assert first == again
    for leg in first:
        for row in leg["horizons"]:
            if leg["name"] == "purchases_minus_sales" or row["car"]["p_value"] is None:
                assert row["bootstrap"] is None
            else:
                assert row["bootstrap"]["draws"] == 999
                assert row["bootstrap"]["low"] < row["car"]["value"] < row["bootstrap"]["high"]


@pytest.mark.parametrize("model", ["market_model", "fama_french"])
def test_models_are_estimated_on_the_year_before(api, rows, model):
    """Least squares of one trade's returns by NumPy alone."""
    _, closes = rows
    document = get(api, MEMBER, model=model, event="transaction", horizon=5)
    assert {"performance.car", f"performance.{model}"} <= {
        method["id"] for method in document["methods"]
    }
    [excluded] = [one["excluded"] for one in document["data"]["windows"] if one["horizon"] == 5]
    assert excluded.get("factors_missing") is None
    shown = document["data"]["evidence"][0]
    days = sorted(closes["SP500"])
    row = days.index(date.fromisoformat(shown["entry_day"]))
    own = closes[shown["trade"]["ticker"]]
    returns = np.array(
        [np.nan]
        + [
            own[day] / own[before] - 1 if day in own and before in own else np.nan
            for before, day in pairwise(days)
        ]
    )
    index = np.array([closes["SP500"][day] for day in days])
    index_returns = np.append(np.nan, index[1:] / index[:-1] - 1)
    if model == "market_model":
        x, risk_free = index_returns[:, None], 0.0
    else:
        x, risk_free = np.array(factor_rows(api)), 2e-5
    past = slice(max(row - 22 - 251, 0), row - 22 + 1)
    design = np.column_stack([np.ones(len(days)), x])
    known = np.isfinite(returns[past]) & np.isfinite(x[past]).all(axis=1)
    beta = np.linalg.lstsq(design[past][known], returns[past][known] - risk_free, rcond=None)[0]
    window = slice(row + 1, row + 6)
    expectation = design[window] @ beta + risk_free
    assert shown["car"] == pytest.approx(returns[window].sum() - expectation.sum(), abs=1e-10)
    assert shown["bhar"] == pytest.approx(
        np.prod(1 + returns[window]) - np.prod(1 + expectation), abs=1e-10
    )
    assert shown["exit_day"] == days[row + 5].isoformat()


def factor_rows(_api):
    from quant.db.session import read

    statement = text("select market, smb, hml from factor_returns order by day")
    return [tuple(row) for row in read(lambda connection: connection.execute(statement).all())]


def test_evidence_makes_up_the_mean(api, measured):
    data = get(api, MEMBER, horizon=252)["data"]
    own = own_at(measured, "disclosure", 252)
    assert 2 < len(own) <= 10
    contributions = [row["contribution"] for row in data["evidence"]]
    signed = data["legs"][-1]["horizons"][-1]["car"]["value"]
    assert sum(contributions) == pytest.approx(signed, abs=1e-12)
    assert [abs(one) for one in contributions] == sorted(map(abs, contributions), reverse=True)
    by_id = {str(one["trade"].id): one for one in own}
    for row in data["evidence"]:
        one = by_id[row["trade"]["id"]]
        assert row["car"] == pytest.approx(one["car"])
        assert row["bhar"] == pytest.approx(one["bhar"])
        assert row["trade"]["filing"]["url"] == f"https://example.org/{MEMBER}"
        assert row["contribution"] == pytest.approx(one["side"] * one["car"] / len(own))


def test_calendar_time_portfolios_are_those_of_a_loop(api, rows, measured):
    _, closes = rows
    days = sorted(closes["SP500"])
    holding = 21
    portfolio = {}
    for side in (1, -1):
        for row in range(1, len(days)):
            earned = []
            for one in own_at(measured, "disclosure", 1):
                entered = days.index(one["entry"])
                own = closes[one["trade"].ticker]
                if (
                    one["side"] == side
                    and entered < row <= entered + holding
                    and {days[row], days[row - 1]} <= own.keys()
                ):
                    earned.append(own[days[row]] / own[days[row - 1]] - 1)
            if earned:
                market = closes["SP500"][days[row]] / closes["SP500"][days[row - 1]] - 1
                portfolio[side, row] = np.mean(earned), market
    legs = {leg["name"]: leg for leg in get(api, MEMBER)["data"]["calendar_time"]}
    for name, side in (("purchases", 1), ("sales", -1)):
        [found] = [one for one in legs[name]["holdings"] if one["horizon"] == holding]
        active = [np.subtract(*portfolio[key]) for key in sorted(portfolio) if key[0] == side]
        wanted = sm.OLS(active, np.ones(len(active))).fit(
            cov_type="HAC",
            cov_kwds={"maxlags": found["daily"]["lags"], "use_correction": True},
        )
        alpha = found["daily"]["alpha_per_period"]
        assert alpha["n"] == len(active)
        assert alpha["value"] == pytest.approx(wanted.params[0], abs=1e-10)
        assert alpha["standard_error"] == pytest.approx(wanted.bse[0], abs=1e-10)
        assert found["daily"]["alpha"]["value"] == pytest.approx(252 * wanted.params[0], abs=1e-8)
        # Fewer than 36 months are too few.
        assert found["monthly"]["alpha"]["value"] is None
    alphas = [row["daily"]["alpha"] for leg in legs.values() for row in leg["holdings"]]
    tested = [one for one in alphas if one["p_value"] is not None]
    q_values = multipletests([one["p_value"] for one in tested], method="fdr_bh")[1]
    assert [one["q_value"] for one in tested] == pytest.approx(list(q_values), abs=1e-12)


@pytest.mark.parametrize(
    ("by", "groups"),
    [
        ("all", {"all": made_up.MEMBERS}),
        ("party", {"democrat": made_up.MEMBERS[:6], "republican": made_up.MEMBERS[6:]}),
        ("committee", {"HSBA": made_up.MEMBERS[:4]}),
    ],
)
def test_groups_are_those_of_a_loop(api, measured, by, groups):
    data = get(api, by=by, weighting="midpoint")["data"]
    assert [group["id"] for group in data["groups"]] == list(groups)
    estimates = {"car": [], "bhar": []}
    for group in data["groups"]:
        members = groups[group["id"]]
        for leg in group["legs"]:
            for row in leg["horizons"]:
                own = [
                    one
                    for one in measured("disclosure", row["horizon"])
                    if one["politician"].bioguide_id in members
                ]
                for measure in ("car", "bhar"):
                    estimates[measure].append(row[measure])
                    wanted = expected(
                        own,
                        leg["name"],
                        measure,
                        "midpoint",
                        lambda one: one["politician"].bioguide_id,
                    )
                    if wanted is None:
                        assert row[measure]["value"] is None
                    else:
                        assert_estimate(row[measure], wanted)
                drawn = by != "committee" and leg["name"] != "purchases_minus_sales"
                assert (row["bootstrap"] is not None) == (
                    drawn and row["car"]["p_value"] is not None
                )
    for measure, found in estimates.items():
        tested = [one for one in found if one["p_value"] is not None]
        assert data["tests"][f"groups_{measure}"] == len(tested)
        if by != "committee":
            assert len(tested) > 15
            wanted = multipletests([one["p_value"] for one in tested], method="fdr_bh")[1]
            assert [one["q_value"] for one in tested] == pytest.approx(list(wanted), abs=1e-12)


def test_differences_of_parties_are_those_of_one_regression(api, measured):
    data = get(api, by="party")["data"]
    [compared] = data["differences"]
    assert (compared["group"], compared["other"]) == ("democrat", "republican")
    sides = {"purchases": (1,), "sales": (-1,), "signed": (1, -1)}
    assert [leg["name"] for leg in compared["legs"]] == list(sides)
    for leg in compared["legs"]:
        for row in leg["horizons"]:
            own = [
                one
                for one in measured("disclosure", row["horizon"])
                if one["side"] in sides[leg["name"]]
            ]
            parties = [one["politician"].party for one in own]
            if len(set(parties)) < 2:
                assert row["car"]["value"] is None
                continue
            wanted = fitted(
                own,
                "car",
                parties,
                np.ones(len(own)),
                lambda one: one["politician"].bioguide_id,
                [one["side"] if leg["name"] == "signed" else 1 for one in own],
            )
            assert_estimate(row["car"], wanted)


def test_a_committee_is_compared_with_everybody_else(api, measured):
    [compared] = get(api, by="committee")["data"]["differences"]
    assert (compared["group"], compared["other"]) == ("HSBA", None)
    [leg] = compared["legs"]
    row = leg["horizons"][0]
    own = measured("disclosure", 1)
    inside = np.array([one["politician"].bioguide_id in made_up.MEMBERS[:4] for one in own])
    signed = np.array([one["side"] * one["car"] for one in own])
    assert row["car"]["value"] == pytest.approx(
        signed[inside].mean() - signed[~inside].mean(), abs=1e-10
    )


def test_politicians_rank_with_q_values_over_all(api, measured):
    ranking = get(api, horizon=21)["data"]["ranking"]
    found = measured("disclosure", 21)
    wanted = {}
    for name in made_up.MEMBERS:
        own = [one for one in found if one["politician"].bioguide_id == name]
        wanted[name] = expected(own, "signed", "car", "equal", lambda one: one["trade"].ticker)
    tested = {
        name: one for name, one in wanted.items() if one is not None and min(one["clusters"]) >= 5
    }
    assert (ranking["tested"], ranking["horizon"]) == (len(tested), 21)
    assert len(tested) + ranking["not_tested"] == len(made_up.MEMBERS)
    q_values = dict(
        zip(
            tested,
            multipletests([one["p_value"] for one in tested.values()], method="fdr_bh")[1],
            strict=True,
        )
    )
    order = sorted(tested, key=lambda name: -tested[name]["low"])
    assert [row["politician"]["bioguide_id"] for row in ranking["rows"]] == order
    for place, row in enumerate(ranking["rows"], start=1):
        name = row["politician"]["bioguide_id"]
        assert row["rank"] == place
        assert_estimate(row["car"], tested[name])
        assert row["car"]["q_value"] == pytest.approx(q_values[name], abs=1e-8)
    assert ranking["p_value_at_most_0_05"] == sum(one["p_value"] <= 0.05 for one in tested.values())
    assert ranking["q_value_at_most_0_05"] == sum(one <= 0.05 for one in q_values.values())
    assert len(get(api, horizon=21, limit=2)["data"]["ranking"]["rows"]) == 2


def test_q_values_come_with_the_batch(api, rows, disclosures):
    before = get(api, MEMBER)
    assert before["data"]["corrected_over"] == {
        "politicians": None,
        "data_version": None,
        "reason": NOT_COMPUTED,
    }
    assert before["is_current"] is False
    computed = {by: get(api, by=by) for by in ("all", "party", "chamber", "committee")}
    precompute.run(PRECOMPUTATIONS)
    # The answer before was not kept, although the batch changes no data version.
    document = get(api, MEMBER)
    assert document["is_current"] is True
    assert document["data"]["corrected_over"]["reason"] is None
    ranked = get(api, limit=500)["data"]["ranking"]["rows"]
    [own] = [row for row in ranked if row["politician"]["bioguide_id"] == MEMBER]
    [signed] = [leg for leg in document["data"]["legs"] if leg["name"] == "signed"]
    [at] = [row for row in signed["horizons"] if row["horizon"] == 63]
    assert at["car"] == own["car"]
    assert at["car"]["q_value"] is not None
    assert (
        f"q over {document['data']['corrected_over']['politicians']} politicians"
        in (document["data"]["statement"])
    )
    # What the batch stored is what a request computes.
    AnswerCache().announce(bump(disclosures))
    for by, wanted in computed.items():
        stored = get(api, by=by)
        assert stored["data"] == wanted["data"]
        assert stored["data_version"] == wanted["data_version"]
        assert stored["is_current"] is False
    later = get(api, MEMBER)
    assert later["is_current"] is False
    assert later["data"]["corrected_over"]["data_version"] == later["data_version"] - 1
    disclosures.execute(text("delete from analyses"))
    disclosures.commit()
    AnswerCache().announce(bump(disclosures))


def bump(disclosures):
    version = disclosures.scalar(
        text("update data_version set version = version + 1 returning version")
    )
    disclosures.commit()
    return version


def test_what_cannot_be_measured_says_why(api, rows):
    unpriced = get(api, made_up.WITHOUT_PRICES)
    assert unpriced["data"]["reason"] == "None of the tickers traded has prices."
    assert unpriced["sample"]["excluded"] == {"no_prices": 3}
    silent = get(api, made_up.WITHOUT_TRADES)
    assert (silent["data"]["reason"], silent["sample"]["trades"]) == ("There are no trades.", 0)
    early = get(api, MEMBER, model="fama_french", as_of="2020-01-01")
    assert early["data"]["reason"] == "There are no trades."
    for document in (unpriced, silent, early):
        for leg in document["data"]["legs"]:
            for row in leg["horizons"]:
                assert row["car"] == dict.fromkeys(row["car"]) | {"n": 0}
        assert document["data"]["evidence"] == []
        assert document["data"]["statement"] == "No trade has a closed window of 63 trading days."
    nobody = get(api, as_of="2019-01-01", by="party")["data"]
    assert nobody["groups"] == nobody["differences"] == nobody["ranking"]["rows"] == []


@pytest.mark.parametrize(
    "query",
    [
        {"event": "filing"},
        {"model": "capm"},
        {"weighting": "value"},
        {"horizon": 60},
        {"as_of": "20200101"},
        {"by": "state"},
        {"limit": 0},
        {"limit": 501},
        {"lag": 1},
    ],
    ids=str,
)
def test_bad_parameters_are_refused(api, rows, query):
    answer = api.get(PATH, query)
    assert answer.status == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert next(iter(query)) in answer.json["errors"][0]["location"]
    assert api.get(f"{PATH}/{MEMBER}", query).status == 422


def test_an_unknown_politician_is_not_found(api, rows):
    assert api.get(f"{PATH}/Z000000").status == 404
    assert api.get(f"{PATH}/nobody").status == 422


def test_nothing_as_of_a_day_changes_with_what_comes_after_it(api, rows, disclosures):
    day = date(2021, 3, 31)
    asked = [
        (member, {"as_of": day.isoformat(), "model": model, "event": event})
        for member, event in ((MEMBER, "disclosure"), (MEMBER, "transaction"), (None, "disclosure"))
        for model in ("market_adjusted", "fama_french")
    ]
    before = [get(api, member, **query) for member, query in asked]
    assert all(document["sample"]["used"] > 5 for document in before)
    assert before[0]["data"]["corrected_over"]["reason"] == NOT_AS_OF
    assert before[0]["is_current"] is True
    disclosures.execute(
        text("update prices set adjusted_close = adjusted_close * 2 where day > :day"),
        {"day": day},
    )
    disclosures.execute(
        text("update factor_returns set market = market + 0.01 where day > :day"), {"day": day}
    )
    disclosures.execute(
        text("update trades set amount_min = 9 where disclosure_date > :day"), {"day": day}
    )
    made_up.add_trade(
        disclosures,
        90_000,
        MEMBER,
        ticker="T1",
        transaction_date=day - timedelta(days=30),
        disclosure_date=day + timedelta(days=1),
    )
    disclosures.commit()
    AnswerCache().announce(bump(disclosures))
    for (member, query), earlier in zip(asked, before, strict=True):
        later = get(api, member, **query)
        assert later["data_version"] > earlier["data_version"]
        assert without_versions(later) == without_versions(earlier)
    assert get(api, MEMBER)["sample"]["trades"] == 31


def without_versions(document):
    """The document without the versions of the data, which do change."""
    data = {**document["data"]}
    if "ranking" in data:
        data["ranking"] = {k: v for k, v in data["ranking"].items() if k != "data_version"}
    return data, document["sample"]


def test_answers_repeat_and_are_kept(api, rows):
    for path, query in ((f"{PATH}/{MEMBER}", {"as_of": "2021-06-30"}), (PATH, {"by": "chamber"})):
        first = api.get(path, query)
        assert api.get(path, query).body == first.body
        unchanged = api.get(path, query, {"If-None-Match": first.headers["etag"]})
        assert (unchanged.status, unchanged.body) == (304, b"")
    by_uuid = get(api, politician_id(MEMBER), as_of="2021-06-30")
    assert by_uuid == get(api, MEMBER, as_of="2021-06-30")

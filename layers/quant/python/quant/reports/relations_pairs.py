"""The report on pairs of members: correlation of their weeks, and leads and lags."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
from sqlalchemy import Connection

from quant.analytics.relations.activity import WEEK, incidence
from quant.analytics.relations.correlation import Correlations, pairwise_correlations, weekly_series
from quant.analytics.relations.lead_lag import MAX_LAG, LeadLag, lead_lag
from quant.db.keyset import data_version
from quant.methods.relations import CORRELATION, LEAD_LAG
from quant.reports.documents import estimate, null_if_nan, sample
from quant.reports.load import LoadedTrades, Member, find_member, load_trades
from quant.reports.relations_evidence import Events, Evidence
from quant.reports.relations_query import PairsQuery
from quant.reports.relations_verdicts import LEVEL, NOTICE, status

# Trades shown of each pair.
_MOST_COMMON_TRADES: Final = 5


def pairs_report(connection: Connection, query: PairsQuery) -> dict[str, Any]:
    """Return the correlation, and the lead or lag, of each pair of members.

    Raises:
        NotFoundError: There is no such politician.
    """
    version = data_version(connection)
    asked, trades = _load(connection, query)
    # Whoever is asked for first, the numbers are the same: pairs are computed in one order.
    members = sorted(asked, key=lambda member: member.id)
    trades = _coded(trades, members)
    names = [str(member.id) for member in members]
    days = trades.arrays.transaction_day
    cells = incidence(trades.arrays, days)
    correlations = pairwise_correlations(
        weekly_series(trades.arrays, days, len(members), query.measure), names, query.coefficient
    )
    leads = lead_lag(cells, names)
    events = Events(trades, WEEK)
    common = [
        []
        if np.isnan(leads.p_value[pair])
        else events.common(int(first), int(second), int(leads.lag[pair]))[:_MOST_COMMON_TRADES]
        for pair, (first, second) in enumerate(zip(leads.first, leads.second, strict=True))
    ]
    evidence = Evidence(
        connection,
        trades,
        (place for found in common for both in found for place in both),
    )
    place = {member.id: at for at, member in enumerate(asked)}
    pairs = [
        _pair(members, (correlations, leads), pair, place, (common[pair], evidence))
        for pair in range(len(leads.first))
    ]
    pairs.sort(key=lambda pair: (place[pair["first"]["id"]], place[pair["second"]["id"]]))
    count = np.bincount(trades.arrays.politician, minlength=len(members))
    with_stock = np.bincount(cells.politician, minlength=len(members))
    code = {member.id: at for at, member in enumerate(members)}
    return {
        "data": {
            "as_of": query.as_of,
            "measure": query.measure,
            "coefficient": query.coefficient,
            "greatest_lag_weeks": MAX_LAG,
            "summary": _summary(correlations, leads),
            "politicians": [
                {
                    "politician": member.reference(),
                    "trades": int(count[code[member.id]]),
                    "events": int(with_stock[code[member.id]]),
                }
                for member in asked
            ],
            "pairs": pairs,
            "notice": NOTICE,
        },
        "methods": [CORRELATION.reference(), LEAD_LAG.reference()],
        "sample": sample(trades),
        "data_version": version,
    }


def _load(connection: Connection, query: PairsQuery) -> tuple[list[Member], LoadedTrades]:
    """Return the members asked about, and trades of at least these."""
    if query.politicians:
        found = [find_member(connection, identifier) for identifier in query.politicians]
        asked = list({member.id: member for member in found}.values())
        ids = [member.id for member in asked]
        return asked, load_trades(connection, politicians=ids, as_of=query.as_of)
    trades = load_trades(connection, as_of=query.as_of)
    count = np.bincount(trades.arrays.politician, minlength=len(trades.members))
    most = np.argsort(-count, kind="stable")[: query.most_active]
    return [trades.members[code] for code in most], trades


def _coded(trades: LoadedTrades, members: Sequence[Member]) -> LoadedTrades:
    """Return the trades of some members, coded by their places among them."""
    code = {member.id: at for at, member in enumerate(members)}
    new = np.array([*(code.get(member.id, -1) for member in trades.members), -1])
    politician = new[trades.arrays.politician]
    own = politician >= 0
    return replace(
        trades,
        arrays=replace(trades.arrays.take(own), politician=politician[own]),
        ids=trades.ids[own],
        asset_type=trades.asset_type[own],
        members=tuple(members),
    )


def _pair(
    members: Sequence[Member],
    results: tuple[Correlations, LeadLag],
    pair: int,
    place: dict[Any, int],
    shown: tuple[list[tuple[int, int]], Evidence],
) -> dict[str, Any]:
    """Return what an answer says of a pair, in the order in which the members are asked about."""
    correlations, leads = results
    common, evidence = shown
    first, second = members[leads.first[pair]], members[leads.second[pair]]
    lag = int(leads.lag[pair])
    trades = [evidence.common(both) for both in common]
    if place[first.id] > place[second.id]:
        first, second, lag = second, first, -lag
        trades = [{"first": each["second"], "second": each["first"]} for each in trades]
    return {
        "first": first.reference(),
        "second": second.reference(),
        "weeks": int(correlations.weeks[pair]),
        "correlation": _correlation(correlations, pair),
        "lead_lag": _lead_lag(leads, pair, (first, second), lag, trades),
    }


def _correlation(found: Correlations, pair: int) -> dict[str, Any]:
    p_value, q_value = float(found.p_value[pair]), float(found.q_value[pair])
    return {
        "status": status(p_value, q_value),
        "coefficient": estimate(
            float(found.coefficient[pair]),
            n=int(found.weeks[pair]),
            low=float(found.low[pair]),
            high=float(found.high[pair]),
            p_value=p_value,
            q_value=q_value,
        ),
        "effective_weeks": null_if_nan(float(found.effective_weeks[pair])),
        "surrogates": int(found.surrogates[pair]),
    }


def _lead_lag(
    found: LeadLag,
    pair: int,
    members: tuple[Member, Member],
    lag: int,
    evidence: list[dict[str, Any]],
) -> dict[str, Any]:
    p_value, q_value = float(found.p_value[pair]), float(found.q_value[pair])
    tested = not np.isnan(p_value)
    return {
        "status": status(p_value, q_value),
        "lag_weeks": lag if tested else None,
        "matches": int(found.matches[pair]),
        "expected": null_if_nan(float(found.expected[pair])),
        "p_value": null_if_nan(p_value),
        "q_value": null_if_nan(q_value),
        "surrogates": int(found.surrogates[pair]),
        "statement": _statement(members, lag, p_value, q_value),
        "evidence": evidence,
    }


def _statement(members: tuple[Member, Member], lag: int, p_value: float, q_value: float) -> str:
    if np.isnan(p_value):
        return "They share too few weeks or trades of the same stocks to be tested."
    tested = f"(p = {p_value:.2g}, q = {q_value:.2g})"
    if q_value > LEVEL:
        return (
            "Neither's trades come before the other's, or in the same weeks, in the same stocks "
            f"more than chance explains {tested}."
        )
    if lag == 0:
        return f"They trade the same stocks on the same side in the same weeks {tested}."
    before, after = members if lag > 0 else members[::-1]
    weeks = "1 week" if abs(lag) == 1 else f"{abs(lag)} weeks"
    return (
        f"Trades of {before.full_name} come {weeks} before those of {after.full_name} in the same "
        f"stocks on the same side {tested}."
    )


def _summary(correlations: Correlations, leads: LeadLag) -> str:
    tested = [np.count_nonzero(~np.isnan(found.p_value)) for found in (correlations, leads)]
    beats = [np.count_nonzero(found.q_value <= LEVEL) for found in (correlations, leads)]
    if not any(tested):
        return "No two of them share enough weeks to be compared."
    return (
        f"{beats[0]} of {tested[0]} pairs tested are correlated; {beats[1]} of {tested[1]} trade "
        "the same stocks in the same weeks, or one some weeks before the other; each at a false "
        f"discovery rate of {LEVEL:.0%}."
    )

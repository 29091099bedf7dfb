"""The network of members who trade the same stocks in the same windows, as a document."""

import hashlib
from typing import Any, Final

import numpy as np
from numpy.random import PCG64, Generator
from sqlalchemy import Connection

from quant.analytics.arrays import Flags, Floats, Integers
from quant.analytics.multiple_testing import permutation_q_values
from quant.analytics.relations.activity import Incidence, incidence
from quant.analytics.relations.centrality import (
    betweenness,
    closeness,
    components,
    eigenvector,
    shortest_paths,
)
from quant.analytics.relations.communities import Communities, detect_communities
from quant.analytics.relations.cotrading import Projection, project
from quant.analytics.relations.turned import turned_p_values
from quant.methods import Method
from quant.methods.relations import COMMUNITIES, NETWORK
from quant.reports.documents import null_if_nan
from quant.reports.load import LoadedTrades
from quant.reports.relations_conflicts import (
    Conflicts,
    committee_conflicts,
    conflict_document,
)
from quant.reports.relations_evidence import Events, Evidence
from quant.reports.relations_verdicts import LEVEL, status

MOST_TURNED_NETWORKS: Final = 199
# With as few the least q-value is 2.5 %.
_FEWEST_TURNED_NETWORKS: Final = 39
# Triples of member, stock and window in all of them: what a request has time for.
_TURNED_TRIPLES: Final = 4_000_000
# Shown at most, the least likely first.
MOST_LINKS: Final = 250
MOST_OTHER_PAIRS: Final = 20
# Trades shown of each pair, and of each member under the committees.
MOST_COMMON_TRADES: Final = 10
MOST_TRADES: Final = 5


def network_document(connection: Connection, trades: LoadedTrades, length: int) -> dict[str, Any]:
    """Return the network with its communities, and the committees of its members.

    Args:
        connection: Connection to read evidence from.
        trades: Everybody's trades.
        length: Length of a window, days.
    """
    cells = incidence(trades.arrays, trades.arrays.transaction_day, length)
    pairs = project(cells, len(trades.members))
    q_turned, copies = _turned(cells, pairs, len(trades.members), length)
    linked = (pairs.q_value <= LEVEL) & (q_turned <= LEVEL)
    adjacency = _adjacency(pairs, linked, len(trades.members))
    communities = detect_communities(adjacency, _random(COMMUNITIES, length))
    conflicts = committee_conflicts(trades)
    committees = _committees(connection, trades, conflicts)
    documents = _pairs(connection, trades, Events(trades, length), (pairs, q_turned, linked))
    tested = ~np.isnan(conflicts.found.p_value)
    return {
        "summary": _summary(len(pairs), int(linked.sum()), length),
        "pairs": {
            "tested": len(pairs),
            "linked": int(linked.sum()),
            "benjamini_hochberg": int((pairs.q_value <= LEVEL).sum()),
            "bonferroni": int((pairs.p_bonferroni <= LEVEL).sum()),
            "hypergeometric": int((pairs.q_hypergeometric <= LEVEL).sum()),
            "turned_networks": copies,
        },
        "nodes": _nodes(trades, cells, adjacency, communities, committees),
        "links": [each for each in documents if each["status"] == "found"],
        "other_pairs": [each for each in documents if each["status"] != "found"],
        "communities": _communities(communities),
        "conflicts": {
            "tested": int(tested.sum()),
            "found": int((conflicts.found.q_value <= LEVEL).sum()),
            "seats": "Seats are those of today, whenever the trades were made.",
        },
    }


def _random(method: Method, length: int) -> Generator:
    """Return a method's source of randomness: the same data give the same answer."""
    seed = hashlib.sha256(f"{method.id} {length}".encode()).digest()[:8]
    return Generator(PCG64(int.from_bytes(seed)))


def _turned(cells: Incidence, pairs: Projection, members: int, length: int) -> tuple[Floats, int]:
    """Return the q-values by turned networks, and how many these are.

    NaN and none where no pair passes the other correction.
    """
    if not (pairs.q_value <= LEVEL).any():
        return np.full(len(pairs), np.nan), 0
    copies = max(min(_TURNED_TRIPLES // len(cells), MOST_TURNED_NETWORKS), _FEWEST_TURNED_NETWORKS)
    null = turned_p_values(cells, members, copies, _random(NETWORK, length))
    return permutation_q_values(pairs.p_value, null, copies), copies


def _adjacency(pairs: Projection, linked: Flags, members: int) -> Flags:
    adjacency = np.zeros((members, members), np.bool_)
    adjacency[pairs.first[linked], pairs.second[linked]] = True
    return adjacency | adjacency.T


def _committees(
    connection: Connection, trades: LoadedTrades, conflicts: Conflicts
) -> list[dict[str, Any] | None]:
    """Return what an answer says of each member's trades under the committees."""
    places = [
        conflicts.latest(trades, code, MOST_TRADES).tolist() for code in range(len(trades.members))
    ]
    evidence = Evidence(connection, trades, (place for own in places for place in own))
    return [
        conflict_document(
            conflicts, member, code, [evidence.trade(place) for place in places[code]]
        )
        for code, member in enumerate(trades.members)
    ]


def _pairs(
    connection: Connection,
    trades: LoadedTrades,
    events: Events,
    tested: tuple[Projection, Floats, Flags],
) -> list[dict[str, Any]]:
    """Return what an answer says of the pairs it shows, links first."""
    pairs, q_turned, linked = tested
    common = {
        pair: events.common(int(pairs.first[pair]), int(pairs.second[pair]))[:MOST_COMMON_TRADES]
        for pair in _shown(pairs, linked)
    }
    evidence = Evidence(
        connection,
        trades,
        (place for found in common.values() for both in found for place in both),
    )
    return [
        _pair(trades, pairs, pair)
        | {
            "status": "found" if linked[pair] else "not_found",
            "q_turned": null_if_nan(float(q_turned[pair])),
            "evidence": [evidence.common(both) for both in found],
        }
        for pair, found in common.items()
    ]


def _shown(pairs: Projection, linked: Flags) -> list[int]:
    """Return the pairs to show: links, then the least likely others with common trades."""
    order = np.lexsort((-pairs.stocks, pairs.p_value))
    links = order[linked[order]][:MOST_LINKS]
    others = order[~linked[order] & (pairs.stocks[order] > 0)][:MOST_OTHER_PAIRS]
    return [*links.tolist(), *others.tolist()]


def _pair(trades: LoadedTrades, pairs: Projection, pair: int) -> dict[str, Any]:
    return {
        "first": trades.members[pairs.first[pair]].reference(),
        "second": trades.members[pairs.second[pair]].reference(),
        "stocks": int(pairs.stocks[pair]),
        "expected": float(pairs.expected[pair]),
        "standard_deviation": float(pairs.deviation[pair]),
        "common_stocks": int(pairs.common[pair]),
        "p_value": float(pairs.p_value[pair]),
        "q_value": float(pairs.q_value[pair]),
        "p_bonferroni": float(pairs.p_bonferroni[pair]),
        "hypergeometric": {
            "events": int(pairs.events[pair]),
            "p_value": float(pairs.p_hypergeometric[pair]),
            "q_value": float(pairs.q_hypergeometric[pair]),
        },
    }


def _nodes(
    trades: LoadedTrades,
    cells: Incidence,
    adjacency: Flags,
    communities: Communities,
    committees: list[dict[str, Any] | None],
) -> list[dict[str, Any]]:
    """Return every member with trades, those with most links first."""
    members = len(trades.members)
    paths = shortest_paths(adjacency)
    links: Integers = adjacency.sum(axis=1)
    between, close = betweenness(adjacency, paths), closeness(paths)
    principal = eigenvector(adjacency, components(paths))
    count = np.bincount(trades.arrays.politician, minlength=members)
    combinations = np.bincount(cells.politician, minlength=members)
    return [
        {
            "politician": trades.members[code].reference(),
            "trades": int(count[code]),
            "events": int(combinations[code]),
            "links": int(links[code]),
            "centrality": {
                "degree": int(links[code]) / max(members - 1, 1),
                "betweenness": float(between[code]),
                "closeness": float(close[code]),
                "eigenvector": float(principal[code]),
            },
            "community": None
            if communities.community[code] < 0
            else int(communities.community[code]),
            "conflict": committees[code],
        }
        for code in np.lexsort((-count, -links)).tolist()
    ]


def _communities(found: Communities) -> dict[str, Any]:
    sizes = np.bincount(found.community[found.community >= 0])
    if not len(sizes):
        statement = "There are no links, and so no communities."
    elif found.p_value <= LEVEL:
        statement = (
            f"The links fall into {len(sizes)} groups more than links at random do "
            f"(p = {found.p_value:.2g})."
        )
    else:
        statement = (
            "The links do not fall into groups more than links at random do "
            f"(p = {found.p_value:.2g}): the groups mean nothing."
        )
    return {
        "status": status(found.p_value, found.p_value),
        "sizes": sizes.tolist(),
        "modularity": null_if_nan(found.modularity),
        "expected": null_if_nan(found.null_mean),
        "standard_deviation": null_if_nan(found.null_deviation),
        "p_value": null_if_nan(found.p_value),
        "rewirings": found.rewirings,
        "statement": statement,
    }


def _summary(tested: int, linked: int, length: int) -> str:
    window = "day" if length == 1 else f"window of {length} days"
    if not tested:
        return (
            "No two members can have traded together: none share both a stock and side, and a "
            f"{window}."
        )
    corrected = f"of {tested} tested at a false discovery rate of {LEVEL:.0%}"
    if not linked:
        return (
            f"No pair of members traded the same stocks on the same side in the same {window} more "
            f"often than chance explains, {corrected}."
        )
    pairs = "1 pair" if linked == 1 else f"{linked} pairs"
    return (
        f"{pairs} of members traded the same stocks on the same side in the same {window} more "
        f"often than chance explains, {corrected}."
    )

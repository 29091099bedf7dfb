"""Communities of an undirected graph by modularity, and whether they are more than chance.

Sources: Newman and Girvan (2004), Physical Review E 69 026113; Clauset, Newman and Moore (2004),
Physical Review E 70 066111; Maslov and Sneppen (2002), Science 296, for the rewired graphs.

Any graph can be cut into communities, and the best cut of a random one has a high modularity, too
(Guimera, Sales-Pardo and Amaral 2004, Physical Review E 70 025101): hence the comparison with
graphs of the same degrees.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.random import Generator

from quant.analytics.arrays import Flags, Floats, Integers

REWIRINGS: Final = 199
# Swaps tried for each link; by then nothing of the links' places is left (Milo et al. 2003).
_SWAPS_PER_LINK: Final = 10


@dataclass(frozen=True, slots=True)
class Communities:
    """A partition of the nodes that have links, and its test.

    Attributes:
        community: Of each node, shape (n,), the largest first; -1 for a node without links.
        modularity: Of the partition; NaN without links.
        null_mean: Mean modularity of the best partitions found in rewired graphs.
        null_deviation: Its standard deviation among them.
        p_value: Share of the rewired graphs with at least that modularity, this one counted in.
        rewirings: Number of rewired graphs.
    """

    community: Integers
    modularity: float
    null_mean: float
    null_deviation: float
    p_value: float
    rewirings: int


def modularity(adjacency: Flags, community: Integers) -> float:
    """Return the modularity of a partition; NaN for a graph without links.

    Args:
        adjacency: Symmetric, without loops, shape (n, n).
        community: Community of each node, from 0, shape (n,).
    """
    links = adjacency.astype(np.float64)
    total = links.sum()
    if total == 0:
        return float("nan")
    member = community[:, None] == np.arange(int(community.max()) + 1)
    within = np.einsum("ic,ij,jc->c", member, links, member, optimize=True)
    ends = member.T @ links.sum(axis=1)
    return float((within / total - (ends / total) ** 2).sum())


def greedy_modularity(adjacency: Flags) -> Integers:
    """Return the communities of the greedy agglomeration of Clauset, Newman and Moore.

    Of several merges of equal gain the one of the first nodes is made, so that the result depends
    on nothing but the graph.

    Args:
        adjacency: Symmetric, without loops, shape (n, n), at least one link.

    Returns:
        Community of each node, shape (n,), numbered in the order of their first nodes.
    """
    links = adjacency.astype(np.float64)
    nodes = len(links)
    share = links / links.sum()
    ends = share.sum(axis=1)
    gain = np.where(adjacency, 2 * (share - np.outer(ends, ends)), -np.inf)
    best = gain.max(axis=1, initial=-np.inf)
    label = np.arange(nodes)
    # Gains below rounding are none, and ties are those that agree to it.
    least = 1e-12
    while (top := best.max(initial=-np.inf)) > least:
        row = int(np.argmax(best >= top - least))
        column = int(np.argmax(gain[row] >= top - least))
        keep, drop = min(row, column), max(row, column)
        label[label == drop] = keep
        near = (share[keep] > 0) | (share[drop] > 0)
        share[keep] += share[drop]
        share[:, keep] += share[:, drop]
        ends[keep] += ends[drop]
        share[drop], share[:, drop], ends[drop] = 0, 0, 0
        gain[drop], gain[:, drop] = -np.inf, -np.inf
        joined = share[keep] > 0
        joined[keep] = False
        gain[keep] = np.where(joined, 2 * (share[keep] - ends[keep] * ends), -np.inf)
        gain[:, keep] = gain[keep]
        # Only rows that had a gain from either community can have another greatest gain now.
        near[keep] = near[drop] = True
        best[near] = gain[near].max(axis=1)
    return np.unique(label, return_inverse=True)[1].ravel()


def rewired(adjacency: Flags, copies: int, generator: Generator) -> Flags:
    """Return graphs with the same degrees whose links are otherwise at random.

    By double-edge swaps, in all copies at once; a swap that would make a loop or a double link is
    left out, so that all graphs with these degrees are equally likely in the limit.

    Args:
        adjacency: Symmetric, without loops, shape (n, n).
        copies: Number of graphs.
        generator: Source of randomness.

    Returns:
        Shape (copies, n, n).
    """
    ends = np.argwhere(np.triu(adjacency))
    links = len(ends)
    graphs = np.repeat(adjacency[None], copies, axis=0)
    if links < 2:
        return graphs
    link = np.repeat(ends[None], copies, axis=0)
    every = np.arange(copies)
    for _ in range(_SWAPS_PER_LINK * links):
        one, other = generator.integers(links, size=(2, copies))
        a, b = link[every, one].T
        c, d = link[every, other].T
        turned = generator.random(copies) < 0.5
        c, d = np.where(turned, d, c), np.where(turned, c, d)
        # a-b and c-d become a-d and c-b.
        possible = (a != c) & (b != d) & (a != d) & (c != b)
        possible &= ~graphs[every, a, d] & ~graphs[every, c, b]
        at = every[possible]
        a, b, c, d = a[possible], b[possible], c[possible], d[possible]
        graphs[at, a, b] = graphs[at, b, a] = graphs[at, c, d] = graphs[at, d, c] = False
        graphs[at, a, d] = graphs[at, d, a] = graphs[at, c, b] = graphs[at, b, c] = True
        link[at, one[possible]] = np.column_stack((a, d))
        link[at, other[possible]] = np.column_stack((c, b))
    return graphs


def detect_communities(
    adjacency: Flags, generator: Generator, rewirings: int = REWIRINGS
) -> Communities:
    """Find communities and compare their modularity with that of rewired graphs.

    Args:
        adjacency: Symmetric, without loops, shape (n, n).
        generator: Source of randomness, for the rewired graphs only.
        rewirings: Number of rewired graphs.
    """
    community = np.full(len(adjacency), -1)
    linked = np.flatnonzero(adjacency.any(axis=1))
    if not len(linked):
        return Communities(community, np.nan, np.nan, np.nan, np.nan, rewirings=0)
    graph = adjacency[np.ix_(linked, linked)]
    found = greedy_modularity(graph)
    order = np.argsort(-np.bincount(found), kind="stable")
    community[linked] = np.argsort(order)[found]
    observed = modularity(graph, found)
    null: Floats = np.array(
        [modularity(copy, greedy_modularity(copy)) for copy in rewired(graph, rewirings, generator)]
    )
    # Equal partitions may differ in the last digit.
    exceeding = int((null >= observed - 1e-12).sum())
    return Communities(
        community=community,
        modularity=observed,
        null_mean=float(null.mean()),
        null_deviation=float(null.std(ddof=1)),
        p_value=(1 + exceeding) / (1 + rewirings),
        rewirings=rewirings,
    )

"""Co-trading networks in which every member's windows are turned around the circle.

Members trade baskets: stocks that were traded together are traded together again, by a manager or a
plan, so that the stocks of two members do not meet independently, as the Poisson-binomial
distribution takes them to. Turned by a random number of windows, a member's trades keep everything
that they have in common with each other and nothing of what they have in common with another
member's; whatever still passes is false. Source of the idea: circular shifts as in Politis and
Romano (1992), and of counting false links in random networks, Tusher, Tibshirani and Chu (2001).
"""

import numpy as np
from numpy.random import Generator

from quant.analytics.arrays import Floats, Integers
from quant.analytics.relations.activity import Incidence
from quant.analytics.relations.configuration import member_tables
from quant.analytics.relations.cotrading import chance_together, count_together, shared_stocks
from quant.analytics.relations.poisson_binomial import poisson_binomial_tail


def turned_p_values(cells: Incidence, members: int, copies: int, generator: Generator) -> Floats:
    """Return the p-values under the configuration null of all pairs in turned networks.

    Args:
        cells: Distinct triples of member, stock and window.
        members: Number of members.
        copies: Number of networks, at least one.
        generator: Source of randomness.

    Returns:
        Those of all networks together, of the pairs that can have traded together in each.
    """
    if not len(cells):
        return np.zeros(0)
    tables = member_tables(cells)
    pair, one, other = shared_stocks(tables, members)
    keys, group = np.unique(pair, return_inverse=True)
    group = group.ravel()
    # A turned table has the same probabilities in turned windows: it is solved once.
    row, place = np.nonzero(tables.probability)
    window, value = tables.windows[place], tables.probability[row, place]
    of_row = tables.member_of_row[row]
    first, length = _spans(cells, members)
    found = []
    for _ in range(copies):
        turn = generator.integers(length)
        turned = _turned(of_row, window, first, length, turn)
        probability = np.zeros((len(tables.times), int(turned.max()) + 1))
        probability[row, turned] = value
        chance = chance_together(probability[:, probability.any(axis=0)], tables.times, one, other)
        moved = _turned(cells.politician, cells.window, first, length, turn)
        stocks, _ = count_together(Incidence(cells.politician, cells.stock, moved), members, keys)
        tail, mass = poisson_binomial_tail(chance, group, stocks)
        possible = np.bincount(group, chance, len(keys)) > 0
        found.append(np.clip(tail - mass / 2, 0, 1)[possible])
    return np.concatenate(found)


def _spans(cells: Incidence, members: int) -> tuple[Integers, Integers]:
    """Return each member's first window, and the number of windows to the last one."""
    first = np.full(members, np.iinfo(np.int64).max)
    last = np.full(members, -1)
    np.minimum.at(first, cells.politician, cells.window)
    np.maximum.at(last, cells.politician, cells.window)
    idle = last < 0
    first[idle] = last[idle] = int(cells.window.min())
    return first, last - first + 1


def _turned(
    member: Integers, window: Integers, first: Integers, length: Integers, turn: Integers
) -> Integers:
    """Return windows turned within each member's span, from 0."""
    moved: Integers = first[member] + (window - first[member] + turn[member]) % length[member]
    return moved - int(first.min())

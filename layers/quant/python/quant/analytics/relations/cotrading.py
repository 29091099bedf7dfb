"""Co-trading: pairs of members who trade the same stock on the same side in the same window.

Two statistically validated projections of the bipartite network of members and (stock, side,
window) events onto the members:

``hypergeometric``, of Tumminello, Micciche, Lillo, Piilo and Mantegna (2011), PLoS ONE 6 e17994:
the number of common events of two members, given how many each has, if all events were alike. They
are not: some stocks are traded by many, and members trade in bursts, repeat themselves and hold
office at different times. Its p-values are shown, but do not decide (``docs/methods/relations.md``
has its rate of false positives, which may be far on either side of the nominal one).

``configuration``: the number of distinct stocks that two members traded together at least once,
given how often each traded which stock and how many stocks in which window. Each member's own table
of stocks by windows gets the maximum-entropy probabilities with these margins
(``quant.analytics.relations.configuration``); as in Saracco et al. (2017), New Journal of Physics
19 053022, the count then follows a Poisson-binomial distribution. Shared popular stocks, like
portfolios, busy weeks and terms of office are in the margins, so that only coincidence in time is
left to find.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from quant.analytics.arrays import Floats, Integers
from quant.analytics.distributions import hypergeometric_sf
from quant.analytics.multiple_testing import benjamini_hochberg
from quant.analytics.relations.activity import Incidence, count_pairs, pairs_within
from quant.analytics.relations.configuration import MemberTables, member_tables
from quant.analytics.relations.poisson_binomial import poisson_binomial_tail

# Rows of a product of matrices made at once: its square block stays in the processor's cache.
_BLOCK: Final = 256


@dataclass(frozen=True, slots=True)
class Projection:
    """Pairs of members who can have traded together; columns of length r, by members.

    A pair can if both traded a stock on the same side, and were active in the same window. The
    other pairs have no co-trades, whatever the null.

    Attributes:
        first: The one member, less than ``second``.
        second: The other.
        events: Events (stock, side, window) of both: common neighbours in the network.
        stocks: Distinct stocks and sides traded together at least once.
        common: Distinct stocks and sides that both traded at any time.
        expected: Mean of ``stocks`` under the configuration null.
        deviation: Its standard deviation there.
        p_hypergeometric: Upper tail of ``events`` under the hypergeometric null.
        q_hypergeometric: The same after Benjamini-Hochberg over these pairs.
        p_value: Mid-p-value of the upper tail of ``stocks`` under the configuration null.
        q_value: The same after Benjamini-Hochberg over these pairs.
        p_bonferroni: ``p_value`` times the number of these pairs, at most 1.
    """

    first: Integers
    second: Integers
    events: Integers
    stocks: Integers
    common: Integers
    expected: Floats
    deviation: Floats
    p_hypergeometric: Floats
    q_hypergeometric: Floats
    p_value: Floats
    q_value: Floats
    p_bonferroni: Floats

    def __len__(self) -> int:
        return len(self.first)


def project(cells: Incidence, members: int) -> Projection:
    """Return the projection onto the members, under both nulls.

    Args:
        cells: Distinct triples of member, stock and window.
        members: Number of members.
    """
    tables = member_tables(cells)
    pair, one, other = shared_stocks(tables, members)
    chance = chance_together(tables.probability, tables.times, one, other)
    possible = chance > 0
    chance = chance[possible]
    keys, group = np.unique(pair[possible], return_inverse=True)
    group = group.ravel()
    first, second = np.divmod(keys, members)
    stocks, events = count_together(cells, members, keys)
    degree = np.bincount(cells.politician, minlength=members)
    p_hypergeometric = np.ones(len(keys))
    some = events > 0
    p_hypergeometric[some] = hypergeometric_sf(
        events[some],
        len(count_pairs(cells.stock, cells.window)[0]),
        degree[first[some]],
        degree[second[some]],
    )
    tail, mass = poisson_binomial_tail(chance, group, stocks)
    p_value = np.clip(tail - mass / 2, 0, 1)
    return Projection(
        first=first,
        second=second,
        events=events,
        stocks=stocks,
        common=np.bincount(group, minlength=len(keys)),
        expected=np.bincount(group, chance, len(keys)),
        deviation=np.sqrt(np.bincount(group, chance * (1 - chance), len(keys))),
        p_hypergeometric=p_hypergeometric,
        q_hypergeometric=benjamini_hochberg(p_hypergeometric),
        p_value=p_value,
        q_value=benjamini_hochberg(p_value),
        p_bonferroni=np.minimum(p_value * len(keys), 1),
    )


def count_together(cells: Incidence, members: int, keys: Integers) -> tuple[Integers, Integers]:
    """Count distinct stocks, and events, that each pair traded in the same window.

    Args:
        cells: Distinct triples of member, stock and window.
        members: Number of members.
        keys: Pairs as ``first * members + second``, ascending, those with common events among them.
    """
    order = np.lexsort((cells.politician, cells.window, cells.stock))
    ordered = cells.take(order)
    new = np.ones(len(ordered), np.bool_)
    new[1:] = (np.diff(ordered.stock) != 0) | (np.diff(ordered.window) != 0)
    one, other = pairs_within(np.cumsum(new))
    pair = np.searchsorted(keys, ordered.politician[one] * members + ordered.politician[other])
    span = int(cells.stock.max(initial=0)) + 1
    distinct = np.unique(pair * span + ordered.stock[one]) // span
    return (
        np.bincount(distinct, minlength=len(keys)),
        np.bincount(pair, minlength=len(keys)),
    )


def shared_stocks(tables: MemberTables, members: int) -> tuple[Integers, Integers, Integers]:
    """Return each stock that both members of a pair traded at any time.

    Returns:
        The pair as ``first * members + second``, ascending, and the rows of the stock in the one's
        table and in the other's.
    """
    order = np.lexsort((tables.member, tables.stock))
    one, other = pairs_within(tables.stock[order])
    one, other = order[one], order[other]
    pair = tables.member[one] * members + tables.member[other]
    order = np.argsort(pair, kind="stable")
    return pair[order], tables.row[one[order]], tables.row[other[order]]


def chance_together(probability: Floats, times: Integers, one: Integers, other: Integers) -> Floats:
    """Return the probability that stocks of two rows meet in at least one window.

    The windows of a stock are a sample without replacement. Where either was traded in one window
    only, the probability is the expected number of windows in common, exactly; otherwise the
    windows of the one that has fewer are taken to hit those of the other independently.

    Args:
        probability: Of a stock of each row in each window, shape (r, w).
        times: Windows in which the stocks of each row were traded, shape (r,).
        one: Row of the one's stock.
        other: Row of the other's, not before that of the one.
    """
    meetings = np.empty(len(one))
    by_row = np.argsort(one, kind="stable")
    for start in range(0, len(times), _BLOCK):
        bounds = np.searchsorted(one[by_row], [start, start + _BLOCK])
        inside = by_row[bounds[0] : bounds[1]]
        if not len(inside):
            continue
        # Rows are in the order of members, so the second of a pair never comes before the first.
        block = probability[start : start + _BLOCK] @ probability[start:].T
        meetings[inside] = block[one[inside] - start, other[inside] - start]
    fewer = np.minimum(times[one], times[other])
    chance: Floats = 1 - (1 - np.minimum(meetings / fewer, 1)) ** fewer
    return chance

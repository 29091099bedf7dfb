"""Whether a member's trades concentrate in the sectors under the member's committees.

Trades of one member are not independent draws: members have preferences. Fisher's exact test of a
member's trades against everybody else's takes every trade for one, and so calls almost any member
with many trades unusual. The test here is of members against members: the count of a member's
trades in the sectors is compared with what a beta-binomial distribution predicts, whose mean and
overdispersion are those of the peers, members of the same chamber without a seat over the sectors.

Sources: Skellam (1948), Journal of the Royal Statistical Society B 10, on the beta-binomial
distribution; Box (1980), Journal of the Royal Statistical Society A 143, on predictive p-values;
Lancaster (1961), Journal of the American Statistical Association 56, on the mid-p-value.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from quant.analytics.arrays import Flags, Floats, Integers
from quant.analytics.beta_binomial import BetaBinomial
from quant.analytics.distributions import hypergeometric_pmf, hypergeometric_sf
from quant.analytics.intervals import wilson_interval
from quant.analytics.multiple_testing import benjamini_hochberg

MIN_TRADES: Final = 10
MIN_PEERS: Final = 20


@dataclass(frozen=True, slots=True)
class Concentration:
    """For each of m members, trades in the sectors under the member's committees; shape (m,).

    What is tested has ``p_value``; NaN where a member has no jurisdiction, too few trades or too
    few peers.

    Attributes:
        trades: Trades whose sector is known.
        under: Those in sectors under the member's committees.
        share: ``under / trades``; NaN without trades.
        share_low: Lower end of the share's 95 % Wilson interval.
        share_high: Its upper end.
        peers: Members of the chamber with trades and without a seat over these sectors.
        baseline: Share the peers are expected to have, the posterior mean.
        overdispersion: Intraclass correlation of the peers' trades, the posterior mean.
        null_low: Lower end of the central 95 % of shares that the peers predict for as many trades.
        null_high: Its upper end.
        odds_ratio: Odds of the member's trades over the odds of all trades of the peers, one half
            added to each count.
        p_fisher: One-sided mid-p-value of Fisher's exact test, which takes trades for independent:
            shown beside the test, not the test.
        p_value: One-sided predictive mid-p-value under the beta-binomial distribution.
        q_value: The same after Benjamini-Hochberg over the members tested.
    """

    trades: Integers
    under: Integers
    share: Floats
    share_low: Floats
    share_high: Floats
    peers: Integers
    baseline: Floats
    overdispersion: Floats
    null_low: Floats
    null_high: Floats
    odds_ratio: Floats
    p_fisher: Floats
    p_value: Floats
    q_value: Floats


def sector_counts(
    politician: Integers, sector: Integers, *, politicians: int, sectors: int
) -> Integers:
    """Count trades by politician and sector.

    Args:
        politician: Politician of each trade, shape (n,).
        sector: Sector of each trade, shape (n,); -1 where unknown, which does not count.
        politicians: Number of politicians.
        sectors: Number of sectors.

    Returns:
        Shape (politicians, sectors).
    """
    known = sector >= 0
    cells = politician[known] * sectors + sector[known]
    return np.bincount(cells, minlength=politicians * sectors).reshape(politicians, sectors)


def committee_concentration(
    counts: Integers,
    jurisdiction: Flags,
    chamber: Integers,
    *,
    min_trades: int = MIN_TRADES,
    min_peers: int = MIN_PEERS,
) -> Concentration:
    """Compare members' trades under their committees with what their peers' trades predict.

    Args:
        counts: Trades by member and sector, shape (m, s).
        jurisdiction: Which sectors are under which member's committees, shape (m, s).
        chamber: Chamber of each member as a code, shape (m,).
        min_trades: Fewer trades than these are not tested.
        min_peers: Nor is who has fewer peers.
    """
    members = len(counts)
    trades = counts.sum(axis=1)
    under = np.where(jurisdiction, counts, 0).sum(axis=1)
    share = np.divide(under, trades, out=np.full(members, np.nan), where=trades > 0)
    low, high = wilson_interval(under, trades)
    peers = np.zeros(members, np.int64)
    names = ("baseline", "overdispersion", "null_low", "null_high", "p_value")
    tested: dict[str, Floats] = {name: np.full(members, np.nan) for name in names}
    odds, fisher = np.full(members, np.nan), np.full(members, np.nan)
    model = BetaBinomial(int(trades.max(initial=0)))
    candidates = jurisdiction.any(axis=1) & (trades >= max(min_trades, 1))
    for sectors, group in _groups(jurisdiction, chamber, candidates):
        others = (chamber == chamber[group[0]]) & (trades > 0)
        others &= ~(jurisdiction & sectors).any(axis=1)
        peers[group] = others.sum()
        if others.sum() < min_peers:
            continue
        theirs, of = counts[others][:, sectors].sum(axis=1), trades[others]
        posterior = model.posterior(theirs, of)
        for member in group:
            for name, value in zip(
                names, model.predict(posterior, under[member], trades[member]), strict=True
            ):
                tested[name][member] = value
        odds[group], fisher[group] = _exact(
            under[group], trades[group], int(theirs.sum()), int(of.sum())
        )
    return Concentration(
        trades=trades,
        under=under,
        share=share,
        share_low=low,
        share_high=high,
        peers=peers,
        odds_ratio=odds,
        p_fisher=fisher,
        q_value=benjamini_hochberg(tested["p_value"]),
        **tested,
    )


def _groups(
    jurisdiction: Flags, chamber: Integers, candidates: Flags
) -> list[tuple[Flags, Integers]]:
    """Return the candidates by chamber and set of sectors, which have their peers in common."""
    places = np.flatnonzero(candidates)
    keys = np.column_stack((chamber[places], jurisdiction[places]))
    distinct, group = np.unique(keys, axis=0, return_inverse=True)
    return [
        (key[1:].astype(np.bool_), places[group.ravel() == at]) for at, key in enumerate(distinct)
    ]


def _exact(under: Integers, trades: Integers, theirs: int, of: int) -> tuple[Floats, Floats]:
    """Return odds ratios and mid-p-values of Fisher's exact test against pooled trades."""
    odds = ((under + 0.5) / (trades - under + 0.5)) / ((theirs + 0.5) / (of - theirs + 0.5))
    table = (under, trades + of, under + theirs, trades)
    return odds, hypergeometric_sf(*table) - hypergeometric_pmf(*table) / 2

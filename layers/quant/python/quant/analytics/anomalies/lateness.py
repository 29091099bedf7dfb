"""Late filing: days from transaction to disclosure, beside the 45-day rule and beside peers."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from quant.analytics.anomalies.ranks import RankPValues, reference_rank_p_values
from quant.analytics.arrays import Days, Floats, Integers
from quant.analytics.beta_binomial import BetaBinomial
from quant.analytics.distributions import hypergeometric_sf
from quant.analytics.intervals import wilson_interval
from quant.stock_act import FILING_DEADLINE_DAYS

# With fewer peers' trades no p-value can be below 1/100.
MINIMUM_PEER_TRADES: Final = 99
MINIMUM_FILINGS: Final = 5
MINIMUM_PEERS: Final = 20


@dataclass(frozen=True, slots=True)
class LateShare:
    """Late filings of a member beside those of peers; NaN where there is too little to compare.

    Attributes:
        late: Filings with a transaction disclosed more than 45 days after it.
        filings: Filings whose disclosure day is known.
        share: late / filings.
        low: Lower end of the 95 % Wilson interval of the share.
        high: Its upper end.
        peers: Other members with such filings.
        peer_late: Their late filings.
        peer_filings: Their filings.
        baseline: Share that a peer is expected to have, the posterior mean.
        overdispersion: Intraclass correlation of the peers' filings, the posterior mean.
        p_hypergeometric: One-sided mid-p-value that the member's filings are a random draw of all,
            which takes members for alike: shown beside the test, not the test.
        p_value: One-sided predictive mid-p-value under the peers' beta-binomial distribution.
    """

    late: int
    filings: int
    share: float
    low: float
    high: float
    peers: int
    peer_late: int
    peer_filings: int
    baseline: float
    overdispersion: float
    p_hypergeometric: float
    p_value: float


def delays(transaction_day: Days, disclosure_day: Days) -> Floats:
    """Return the days from transaction to disclosure; NaN where the disclosure is unknown."""
    days = (disclosure_day - transaction_day).astype(np.float64)
    return np.where(np.isnat(disclosure_day), np.nan, days)


def filing_counts(
    politician: Integers, filing: Integers, delay: Floats, politicians: int
) -> tuple[Integers, Integers]:
    """Count late filings, and filings, by politician.

    Trades of one filing become public together, so that they are not counted one by one. A filing
    is late if one of its transactions is.

    Args:
        politician: Politician of each trade, shape (n,).
        filing: Number of each trade's filing, shape (n,).
        delay: Days from transaction to disclosure, NaN where unknown, shape (n,).
        politicians: Number of politicians.
    """
    known = np.flatnonzero(~np.isnan(delay))
    # The longest delay of each filing: sorted by it, the last of each filing's trades.
    order = known[np.lexsort((delay[known], filing[known]))]
    last = order[np.append(np.diff(filing[order]) != 0, True)[: len(order)]]
    filed_by = politician[last]
    late = filed_by[delay[last] > FILING_DEADLINE_DAYS]
    return (
        np.bincount(late, minlength=politicians),
        np.bincount(filed_by, minlength=politicians),
    )


def late_share(late: Integers, filings: Integers, member: int) -> LateShare:
    """Compare a member's share of late filings with those of peers.

    Null hypothesis: the member's propensity to file late is one more draw of the distribution of
    the peers' propensities (beta-binomial). Peers differ, and filings of one member are alike, so
    that a draw from all filings would be too narrow a null. P-values count half of the probability
    of the observed number (mid-p), so that its discreteness does not make them too large.

    Args:
        late: Late filings by politician, shape (m,).
        filings: Filings by politician, shape (m,).
        member: Place of the member; the others with filings are the peers.
    """
    k, n = int(late[member]), int(filings[member])
    others = filings > 0
    others[member] = False
    peers = int(np.count_nonzero(others))
    peer_late, peer_filings = int(late[others].sum()), int(filings[others].sum())
    low, high = (float(end) for end in wilson_interval(k, n))
    baseline = overdispersion = hypergeometric = p_value = np.nan
    if n >= MINIMUM_FILINGS and peers >= MINIMUM_PEERS:
        model = BetaBinomial(int(filings.max()))
        posterior = model.posterior(late[others], filings[others])
        baseline, overdispersion, _, _, p_value = model.predict(posterior, k, n)
        hypergeometric = float(late_mid_p_value(k, n, k + peer_late, n + peer_filings))
    return LateShare(
        late=k,
        filings=n,
        share=k / n if n else np.nan,
        low=low,
        high=high,
        peers=peers,
        peer_late=peer_late,
        peer_filings=peer_filings,
        baseline=baseline,
        overdispersion=overdispersion,
        p_hypergeometric=hypergeometric,
        p_value=p_value,
    )


def late_mid_p_value(
    late: ArrayLike, filings: ArrayLike, all_late: ArrayLike, all_filings: ArrayLike
) -> Floats:
    """Return the hypergeometric mid-p-value of at least this many late filings, elementwise."""
    at_least = hypergeometric_sf(late, all_filings, all_late, filings)
    more = hypergeometric_sf(np.asarray(late) + 1, all_filings, all_late, filings)
    return np.asarray((at_least + more) / 2)


def unusual_delays(
    delay: Floats,
    disclosure_day: Days,
    peer_delay: Floats,
    peer_disclosure_day: Days,
    tie_break: Floats,
) -> RankPValues:
    """Compare each trade's delay with those of peers' trades disclosed no later.

    Null hypothesis: the trade's delay is exchangeable with the peers' delays.

    Args:
        delay: Days from transaction to disclosure, NaN where unknown, shape (n,).
        disclosure_day: Shape (n,).
        peer_delay: Shape (m,).
        peer_disclosure_day: Shape (m,).
        tie_break: Uniform numbers in [0, 1) that belong to the trades, shape (n,).
    """
    return reference_rank_p_values(
        delay,
        disclosure_day,
        peer_delay,
        peer_disclosure_day,
        tie_break=tie_break,
        minimum=MINIMUM_PEER_TRADES,
    )

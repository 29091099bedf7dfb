"""Late filing: days from transaction to disclosure, beside the 45-day rule and beside peers."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from quant.analytics.anomalies.ranks import RankPValues, reference_rank_p_values
from quant.analytics.arrays import Days, Flags, Floats, Integers
from quant.analytics.distributions import hypergeometric_sf
from quant.analytics.intervals import wilson_interval
from quant.stock_act import FILING_DEADLINE_DAYS

# With fewer peers' trades no p-value can be below 1/100.
MINIMUM_PEERS: Final = 99


@dataclass(frozen=True, slots=True)
class LateShare:
    """Late filings of a member beside those of peers.

    Attributes:
        late: Filings with a transaction disclosed more than 45 days after it.
        filings: Filings with known disclosure day.
        share: late / filings; NaN without filings.
        low: Lower end of the Wilson interval of the share.
        high: Upper end.
        peer_late: Late filings of the peers.
        peer_filings: Filings of the peers.
        p_value: Mid-p-value that the member's filings are a random draw of all; NaN without.
    """

    late: int
    filings: int
    share: float
    low: float
    high: float
    peer_late: int
    peer_filings: int
    p_value: float


def delays(transaction_day: Days, disclosure_day: Days) -> Floats:
    """Return the days from transaction to disclosure; NaN where the disclosure is unknown."""
    days = (disclosure_day - transaction_day).astype(np.float64)
    return np.where(np.isnat(disclosure_day), np.nan, days)


def late_filings(filing: Integers, delay: Floats) -> tuple[int, int]:
    """Return how many filings hold a late transaction, and how many there are.

    Trades of one filing become public together, so that they are not counted one by one.

    Args:
        filing: Number of each trade's filing, shape (n,).
        delay: Days from transaction to disclosure, NaN where unknown, shape (n,).
    """
    known = ~np.isnan(delay)
    late = filing[known & (delay > FILING_DEADLINE_DAYS)]
    return len(np.unique(late)), len(np.unique(filing[known]))


def late_share(filing: Integers, delay: Floats, member: Flags) -> LateShare:
    """Compare a member's share of late filings with that of the others.

    Null hypothesis: the member's filings are a random draw, without replacement, of all of them
    (hypergeometric, one-sided). The p-value counts half of the probability of the observed number
    (mid-p: Lancaster 1961, Journal of the American Statistical Association 56), so that its
    discreteness does not make it too large.

    Args:
        filing: Number of each trade's filing, shape (n,).
        delay: Days from transaction to disclosure, NaN where unknown, shape (n,).
        member: Which trades are the member's; the others are the peers'.
    """
    late, filings = late_filings(filing[member], delay[member])
    peer_late, peer_filings = late_filings(filing[~member], delay[~member])
    low, high = (float(end) for end in wilson_interval(late, filings))
    p_value = np.nan
    if filings > 0 and peer_filings > 0:
        p_value = float(
            late_mid_p_value(
                np.asarray(late),
                np.asarray(filings),
                np.asarray(late + peer_late),
                np.asarray(filings + peer_filings),
            )
        )
    share = late / filings if filings else np.nan
    return LateShare(late, filings, share, low, high, peer_late, peer_filings, p_value)


def late_mid_p_value(
    late: Integers, filings: Integers, all_late: Integers, all_filings: Integers
) -> Floats:
    """Return the hypergeometric mid-p-value of at least this many late filings, elementwise."""
    at_least = hypergeometric_sf(late, all_filings, all_late, filings)
    more = hypergeometric_sf(late + 1, all_filings, all_late, filings)
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
        minimum=MINIMUM_PEERS,
    )

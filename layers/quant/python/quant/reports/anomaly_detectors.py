"""What each detector of unusual trades finds in one member's trades."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

import numpy as np
from numpy.random import PCG64, Generator
from sqlalchemy import Connection

from quant.analytics.anomalies.clustering import Burst, find_bursts
from quant.analytics.anomalies.lateness import (
    delays,
    filing_counts,
    late_share,
    unusual_delays,
)
from quant.analytics.anomalies.size import size_scores, unusual_sizes
from quant.analytics.anomalies.timing import (
    HORIZONS,
    date_shift_p_value,
    start_rows,
    window_p_values,
)
from quant.analytics.arrays import Flags, Floats, Integers
from quant.analytics.multiple_testing import benjamini_hochberg
from quant.jurisdictions import sectors_of
from quant.methods import Method
from quant.methods.anomalies import CLUSTERING, COMMITTEES, LATENESS, SIZE, TIMING
from quant.reports.documents import estimate
from quant.reports.load import LoadedTrades, Member, load_prices
from quant.reports.relations_conflicts import committee_conflicts
from quant.stock_act import FILING_DEADLINE_DAYS

LEVEL: Final = 0.05
# Trades shown as evidence of one detector.
MOST_EVIDENCE: Final = 20
# Shown, the least likely first, where none passes.
_SHOWN_UNSUPPORTED: Final = 5
# Least p-value of a trade that was disclosed in time.
_IN_TIME: Final = 0.5


@dataclass(frozen=True, slots=True)
class Scene:
    """Everybody's trades, and which are the member's.

    Attributes:
        trades: Trades of the member and of the peers.
        member: The politician asked about.
        code: Place of the member in ``trades.members``; -1 without trades.
        as_of: Day for which the answer is given; None for all that is known.
    """

    trades: LoadedTrades
    member: Member
    code: int
    as_of: date | None

    @property
    def own(self) -> Integers:
        """Places of the member's trades."""
        return np.flatnonzero(self.trades.arrays.politician == self.code)

    @property
    def chamber(self) -> Flags:
        """Which trades are of the member's chamber."""
        same = [other.chamber == self.member.chamber for other in self.trades.members]
        return np.array([*same, False])[self.trades.arrays.politician]


@dataclass(frozen=True, slots=True)
class Evidence:
    """A trade that a detector points to.

    Attributes:
        place: Of the trade, among everybody's.
        p_value: Of the trade, or of the burst it is in; None where trades are not tested.
        q_value: Corrected for the tests of the member's trades.
        values: What makes it unusual.
    """

    place: int
    p_value: float | None
    q_value: float | None
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Detection:
    """What one detector says.

    Attributes:
        name: Of the detector.
        method: How.
        p_value: Of the member; NaN where not tested.
        tested: Trades, windows or filings that were tested.
        significant: Those that pass at the false discovery rate of 5 %.
        estimate: The number behind the test.
        details: Further numbers.
        statement: The facts in a sentence.
        evidence: Trades, the least likely first.
    """

    name: str
    method: Method
    p_value: float
    tested: int
    significant: int
    estimate: dict[str, Any]
    details: dict[str, Any]
    statement: str
    evidence: list[Evidence] = field(default_factory=list)


def generator(method: Method, member: Member) -> Generator:
    """Return a generator that the method and the member fix, so that answers repeat."""
    seed = hashlib.sha256(f"{method.id} {member.id}".encode()).digest()[:8]
    return Generator(PCG64(int.from_bytes(seed)))


def _tie_breaks(method: Method, ids: Any) -> Floats:
    """Return numbers in [0, 1) that the identifiers of trades fix."""
    digests = b"".join(hashlib.sha256(f"{method.id} {name}".encode()).digest()[:8] for name in ids)
    return np.frombuffer(digests, dtype=">u8").astype(np.float64) / 2.0**64


def _evidence(
    places: Integers, p_values: Floats, values: Callable[[int], Mapping[str, Any]]
) -> tuple[int, list[Evidence]]:
    """Return how many tests pass, and the trades shown: those, else the least likely few.

    Args:
        places: Of the trades tested, among everybody's, shape (n,).
        p_values: Shape (n,); NaN where not tested.
        values: What makes the i-th unusual.
    """
    q_values = benjamini_hochberg(p_values)
    passing = int(np.count_nonzero(q_values <= LEVEL))
    order = np.argsort(p_values, kind="stable")[: min(passing, MOST_EVIDENCE) or _SHOWN_UNSUPPORTED]
    return passing, [
        Evidence(int(places[i]), float(p_values[i]), float(q_values[i]), values(int(i)))
        for i in order
        if not np.isnan(p_values[i])
    ]


def detect_size(scene: Scene) -> Detection:
    """Compare the sizes of the member's trades with earlier ones, the member's and the peers'."""
    place = np.flatnonzero(scene.chamber)
    arrays = scene.trades.arrays.take(place)
    member = arrays.politician == scene.code
    places = place[member]
    found = unusual_sizes(
        arrays, size_scores(arrays), member, _tie_breaks(SIZE, scene.trades.ids[places])
    )
    low, high = arrays.amount_min[member], arrays.amount_max[member]
    passing, evidence = _evidence(
        places,
        found.p_value,
        lambda i: {
            "amount_min": float(low[i]),
            "amount_max": None if np.isnan(high[i]) else float(high[i]),
            "standard_deviations_above_own_median": float(found.score[i]),
            "earlier_trades": int(found.history[i]),
            "p_value_among_own_earlier_trades": float(found.p_own[i]),
            "peer_trades_compared": int(found.peers[i]),
        },
    )
    tested = int(np.count_nonzero(~np.isnan(found.p_value)))
    largest = found.p_own[~np.isnan(found.p_own)] <= LEVEL
    return Detection(
        name="size",
        method=SIZE,
        p_value=found.member_p_value,
        tested=tested,
        significant=passing,
        estimate=estimate(
            float(largest.mean()) if len(largest) else np.nan,
            n=len(largest),
            p_value=found.member_p_value,
        ),
        details={},
        statement=f"{passing} of {tested} trades tested are larger, beside the member's earlier "
        "trades, than chance leaves among peers' trades; "
        f"{int(largest.sum())} of {len(largest)} are among the largest twentieth of the member's "
        "own trades before them.",
        evidence=evidence,
    )


def detect_timing(connection: Connection, scene: Scene) -> Detection:
    """Compare the returns after the member's transactions with those at other times."""
    places = scene.own[scene.trades.is_stock[scene.own]]
    arrays = scene.trades.arrays.take(places)
    used, columns = np.unique(arrays.ticker, return_inverse=True)
    panel = load_prices(
        connection, [scene.trades.tickers[code] for code in used if code >= 0], last=scene.as_of
    )
    # Code -1, of a trade without a ticker, sorts first.
    columns = columns - int(len(used) > 0 and used[0] < 0)
    rows = start_rows(panel.days, arrays.transaction_day)
    windows = [window_p_values(panel, rows, columns, arrays.side, horizon) for horizon in HORIZONS]
    p_values = np.concatenate([window.p_value for window in windows])
    returns = np.concatenate([window.abnormal_return for window in windows])
    n = len(places)
    passing, evidence = _evidence(
        np.tile(places, len(HORIZONS)),
        p_values,
        lambda i: {
            "horizon_trading_days": HORIZONS[i // n],
            "signed_abnormal_return": float(np.expm1(returns[i])),
            "windows_compared": int(windows[i // n].windows[i % n]),
            "known_on": windows[i // n].closed[i % n].item(),
        },
    )
    member = date_shift_p_value(panel, rows, columns, arrays.side)
    tested = int(np.count_nonzero(~np.isnan(p_values)))
    last = returns[(len(HORIZONS) - 1) * n :]
    mean = float(np.nanmean(last)) if np.any(~np.isnan(last)) else np.nan
    return Detection(
        name="timing",
        method=TIMING,
        p_value=member,
        tested=tested,
        significant=passing,
        estimate=estimate(mean, n=int(np.count_nonzero(~np.isnan(last))), p_value=member),
        details={"benchmark": panel.benchmark},
        statement=f"{passing} of {tested} windows of {HORIZONS[0]} or {HORIZONS[1]} trading days "
        "after a transaction had a return, beside the benchmark and in the direction of the trade, "
        "that the ticker's earlier windows make unlikely; seen in hindsight.",
        evidence=evidence,
    )


def detect_clustering(scene: Scene) -> Detection:
    """Scan the member's transactions for bursts."""
    days = scene.trades.arrays.transaction_day[scene.own]
    found = find_bursts(days, generator(CLUSTERING, scene.member))
    significant = [burst for burst in found.bursts if burst.p_value <= LEVEL]
    shown = significant or list(found.bursts[:1])
    evidence = [
        Evidence(
            int(place),
            burst.p_value,
            None,
            {"burst_first": burst.first.item(), "burst_last": burst.last.item()},
        )
        for burst in shown
        for place in scene.own[_within(days, burst)]
    ]
    return Detection(
        name="clustering",
        method=CLUSTERING,
        p_value=found.p_value,
        tested=found.active_days,
        significant=len(significant),
        estimate=estimate(
            shown[0].active_days if shown else np.nan, n=found.active_days, p_value=found.p_value
        ),
        details={
            "weekdays": found.days,
            "bursts": [
                {
                    "first": burst.first.item(),
                    "last": burst.last.item(),
                    "active_days": burst.active_days,
                    "expected_active_days": burst.expected,
                    "trades": int(np.count_nonzero(_within(days, burst))),
                    "p_value": burst.p_value,
                }
                for burst in shown
            ],
        },
        statement=f"{len(significant)} spells of up to a month have more days with a transaction "
        f"than chance leaves, of {found.active_days} such days among {found.days} weekdays.",
        evidence=evidence[:MOST_EVIDENCE],
    )


def _within(days: Any, burst: Burst) -> Flags:
    # A transaction of a weekend counts as the Friday before.
    rolled = np.busday_offset(days, 0, roll="backward")
    return np.asarray((rolled >= burst.first) & (rolled <= burst.last))


def detect_lateness(scene: Scene) -> Detection:
    """Compare the member's late filings, and single delays, with those of the peers."""
    place = np.flatnonzero(scene.chamber)
    arrays = scene.trades.arrays.take(place)
    delay = delays(arrays.transaction_day, arrays.disclosure_day)
    member = arrays.politician == scene.code
    # Filings of one member and day are taken as one.
    filing = np.unique(
        arrays.politician * 1_000_000 + arrays.disclosure_day.astype(np.int64), return_inverse=True
    )[1]
    count = len(scene.trades.members)
    late, filings = filing_counts(arrays.politician, filing, delay, count + 1)
    share = late_share(late, filings, scene.code if scene.code >= 0 else count)
    places = place[member]
    ranks = unusual_delays(
        delay[member],
        arrays.disclosure_day[member],
        delay[~member],
        arrays.disclosure_day[~member],
        _tie_breaks(LATENESS, scene.trades.ids[places]),
    )
    own = delay[member]
    # A trade in time is no evidence of late filing, however slow beside its peers; a test whose
    # p-values are raised stays valid.
    p_values = np.where(own > FILING_DEADLINE_DAYS, ranks.p_value, np.fmax(ranks.p_value, _IN_TIME))
    p_values[np.isnan(ranks.p_value)] = np.nan
    passing, evidence = _evidence(
        places,
        p_values,
        lambda i: {
            "days_from_transaction_to_disclosure": int(own[i]),
            "days_beyond_deadline": int(own[i]) - FILING_DEADLINE_DAYS,
            "peer_trades_compared": int(ranks.compared[i]),
        },
    )
    known = own[~np.isnan(own)]
    return Detection(
        name="lateness",
        method=LATENESS,
        p_value=share.p_value,
        tested=int(np.count_nonzero(~np.isnan(p_values))),
        significant=passing,
        estimate=estimate(
            share.share, n=share.filings, low=share.low, high=share.high, p_value=share.p_value
        ),
        details={
            "deadline_days": FILING_DEADLINE_DAYS,
            "late_filings": share.late,
            "filings": share.filings,
            "late_trades": int(np.count_nonzero(known > FILING_DEADLINE_DAYS)),
            "trades": len(known),
            "median_days": float(np.median(known)) if len(known) else None,
            "peers": share.peers,
            "peer_late_filings": share.peer_late,
            "peer_filings": share.peer_filings,
            "expected_share": share.baseline,
            "overdispersion": share.overdispersion,
            "p_value_hypergeometric": share.p_hypergeometric,
        },
        statement=f"{share.late} of {share.filings} filings have a transaction disclosed more than "
        f"{FILING_DEADLINE_DAYS} days after it; of the {share.peers} peers, {share.peer_late} of "
        f"{share.peer_filings}.",
        evidence=[item for item in evidence if item.values["days_beyond_deadline"] > 0],
    )


def detect_committees(scene: Scene) -> Detection:
    """Compare the member's trades in sectors under the member's committees with the peers'."""
    conflicts = committee_conflicts(scene.trades)
    found = conflicts.found
    sectors = sorted(sectors_of(scene.member.committees))
    if scene.code < 0:
        return Detection(
            "committees",
            COMMITTEES,
            np.nan,
            0,
            0,
            estimate(np.nan, n=0),
            {"sectors": sectors},
            _NONE,
        )
    code = scene.code
    q_value = float(found.q_value[code])
    return Detection(
        name="committees",
        method=COMMITTEES,
        p_value=float(found.p_value[code]),
        tested=int(found.trades[code]),
        significant=int(found.under[code]) if q_value <= LEVEL else 0,
        estimate=estimate(
            float(found.share[code]),
            n=int(found.trades[code]),
            low=float(found.share_low[code]),
            high=float(found.share_high[code]),
            p_value=float(found.p_value[code]),
            q_value=q_value,
        ),
        details={
            "sectors": sectors,
            "trades_under_committees": int(found.under[code]),
            "trades_with_sector": int(found.trades[code]),
            "peers": int(found.peers[code]),
            "expected_share": float(found.baseline[code]),
            "share_expected_of_peers_low": float(found.null_low[code]),
            "share_expected_of_peers_high": float(found.null_high[code]),
        },
        statement=f"{int(found.under[code])} of {int(found.trades[code])} trades whose sector is "
        "known are in sectors under the member's present committees"
        + (f" ({', '.join(sectors)})." if sectors else "; they have none."),
        evidence=[
            Evidence(
                int(at),
                None,
                None,
                {"sector": scene.trades.sectors[scene.trades.arrays.ticker[at]]},
            )
            for at in conflicts.latest(scene.trades, code, MOST_EVIDENCE)
        ],
    )


_NONE: Final = "No trades are known."

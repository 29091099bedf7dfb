"""Detectors of unusual trades: how often they find what is not there, and what is planted."""

from functools import cache

import numpy as np
from numpy.random import PCG64, Generator
from report import Report, package_versions
from scipy.signal import lfilter
from scipy.stats import norm

from quant.analytics.anomalies.clustering import find_bursts
from quant.analytics.anomalies.combine import cauchy_combination
from quant.analytics.anomalies.lateness import late_mid_p_value, late_share, unusual_delays
from quant.analytics.anomalies.size import size_scores, unusual_sizes
from quant.analytics.anomalies.timing import date_shift_p_value, window_p_values
from quant.analytics.arrays import PricePanel, TradeArrays
from quant.analytics.multiple_testing import benjamini_hochberg

LEVEL = 0.05
SIMULATIONS = 1000
PERMUTATIONS = 99
FIRST = np.datetime64("2016-01-04")
DAY = np.timedelta64(1, "D")
# Upper ends of the forms' categories, US dollars, and the geometric middles.
UPPER_ENDS = np.array([15e3, 50e3, 100e3, 250e3, 500e3, 1e6, 5e6, 25e6, 50e6])
AMOUNTS = np.sqrt(UPPER_ENDS * np.append(1001.0, UPPER_ENDS[:-1] + 1))


def _generator(seed):
    return Generator(PCG64(seed))


@cache
def sizes(planted, ties=True, peers=8, trades=150):
    """Shares found: members, single trades (smoothed, ties against them), planted ones after BH.

    Every member has a size and a spread of their own. Planted trades are of 5 to 25 million
    dollars, among the later half of the member's trades.
    """
    draw = _generator(101 + planted)
    found, smoothed, against, discovered = [], [], [], []
    politician = np.repeat(np.arange(peers + 1), trades)
    member = politician == 0
    none = np.zeros(len(politician), dtype=np.int64)
    for _ in range(SIMULATIONS):
        level = draw.normal(9.5, 0.7, (peers + 1, 1))
        spread = draw.uniform(0.7, 1.3, (peers + 1, 1))
        log = level + spread * draw.normal(size=(peers + 1, trades))
        if ties:
            log = np.log(AMOUNTS)[np.searchsorted(np.log(UPPER_ENDS), log).clip(max=8)]
        amount = np.exp(log).ravel()
        extra = draw.choice(np.arange(trades // 2, trades), planted, replace=False)
        amount[extra] = AMOUNTS[7]
        # In the order of disclosure.
        day = FIRST + np.sort(draw.integers(0, 1500, (peers + 1, trades)), axis=1).ravel() * DAY
        everybody = TradeArrays(politician, none, none, day, day + 30 * DAY, amount, amount)
        result = unusual_sizes(everybody, size_scores(everybody), member, draw.random(trades))
        found.append(result.member_p_value <= LEVEL)
        tested = ~np.isnan(result.p_value)
        smoothed.append(np.mean(result.smoothed[tested] <= LEVEL))
        against.append(np.mean(result.p_value[tested] <= LEVEL))
        discovered.append(benjamini_hochberg(result.p_value)[extra] <= LEVEL)
    return tuple(float(np.mean(rate)) for rate in (found, smoothed, against)) + (
        (float(np.mean(discovered)),) if planted else ()
    )


@cache
def bursts(planted):
    """Share of members with a burst; planted are days within three weeks, all active."""
    draw = _generator(201 + planted)
    calendar = np.busday_offset(FIRST, np.arange(500))
    found = []
    for _ in range(SIMULATIONS):
        # Two years of different activity: what the null hypothesis allows.
        rate = np.repeat(draw.uniform(0.03, 0.14, 2), 250)
        active = draw.random(500) < rate
        if planted:
            start = draw.integers(0, 485)
            active[start + draw.choice(15, planted, replace=False)] = True
        found.append(find_bursts(calendar[active], draw, PERMUTATIONS).p_value <= LEVEL)
    return float(np.mean(found))


def _market(draw, days, tickers):
    """Prices with a common factor, heavy tails and volatility that comes and goes."""
    noise = draw.normal(0, 0.08, (days, tickers))
    volatility = np.exp(lfilter([1.0], [1.0, -0.97], noise, axis=0))
    market = draw.normal(0.0003, 0.01, days)
    own = volatility * draw.standard_t(5, (days, tickers)) * 0.012
    return market, own


@cache
def timing(planted, trades=40, days=600, tickers=8):
    """Share of members found, and of trades with p <= 5 %, of trades on few clustered days.

    Planted is the share of purchases made within the five days before a jump of 10 %.
    """
    draw = _generator(301 + int(100 * planted))
    found, single = [], []
    for _ in range(SIMULATIONS):
        market, own = _market(draw, days, tickers)
        rows = draw.choice(np.arange(280, days - 25), 8)[draw.integers(0, 8, trades)]
        rows = rows + draw.integers(0, 3, trades)
        columns = draw.integers(0, tickers, trades)
        side = draw.choice([-1, 1], trades)
        jumps = np.zeros((days, tickers), dtype=np.bool_)
        for trade in np.flatnonzero(draw.random(trades) < planted):
            side[trade] = 1
            jumps[rows[trade] + draw.integers(1, 6), columns[trade]] = True
        log = np.cumsum(market[:, None] + own + 0.1 * jumps, axis=0)
        panel = PricePanel(
            np.busday_offset(FIRST, np.arange(days)),
            tuple(f"SYN{number}" for number in range(tickers)),
            np.exp(log),
            "SYNIX",
            np.exp(np.cumsum(market)),
        )
        found.append(date_shift_p_value(panel, rows, columns, side) <= LEVEL)
        result = window_p_values(panel, rows, columns, side, 5)
        single.append(np.nanmean(result.p_value <= LEVEL))
    return float(np.mean(found)), float(np.mean(single))


@cache
def lateness(planted, peers=60):
    """Share of members found late: by the test, and by the hypergeometric one beside it.

    Planted is the member's probability to file late; None takes it as the peers have theirs, from
    a beta distribution with mean 0.15.
    """
    draw = _generator(401 if planted is None else 402 + int(100 * planted))
    found, naive = [], []
    for _ in range(SIMULATIONS):
        filings = draw.integers(5, 50, peers + 1)
        propensity = draw.beta(1.5, 8.5, peers + 1)
        if planted is not None:
            propensity[0] = planted
        result = late_share(draw.binomial(filings, propensity), filings, 0)
        found.append(result.p_value <= LEVEL)
        naive.append(result.p_hypergeometric <= LEVEL)
    return float(np.mean(found)), float(np.mean(naive))


@cache
def alike_lateness():
    """Share found by the hypergeometric mid-p-value where members are alike: its own null."""
    draw = _generator(501)
    filings = draw.integers(10, 60, 10 * SIMULATIONS)
    late = draw.binomial(filings, 0.15)
    peers = draw.binomial(400, 0.15, len(late))
    return float(np.mean(late_mid_p_value(late, filings, late + peers, filings + 400) <= LEVEL))


@cache
def delays(planted):
    """Share of single trades with p <= 5 %, smoothed; planted ones take three times as long."""
    draw = _generator(601 + planted)
    found = []
    for _ in range(SIMULATIONS):
        peer = draw.gamma(4, 7, 400).round()
        own = draw.gamma(4, 7, 20).round() * (3 if planted else 1)
        day = np.full(20, FIRST + 500 * DAY)
        peer_day = FIRST + draw.integers(0, 500, 400) * DAY
        ranks = unusual_delays(own, day, peer, peer_day, draw.random(20))
        found.append(np.mean(ranks.smoothed <= LEVEL))
    return float(np.mean(found))


@cache
def combination(correlation, planted=0.0):
    """Share of members found by the Cauchy combination of five detectors, correlated normals."""
    draw = _generator(701)
    shape = (20 * SIMULATIONS, 5)
    common = draw.normal(size=(shape[0], 1))
    scores = np.sqrt(correlation) * common + np.sqrt(1 - correlation) * draw.normal(size=shape)
    scores[:, 0] += planted
    return float(np.mean(cauchy_combination(norm.sf(scores)) <= LEVEL))


def run():
    columns = ("", "planted", "found at 5 %")
    rows = []
    for ties in (False, True):
        member, smoothed, against = sizes(0, ties)
        kind = "amounts in categories" if ties else "amounts without ties"
        rows += [
            (f"size, member, {kind}", "nothing", _percent(member)),
            (f"size, single trade, smoothed, {kind}", "nothing", _percent(smoothed)),
            (f"size, single trade, ties against it, {kind}", "nothing", _percent(against)),
        ]
    rows += [
        ("timing, member", "nothing", _percent(timing(0.0)[0])),
        ("timing, single trade, 5 days", "nothing", _percent(timing(0.0)[1])),
        ("clustering, member", "nothing", _percent(bursts(0))),
        ("late filing, member, peers differ", "nothing", _percent(lateness(None)[0])),
        (
            "late filing, member, hypergeometric, members alike",
            "nothing",
            _percent(alike_lateness()),
        ),
        (
            "late filing, member, hypergeometric, peers differ (not used)",
            "nothing",
            _percent(lateness(None)[1]),
        ),
        ("late filing, single trade, smoothed", "nothing", _percent(delays(0))),
        *(
            (
                f"Cauchy combination of 5, correlation {value}",
                "nothing",
                _percent(combination(value)),
            )
            for value in (0.0, 0.3, 0.6)
        ),
    ]
    for planted in (4, 10):
        member, _, _, discovered = sizes(planted)
        rows += [
            ("size, member", f"{planted} of 150 trades", _percent(member)),
            ("size, single trade, after BH", f"{planted} of 150 trades", _percent(discovered)),
        ]
    rows += [
        *(
            (
                "timing, member",
                f"{100 * share:.0f} % of 40 trades before jumps",
                _percent(timing(share)[0]),
            )
            for share in (0.15,)
        ),
        *(
            ("clustering, member", f"{days} days in three weeks", _percent(bursts(days)))
            for days in (8,)
        ),
        *(
            (
                "late filing, member",
                f"{100 * share:.0f} % of filings late",
                _percent(lateness(share)[0]),
            )
            for share in (0.5,)
        ),
        ("late filing, single trade, smoothed", "three times the delay", _percent(delays(1))),
        (
            "Cauchy combination of 5",
            "3 standard deviations in one",
            _percent(combination(0.0, 3.0)),
        ),
    ]
    return [
        Report(
            title="Detectors of unusual trades",
            method=(
                f"{SIMULATIONS:,} simulated members each ({20 * SIMULATIONS:,} combinations). "
                "Sizes: 150 trades each of a member and 8 peers, of log-normal distributions that "
                "differ in level and spread. Timing: 40 trades on 8 clusters of days in 8 "
                "tickers with a common factor, heavy tails and changing volatility. Clustering: "
                "two years with different rates, "
                f"{PERMUTATIONS} permutations. Late filing: 60 peers whose propensities are drawn "
                "from a beta distribution with mean 15 %. What is planted is in the second column; "
                "for nothing, what is found is false."
            ),
            columns=columns,
            rows=tuple(rows),
            versions=package_versions("numpy"),
            measurements={
                f"{name}, {planted}": (float(found.rstrip(" %")),) for name, planted, found in rows
            },
        )
    ]


def _percent(rate):
    return f"{100 * rate:.1f} %"

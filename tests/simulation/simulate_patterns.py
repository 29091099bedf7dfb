"""Tests of patterns: how often they find what is not there, and what is planted."""

from functools import cache

import numpy as np
from numpy.random import PCG64, Generator
from report import Report, package_versions
from scipy.signal import lfilter

from quant.analytics.patterns.changepoints import change_test, segmentation
from quant.analytics.patterns.dtw import compare_series, search_matches
from quant.analytics.patterns.hmm import PoissonHmm, filter_states, likeliest_path, simulate
from quant.analytics.patterns.periodogram import frequency_grid, search_cycles
from quant.analytics.patterns.regimes import fit_states, persistence_test

LEVEL = 0.05
# Rates of what is found falsely are known better than those of what is planted.
NULLS, PLANTED = 4000, 1000
SURROGATES = 99
# As the reports ask.
SHORTEST, CYCLES_SEEN, OVERSAMPLING = 15, 4, 3
WINDOW, RADIUS, LEAST_SEGMENT = 13, 2, 4
PERIOD = 30
WEEKS = 104
YEARS = 2

POISSON = "Poisson"
DISPERSED = "negative binomial, variance 4 times the mean"
# The logarithm of the rate is an autoregression with this coefficient.
SERIAL = {"Poisson, log rate AR(1) of 0.5": 0.5, "Poisson, log rate AR(1) of 0.8": 0.8}
EXCHANGEABLE = (POISSON, DISPERSED)
KINDS = (*EXCHANGEABLE, *SERIAL)
SPREAD = 0.8  # of the logarithm of the rate
_SURROGATES = f"{SURROGATES} surrogates of each null."


def _generator(seed):
    return Generator(PCG64(seed))


def _counts(draw, kind, mean):
    """Counts of a kind of series, one row each, with these means."""
    if kind == POISSON:
        return draw.poisson(mean) * 1.0
    if kind == DISPERSED:
        return draw.negative_binomial(mean / 3, 1 / 4) * 1.0
    phi = SERIAL[kind]
    # Long enough before the first count to forget where it began.
    warm = 100
    noise = draw.standard_normal((len(mean), mean.shape[1] + warm)) * np.sqrt(1 - phi**2)
    level = SPREAD * lfilter([1.0], [1.0, -phi], noise, axis=1)[:, warm:]
    return draw.poisson(mean * np.exp(level - SPREAD**2 / 2)) * 1.0


@cache
def cycles(kind, amplitude=0.0, n=NULLS):
    """Share of series with a cycle, and of those found where the best one is the planted one.

    A trade every other weekday; the rate of the planted cycle varies by ``amplitude`` of its mean.
    """
    draw = _generator([1000, KINDS.index(kind), int(100 * amplitude)])
    days = np.arange(365 * YEARS)
    offsets = days[days % 7 < 5]
    phase = draw.uniform(0, 2 * np.pi, (n, 1))
    wave = 1 + amplitude * np.cos(2 * np.pi * offsets / PERIOD + phase)
    grid = frequency_grid(
        len(days), shortest=SHORTEST, longest=len(days) / CYCLES_SEEN, oversampling=OVERSAMPLING
    )
    searches = search_cycles(
        draw, _counts(draw, kind, 0.5 * wave), offsets, grid, surrogates=SURROGATES
    )
    found = [search.cycles[0] for search in searches if search.p_value <= LEVEL]
    return len(found) / n, float(np.mean([best.low <= PERIOD <= best.high for best in found]))


@cache
def persistence(kind, n=NULLS):
    """Share of series with regimes by the test, and of the first with several states by BIC."""
    draw = _generator([2000, KINDS.index(kind)])
    counts = _counts(draw, kind, np.full((n, WEEKS), 2.0))
    found = persistence_test(draw, counts, n=SURROGATES)
    several = fit_states(draw, counts[:PLANTED].T.copy(), restarts=3, most_states=2).states > 1
    return float(np.mean(found <= LEVEL)), float(np.mean(several))


@cache
def three_regimes(weeks, n=PLANTED):
    """What is found of regimes of 0.5, 3 and 9 trades a week that last 20 weeks on average.

    Returns:
        Shares of series where BIC takes 3 states, and fewer; of weeks given their true state by the
        model of 3 states, in retrospect and by what was known in that week; of series with
        persistence at 5 %.
    """
    draw = _generator([2500, weeks])
    transition = np.full((3, 3), 0.025) + 0.925 * np.eye(3)
    planted = PoissonHmm(
        np.full((3, 1), 1 / 3), transition[:, :, None], np.array([[0.5], [3.0], [9.0]])
    )
    counts, states = simulate(draw, planted.repeat(n), weeks)
    fits = fit_states(draw, counts, restarts=3)
    model = fits.models[2]
    paths = [likeliest_path(model.take(np.array([place])), counts[:, place]) for place in range(n)]
    return (
        float(np.mean(fits.states == 3)),
        float(np.mean(fits.states < 3)),
        float(np.mean(np.stack(paths, axis=1) == states)),
        float(np.mean(filter_states(model, counts)[0].argmax(axis=1) == states)),
        float(np.mean(persistence_test(draw, counts.T.copy(), n=SURROGATES) <= LEVEL)),
    )


@cache
def repetitions(kind, moved=None, n=NULLS):
    """Share of series whose latest quarter repeats one of the past.

    Planted is a copy of a quarter, of whose trades the share ``moved`` is a week earlier or later;
    None plants nothing.
    """
    draw = _generator([3000, KINDS.index(kind), 0 if moved is None else 1 + int(100 * moved)])
    counts = _counts(draw, kind, np.full((n, WEEKS), 4.0))
    if moved is not None:
        places = draw.integers(0, WEEKS - 2 * WINDOW + 1, (n, 1)) + np.arange(WINDOW)
        copied = np.take_along_axis(counts, places, axis=1).astype(np.int64)
        leaving = draw.binomial(copied, moved)
        earlier = draw.binomial(leaving, 0.5)
        counts[:, -WINDOW:] = copied - leaving
        counts[:, -WINDOW:] += np.roll(earlier, -1, axis=1) + np.roll(leaving - earlier, 1, axis=1)
    searches = search_matches(
        draw, counts, length=WINDOW, radius=RADIUS, surrogates=SURROGATES, most=1
    )
    return float(np.mean([search.p_value <= LEVEL for search in searches]))


@cache
def changes(kind, ratio=1.0, n=NULLS):
    """Share of series whose rate changes, and of those with a border within 4 weeks of the change.

    The rate is ``ratio`` times as high from a random week of the middle half on.
    """
    draw = _generator([4000, KINDS.index(kind), int(100 * ratio)])
    start = draw.integers(WEEKS // 4, 3 * WEEKS // 4, n)
    counts = _counts(draw, kind, np.where(np.arange(WEEKS) < start[:, None], 2.0, 2.0 * ratio))
    found = np.flatnonzero(change_test(draw, counts, n=SURROGATES) <= LEVEL)
    if ratio == 1:
        return len(found) / n, None
    near = [
        any(
            abs(each.start - start[place]) <= LEAST_SEGMENT
            for each in segmentation(draw, counts[place], least=LEAST_SEGMENT, n=1).segments[1:]
        )
        for place in found
    ]
    return len(found) / n, float(np.mean(near))


@cache
def likeness(kind, shared=0.0, wave=0.0, n=NULLS):
    """Share of pairs that are alike; ``shared`` is the share of trades made in the same weeks.

    A yearly ``wave`` of the rates, by that share of their mean, has a phase of its own in each.
    """
    draw = _generator([5000, KINDS.index(kind), int(100 * shared), int(100 * wave)])
    mean = np.full((n, WEEKS), 4.0)
    # What is thinned of the same counts is of the same weeks.
    common = _counts(draw, kind, mean).astype(np.int64)
    counts = []
    for _ in range(2):
        phase = draw.uniform(0, 2 * np.pi, (n, 1))
        season = 1 + wave * np.cos(2 * np.pi * np.arange(WEEKS) / 52 + phase)
        own = _counts(draw, kind, mean * season).astype(np.int64)
        counts.append(draw.binomial(common, shared) + draw.binomial(own, 1 - shared))
    pairs = np.stack([np.arange(n), np.arange(n) + n], axis=1)
    _, p_values = compare_series(
        draw,
        np.concatenate(counts) * 1.0,
        pairs,
        radius=RADIUS,
        surrogates=SURROGATES,
    )
    return float(np.mean(p_values <= LEVEL))


def _cycles():
    rows = [(kind, "nothing", cycles(kind)[0], None) for kind in KINDS]
    rows += [
        (kind, f"30 days, amplitude {amplitude}", *cycles(kind, amplitude, PLANTED))
        for kind in KINDS
        for amplitude in (0.25, 0.5, 0.75)
    ]
    return _report(
        "Cycles",
        f"{NULLS:,} series a row with nothing planted, {PLANTED:,} with a cycle, of {YEARS} years "
        "with a trade every other weekday; the autoregression is by weekday. The amplitude is that "
        "of the rate over its mean. " + _SURROGATES,
        ("counts", "planted", "found at 5 %", "of these, at 30 days"),
        rows,
    )


def _persistence():
    return _report(
        "Regimes: the test of persistence, and BIC",
        f"{NULLS:,} series a row of {WEEKS} weeks with 2 trades a week, {PLANTED:,} of them "
        "fitted. In the first two rows weeks are exchangeable, which is the null: BIC, which does "
        "not decide in answers, takes several states where counts are dispersed. In the last two "
        "activity does persist, without regimes. " + _SURROGATES,
        ("counts", "found at 5 %", "several states by BIC"),
        [(kind, *persistence(kind)) for kind in KINDS],
    )


def _three_regimes():
    return _report(
        "Regimes: three planted",
        f"{PLANTED:,} series a row with regimes of 0.5, 3 and 9 trades a week that last 20 weeks "
        "on average; 1 to 4 states are tried, from 3 random beginnings.",
        (
            "weeks",
            "3 states by BIC",
            "fewer",
            "weeks in their regime, in retrospect",
            "as known in that week",
            "persistence found at 5 %",
        ),
        [(f"{weeks}", *three_regimes(weeks)) for weeks in (104, 208, 312)],
    )


def _repetitions():
    rows = [(kind, "nothing", repetitions(kind)) for kind in KINDS]
    rows += [
        (kind, f"a quarter, {100 * moved:.0f} % of trades moved", repetitions(kind, moved, PLANTED))
        for kind in (POISSON, *list(SERIAL)[1:])
        for moved in (0.0, 0.2, 0.5)
    ]
    return _report(
        "Repetitions",
        f"{NULLS:,} series a row with nothing planted, {PLANTED:,} with a repetition, of {WEEKS} "
        f"weeks with 4 trades a week. The latest {WINDOW} weeks are a copy of earlier ones, of "
        "whose trades some are made a week earlier or later. " + _SURROGATES,
        ("counts", "planted", "found at 5 %"),
        rows,
    )


def _changes():
    rows = [(kind, "nothing", *changes(kind)) for kind in EXCHANGEABLE]
    rows += [(kind, "a rate that comes and goes", *changes(kind)) for kind in SERIAL]
    rows += [
        (kind, f"one change, {ratio:g} times the rate", *changes(kind, ratio, PLANTED))
        for kind in EXCHANGEABLE
        for ratio in (1.5, 2.0, 3.0)
    ]
    return _report(
        "Changes of the rate",
        f"{NULLS:,} series a row without a planted change, {PLANTED:,} with one, of {WEEKS} weeks "
        "with 2 trades a week before it. The null is that weeks are exchangeable; a rate that "
        "comes and goes is no such null, and is found to change. " + _SURROGATES,
        ("counts", "planted", "found at 5 %", "of these, within 4 weeks"),
        rows,
    )


def _likeness():
    rows = [(kind, "nothing", likeness(kind)) for kind in KINDS]
    rows.append((POISSON, "in each a yearly wave of half its mean", likeness(POISSON, wave=0.5)))
    rows += [
        (kind, f"{100 * shared:.0f} % of trades in common", likeness(kind, shared, n=PLANTED))
        for kind in KINDS
        for shared in (0.5, 0.7)
    ]
    return _report(
        "Likeness of two members",
        f"{NULLS:,} pairs a row with nothing planted, {PLANTED:,} with trades in the same weeks, "
        f"of {WEEKS} weeks with 4 trades a week. Waves of the same length are not in the null, and "
        "are found alike wherever their phases are near. " + _SURROGATES,
        ("counts", "planted", "found at 5 %"),
        rows,
    )


def _report(title, method, columns, rows):
    return Report(
        title=title,
        method=method,
        columns=columns,
        rows=tuple(tuple(map(_cell, row)) for row in rows),
        versions=package_versions("numpy"),
        measurements={
            ", ".join(cell for cell in row if isinstance(cell, str)): tuple(
                cell for cell in row if isinstance(cell, float)
            )
            for row in rows
        },
    )


def _cell(cell):
    if isinstance(cell, float):
        return f"{100 * cell:.1f} %"
    return cell or ""


def run() -> list[Report]:
    return [
        _cycles(),
        _persistence(),
        _three_regimes(),
        _repetitions(),
        _changes(),
        _likeness(),
    ]

"""What each analysis of patterns says of one politician, as documents."""

from typing import Any, Final

import numpy as np

from quant.analytics.arrays import Floats
from quant.analytics.patterns.changepoints import change_test, segmentation
from quant.analytics.patterns.dtw import search_matches
from quant.analytics.patterns.hmm import (
    PoissonHmm,
    expected_durations,
    infer,
    likeliest_path,
    stationary_distribution,
)
from quant.analytics.patterns.periodogram import frequency_grid, search_cycles
from quant.analytics.patterns.regimes import MOST_STATES, bootstrap, fit_states, persistence_test
from quant.methods.patterns import CHANGES, CYCLES, REGIMES, REPETITIONS
from quant.reports.documents import estimate
from quant.reports.patterns_query import Analysis
from quant.reports.patterns_series import LEVEL, Subject, day, number, series_document

SURROGATES: Final = 499
SHORTEST_PERIOD: Final = 15
# A cycle is seen this often at least.
CYCLES_SEEN: Final = 4
OVERSAMPLING: Final = 3
RESTARTS: Final = 10
BOOTSTRAPS: Final = 100
WINDOW: Final = 13
RADIUS: Final = 2
LEAST_SEGMENT: Final = 4


def _lacking(subject: Subject, analysis: Analysis) -> dict[str, Any] | None:
    lack = subject.lacks(analysis)
    return None if lack is None else {"status": "insufficient_data", "finding": lack}


def _status(p_value: float) -> str:
    return "found" if p_value <= LEVEL else "not_found"


def cycles_document(subject: Subject, *, surrogates: int = SURROGATES) -> dict[str, Any]:
    """Return the cycles in which a politician's trades recur."""
    series = subject.weekdays
    document: dict[str, Any] = {
        "series": series_document(series, "weekday"),
        "p_value": None,
        "search": None,
        "cycles": [],
    }
    if (lacking := _lacking(subject, Analysis.CYCLES)) is not None:
        return {**lacking, **document}
    span = int(series.offsets[-1]) + 1
    longest = span / CYCLES_SEEN
    grid = frequency_grid(
        span, shortest=SHORTEST_PERIOD, longest=longest, oversampling=OVERSAMPLING
    )
    found = search_cycles(
        subject.random(CYCLES), series.counts[None], series.offsets, grid, surrogates=surrogates
    )[0]
    document |= {
        "p_value": found.p_value,
        "search": {
            "shortest_days": SHORTEST_PERIOD,
            "longest_days": longest,
            "frequencies": len(grid.index),
            "surrogates": surrogates,
            "serial_share": found.share,
            "serial_coefficient": found.phi,
        },
        "cycles": [
            {
                "period": {"days": each.period, "low": each.low, "high": each.high},
                "power": each.power,
                "amplitude": each.amplitude,
                "p_independent": each.p_independent,
                "p_serial": each.p_serial,
                "found": each.p_value <= LEVEL,
            }
            for each in found.cycles
        ],
    }
    lengths = [
        f"{each.period:.1f} days ({each.low:.1f} to {each.high:.1f})"
        for each in found.cycles
        if each.p_value <= LEVEL
    ]
    if lengths:
        finding = (
            f"Trades recur in a cycle of {', '.join(lengths)}; series without a cycle show one as "
            f"strong with probability {found.p_value:.3g}."
        )
    else:
        finding = (
            "No cycle beats its null: series without one show a peak as high with probability "
            f"{found.p_value:.3g}."
        )
    return {"status": "found" if lengths else "not_found", "finding": finding, **document}


def regimes_document(subject: Subject, *, surrogates: int = SURROGATES) -> dict[str, Any]:
    """Return the regimes of a politician's activity."""
    series = subject.weeks
    document: dict[str, Any] = {
        "series": series_document(series, "week"),
        "p_value": None,
        "selection": None,
        "regimes": [],
        "latest": None,
        "spells": [],
    }
    if (lacking := _lacking(subject, Analysis.REGIMES)) is not None:
        return {**lacking, **document}
    rng = subject.random(REGIMES)
    fits = fit_states(rng, series.counts[:, None], restarts=RESTARTS)
    p_value = float(persistence_test(rng, series.counts[None], n=surrogates)[0])
    k = int(fits.states[0])
    model = fits.models[k - 1]
    refitted = bootstrap(rng, model, len(series), n=BOOTSTRAPS)
    found = k > 1 and p_value <= LEVEL
    document |= {
        "p_value": p_value,
        "selection": {
            "states": k,
            "bic": fits.bic[:, 0].tolist(),
            "log_likelihood": fits.log_likelihood[:, 0].tolist(),
            "most_states": MOST_STATES,
            "restarts": RESTARTS,
            "surrogates": surrogates,
            "bootstraps": BOOTSTRAPS,
        },
        "regimes": _regimes(model, refitted, len(series)),
        "latest": {
            "week": day(series, -1),
            "probabilities": infer(model, series.counts[:, None]).filtered[-1, :, 0].tolist(),
        },
        "spells": _spells(subject, model),
    }
    rates = ", ".join(f"{rate:.2g}" for rate in model.rates[:, 0])
    if found:
        finding = (
            f"Activity has {k} regimes of {rates} trades a week; weeks in random order show such "
            f"persistence with probability {p_value:.3g}."
        )
    elif k == 1:
        finding = f"There are no regimes: one rate of {rates} trades a week is enough by BIC."
    else:
        finding = (
            f"There are no regimes: weeks in random order show such persistence with probability "
            f"{p_value:.3g}. The counts are more dispersed than one Poisson rate allows, which is "
            f"why BIC takes {k} states."
        )
    return {"status": "found" if found else "not_found", "finding": finding, **document}


def _regimes(model: PoissonHmm, refitted: PoissonHmm, weeks: int) -> list[dict[str, Any]]:
    transition = model.transition[:, :, 0]
    durations = expected_durations(transition)
    # States by draws.
    drawn = expected_durations(refitted.transition).T.reshape(len(durations), -1)
    return [
        {
            "rate": _interval(float(model.rates[i, 0]), refitted.rates[i], weeks),
            "expected_weeks": _interval(float(durations[i]), drawn[i], weeks),
            "long_run_share": float(share),
            "transition": transition[i].tolist(),
        }
        for i, share in enumerate(stationary_distribution(transition))
    ]


def _interval(value: float, draws: Floats, n: int) -> dict[str, Any]:
    """Return an estimate with the percentile interval of its bootstrap draws."""
    low, high = np.quantile(draws, [0.025, 0.975], method="inverted_cdf")
    finite = bool(np.isfinite(draws).all())
    return estimate(
        value, n=n, standard_error=float(draws.std(ddof=1)) if finite else None, low=low, high=high
    )


def _spells(subject: Subject, model: PoissonHmm) -> list[dict[str, Any]]:
    series = subject.weeks
    path = likeliest_path(model, series.counts)
    starts = np.concatenate([[0], np.flatnonzero(np.diff(path)) + 1])
    stops = np.append(starts[1:], len(path))
    return [
        {
            "regime": int(path[start]),
            "from": day(series, start),
            "to": day(series, stop - 1, last=True),
            "trades": int(series.counts[start:stop].sum()),
        }
        for start, stop in zip(starts.tolist(), stops.tolist(), strict=True)
    ]


def repetitions_document(subject: Subject, *, surrogates: int = SURROGATES) -> dict[str, Any]:
    """Return the past quarters that resemble a politician's latest one."""
    series = subject.weeks
    document: dict[str, Any] = {
        "series": series_document(series, "week"),
        "p_value": None,
        "search": {
            "window_weeks": WINDOW,
            "band_weeks": RADIUS,
            "windows": max(0, len(series) - 2 * WINDOW + 1),
            "surrogates": surrogates,
        },
        "latest": None,
        "matches": [],
    }
    if (lacking := _lacking(subject, Analysis.REPETITIONS)) is not None:
        return {**lacking, **document}
    found = search_matches(
        subject.random(REPETITIONS),
        series.counts[None],
        length=WINDOW,
        radius=RADIUS,
        surrogates=surrogates,
    )[0]
    document |= {
        "p_value": number(found.p_value),
        "latest": _window(subject, len(series) - WINDOW),
        "matches": [
            {
                **_window(subject, each.start),
                "distance": each.distance,
                "p_independent": each.p_independent,
                "p_serial": each.p_serial,
                "found": each.p_value <= LEVEL,
            }
            for each in found.matches
        ],
    }
    if not found.matches:
        finding = "There is nothing to compare: the latest quarter has no ups and downs."
        return {"status": "not_found", "finding": finding, **document}
    nearest = day(series, found.matches[0].start)
    if found.p_value <= LEVEL:
        finding = (
            f"The latest {WINDOW} weeks resemble those from {nearest}; pasts drawn anew have a "
            f"quarter as near with probability {found.p_value:.3g}."
        )
    else:
        finding = (
            f"The latest {WINDOW} weeks repeat no past quarter more closely than chance does: "
            f"pasts drawn anew have one as near as that from {nearest} with probability "
            f"{found.p_value:.3g}."
        )
    return {"status": _status(found.p_value), "finding": finding, **document}


def _window(subject: Subject, start: int) -> dict[str, Any]:
    series = subject.weeks
    return {
        "from": day(series, start),
        "to": day(series, start + WINDOW - 1, last=True),
        "counts": series.counts[start : start + WINDOW].astype(int).tolist(),
    }


def changes_document(subject: Subject, *, surrogates: int = SURROGATES) -> dict[str, Any]:
    """Return when the rate of a politician's trades changed."""
    series = subject.weeks
    document: dict[str, Any] = {
        "series": series_document(series, "week"),
        "p_value": None,
        "search": None,
        "segments": [],
    }
    if (lacking := _lacking(subject, Analysis.CHANGES)) is not None:
        return {**lacking, **document}
    rng = subject.random(CHANGES)
    p_value = float(change_test(rng, series.counts[None], n=surrogates)[0])
    found = segmentation(rng, series.counts, least=LEAST_SEGMENT, n=surrogates)
    document |= {
        "p_value": p_value,
        "search": {
            "least_weeks": LEAST_SEGMENT,
            "penalty": found.penalty,
            "dispersion": found.dispersion,
            "surrogates": surrogates,
        },
        "segments": [
            {
                "from": day(series, each.start),
                "to": day(series, each.stop - 1, last=True),
                "rate": estimate(
                    each.rate,
                    n=each.stop - each.start,
                    standard_error=each.standard_error,
                    low=max(0.0, each.rate - 1.96 * each.standard_error),
                    high=each.rate + 1.96 * each.standard_error,
                ),
                # Of the change that the segment begins with.
                "p_change": None if place == 0 else float(found.p_values[place - 1]),
            }
            for place, each in enumerate(found.segments)
        ],
    }
    changes = [f"the week of {day(series, each.start)}" for each in found.segments[1:]]
    chance = f"weeks in random order differ as much with probability {p_value:.3g}"
    if p_value > LEVEL:
        finding = f"The rate of trades is not shown to change: {chance}."
    elif changes:
        finding = f"The rate of trades changes in {', '.join(changes)}; {chance}."
    else:
        finding = (
            f"The rate of trades is not constant, but no date of a change stands out; {chance}."
        )
    return {"status": _status(p_value), "finding": finding, **document}

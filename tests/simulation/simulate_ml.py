"""Training on made-up rows: noise that is not promoted, effects that are found, and coverage."""

from dataclasses import replace
from functools import cache

import numpy as np
from ml_support import disclosures, pair_months, trained
from numpy.random import PCG64, Generator
from report import Report, package_versions
from scipy.signal import lfilter

from quant.analytics.intervals import wilson_interval
from quant.ml.catalogue import INTERVAL_LEVEL, MODELS
from quant.ml.compare import mean
from quant.ml.conformal import STEP, adapt
from quant.vocabulary import Verdict

LEVEL = 0.05
PERMUTATIONS = 200
POWER_SIMULATIONS = 50
COVERAGE_SIMULATIONS = 250
CALIBRATIONS = 25
COMPARISONS = 4000
RETURN = MODELS["abnormal-return-21"]
PROBABILITY = MODELS["trades-ticker-next-month"]
SIGNALS = (0.0, 0.4, 0.7, 1.0)
# Periods of an outcome window, and rows a period.
OVERLAPS = (1, 4, 5, 13)
HORIZONS = (21, 63)


def _generator(seed):
    return Generator(PCG64(seed))


def _frame(model):
    if model == RETURN.name:
        return RETURN, disclosures(seed=1001, signal=1.0)
    return PROBABILITY, pair_months(seed=1002, months=48, pairs=100)


@cache
def permuted(model, permutations=PERMUTATIONS):
    """Skill against each baseline and verdict, as made up and with the outcomes permuted."""
    draw = _generator(1003)
    spec, frame = _frame(model)
    whole = trained(spec, frame).evaluation
    known = np.flatnonzero(~np.isnan(frame.labels[spec.label]))
    skills = {name: [] for name in whole.metrics["comparisons"]}
    accepted = []
    for _ in range(permutations):
        outcome = frame.labels[spec.label].copy()
        outcome[known] = outcome[draw.permutation(known)]
        found = trained(spec, replace(frame, labels={spec.label: outcome})).evaluation
        for name, compared in found.metrics["comparisons"].items():
            skills[name].append(compared["skill"]["difference"])
        accepted.append(found.verdict is Verdict.ACCEPTED)
    return _skills(whole), whole.verdict is Verdict.ACCEPTED, skills, accepted


def _skills(evaluation):
    compared = evaluation.metrics["comparisons"]
    return {name: found["skill"]["difference"] for name, found in compared.items()}


@cache
def power(signal, simulations=POWER_SIMULATIONS):
    """Share of made-up data sets whose model is accepted, and its mean skill against zero."""
    accepted, skill = [], []
    for seed in range(simulations):
        found = trained(RETURN, disclosures(seed=2000 + seed, signal=signal)).evaluation
        accepted.append(found.verdict is Verdict.ACCEPTED)
        skill.append(_skills(found)["zero"])
    return tuple(accepted), tuple(skill)


@cache
def coverages(horizon, *, scaled, step, simulations=COVERAGE_SIMULATIONS):
    """Coverage of each simulation after its first 300 rows, and in its most volatile fifth."""
    draw = _generator(3000 + horizon)
    overall, volatile = [], []
    for _ in range(simulations):
        seed = int(draw.integers(1 << 31))
        frame = disclosures(seed=seed, signal=0.0, horizon=horizon)
        label = f"abnormal_return_{horizon}"
        outcome, scale = frame.labels[label], frame.column("volatility_63")
        scores = np.abs(outcome) / (scale if scaled else 1.0)
        found = adapt(scores, frame.as_of, frame.known_on[label], level=INTERVAL_LEVEL, step=step)
        later = np.arange(len(frame)) >= 300
        inside = scores <= found.quantile
        overall.append(inside[later].mean())
        volatile.append(inside[later & (scale > np.quantile(scale, 0.8))].mean())
    return np.array(overall), np.array(volatile)


@cache
def calibrations(simulations=CALIBRATIONS):
    """Calibration error of each record, and what chance lets it be."""
    found = []
    for seed in range(simulations):
        frame = pair_months(seed=4000 + seed, months=48, pairs=100)
        error = trained(PROBABILITY, frame).evaluation.metrics["calibration"]
        found.append((error["value"], error["expected_if_calibrated"]))
    return np.array(found)


@cache
def equal_losses(overlap):
    """Share of comparisons called better of predictions that are as good as each other.

    Differences of losses of 1 to 9 rows a period, with heavy tails, of which those of a period are
    alike and windows overlap.
    """
    draw = _generator(5000 + overlap)
    better = 0
    for _ in range(COMPARISONS):
        shocks = draw.standard_t(5, 260 + overlap - 1)
        shared = lfilter(np.full(overlap, 1 / np.sqrt(overlap)), [1.0], shocks)[overlap - 1 :]
        period = np.repeat(np.arange(260), draw.integers(1, 10, 260))
        values = shared[period] + draw.normal(size=len(period))
        better += mean(values, period, overlap=overlap).p_value <= LEVEL
    return better / COMPARISONS


def run():
    return [_permuted(), _power(), _coverage(), _calibration(), _equal_losses()]


def _percent(value, digits=1):
    return f"{100 * value:.{digits}f}%"


def _share(flags):
    low, high = wilson_interval(sum(flags), len(flags))
    return f"{_percent(np.mean(flags))} ({_percent(float(low))} to {_percent(float(high))})"


def _mean(values, digits=2):
    half = 1.96 * np.std(values, ddof=1) / np.sqrt(len(values))
    low, high = np.mean(values) - half, np.mean(values) + half
    return (
        f"{_percent(np.mean(values), digits)} ({_percent(low, digits)} to {_percent(high, digits)})"
    )


def _permuted():
    rows, measurements = [], {}
    for model in (RETURN.name, PROBABILITY.name):
        whole, accepted, skills, verdicts = permuted(model)
        for name, values in skills.items():
            rows.append(
                (
                    model,
                    name,
                    _percent(whole[name]),
                    "accepted" if accepted else "refused",
                    _mean(values),
                    _share(verdicts),
                )
            )
            measurements[f"{model}, {name}"] = (whole[name], *values)
        measurements[f"{model}, accepted"] = tuple(map(float, verdicts))
    return Report(
        title="Models: outcomes permuted",
        method=(
            "Made-up rows with a planted effect: 1,500 disclosures with overlapping, "
            "heteroskedastic, heavy-tailed returns, and 4,800 months of pairs. Trained, evaluated "
            f"and judged as in production, and again on {PERMUTATIONS} permutations of the "
            "outcomes. Skill is 1 less the ratio of the mean loss to the baseline's, out of "
            "sample. Whatever is found in permuted outcomes is false: the promotion test may "
            f"accept at most {100 * LEVEL:.0f} %. The mean over permutations is with its 95 % "
            "interval; below zero, the model has paid for what it learnt of noise."
        ),
        columns=(
            "model",
            "baseline",
            "skill as made up",
            "verdict",
            "mean skill, permuted",
            "accepted, permuted",
        ),
        rows=tuple(rows),
        versions=package_versions("numpy", "lightgbm"),
        measurements=measurements,
    )


def _power():
    rows, measurements = [], {}
    for signal in SIGNALS:
        accepted, skill = power(signal)
        rows.append((f"{signal}", _share(accepted), _mean(skill)))
        measurements[f"signal {signal}"] = skill
        measurements[f"signal {signal}, accepted"] = tuple(map(float, accepted))
    return Report(
        title="Models: power of the promotion test",
        method=(
            f"{POWER_SIMULATIONS} data sets each of 1,500 disclosures over six years whose "
            "expected return over 21 trading days depends on the distance of momentum from zero, "
            "of which a linear model sees nothing. The signal is in standard deviations of the "
            "return for each unit of that distance, whose own standard deviation is 0.6. Accepted: "
            f"better than zero, historical mean and ridge, each at one-sided p <= {LEVEL}."
        ),
        columns=("signal", "accepted", "mean skill against zero"),
        rows=tuple(rows),
        versions=package_versions("numpy", "lightgbm"),
        measurements=measurements,
    )


def _coverage():
    rows, measurements = [], {}
    for horizon in HORIZONS:
        for scaled, step in ((False, 0.0), (True, 0.0), (False, STEP), (True, STEP)):
            overall, volatile = coverages(horizon, scaled=scaled, step=step)
            kind = ", ".join(
                (
                    "over volatility" if scaled else "not scaled",
                    "level adapted" if step else "level fixed",
                )
            )
            within = (overall >= 0.88) & (overall <= 0.92)
            used = " (used)" if scaled and step else ""
            rows.append(
                (
                    f"{horizon} days, {kind}{used}",
                    _mean(overall, 1),
                    _share(within.tolist()),
                    _mean(volatile, 1),
                )
            )
            measurements[f"{horizon} days, {kind}"] = tuple(overall.tolist())
    return Report(
        title="Models: coverage of the 90 % interval",
        method=(
            f"{COVERAGE_SIMULATIONS} data sets each of 1,500 disclosures over six years in 20 "
            "stocks, whose volatility comes and goes, with Student's t returns (4 degrees of "
            "freedom) over overlapping windows; outcomes are known at the end of the window. "
            "Coverage of the rows after the first 300. In the fifth of the rows with the highest "
            "volatility, too."
        ),
        columns=("interval", "coverage", "within 88 % and 92 %", "of the most volatile fifth"),
        rows=tuple(rows),
        versions=package_versions("numpy"),
        measurements=measurements,
    )


def _calibration():
    found = calibrations()
    return Report(
        title="Models: calibration error",
        method=(
            f"{CALIBRATIONS} data sets of 4,800 months of pairs whose activity moves from month to "
            "month: expected calibration error of the record out of sample, over ten bins, beside "
            "what chance lets it be were every probability right."
        ),
        columns=("", "mean"),
        rows=(
            ("calibration error", _mean(found[:, 0])),
            ("expected of right probabilities", _mean(found[:, 1])),
        ),
        versions=package_versions("numpy", "lightgbm"),
        measurements={
            "calibration error": tuple(found[:, 0].tolist()),
            "expected if calibrated": tuple(found[:, 1].tolist()),
        },
    )


def _equal_losses():
    return Report(
        title="Models: paired comparison of equal predictions",
        method=(
            f"{COMPARISONS:,} simulated records over 260 weeks of 1 to 9 rows each, of predictions "
            "that are as good as each other: differences of losses are alike within a week, "
            "overlap as outcome windows do, and have heavy tails (Student's t, 5 degrees of "
            "freedom)."
        ),
        columns=("weeks that a window spans", "called better at 5 %"),
        rows=tuple((str(overlap), _percent(equal_losses(overlap))) for overlap in OVERLAPS),
        versions=package_versions("numpy"),
        measurements={f"{overlap} weeks": (equal_losses(overlap),) for overlap in OVERLAPS},
    )

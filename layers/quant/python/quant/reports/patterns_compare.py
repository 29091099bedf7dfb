"""The report that compares when several politicians trade."""

from collections.abc import Sequence
from datetime import date
from itertools import combinations
from typing import Any, Final

import numpy as np
from sqlalchemy import Connection

from quant.analytics.arrays import Floats
from quant.analytics.multiple_testing import benjamini_hochberg
from quant.analytics.patterns.dtw import compare_series
from quant.analytics.patterns.hmm import expected_durations
from quant.analytics.patterns.regimes import fit_states, persistence_test
from quant.db.keyset import data_version
from quant.methods.patterns import CYCLES, LIKENESS, REGIMES
from quant.reports.documents import sample
from quant.reports.load import find_member, load_trades
from quant.reports.patterns_analyses import RADIUS, cycles_document
from quant.reports.patterns_query import Analysis
from quant.reports.patterns_series import LEVEL, Subject, day, number

SURROGATES: Final = 199
RESTARTS: Final = 5
# What two politicians must share to be compared.
LEAST_WEEKS: Final = 52
LEAST_TRADES: Final = 20


def comparison_report(
    connection: Connection, identifiers: Sequence[str], as_of: date | None = None
) -> dict[str, Any]:
    """Return how alike politicians trade in time: each pair, and the profile of each.

    Args:
        connection: Connection to read from.
        identifiers: Identifiers (UUID) or bioguide ids; repetitions are left out.
        as_of: Use only what was disclosed on or before this day; None for all trades.

    Raises:
        NotFoundError: There is no such politician.
    """
    version = data_version(connection)
    found = [find_member(connection, identifier) for identifier in identifiers]
    members = list({member.id: member for member in found}.values())
    trades = load_trades(connection, politicians=[member.id for member in members], as_of=as_of)
    place = {member.id: code for code, member in enumerate(trades.members)}
    subjects = [
        Subject(
            member,
            trades.arrays.transaction_day[trades.arrays.politician == place.get(member.id, -1)],
        )
        for member in members
    ]
    pairs = [_pair(first, second) for first, second in combinations(subjects, 2)]
    profiles = _profiles(subjects)
    # Every test of the answer is one of a family.
    tests = [
        *pairs,
        *(profile["cycle"] for profile in profiles),
        *(profile["regimes"] for profile in profiles),
    ]
    q_values = benjamini_hochberg(
        [np.nan if test["p_value"] is None else test["p_value"] for test in tests]
    )
    for test, q_value in zip(tests, q_values, strict=True):
        test["q_value"] = number(q_value)
        if test["status"] == "found" and not q_value <= LEVEL:
            test["status"] = "not_found"
    return {
        "data": {
            "as_of": as_of,
            "summary": _summary(pairs, len(tests) - int(np.isnan(q_values).sum())),
            "surrogates": SURROGATES,
            "profiles": profiles,
            "pairs": pairs,
        },
        "methods": [method.reference() for method in (LIKENESS, CYCLES, REGIMES)],
        "sample": sample(trades),
        "data_version": version,
    }


def _pair(first: Subject, second: Subject) -> dict[str, Any]:
    document: dict[str, Any] = {
        "first": first.member.reference(),
        "second": second.member.reference(),
        "status": "insufficient_data",
        "from": None,
        "weeks": 0,
        "distance": None,
        "p_value": None,
    }
    if not (len(first.weeks) and len(second.weeks)):
        return document
    start = max(first.weeks.days[0], second.weeks.days[0])
    stop = min(first.weeks.days[-1], second.weeks.days[-1])
    shared = [
        each.weeks.counts[(each.weeks.days >= start) & (each.weeks.days <= stop)]
        for each in (first, second)
    ]
    weeks = len(shared[0])
    document["weeks"] = weeks
    if weeks:
        document["from"] = start.item()
    if weeks < LEAST_WEEKS or min(counts.sum() for counts in shared) < LEAST_TRADES:
        return document
    # Whichever of the two is asked for first, the answer is the same.
    ordered = sorted(zip((first, second), shared, strict=True), key=lambda each: each[0].member.id)
    distances, p_values = compare_series(
        ordered[0][0].random(LIKENESS),
        np.stack([counts for _, counts in ordered]),
        np.array([[0, 1]]),
        radius=RADIUS,
        surrogates=SURROGATES,
    )
    p_value = float(p_values[0])
    return document | {
        "status": "found" if p_value <= LEVEL else "not_found",
        "distance": number(distances[0]),
        "p_value": p_value,
    }


def _profiles(subjects: Sequence[Subject]) -> list[dict[str, Any]]:
    """Return the strongest cycle and the regimes of each politician."""
    able = sorted(
        (subject for subject in subjects if subject.lacks(Analysis.REGIMES) is None),
        key=lambda subject: subject.member.id,
    )
    regimes = dict(zip((subject.member.id for subject in able), _regimes(able), strict=True))
    none: dict[str, Any] = {
        "status": "insufficient_data",
        "p_value": None,
        "rates": [],
        "expected_weeks": [],
    }
    return [
        {
            "politician": subject.member.reference(),
            "trades": len(subject.days),
            "from": day(subject.weeks, 0) if len(subject.weeks) else None,
            "to": day(subject.weeks, -1, last=True) if len(subject.weeks) else None,
            "cycle": _cycle(subject),
            "regimes": regimes.get(subject.member.id, dict(none)),
        }
        for subject in subjects
    ]


def _cycle(subject: Subject) -> dict[str, Any]:
    document = cycles_document(subject, surrogates=SURROGATES)
    strongest = document["cycles"][0] if document["cycles"] else None
    return {
        "status": document["status"],
        "p_value": document["p_value"],
        "period": None if strongest is None else strongest["period"],
    }


def _regimes(subjects: Sequence[Subject]) -> list[dict[str, Any]]:
    """Fit all politicians at once; a series that ends early is missing from then on."""
    if not subjects:
        return []
    longest = max(len(subject.weeks) for subject in subjects)
    counts: Floats = np.full((longest, len(subjects)), np.nan)
    for column, subject in enumerate(subjects):
        counts[: len(subject.weeks), column] = subject.weeks.counts
    fits = fit_states(subjects[0].random(REGIMES), counts, restarts=RESTARTS)
    documents = []
    for column, subject in enumerate(subjects):
        p_value = float(
            persistence_test(subject.random(REGIMES), subject.weeks.counts[None], n=SURROGATES)[0]
        )
        k = int(fits.states[column])
        model = fits.models[k - 1]
        durations = expected_durations(model.transition[:, :, column])
        documents.append(
            {
                "status": "found" if k > 1 and p_value <= LEVEL else "not_found",
                "p_value": p_value,
                "rates": model.rates[:, column].tolist(),
                "expected_weeks": [number(weeks) for weeks in durations],
            }
        )
    return documents


def _summary(pairs: Sequence[dict[str, Any]], tests: int) -> str:
    alike = [pair for pair in pairs if pair["status"] == "found"]
    corrected = f"of {tests} tests at a false discovery rate of {LEVEL:.0%}"
    if all(pair["p_value"] is None for pair in pairs):
        return "No two of them share enough weeks and trades to be compared."
    if not alike:
        return f"No two of them are busy in the same weeks more than chance explains, {corrected}."
    names = "; ".join(
        f"{pair['first']['full_name']} and {pair['second']['full_name']}" for pair in alike
    )
    return f"Busy in the same weeks more than chance explains: {names}, {corrected}."

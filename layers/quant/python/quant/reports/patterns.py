"""Reports on patterns in when a politician trades."""

from collections.abc import Callable
from datetime import date
from typing import Any, Final

import numpy as np
from sqlalchemy import Connection

from quant.analytics.multiple_testing import benjamini_hochberg
from quant.db.keyset import data_version
from quant.methods import Method
from quant.methods.patterns import CHANGES, CYCLES, REGIMES, REPETITIONS
from quant.reports.documents import sample
from quant.reports.load import LoadedTrades, Member, find_member, load_trades
from quant.reports.patterns_analyses import (
    changes_document,
    cycles_document,
    regimes_document,
    repetitions_document,
)
from quant.reports.patterns_query import Analysis
from quant.reports.patterns_series import LEVEL, Subject, number

_DOCUMENTS: Final[dict[Analysis, tuple[Method, Callable[[Subject], dict[str, Any]]]]] = {
    Analysis.CYCLES: (CYCLES, cycles_document),
    Analysis.REGIMES: (REGIMES, regimes_document),
    Analysis.REPETITIONS: (REPETITIONS, repetitions_document),
    Analysis.CHANGES: (CHANGES, changes_document),
}


def load_subject(
    connection: Connection, member: Member, as_of: date | None
) -> tuple[Subject, LoadedTrades]:
    """Return a politician with the days of the trades that were public at the end of ``as_of``.

    Without a date all trades count, those of unknown disclosure date too.
    """
    trades = load_trades(connection, politicians=[member.id], as_of=as_of)
    return Subject(member, trades.arrays.transaction_day), trades


def pattern_report(
    connection: Connection, analysis: Analysis, identifier: str, as_of: date | None = None
) -> dict[str, Any]:
    """Return the document of one analysis of one politician.

    Args:
        connection: Connection to read from.
        analysis: Which.
        identifier: Identifier (UUID) or bioguide id.
        as_of: Use only what was disclosed on or before this day; None for all trades.

    Raises:
        NotFoundError: There is no such politician.
    """
    version = data_version(connection)
    member = find_member(connection, identifier)
    subject, trades = load_subject(connection, member, as_of)
    method, document = _DOCUMENTS[analysis]
    return {
        "data": {"politician": member.reference(), "as_of": as_of, **document(subject)},
        "method": method.reference(),
        "sample": sample(trades),
        "data_version": version,
    }


def comprehensive_report(
    connection: Connection, identifier: str, as_of: date | None = None
) -> dict[str, Any]:
    """Return all analyses of one politician, their tests corrected together.

    Arguments and errors as of ``pattern_report``.
    """
    version = data_version(connection)
    member = find_member(connection, identifier)
    subject, trades = load_subject(connection, member, as_of)
    documents = {name: document(subject) for name, (_, document) in _DOCUMENTS.items()}
    p_values = [document["p_value"] for document in documents.values()]
    q_values = benjamini_hochberg([np.nan if p is None else p for p in p_values])
    tests = [
        _corrected(name, document, q_value)
        for (name, document), q_value in zip(documents.items(), q_values.tolist(), strict=True)
    ]
    return {
        "data": {
            "politician": member.reference(),
            "as_of": as_of,
            "summary": _summary(tests),
            "tests": tests,
            **{name.value: document for name, document in documents.items()},
        },
        "methods": [method.reference() for method, _ in _DOCUMENTS.values()],
        "sample": sample(trades),
        "data_version": version,
    }


def _corrected(analysis: Analysis, document: dict[str, Any], q_value: float) -> dict[str, Any]:
    status, finding = document["status"], document["finding"]
    if status == "found" and q_value > LEVEL:
        status = "not_found"
        finding += f" Corrected for the other tests this is not significant (q = {q_value:.3g})."
    return {
        "analysis": analysis,
        "status": status,
        "p_value": document["p_value"],
        "q_value": number(q_value),
        "finding": finding,
    }


def _summary(tests: list[dict[str, Any]]) -> str:
    made = [test for test in tests if test["p_value"] is not None]
    found = [test for test in made if test["status"] == "found"]
    if not made:
        return "There are not enough trades for any of the analyses."
    corrected = f"of {len(made)} tests at a false discovery rate of {LEVEL:.0%}"
    if not found:
        return f"Nothing beats its null, {corrected}."
    return " ".join([*(test["finding"] for test in found), f"This holds {corrected}."])

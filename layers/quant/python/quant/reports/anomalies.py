"""The report on unusual trades of one member."""

from datetime import date
from typing import Any, Final

import numpy as np
from sqlalchemy import Connection

from quant.analytics.anomalies.combine import cauchy_combination
from quant.analytics.multiple_testing import benjamini_hochberg
from quant.db.keyset import data_version
from quant.methods.anomalies import METHODS
from quant.reports.anomaly_detectors import (
    LEVEL,
    Detection,
    Evidence,
    Scene,
    detect_clustering,
    detect_committees,
    detect_lateness,
    detect_size,
    detect_timing,
)
from quant.reports.documents import null_if_nan, sample
from quant.reports.evidence import trade_rows
from quant.reports.load import LoadedTrades, find_member, load_trades

NOTICE: Final = (
    "Facts about disclosed numbers beside a stated null hypothesis; no finding about a person, and "
    "no investment advice."
)


def anomaly_report(
    connection: Connection, identifier: str, as_of: date | None = None
) -> dict[str, Any]:
    """Return the document on the unusual trades of one member.

    Args:
        connection: Connection to read from.
        identifier: Identifier (UUID) or bioguide id.
        as_of: Use only what was public at the end of this day; None for all that is known.

    Raises:
        NotFoundError: There is no such politician.
    """
    version = data_version(connection)
    scene = load_scene(connection, identifier, as_of)
    found = detect(connection, scene)
    combined, q_values = combine(found)
    places = sorted({item.place for detection in found for item in detection.evidence})
    rows = trade_rows(connection, [str(scene.trades.ids[place]) for place in places])
    named = {place: rows[str(scene.trades.ids[place])] for place in places}
    return {
        "data": {
            "politician": scene.member.reference(),
            "as_of": as_of,
            "last_disclosure": last_disclosure(scene.trades),
            "combined": {
                "p_value": null_if_nan(combined),
                "detectors": int(np.count_nonzero(~np.isnan(q_values))),
                "beats_null": bool(combined <= LEVEL),
                "statement": combined_statement(combined),
            },
            "detectors": [
                _shape(detection, float(q_value), named)
                for detection, q_value in zip(found, q_values, strict=True)
            ],
            "notice": NOTICE,
        },
        "methods": [method.reference() for method in METHODS],
        "sample": scene_sample(scene),
        "data_version": version,
    }


def load_scene(connection: Connection, identifier: str, as_of: date | None) -> Scene:
    """Return everybody's trades with the member's place among them.

    Raises:
        NotFoundError: There is no such politician.
    """
    member = find_member(connection, identifier)
    trades = load_trades(connection, as_of=as_of)
    codes = [code for code, other in enumerate(trades.members) if other.id == member.id]
    return Scene(trades, member, codes[0] if codes else -1, as_of)


def detect(connection: Connection, scene: Scene) -> list[Detection]:
    """Return what every detector finds."""
    return [
        detect_size(scene),
        detect_timing(connection, scene),
        detect_clustering(scene),
        detect_lateness(scene),
        detect_committees(scene),
    ]


def combine(found: list[Detection]) -> tuple[float, np.ndarray[Any, np.dtype[np.float64]]]:
    """Return the combined p-value of the detectors, and the q-value of each."""
    p_values = np.array([detection.p_value for detection in found])
    return float(cauchy_combination(p_values)), benjamini_hochberg(p_values)


def combined_statement(p_value: float) -> str:
    """Say in words what the combination of the detectors says."""
    if np.isnan(p_value):
        return "There are too few trades for any of the tests."
    if p_value <= LEVEL:
        return (
            "Taken together, the member's trades differ from the detectors' null hypotheses "
            f"(p = {p_value:.2g}); the detectors' q-values say which."
        )
    return (
        "Taken together, the member's trades do not differ from the detectors' null hypotheses "
        f"(p = {p_value:.2g})."
    )


def last_disclosure(trades: LoadedTrades) -> date | None:
    """Return the last day on which anything among the trades was disclosed."""
    days = trades.arrays.disclosure_day
    known = days[~np.isnat(days)]
    return known.max().item() if len(known) else None


def scene_sample(scene: Scene) -> dict[str, Any]:
    """Return what an answer says of the member's trades; the peers' are counted in the tests."""
    own = scene.own
    trades = LoadedTrades(
        scene.trades.arrays.take(own),
        scene.trades.ids[own],
        scene.trades.asset_type[own],
        (scene.member,),
        scene.trades.tickers,
        scene.trades.sectors,
    )
    undated = int(np.count_nonzero(np.isnat(trades.arrays.disclosure_day)))
    return sample(trades, used=len(own) - undated, excluded={"disclosure_date_unknown": undated})


def _shape(
    detection: Detection, q_value: float, named: dict[int, dict[str, Any]]
) -> dict[str, Any]:
    beats = q_value <= LEVEL
    return {
        "name": detection.name,
        "method": detection.method.id,
        "p_value": null_if_nan(detection.p_value),
        "q_value": null_if_nan(q_value),
        "beats_null": beats,
        "tested": detection.tested,
        "significant": detection.significant,
        "estimate": detection.estimate,
        "details": detection.details,
        "statement": f"{detection.statement} {verdict(detection.p_value, q_value)}",
        "evidence": [_shape_evidence(item, named) for item in detection.evidence],
    }


def verdict(p_value: float, q_value: float) -> str:
    """Say in words whether a test beats its null hypothesis."""
    if np.isnan(p_value):
        return "There is too little to test."
    if q_value <= LEVEL:
        return f"This differs from the null hypothesis (p = {p_value:.2g}, q = {q_value:.2g})."
    return f"This does not beat the null hypothesis (p = {p_value:.2g}, q = {q_value:.2g})."


def _shape_evidence(item: Evidence, named: dict[int, dict[str, Any]]) -> dict[str, Any]:
    # A burst has one p-value, which is corrected already; a sector has none.
    decided = item.p_value if item.q_value is None else item.q_value
    return {
        "trade": named[item.place],
        "p_value": item.p_value,
        "q_value": item.q_value,
        "supported": decided is not None and decided <= LEVEL,
        "values": item.values,
    }

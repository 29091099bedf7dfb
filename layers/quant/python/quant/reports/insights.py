"""The report that says in plain language what the tests of a member's trades support."""

from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

import numpy as np
from sqlalchemy import Connection

from quant.analytics.arrays import Flags
from quant.analytics.ensemble.pool import forecast
from quant.analytics.multiple_testing import benjamini_hochberg
from quant.db.keyset import data_version
from quant.methods.anomalies import COMBINED
from quant.methods.ensemble import FORECAST, INSIGHTS
from quant.methods.patterns import CHANGES, CYCLES, REGIMES, REPETITIONS
from quant.reports.anomalies import NOTICE, combine, detect, last_disclosure, load_scene
from quant.reports.anomaly_detectors import LEVEL, Detection, Scene
from quant.reports.documents import null_if_nan
from quant.reports.ensemble import disclosed_counts
from quant.reports.evidence import trade_rows
from quant.reports.patterns import comprehensive_report
from quant.reports.patterns_query import Analysis

# Trades behind a statement that are shown.
_MOST_TRADES: Final = 5
_PATTERNS: Final = {
    Analysis.CYCLES: CYCLES,
    Analysis.REGIMES: REGIMES,
    Analysis.REPETITIONS: REPETITIONS,
    Analysis.CHANGES: CHANGES,
}


@dataclass(frozen=True, slots=True)
class Insight:
    """A statement of facts.

    Attributes:
        topic: What it is about.
        method: Identifier of the method behind it.
        statement: The facts.
        value: The number in it; NaN without one.
        n: What the number rests on.
        p_value: NaN where it was not tested.
        places: Trades behind it, among everybody's: those that stand out or, where a statement
            is about all that it counts, the latest of them.
    """

    topic: str
    method: str
    statement: str
    value: float
    n: int
    p_value: float
    places: list[int] = field(default_factory=list)


def insight_report(
    connection: Connection, identifier: str, as_of: date | None = None
) -> dict[str, Any]:
    """Return what the tests of one member's trades support, and what they do not.

    Args:
        connection: Connection to read from.
        identifier: Identifier (UUID) or bioguide id.
        as_of: Use only what was public at the end of this day; None for all that is known.

    Raises:
        NotFoundError: There is no such politician.
    """
    version = data_version(connection)
    scene = load_scene(connection, identifier, as_of)
    patterns = comprehensive_report(connection, identifier, as_of)
    detections = detect(connection, scene)
    combined, _ = combine(detections)
    insights = [
        *(_of_detection(detection, scene) for detection in detections),
        *(_of_pattern(test, patterns["data"], scene) for test in patterns["data"]["tests"]),
        *_of_forecasts(scene),
    ]
    q_values = benjamini_hochberg([insight.p_value for insight in insights])
    rows = _rows(connection, scene, insights)
    shaped = [
        (_shape(insight, float(q_value), rows), insight.p_value, float(q_value))
        for insight, q_value in zip(insights, q_values, strict=True)
    ]
    return {
        "data": {
            "politician": scene.member.reference(),
            "as_of": as_of,
            "last_disclosure": last_disclosure(scene.trades),
            "supported": [each for each, _, q_value in shaped if q_value <= LEVEL],
            "not_supported": [each for each, _, q_value in shaped if q_value > LEVEL],
            "not_tested": [each for each, p_value, _ in shaped if np.isnan(p_value)],
            "combined_p_value": null_if_nan(combined),
            "notice": NOTICE,
        },
        "methods": [
            method.reference()
            for method in (
                INSIGHTS,
                *(detection.method for detection in detections),
                COMBINED,
                *_PATTERNS.values(),
                FORECAST,
            )
        ],
        "sample": patterns["sample"],
        "data_version": version,
    }


def _of_detection(found: Detection, scene: Scene) -> Insight:
    n = found.estimate["n"]
    # The least likely trades of both horizons may be the same ones.
    places = list(dict.fromkeys(item.place for item in found.evidence))[:_MOST_TRADES]
    return Insight(
        topic=found.name,
        method=found.method.id,
        statement=found.statement,
        value=_value(found.estimate["value"]),
        n=n,
        p_value=found.p_value,
        places=places or (_latest(scene, _disclosed(scene)) if n else []),
    )


def _of_pattern(test: dict[str, Any], patterns: dict[str, Any], scene: Scene) -> Insight:
    since = _since(test["analysis"], patterns[test["analysis"]])
    days = scene.trades.arrays.transaction_day[scene.own]
    return Insight(
        topic=str(test["analysis"]),
        method=_PATTERNS[test["analysis"]].id,
        statement=test["finding"],
        value=np.nan,
        n=len(scene.own),
        p_value=_value(test["p_value"]),
        places=_latest(
            scene, np.ones(len(days), np.bool_) if since is None else days >= np.datetime64(since)
        ),
    )


def _since(analysis: Analysis, document: dict[str, Any]) -> date | None:
    """Return the first day of the weeks that a finding says most of; None for all of them."""
    match analysis:
        case Analysis.REGIMES if document["spells"]:
            part = document["spells"][-1]
        case Analysis.REPETITIONS if document["latest"]:
            part = document["latest"]
        case Analysis.CHANGES if document["segments"]:
            part = document["segments"][-1]
        case _:
            return None
    first: date = part["from"]
    return first


def _of_forecasts(scene: Scene) -> list[Insight]:
    _, y = disclosed_counts(scene)
    found = forecast(y)
    if found is None:
        return []
    places = _latest(scene, _disclosed(scene))
    return [
        Insight(
            topic=f"forecast_{each.horizon}_weeks",
            method=FORECAST.id,
            statement=f"Forecasts of the trades disclosed within {each.horizon} weeks scored "
            f"{each.record.difference:+.3f} beside the historical mean's, in logarithms, over "
            f"{each.record.forecasts} weeks; within the next {each.horizon} weeks, "
            f"{each.baseline.low} to {each.baseline.high} trades are expected by the historical "
            f"mean, {each.ensemble.low} to {each.ensemble.high} by the pool (95 %).",
            value=each.record.difference,
            n=each.record.forecasts,
            p_value=each.record.p_value,
            places=places,
        )
        for each in found.horizons[1:]
    ]


def _disclosed(scene: Scene) -> Flags:
    """Return which of the member's trades have a known day of disclosure."""
    return ~np.isnat(scene.trades.arrays.disclosure_day[scene.own])


def _latest(scene: Scene, which: Flags) -> list[int]:
    """Return the places of the latest of these trades of the member, the last one first."""
    places: list[int] = scene.own[which][::-1][:_MOST_TRADES].tolist()
    return places


def _value(number: float | None) -> float:
    return np.nan if number is None else float(number)


def _rows(
    connection: Connection, scene: Scene, insights: list[Insight]
) -> dict[int, dict[str, Any]]:
    places = sorted({place for insight in insights for place in insight.places})
    rows = trade_rows(connection, [str(scene.trades.ids[place]) for place in places])
    return {place: rows[str(scene.trades.ids[place])] for place in places}


def _shape(insight: Insight, q_value: float, rows: dict[int, dict[str, Any]]) -> dict[str, Any]:
    return {
        "topic": insight.topic,
        "method": insight.method,
        "statement": insight.statement,
        "value": null_if_nan(insight.value),
        "n": insight.n,
        "p_value": null_if_nan(insight.p_value),
        "q_value": null_if_nan(q_value),
        "evidence": [rows[place] for place in insight.places],
    }

"""The report that pools forecasts of a member's trade count and lists the evidence of patterns."""

from datetime import date
from typing import Any, Final

import numpy as np
from sqlalchemy import Connection

from quant.analytics.arrays import Days, Integers
from quant.analytics.ensemble.counts import weekly_counts
from quant.analytics.ensemble.pool import (
    FIRST_ORIGIN,
    HORIZONS,
    MINIMUM_FORECASTS,
    ComponentRecord,
    Ensemble,
    HorizonForecast,
    Interval,
    forecast,
)
from quant.db.keyset import data_version
from quant.methods.ensemble import EVIDENCE, FORECAST
from quant.reports.anomalies import NOTICE, last_disclosure, load_scene, scene_sample
from quant.reports.anomaly_detectors import LEVEL, Scene
from quant.reports.documents import null_if_nan
from quant.reports.patterns import comprehensive_report

_WEEK: Final = np.timedelta64(7, "D")
# 5 January 1970 was a Monday.
_A_MONDAY: Final = np.datetime64("1970-01-05")


def ensemble_report(
    connection: Connection, identifier: str, as_of: date | None = None
) -> dict[str, Any]:
    """Return the document on the forecasts of one member's trade count.

    Args:
        connection: Connection to read from.
        identifier: Identifier (UUID) or bioguide id.
        as_of: Use only what was public at the end of this day; None for all that is known.

    Raises:
        NotFoundError: There is no such politician.
    """
    version = data_version(connection)
    scene = load_scene(connection, identifier, as_of)
    first, y = disclosed_counts(scene)
    found = forecast(y)
    return {
        "data": {
            "politician": scene.member.reference(),
            "as_of": as_of,
            "last_disclosure": last_disclosure(scene.trades),
            "patterns": comprehensive_report(connection, identifier, as_of)["data"]["tests"],
            "series": {
                "first_week": first,
                "weeks": len(y),
                "weeks_needed": FIRST_ORIGIN + MINIMUM_FORECASTS,
                "trades": int(y.sum()),
                "mean_per_week": float(y.mean()) if len(y) else None,
            },
            "forecasts": [] if found is None else forecasts(found, first),
            "components": [] if found is None else [_component(part) for part in found.components],
            "statement": statement(found),
            "notice": NOTICE,
        },
        "methods": [FORECAST.reference(), EVIDENCE.reference()],
        "sample": scene_sample(scene),
        "data_version": version,
    }


def disclosed_counts(scene: Scene) -> tuple[date | None, Integers]:
    """Return the Monday of the member's first disclosure, and the trades disclosed by whole week.

    The last week is the last whole one before the last day on which anybody's trade was disclosed:
    what is later, even if asked for, is unknown and not a week without trades.
    """
    days: Days = scene.trades.arrays.disclosure_day[scene.own]
    days = days[~np.isnat(days)]
    end = last_disclosure(scene.trades)
    if len(days) == 0 or end is None:
        return None, np.empty(0, dtype=np.int64)
    earliest = days.min()
    monday = earliest - (earliest - _A_MONDAY) % _WEEK
    return monday.item(), weekly_counts(days, monday, np.datetime64(end))


def forecasts(found: Ensemble, first: date | None) -> list[dict[str, Any]]:
    """Return what an answer says of the horizons of several weeks."""
    return [_horizon(each, first) for each in found.horizons if each.horizon > HORIZONS[0]]


def beats_baseline(found: HorizonForecast) -> bool:
    """Say whether the pool's past forecasts were better than the baseline's."""
    return bool(found.q_value <= LEVEL and found.record.difference > 0)


def statement(found: Ensemble | None) -> str:
    """Say in words what the record allows to say."""
    if found is None:
        return (
            f"There are fewer than {FIRST_ORIGIN + MINIMUM_FORECASTS} weeks of disclosures: no "
            "forecast."
        )
    better = [str(each.horizon) for each in found.horizons[1:] if beats_baseline(each)]
    worse = [str(each.horizon) for each in found.horizons[1:] if not beats_baseline(each)]
    said = []
    if better:
        said.append(
            f"The pool's past forecasts of {' and '.join(better)} weeks were better than the "
            "historical mean's."
        )
    if worse:
        said.append(
            f"The pool does not beat the historical mean over {' and '.join(worse)} weeks out of "
            "sample: the forecast is the historical mean's."
        )
    return " ".join(said)


def _horizon(found: HorizonForecast, first: date | None) -> dict[str, Any]:
    record = found.record
    better = beats_baseline(found)
    start = np.datetime64(first)
    return {
        "weeks": found.horizon,
        "forecast": _interval(found.ensemble if better else found.baseline),
        "forecast_of": "ensemble" if better else "baseline",
        "ensemble": _interval(found.ensemble),
        "baseline": _interval(found.baseline),
        "beats_baseline": better,
        "record": {
            "forecasts": record.forecasts,
            "mean_log_score": null_if_nan(record.log_score),
            "baseline_mean_log_score": null_if_nan(record.baseline_log_score),
            "difference": null_if_nan(record.difference),
            "standard_error": null_if_nan(record.standard_error),
            "p_value": null_if_nan(record.p_value),
            "q_value": null_if_nan(found.q_value),
            "coverage": null_if_nan(record.coverage),
        },
        "past": [
            {
                "made_on": (start + int(origin) * _WEEK).item(),
                "expected": float(expected),
                "outcome": int(outcome),
                "log_score": float(score),
                "baseline_log_score": float(baseline),
            }
            # One in each horizon: those between overlap.
            for origin, expected, outcome, score, baseline in zip(
                found.origins[:: found.horizon],
                found.means[:: found.horizon],
                found.outcomes[:: found.horizon],
                found.log_scores[:: found.horizon],
                found.baseline_log_scores[:: found.horizon],
                strict=True,
            )
        ],
    }


def _interval(found: Interval) -> dict[str, Any]:
    return {"mean": found.mean, "median": found.median, "low": found.low, "high": found.high}


def _component(found: ComponentRecord) -> dict[str, Any]:
    record = found.record
    return {
        "name": found.name,
        "weight": found.weight,
        "expected": {
            str(horizon): float(mean)
            for horizon, mean in zip(HORIZONS, found.means, strict=True)
            if horizon > HORIZONS[0]
        },
        "forecasts": record.forecasts,
        "mean_log_score": null_if_nan(record.log_score),
        "difference": null_if_nan(record.difference),
        "standard_error": null_if_nan(record.standard_error),
        "p_value": null_if_nan(record.p_value),
        "q_value": null_if_nan(found.q_value),
        "beats_baseline": bool(found.q_value <= LEVEL and record.difference > 0),
    }

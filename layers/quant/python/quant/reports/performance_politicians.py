"""Abnormal returns of each politician beside those of all others."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

import numpy as np
from sqlalchemy import Connection

from quant.analytics.performance.clustered import cluster_codes
from quant.analytics.performance.vocabulary import HORIZONS
from quant.methods.performance import POLITICIANS
from quant.reports.performance_legs import Leg, Measure, correct, infer, shape, sides_of
from quant.reports.performance_query import CONFIGURATIONS, HORIZON, Configuration
from quant.reports.performance_study import Measured, Study, load_study
from quant.reports.store import stored_document

# The document of the configuration that nobody asked for by name; the leaderboard shows it.
_DEFAULT_KEY: Final = ""

NOT_COMPUTED: Final = (
    "The p-values of all politicians, which q-values need, have not been computed yet."
)
NOT_WEIGHTED: Final = "q-values are given for equal weights, which the batch tests everybody with."
NOT_AS_OF: Final = "q-values are given of all that is known, not as of a day."


def document_key(configuration: Configuration) -> str:
    """Return the key that the batch stores a document under."""
    return _DEFAULT_KEY if configuration == Configuration() else configuration.key


def compute_documents(connection: Connection) -> dict[str, dict[str, Any]]:
    """Return the documents of all configurations, by key."""
    study = load_study(connection)
    return {
        document_key(configuration): _with_default(politicians_document(study, configuration))
        for configuration in CONFIGURATIONS
    }


def politicians_document(
    study: Study,
    configuration: Configuration,
    *,
    horizons: Sequence[int] = HORIZONS,
    legs: Sequence[Leg] = tuple(Leg),
) -> dict[str, Any]:
    """Return every politician with a measured trade, with q-values over the politicians.

    The estimates are of all trades in their own direction. The p-values of every leg go with them,
    so that a report on one politician can correct for all.

    Args:
        study: Everybody's trades.
        configuration: How abnormal returns are measured.
        horizons: Of ``HORIZONS``, trading days.
        legs: Whose p-values are wanted, that of all trades in their own direction among them.
    """
    measured = study.measured(configuration)
    order = np.argsort(measured.politician, kind="stable")
    codes, counts = np.unique(measured.politician, return_counts=True)
    rows, start = [], 0
    for code, count in zip(codes, counts, strict=True):
        own = measured.take(order[start : start + count])
        start += count
        if not own.returns.included.any():
            continue
        found = _by_leg(own, horizons, legs)
        rows.append(
            {
                "politician": study.trades.members[code].reference(),
                "horizons": [
                    {"horizon": horizon, **by_measure}
                    for horizon, by_measure in zip(horizons, found[Leg.SIGNED], strict=True)
                ],
                "p_values": {
                    leg.value: {
                        measure.value: [estimates[measure]["p_value"] for estimates in by_horizon]
                        for measure in Measure
                    }
                    for leg, by_horizon in found.items()
                },
            }
        )
    for place in range(len(horizons)):
        for measure in Measure:
            correct([row["horizons"][place][measure] for row in rows])
    return {"data": {"politicians": rows}}


def _by_leg(
    own: Measured, horizons: Sequence[int], legs: Sequence[Leg]
) -> dict[Leg, list[dict[str, dict[str, Any]]]]:
    """Return the means of one politician's trades by leg, horizon and measure."""
    by_ticker = cluster_codes(own.ticker)[0]
    sides = [sides_of(own, by_ticker, HORIZONS.index(horizon)) for horizon in horizons]
    return {
        leg: [
            {
                measure.value: shape(infer(None if one is None else one.mean(leg, measure)))
                for measure in Measure
            }
            for one in sides
        ]
        for leg in legs
    }


def _with_default(document: dict[str, Any]) -> dict[str, Any]:
    """Add to each row the estimate at the default horizon, which the leaderboard shows."""
    place = HORIZONS.index(HORIZON)
    rows = [
        {**row, "horizon": HORIZON, "car": row["horizons"][place][Measure.CAR]}
        for row in document["data"]["politicians"]
    ]
    return {"data": {"politicians": [{**row, "n": row["car"]["n"]} for row in rows]}}


def ranking(document: Mapping[str, Any], horizon: int, limit: int) -> dict[str, Any]:
    """Return the politicians at a horizon, by the lower end of the interval of their mean CAR.

    Args:
        document: Of ``politicians_document``.
        horizon: Trading days.
        limit: Rows at most.
    """
    rows = [
        {"politician": row["politician"], **{m.value: estimates[m] for m in Measure}}
        for row in document["data"]["politicians"]
        for estimates in row["horizons"]
        if estimates["horizon"] == horizon
    ]
    tested = [row for row in rows if row[Measure.CAR]["p_value"] is not None]
    tested.sort(key=lambda row: (-row[Measure.CAR]["low"], str(row["politician"]["id"])))
    q_values = [row[Measure.CAR]["q_value"] for row in tested]
    return {
        "horizon": horizon,
        "tested": len(tested),
        "not_tested": len(rows) - len(tested),
        "p_value_at_most_0_05": sum(row[Measure.CAR]["p_value"] <= 0.05 for row in tested),
        "q_value_at_most_0_05": sum(q_value <= 0.05 for q_value in q_values),
        "rows": [{"rank": rank, **row} for rank, row in enumerate(tested[:limit], start=1)],
    }


def correct_for_all(
    connection: Connection,
    politician: UUID,
    configuration: Configuration,
    legs: list[dict[str, Any]],
) -> dict[str, Any]:
    """Fill in a politician's q-values, over all politicians; return what an answer says of them.

    Args:
        connection: Connection to read from.
        politician: Their identifier.
        configuration: How abnormal returns are measured.
        legs: Documents of the politician's legs.
    """
    if configuration not in CONFIGURATIONS:
        return not_corrected(NOT_WEIGHTED)
    stored = stored_document(connection, POLITICIANS.id, document_key(configuration))
    if stored is None:
        return not_corrected(NOT_COMPUTED)
    others = [
        row["p_values"]
        for row in stored["data"]["politicians"]
        if row["politician"]["id"] != str(politician)
    ]
    for leg in legs:
        for place, row in enumerate(leg["horizons"]):
            for measure in Measure:
                family = [{"p_value": other[leg["name"]][measure][place]} for other in others]
                correct([row[measure], *family])
    return {
        "politicians": len(others) + 1,
        "data_version": stored["data_version"],
        "reason": None,
    }


def not_corrected(reason: str) -> dict[str, Any]:
    """Return what an answer says that has no q-values."""
    return {"politicians": None, "data_version": None, "reason": reason}

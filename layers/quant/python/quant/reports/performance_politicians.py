"""Abnormal returns of each politician beside those of all others."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from sqlalchemy import Connection

from quant.analytics.performance.windows import HORIZONS
from quant.methods.performance import POLITICIANS
from quant.reports.performance_legs import Clustering, Leg, Measure, correct, infer, shape
from quant.reports.performance_query import CONFIGURATIONS, HORIZON, Configuration
from quant.reports.performance_study import Measured, Study, load_study
from quant.reports.store import stored_document

# The document of the configuration that nobody asked for by name; the leaderboard shows it.
_DEFAULT_KEY: Final = ""

_PLACES: Final = range(len(HORIZONS))

NOT_COMPUTED: Final = (
    "The p-values of all politicians, which q-values need, have not been computed yet."
)
NOT_AS_OF: Final = "q-values are given of all that is known, not as of a day."


def document_key(configuration: Configuration) -> str:
    """Return the key that the batch stores a document under."""
    return _DEFAULT_KEY if configuration == Configuration() else configuration.key


def compute_documents(connection: Connection) -> dict[str, dict[str, Any]]:
    """Return the documents of all configurations, by key."""
    study = load_study(connection)
    return {
        document_key(configuration): politicians_document(study, configuration)
        for configuration in CONFIGURATIONS
    }


def politicians_document(study: Study, configuration: Configuration) -> dict[str, Any]:
    """Return every politician with a measured trade, with q-values over the politicians.

    The estimates are of all trades in their own direction. The p-values of every leg go with them,
    so that a report on one politician can correct for all.
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
        legs = {leg: [_estimates(own, leg, place) for place in _PLACES] for leg in Leg}
        rows.append(
            {
                "politician": study.trades.members[code].reference(),
                "horizons": [
                    {"horizon": horizon, **by_measure}
                    for horizon, by_measure in zip(HORIZONS, legs[Leg.SIGNED], strict=True)
                ],
                "p_values": {
                    leg.value: {
                        measure.value: [found[measure]["p_value"] for found in by_horizon]
                        for measure in Measure
                    }
                    for leg, by_horizon in legs.items()
                },
            }
        )
    for place in _PLACES:
        for measure in Measure:
            correct([row["horizons"][place][measure] for row in rows])
    for row in rows:
        own_row = next(one for one in row["horizons"] if one["horizon"] == HORIZON)
        row |= {"horizon": HORIZON, "car": own_row["car"], "n": own_row["car"]["n"]}
    return {"data": {"politicians": rows}}


def _estimates(own: Measured, leg: Leg, place: int) -> dict[str, dict[str, Any]]:
    found = infer(own, leg, place, Clustering.TICKER)
    return {measure.value: shape(found[measure]) for measure in Measure}


def ranking(document: Mapping[str, Any], horizon: int, limit: int) -> dict[str, Any]:
    """Return the politicians at a horizon, by the lower end of the interval of their mean CAR.

    Args:
        document: Of ``politicians_document``.
        horizon: Trading days.
        limit: Rows at most.
    """
    place = HORIZONS.index(horizon)
    rows = [
        {"politician": row["politician"], **{m.value: row["horizons"][place][m] for m in Measure}}
        for row in document["data"]["politicians"]
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
    politician: Any,
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
    stored = stored_document(connection, POLITICIANS.id, document_key(configuration))
    if stored is None:
        return {"politicians": None, "data_version": None, "reason": NOT_COMPUTED}
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

"""The reports on abnormal returns after disclosed trades: of a politician, and of all."""

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

import numpy as np
from sqlalchemy import Connection

from quant.analytics.performance.bootstrap import DRAWS
from quant.analytics.performance.clustered import cluster_codes
from quant.analytics.performance.vocabulary import HORIZONS, Event, Model
from quant.db.keyset import data_version
from quant.methods import Method
from quant.methods.performance import (
    BHAR,
    BOOTSTRAP,
    CALENDAR_TIME,
    CAR,
    CLUSTERED_ERRORS,
    FAMA_FRENCH,
    GROUPS,
    MARKET_ADJUSTED,
    MARKET_MODEL,
    METHODS,
    POLITICIANS,
    WEIGHTS,
)
from quant.reports import performance_groups as groups
from quant.reports import performance_politicians as politicians
from quant.reports.evidence import trade_rows
from quant.reports.load import find_member
from quant.reports.performance_calendar import calendar_documents, correct_alphas, portfolios
from quant.reports.performance_legs import Draws, Leg, Measure, leg_documents, sides_of
from quant.reports.performance_query import HORIZON, Configuration, Grouping
from quant.reports.performance_study import Measured, Study, load_study
from quant.reports.store import Precomputation, stored_document

NOTICE: Final = (
    "Averages of past returns after disclosed trades, beside a stated null hypothesis; no finding "
    "about how a trade came about, and no investment advice."
)

# Trades shown of those behind a politician's mean.
_EVIDENCE: Final = 10
_LEVEL: Final = 0.05
_MODELS: Final[Mapping[Model, Method]] = {
    Model.MARKET_ADJUSTED: MARKET_ADJUSTED,
    Model.MARKET_MODEL: MARKET_MODEL,
    Model.FAMA_FRENCH: FAMA_FRENCH,
}

_VERSION: Final = ".".join(method.version for method in METHODS)

PRECOMPUTATIONS: Final = (
    Precomputation(POLITICIANS.id, _VERSION, politicians.compute_documents),
    Precomputation(GROUPS.id, _VERSION, groups.compute_documents),
)


def politician_report(
    connection: Connection,
    identifier: str,
    configuration: Configuration | None = None,
    *,
    horizon: int = HORIZON,
    as_of: date | None = None,
) -> dict[str, Any]:
    """Return the document on the abnormal returns of one politician's trades.

    Args:
        connection: Connection to read from.
        identifier: Identifier (UUID) or bioguide id.
        configuration: How abnormal returns are measured; None for the platform's default.
        horizon: Of ``HORIZONS``; the one that the statement and the evidence are about.
        as_of: Use only what was known at the end of this day; None for all.

    Raises:
        NotFoundError: There is no such politician.
    """
    configuration = configuration or Configuration()
    version = data_version(connection)
    member = find_member(connection, identifier)
    study = load_study(connection, politicians=[member.id], as_of=as_of)
    measured = study.measured(configuration)
    draws = Draws(f"{CAR.id} {member.id} {configuration.key}", DRAWS)
    by_ticker = cluster_codes(measured.ticker)[0]
    cells = [sides_of(measured, by_ticker, place) for place in range(len(HORIZONS))]
    legs = leg_documents(measured, cells, "ticker", draws)
    if as_of is None:
        corrected = politicians.correct_for_all(connection, member.id, configuration, legs)
    else:
        corrected = politicians.not_corrected(politicians.NOT_AS_OF)
    calendar = calendar_documents(study, configuration.model, portfolios(study, configuration))
    correct_alphas(calendar)
    return {
        "data": {
            "politician": member.reference(),
            "as_of": as_of,
            "event": configuration.event,
            "model": configuration.model,
            "weighting": configuration.weighting,
            "horizon": horizon,
            "benchmark": study.prices.benchmark,
            "reason": study.reason(configuration),
            "statement": _statement(legs, configuration.event, horizon, corrected["politicians"]),
            "windows": study.windows(configuration),
            "legs": legs,
            "calendar_time": calendar,
            "corrected_over": corrected,
            "evidence": _evidence(connection, study, measured, horizon),
            "notice": NOTICE,
        },
        "methods": _methods(configuration.model, POLITICIANS),
        "sample": study.sample(configuration),
        "data_version": version,
        # Else the next batch changes the q-values without a new version of the data.
        "is_current": corrected["reason"] in {politicians.NOT_AS_OF, politicians.NOT_WEIGHTED}
        or corrected["data_version"] == version,
    }


def population_report(
    connection: Connection,
    grouping: Grouping,
    configuration: Configuration,
    *,
    horizon: int = HORIZON,
    limit: int,
    as_of: date | None = None,
) -> dict[str, Any]:
    """Return the document on the abnormal returns of groups, and of politicians ranked.

    As the batch stored it; computed now as of a day, and where the batch has not.

    Args:
        connection: Connection to read from.
        grouping: What politicians are grouped by.
        configuration: How abnormal returns are measured.
        horizon: Of ``HORIZONS``; the one that politicians are ranked at.
        limit: Politicians shown.
        as_of: Use only what was known at the end of this day; None for all.
    """
    version, study = data_version(connection), None
    found = ranked = None
    if as_of is None:
        key = groups.document_key(grouping, configuration)
        found = stored_document(connection, GROUPS.id, key)
        ranked = stored_document(
            connection, POLITICIANS.id, politicians.document_key(configuration)
        )
    if found is None:
        computed, study = groups.compute_document(connection, grouping, configuration, as_of)
        found = {**computed, "data_version": version, "is_current": True}
    if ranked is None:
        study = study or load_study(connection, as_of=as_of)
        computed = politicians.politicians_document(
            study, configuration, horizons=[horizon], legs=[Leg.SIGNED]
        )
        ranked = {**computed, "data_version": version, "is_current": True}
    return {
        "data": {
            **found["data"],
            "as_of": as_of,
            "ranking": {
                **politicians.ranking(ranked, horizon, limit),
                "data_version": ranked["data_version"],
            },
            "notice": NOTICE,
        },
        "methods": _methods(configuration.model, GROUPS, POLITICIANS),
        "sample": found["sample"],
        "data_version": found["data_version"],
        "is_current": found["is_current"] and ranked["is_current"],
    }


def _methods(model: Model, *corrections: Method) -> list[dict[str, Any]]:
    methods = (
        CAR,
        BHAR,
        _MODELS[model],
        CLUSTERED_ERRORS,
        BOOTSTRAP,
        WEIGHTS,
        CALENDAR_TIME,
        *corrections,
    )
    return [method.reference() for method in methods]


def _statement(
    legs: list[dict[str, Any]], event: Event, horizon: int, politicians_tested: int | None
) -> str:
    """Say in words what the mean of all trades is, and whether it differs from zero."""
    place = HORIZONS.index(horizon)
    car = next(leg for leg in legs if leg["name"] == Leg.SIGNED)["horizons"][place][Measure.CAR]
    if car["value"] is None:
        return f"No trade has a closed window of {horizon} trading days."
    about = (
        f"Over the {horizon} trading days after {event}, the abnormal return of {car['n']} trades "
        f"in their own direction was {car['value']:+.2%} on average"
    )
    if car["p_value"] is None:
        return f"{about}; there are too few tickers or days to test it."
    decided, named = (
        (car["p_value"], "p")
        if car["q_value"] is None
        else (car["q_value"], f"q over {politicians_tested} politicians")
    )
    verdict = "differs" if decided <= _LEVEL else "does not differ"
    return (
        f"{about} (95 % interval {car['low']:+.2%} to {car['high']:+.2%}). It {verdict} from zero "
        f"({named} = {decided:.3f})."
    )


def _evidence(
    connection: Connection, study: Study, measured: Measured, horizon: int
) -> list[dict[str, Any]]:
    """Return the trades that make up most of the mean of all trades in their own direction."""
    place = HORIZONS.index(horizon)
    which = np.flatnonzero(measured.returns.included[:, place])
    if not which.size:
        return []
    car, bhar = measured.returns.car[which, place], measured.returns.bhar[which, place]
    share = measured.weights[which] / measured.weights[which].sum()
    contribution = share * measured.side[which] * car
    largest = np.argsort(-np.abs(contribution), kind="stable")[:_EVIDENCE]
    ids = study.trades.ids[which]
    rows = trade_rows(connection, [str(ids[place]) for place in largest])
    entry = measured.returns.entry[which]
    return [
        {
            "trade": rows[str(ids[place])],
            "entry_day": study.prices.days[entry[place]].item(),
            "exit_day": study.prices.days[entry[place] + horizon].item(),
            "car": float(car[place]),
            "bhar": float(bhar[place]),
            "contribution": float(contribution[place]),
        }
        for place in largest
    ]

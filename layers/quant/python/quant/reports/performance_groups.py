"""Abnormal returns of groups of politicians, and how they differ."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import combinations
from typing import Any, Final

import numpy as np
from sqlalchemy import Connection, select

from quant.analytics.arrays import Flags
from quant.analytics.performance.calendar_time import CalendarTimePortfolio
from quant.analytics.performance.cells import difference_of_groups
from quant.analytics.performance.vocabulary import HORIZONS, Event
from quant.db.models import Committee
from quant.methods.performance import GROUPS
from quant.reports.load import LoadedTrades, Member
from quant.reports.performance_calendar import calendar_documents, correct_alphas, portfolios
from quant.reports.performance_legs import (
    Draws,
    Leg,
    Measure,
    Sides,
    correct,
    estimates_of,
    infer,
    leg_documents,
    shape,
    sides_of,
)
from quant.reports.performance_query import CONFIGURATIONS, Configuration, Grouping
from quant.reports.performance_study import Study, load_study
from quant.vocabulary import Chamber, Party

# 399 draws are enough that (1 + draws) times the size is whole (Davidson and MacKinnon 2000).
_DRAWS: Final = 399
_CLUSTERING: Final = "politician"


@dataclass(frozen=True, slots=True)
class Group:
    """Politicians who have something in common.

    Attributes:
        grouping: What it is one of.
        id: Its identifier, of the vocabulary or of the committee.
        name: What it is called.
        members: Which politicians, shape (m,).
        trades: Which trades are theirs, shape (n,).
    """

    grouping: Grouping
    id: str
    name: str
    members: Flags
    trades: Flags


def groups_of(
    trades: LoadedTrades, grouping: Grouping, committees: Mapping[str, str]
) -> list[Group]:
    """Return the groups that have trades.

    Args:
        trades: All trades.
        grouping: What politicians are grouped by.
        committees: Names of the committees, without their subcommittees, by identifier.
    """
    names: Mapping[Grouping, Mapping[str, str]] = {
        Grouping.ALL: {"all": "All politicians"},
        Grouping.PARTY: {party: party.title() for party in Party},
        Grouping.CHAMBER: {chamber: chamber.title() for chamber in Chamber},
        Grouping.COMMITTEE: committees,
    }
    found = []
    for identifier, name in names[grouping].items():
        inside = np.array(
            [identifier in _groups_of(member, grouping) for member in trades.members], np.bool_
        )
        if inside.any():
            theirs = inside[trades.arrays.politician]
            found.append(Group(grouping, identifier, name, inside, theirs))
    return found


def _groups_of(member: Member, grouping: Grouping) -> tuple[str | None, ...]:
    if grouping is Grouping.PARTY:
        return (member.party,)
    if grouping is Grouping.CHAMBER:
        return (member.chamber,)
    return member.committees if grouping is Grouping.COMMITTEE else ("all",)


def committee_names(connection: Connection) -> dict[str, str]:
    """Return the names of the committees by identifier, in the order of these."""
    rows = connection.execute(
        select(Committee.id, Committee.name)
        .where(Committee.parent_id.is_(None))
        .order_by(Committee.id)
    )
    return {row.id: row.name for row in rows}


def groups_document(
    study: Study,
    grouping: Grouping,
    configuration: Configuration,
    found: Sequence[Group],
    held: Sequence[tuple[CalendarTimePortfolio, ...]],
) -> dict[str, Any]:
    """Return the document on all groups of one kind.

    Args:
        study: Everybody's trades.
        grouping: What they are grouped by.
        configuration: How abnormal returns are measured.
        found: The groups.
        held: Calendar-time portfolios of each.
    """
    measured = study.measured(configuration)
    cells = [sides_of(measured, measured.politician, place) for place in range(len(HORIZONS))]
    documents = [
        _group(study, configuration, cells, group, own)
        for group, own in zip(found, held, strict=True)
    ]
    differences: list[dict[str, Any]] = [
        {
            "group": group.id,
            "other": None if other is None else other.id,
            "legs": [
                {
                    "name": leg,
                    "horizons": [
                        _difference(horizon, sides, leg, group, other)
                        for horizon, sides in zip(HORIZONS, cells, strict=True)
                    ],
                }
                for leg in _compared_legs(other)
            ],
        }
        for group, other in _compared(grouping, found)
    ]
    legs = [leg for one in documents for leg in one["legs"]]
    compared = [leg for one in differences for leg in one["legs"]]
    correct_alphas([leg for one in documents for leg in one["calendar_time"]])
    return {
        "data": {
            "by": grouping,
            "event": configuration.event,
            "model": configuration.model,
            "weighting": configuration.weighting,
            "benchmark": study.prices.benchmark,
            "reason": study.reason(configuration),
            "windows": study.windows(configuration),
            "groups": documents,
            "differences": differences,
            "tests": {
                "groups_car": correct(estimates_of(legs, Measure.CAR)),
                "groups_bhar": correct(estimates_of(legs, Measure.BHAR)),
                "differences_car": correct(estimates_of(compared, Measure.CAR)),
            },
        },
        "sample": study.sample(configuration),
    }


def _group(
    study: Study,
    configuration: Configuration,
    cells: Sequence[Sides | None],
    group: Group,
    held: tuple[CalendarTimePortfolio, ...],
) -> dict[str, Any]:
    draws = Draws(f"{GROUPS.id} {group.grouping} {group.id} {configuration.key}", _DRAWS)
    return {
        "id": group.id,
        "name": group.name,
        "politicians": int(group.members.sum()),
        "trades": int(group.trades.sum()),
        "legs": leg_documents(
            study.measured(configuration).take(group.trades),
            [None if sides is None else sides.take(group.members) for sides in cells],
            _CLUSTERING,
            None if group.grouping is Grouping.COMMITTEE else draws,
        ),
        "calendar_time": calendar_documents(study, configuration.model, held),
    }


def _difference(
    horizon: int, sides: Sides | None, leg: Leg, group: Group, other: Group | None
) -> dict[str, Any]:
    """Return the mean CAR of a group less that of another, or of everybody else."""
    outside = ~group.members if other is None else other.members
    found = infer(
        None
        if sides is None
        else difference_of_groups(sides.cells(leg, Measure.CAR), group.members, outside)
    )
    return {
        "horizon": horizon,
        Measure.CAR.value: shape(found),
        "clusters": dict(zip((_CLUSTERING, "day"), found.clusters, strict=True)),
    }


def _compared_legs(other: Group | None) -> tuple[Leg, ...]:
    # There are forty committees, each compared with everybody else.
    return (Leg.SIGNED,) if other is None else (Leg.PURCHASES, Leg.SALES, Leg.SIGNED)


def _compared(grouping: Grouping, found: Sequence[Group]) -> list[tuple[Group, Group | None]]:
    """Return which groups are compared: each two, or where they overlap each with the others."""
    if grouping is Grouping.COMMITTEE:
        return [(group, None) for group in found]
    return list(combinations(found, 2))


def compute_document(
    connection: Connection, grouping: Grouping, configuration: Configuration, as_of: date | None
) -> tuple[dict[str, Any], Study]:
    """Compute one document for a request, and return it with the trades it is of."""
    study = load_study(connection, as_of=as_of)
    found = groups_of(study.trades, grouping, committee_names(connection))
    held = [portfolios(study, configuration, group.trades) for group in found]
    return groups_document(study, grouping, configuration, found, held), study


def document_key(grouping: Grouping, configuration: Configuration) -> str:
    """Return the key that the batch stores a document under."""
    return f"{grouping}.{configuration.key}"


def compute_documents(connection: Connection) -> dict[str, dict[str, Any]]:
    """Return every document that the batch keeps, by key."""
    study = load_study(connection)
    names = committee_names(connection)
    documents: dict[str, dict[str, Any]] = {}
    for grouping in Grouping:
        found = groups_of(study.trades, grouping, names)
        held: dict[Event, list[tuple[CalendarTimePortfolio, ...]]] = {}
        for configuration in CONFIGURATIONS:
            event = configuration.event
            if event not in held:
                held[event] = [portfolios(study, configuration, group.trades) for group in found]
            documents[document_key(grouping, configuration)] = groups_document(
                study, grouping, configuration, found, held[event]
            )
    return documents

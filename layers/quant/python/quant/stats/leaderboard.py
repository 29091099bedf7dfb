"""Politicians ranked by what they disclosed."""

import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, func, select

from quant.db.analysis_models import Analysis
from quant.db.keyset import data_version
from quant.db.models import Politician, Trade
from quant.methods import stats as methods
from quant.stats.measures import timeliness, timeliness_columns, volume, volume_columns
from quant.stats.scope import Scope, people, sample_of, settle
from quant.stats.selection import Ranking, Selection

# What the batch of ``quant.reports.performance`` stores for all politicians; read here without that
# package, which needs NumPy.
_RETURNS_KIND: Final = "performance.politicians"

NOT_COMPUTED: Final = "the returns of these data have not been computed yet"


_METHODS: Final = {
    Ranking.RETURN: methods.RETURNS,
    Ranking.VOLUME: methods.VOLUME,
    Ranking.TRADE_COUNT: methods.COUNTS,
    Ranking.TIMELINESS: methods.TIMELINESS,
}

# Greatest first; None is not ranked. An estimate ranks by the end of its interval that is worse for
# the politician: few trades then lead neither list.
_SCORES: Final[Mapping[Ranking, Callable[[dict[str, Any]], Any]]] = {
    Ranking.VOLUME: lambda row: row["volume"]["midpoint"],
    Ranking.TRADE_COUNT: lambda row: row["trade_count"],
    Ranking.TIMELINESS: lambda row: _minus(row["timeliness"]["late_share"]["high"]),
    Ranking.RETURN: lambda row: row["return"] and row["return"]["car"]["low"],
}


def read(
    connection: Connection, by: Ranking, selection: Selection, *, limit: int
) -> dict[str, Any]:
    """Return the politicians that rank first, each with all that can be ranked by.

    Args:
        connection: Connection to read from.
        by: What to rank by. Returns are known of all trades together: only without a period.
        selection: Whose trades, disclosed when.
        limit: Rows at most.
    """
    version = data_version(connection)
    scope = settle(connection, selection)
    rows = _politicians(connection, scope)
    reason, is_current = None, True
    if by is Ranking.RETURN:
        returns, read_version = _returns(connection)
        is_current = read_version == version
        reason = NOT_COMPUTED if read_version is None else None
        version = version if read_version is None else read_version
        for row in rows:
            row["return"] = returns.get(str(row["politician"]))
    ranked = _ranked(rows, _SCORES[by])
    shown = ranked[:limit]
    names = people(connection, [row["politician"] for row in shown])
    return {
        "data": [{**row, "politician": names[row["politician"]]} for row in shown],
        "by": by,
        "period": scope.period,
        "ranked": len(ranked),
        "not_ranked": len(rows) - len(ranked),
        "reason": reason,
        "methods": [
            _METHODS[by].reference(),
            *(method.reference() for ranking, method in _METHODS.items() if ranking is not by),
        ],
        "sample": sample_of(connection, scope),
        "data_version": version,
        "is_current": is_current,
    }


def _minus(number: float | None) -> float | None:
    return None if number is None else -number


def _politicians(connection: Connection, scope: Scope) -> list[dict[str, Any]]:
    """Return everybody with a trade of the scope, unranked."""
    by_filing = (
        select(
            Trade.politician_id,
            func.count().label("trade_count"),
            *volume_columns(),
            *timeliness_columns(),
        )
        .join(Politician, Politician.id == Trade.politician_id)
        .where(*scope.conditions)
        .group_by(Trade.politician_id, Trade.filing_id)
        .subquery()
    )
    summed = [
        func.sum(column).label(column.key)
        for column in by_filing.c
        if column.key != "politician_id"
    ]
    rows = connection.execute(
        select(
            by_filing.c.politician_id,
            *summed,
            func.sum(by_filing.c.known * by_filing.c.known).label("known_squares"),
        ).group_by(by_filing.c.politician_id)
    ).mappings()
    return [
        {
            "politician": row["politician_id"],
            "trade_count": int(row["trade_count"]),
            "volume": {**volume(row), "unbounded": int(row["unbounded"])},
            "timeliness": timeliness(row),
            "return": None,
        }
        for row in rows
    ]


def _ranked(
    rows: Sequence[dict[str, Any]], score: Callable[[dict[str, Any]], Any]
) -> list[dict[str, Any]]:
    """Return those with a score, the greatest first; equal ones share a rank."""
    scored = [(score(row), row) for row in rows]
    scored = [pair for pair in scored if pair[0] is not None]
    scored.sort(key=lambda pair: (-pair[0], pair[1]["politician"]))
    ranked: list[dict[str, Any]] = []
    before: Any = None
    for place, (number, row) in enumerate(scored, start=1):
        rank = ranked[-1]["rank"] if ranked and number == before else place
        ranked.append({"rank": rank, **row})
        before = number
    return ranked


def _returns(connection: Connection) -> tuple[dict[str, dict[str, Any]], int | None]:
    """Return each politician's abnormal return as the batch stored it, and the version it is of."""
    row = connection.execute(
        select(Analysis.document, Analysis.data_version).where(
            Analysis.kind == _RETURNS_KIND, Analysis.key == ""
        )
    ).one_or_none()
    if row is None:
        return {}, None
    document = row.document if isinstance(row.document, dict) else json.loads(row.document)
    found = {
        str(uuid.UUID(entry["politician"]["id"])): {
            "horizon": entry["horizon"],
            "car": entry["car"],
        }
        for entry in document["data"]["politicians"]
    }
    return found, row.data_version

"""Trades in sectors under the members' committees, for every member."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from quant.analytics.arrays import Flags, Integers
from quant.analytics.relations.conflicts import (
    Concentration,
    committee_concentration,
    sector_counts,
)
from quant.jurisdictions import Sector, jurisdictions_of, sectors_of
from quant.reports.documents import estimate, null_if_nan
from quant.reports.load import LoadedTrades, Member
from quant.reports.relations_verdicts import LEVEL, status

_SECTORS: Final = tuple(Sector)


@dataclass(frozen=True, slots=True)
class Conflicts:
    """All members' trades by sector, beside the sectors under their present committees.

    Attributes:
        found: Of each member of the trades.
        under: Which trades are in a sector under their member's committees.
    """

    found: Concentration
    under: Flags

    def latest(self, trades: LoadedTrades, member: int, most: int) -> Integers:
        """Return the places of a member's latest trades under the committees, latest first."""
        return np.flatnonzero(self.under & (trades.arrays.politician == member))[::-1][:most]


def committee_conflicts(trades: LoadedTrades) -> Conflicts:
    """Compare members' trades under their committees with what their peers' trades predict.

    Seats are those of today, whenever the trades were made.
    """
    members = trades.members
    place = {str(sector): number for number, sector in enumerate(_SECTORS)}
    of_ticker = np.array([*(place.get(name or "", -1) for name in trades.sectors), -1])
    politician, sector = trades.arrays.politician, of_ticker[trades.arrays.ticker]
    jurisdiction = np.array(
        [[each in sectors_of(member.committees) for each in _SECTORS] for member in members],
        dtype=np.bool_,
    ).reshape(len(members), len(_SECTORS))
    chambers = sorted({member.chamber for member in members})
    found = committee_concentration(
        sector_counts(politician, sector, politicians=len(members), sectors=len(_SECTORS)),
        jurisdiction,
        np.array([chambers.index(member.chamber) for member in members], dtype=np.int64),
    )
    return Conflicts(found, (sector >= 0) & jurisdiction[politician, sector])


def conflict_document(
    conflicts: Conflicts, member: Member, code: int, evidence: list[dict[str, Any]]
) -> dict[str, Any] | None:
    """Return what an answer says of one member; None without a seat over any sector.

    Args:
        conflicts: Of all members.
        member: The member.
        code: Place among them.
        evidence: Trades under the member's committees.
    """
    sectors = sorted(sectors_of(member.committees))
    if not sectors:
        return None
    found = conflicts.found
    p_value, q_value = float(found.p_value[code]), float(found.q_value[code])
    under, trades = int(found.under[code]), int(found.trades[code])
    return {
        "status": status(p_value, q_value),
        "sectors": sectors,
        "jurisdictions": [
            {
                "committee_id": committee,
                "rule": jurisdiction.rule,
                "sectors": sorted(jurisdiction.sectors),
                "note": jurisdiction.note,
            }
            for committee, jurisdiction in jurisdictions_of(member.committees).items()
        ],
        "share": estimate(
            float(found.share[code]),
            n=trades,
            low=float(found.share_low[code]),
            high=float(found.share_high[code]),
            p_value=p_value,
            q_value=q_value,
        ),
        "trades_under_committees": under,
        "trades_with_sector": trades,
        "peers": int(found.peers[code]),
        "expected_share": null_if_nan(float(found.baseline[code])),
        "expected_share_low": null_if_nan(float(found.null_low[code])),
        "expected_share_high": null_if_nan(float(found.null_high[code])),
        "odds_ratio": null_if_nan(float(found.odds_ratio[code])),
        "p_fisher": null_if_nan(float(found.p_fisher[code])),
        "statement": _statement(under, trades, sectors, p_value, q_value),
        "evidence": evidence,
    }


def _statement(
    under: int, trades: int, sectors: list[Sector], p_value: float, q_value: float
) -> str:
    facts = (
        f"{under} of {trades} trades whose sector is known are in sectors under the member's "
        f"present committees ({', '.join(sectors)})."
    )
    if np.isnan(p_value):
        return f"{facts} There are too few trades or peers to test."
    verdict = "more than" if q_value <= LEVEL else "within what"
    return (
        f"{facts} This is {verdict} the trades of peers without such a seat predict "
        f"(p = {p_value:.2g}, q = {q_value:.2g})."
    )
